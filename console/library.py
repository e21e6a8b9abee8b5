"""Commands about the library of laws: what there is, how sure we are of it, and what a contributor checks."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from console import show
from console.options import Json, examples, group

if TYPE_CHECKING:
    from tocsin.regimes import Regime

_law = group("The laws that Tocsin knows, as data with sources, and contracts beside them.")


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    _law.command("list", epilog=examples("tocsin law list"))(list_laws)
    _law.command("show", epilog=examples("tocsin law show us-ca"))(show_law)
    _law.command("coverage", epilog=examples("tocsin law coverage"))(coverage)
    checked = ("tocsin law check", "tocsin law check playbooks/regimes/us/ca.yaml")
    _law.command("check", epilog=examples(*checked))(check_laws)
    _law.command("add-contract", epilog=examples("tocsin law add-contract customer.yaml"))(add_contract)
    _law.command("remove-contract", epilog=examples("tocsin law remove-contract contract-acme"))(remove_contract)
    app.add_typer(_law, name="law")


def list_laws(json: Json = False) -> None:
    """List the laws, and the contracts on file, with the confidence and the day of reading."""
    from flows import contracts, library, wiring

    rows = [_listed(path, regime) for path, regime in library.regimes_by_path().items()]
    rows += [_listed(contracts.FOLDER, regime) for regime in contracts.regimes(wiring.home())]
    if json:
        show.as_json(rows)
    else:
        show.table("Laws", rows, empty="none ship with this installation")


def _listed(path: str, regime: "Regime") -> dict[str, Any]:
    from tocsin.regimes import weakest

    marks = [version.confidence for duty in regime.duties for version in duty.versions]
    return {
        "id": regime.id,
        "title": regime.title,
        "place": regime.text.place,
        "status": regime.text.status,
        "duties": len(regime.duties),
        "confidence": weakest(*(marks or [source.confidence for source in regime.text.sources.values()])),
        "read_on": min(source.read_on for source in regime.text.sources.values()).isoformat(),
        "file": path,
    }


def show_law(
    identifier: Annotated[str, typer.Argument(metavar="ID", help="A regime's id, such as us-ca")], json: Json = False
) -> None:
    """Show one law: every duty, its versions, its sources."""
    from flows import contracts, library, wiring

    on_file = {regime.id: regime for regime in contracts.regimes(wiring.home())}
    regime = on_file.get(identifier) or library.get(identifier)
    if json:
        show.as_json({**regime.document, "version": regime.version})
        return
    typer.echo(f"{regime.title} ({regime.id}, {regime.text.status}, version {regime.version})")
    if regime.text.status_note:
        typer.echo(regime.text.status_note)
    for duty in regime.duties:
        for version in duty.versions:
            text = version.text
            span = f"{text.in_force.from_ or '...'} to {text.in_force.until or '...'}"
            typer.echo(f"\n{regime.id}/{duty.key}: {text.audience}, {text.recipient} [{span}]")
            typer.echo(f"  {_timing(text)}; {text.citation} ({version.confidence})")
            for reading in text.readings:
                typer.echo(f"  Also read otherwise ({reading.citation}): {reading.says}")
    for source in regime.text.sources.values():
        typer.echo(f"\n{source.title}\n  {source.link or 'no link'}, read on {source.read_on} ({source.confidence})")


def _timing(text: Any) -> str:
    if text.undated:
        return str(text.undated)
    clocks = [str(clock) for clock in text.clocks]
    if text.same_time_as:
        clocks.append(f"no later than {text.same_time_as}")
    return f" or ({text.take}) ".join(clocks)


def coverage(
    json: Json = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the page of docs/coverage.md")] = False,
) -> None:
    """Say which places are covered, for whom, how surely, and when it was last read."""
    from flows import library
    from tocsin import coverage as page

    found = page.of(library.regimes())
    if json:
        show.as_json(found.document())
    elif markdown:
        typer.echo(page.markdown(found), nl=False)
    else:
        typer.echo(found.sentence())
        show.table("Coverage", [row.document() for row in found.rows], empty="no law")


def check_laws(
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="FILE", help="Law files; by default all that ship")
    ] = None,
    cases: Annotated[
        Path | None,
        typer.Option("--cases", metavar="FOLDER", help="Where the case files lie; by default tests/law of a checkout"),
    ] = None,
    json: Json = False,
) -> None:
    """Check law files: the schema, the links, how old the reading is, and the worked cases beside them.

    Exit code 2 with one sentence for the first file that breaks the schema; 1 where something is missing.
    """
    from flows import checking

    found = checking.check(files or [], cases=cases)
    if json:
        show.as_json([report.document() for report in found])
    else:
        _print_reports(found)
    if any(report.problems for report in found):
        raise typer.Exit(1)


def _print_reports(found: Iterable[Any]) -> None:
    reports = list(found)
    for report in reports:
        for problem in report.problems:
            typer.echo(f"{report.path}: {problem}.")
    tried = sum(report.cases for report in reports)
    wrong = sum(bool(report.problems) for report in reports)
    laws = "1 law" if len(reports) == 1 else f"{len(reports)} laws"
    typer.echo(f"Schema kept by {laws} with {sum(report.duties for report in reports)} duties.")
    typer.echo(f"{tried} cases were tried; {wrong} laws have something missing." if tried else "No cases were found.")


def add_contract(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A few lines of YAML; see docs/law.md")],
    json: Json = False,
) -> None:
    """Put a contract's clock beside the law's: a customer whom you must tell, or a vendor who must tell you."""
    from flows import contracts, wiring

    regime = contracts.add(wiring.home(), file, today=wiring.now().date())
    if json:
        show.as_json({"id": regime.id, "title": regime.title})
    else:
        timing = _timing(regime.duties[0].versions[0].text)
        typer.echo(f"{regime.title} is on file as {regime.id}: {timing}.")


def remove_contract(
    identifier: Annotated[str, typer.Argument(metavar="ID", help="The contract's id, such as contract-acme")],
) -> None:
    """Take a contract off file; incidents keep what was recorded under it."""
    from flows import contracts, wiring

    contracts.remove(wiring.home(), identifier)
    typer.echo(f"{identifier} is off file.")
