"""`tocsin roster`: the affected people of an incident."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from console import choosing, show
from console.options import By, IncidentId, Json, examples, group
from tocsin.errors import Invalid

SHOWN = 50  # people on the screen
PARTS = 6  # of a count, in a table
_ALWAYS_SHOWN = ("ref", "wave", "place", "language", "reason")
_LAST_SHOWN = ("last_channel", "last_outcome", "last_reason", "last_at")
_WHO_SHOWN = ("name", "push", "email", "sms", "phone")

roster_app = group("The affected people of an incident, in waves.")


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.add_typer(roster_app, name="roster")


@roster_app.command(
    "import",
    epilog=examples(
        "tocsin roster import - people.csv", "tocsin roster import - people.csv --map email=Mail --region CN"
    ),
)
def import_(
    incident: IncidentId,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV of any dialect, or Parquet")],
    mapping: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="FIELD=COLUMN", help="Which column holds a field; may be repeated"),
    ] = None,
    encoding: Annotated[
        str | None, typer.Option("--encoding", metavar="NAME", help="Of a CSV, where it cannot be proven")
    ] = None,
    region: Annotated[
        str | None, typer.Option("--region", metavar="PLACE", help="Place of people whose row names none, such as CN")
    ] = None,
    rejected: Annotated[
        Path | None,
        typer.Option("--rejected", metavar="PATH", help="Where rejected rows go; FILE.rejected.csv by default"),
    ] = None,
    by: By = None,
    *,
    json: Json = False,
) -> None:
    """Import people as a new wave: all of the file, or nothing.

    Rows that cannot be used go to a file of their own, with number and reason.
    """
    from flows import wiring
    from flows.steps import enrolling

    house = wiring.assemble()
    found = choosing.incident(house, incident)
    with _progress(quiet=json) as progress:
        done = enrolling.enrol(
            house, found, file, mapping=mapping or [], encoding=encoding, region=region, rejected=rejected,
            by=wiring.acting(by), now=house.now(), progress=progress,
        )  # fmt: skip
    if json:
        show.as_json(done.document())
        return
    typer.echo(
        f"Wave {done.wave}: {done.rows} rows, {done.people} new people, {done.merged} merged, {done.rejected} rejected."
    )
    if done.rejected:
        typer.echo(f"Rejected rows, with number and reason: {done.rejected_path}")


@roster_app.command("show", epilog=examples("tocsin roster show -"))
def show_(incident: IncidentId, *, json: Json = False) -> None:
    """Show waves and counts, without personal data."""
    from db import people, waves
    from flows import wiring

    house = wiring.assemble()
    found = choosing.incident(house, incident)
    with house.database.reading() as session:
        listed = [
            {"wave": row.number, "rows": row.rows, "people": row.people, "merged": row.merged, "rejected": row.rejected,
             "imported": row.imported_at.isoformat(), "by": row.by}
            for row in waves.listed(session, found)
        ]  # fmt: skip
        counts = people.counts(session, found)
    if json:
        show.as_json({"waves": listed, "by_place": dict(counts.by_place), "by_language": dict(counts.by_language)})
        return
    show.table("Waves", listed, empty=f"no roster yet: `tocsin roster import {found} FILE`")
    show.table(
        "By place", [{"place": place, "people": n} for place, n in sorted(counts.by_place.items())], empty="nobody"
    )


@roster_app.command("verdicts", epilog=examples("tocsin roster verdicts -", "tocsin roster verdicts - --json"))
def verdicts_(incident: IncidentId, *, json: Json = False) -> None:
    """Count what became of people: by verdict, reason, channel, place, language and wave."""
    from flows import wiring
    from flows.steps import listing

    house = wiring.assemble()
    found = listing.tallies(house, choosing.incident(house, incident))
    if json:
        show.as_json([{"verdict": one.verdict, "people": one.people, "by": one.by} for one in found])
        return
    rows = [
        {"verdict": one.verdict, "people": one.people, **{name: _most(counts) for name, counts in one.by.items()}}
        for one in found
    ]
    show.table("Verdicts", rows, empty="nobody")


@roster_app.command(
    "list",
    epilog=examples(
        "tocsin roster list - --verdict uncertain",
        "tocsin roster list - --verdict held --reason place-unknown",
        'tocsin roster list - --verdict unreachable --csv letters.csv --unmask "Letters by post"',
    ),
)
def list_(
    incident: IncidentId,
    verdict: Annotated[
        str, typer.Option("--verdict", metavar="VERDICT", help="As `verdicts` names it; `open` for those without one")
    ],
    reason: Annotated[
        str | None, typer.Option("--reason", metavar="WORD", help="Only those with this reason, as `verdicts` names it")
    ] = None,
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Write all of them to a file that only you can read")
    ] = None,
    unmask: Annotated[
        str | None,
        typer.Option(
            "--unmask",
            metavar="WHY",
            help="Show names and addresses in full; WHY stands on the ledger as written: no names in it",
        ),
    ] = None,
    by: By = None,
    *,
    json: Json = False,
) -> None:
    """List the people behind a count, with their last message; names and addresses are masked."""
    from flows import wiring
    from flows.steps import listing

    house = wiring.assemble()
    found = choosing.incident(house, incident)
    listing.known(verdict)
    if unmask is not None:
        listing.unmask(house, found, verdict, reason=reason, why=unmask, by=wiring.acting(by), now=house.now())
    most = None if json or csv else SHOWN + 1
    rows = listing.listed(house, found, verdict, reason=reason, most=most, masked=unmask is None)
    if csv is not None:
        typer.echo(f"{listing.to_csv(rows, csv)} people in {csv}.")
        return
    if json:
        show.as_json(list(rows))
        return
    people = list(rows)
    show.table(f"Verdict {verdict}", [_on_screen(row) for row in people[:SHOWN]], empty="nobody")
    if len(people) > SHOWN:
        typer.echo(f"Only the first {SHOWN} are shown: --csv FILE writes all.")


@roster_app.command(
    "decide",
    epilog=examples(
        'tocsin roster decide - told 3f0c6b1d9a0e4c7b8d2f5a6e7c8b9d0a --reason "She called us about the letter"',
        'tocsin roster decide - send-again --all --reason "The provider says that it took none of them"',
    ),
)
def decide_(
    incident: IncidentId,
    decision: Annotated[str, typer.Argument(metavar="DECISION", help="told, or send-again")],
    refs: Annotated[
        list[str] | None, typer.Argument(metavar="[REF]...", help="Who, as `tocsin roster list` names them")
    ] = None,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="How you know; it stands on the ledger as written: no names")
    ] = "",
    by: By = None,
    *,
    everyone: Annotated[bool, typer.Option("--all", help="Everybody with the verdict `uncertain`")] = False,
) -> None:
    """Decide of people in doubt that they were told, or that the message goes once more under the same key."""
    from flows import wiring
    from flows.steps import doubting

    if decision not in list(doubting.Decision):
        raise Invalid(f"{decision!r} is no decision: write told or send-again.")
    if everyone == bool(refs):
        raise Invalid("Say who: REFs of `tocsin roster list - --verdict uncertain`, or --all.")
    house = wiring.assemble()
    found = choosing.incident(house, incident)
    done = doubting.decide(
        house, found, doubting.Decision(decision), None if everyone else refs,
        why=reason, by=wiring.acting(by), now=house.now(),
    )  # fmt: skip
    typer.echo(f"{done} people: {decision}.")


def _on_screen(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row in as few columns as a terminal has room for."""
    last = " ".join(str(row[name]) for name in _LAST_SHOWN if row[name])
    who = ", ".join(dict.fromkeys(row[name] for name in _WHO_SHOWN if row.get(name)))
    return {**{name: row[name] for name in _ALWAYS_SHOWN}, "last_message": last, "who": who}


def _most(counts: Mapping[str, int]) -> str:
    """The largest parts of a count, in words."""
    parts = sorted(counts.items(), key=lambda part: (-part[1], part[0]))
    named = ", ".join(f"{name or 'unknown'} {number}" for name, number in parts[:PARTS])
    return named + (f", {len(parts) - PARTS} more" if len(parts) > PARTS else "")


@contextmanager
def _progress(*, quiet: bool) -> "Iterator[Callable[[int], None]]":
    """A counter of rows while the block runs, where a person looks at stderr."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    screen = Console(stderr=True)
    columns = SpinnerColumn(), TextColumn("{task.completed} rows"), TimeElapsedColumn()
    with Progress(*columns, console=screen, transient=True, disable=quiet or not screen.is_terminal) as bar:
        task = bar.add_task("rows", total=None)
        yield lambda rows: bar.update(task, completed=rows)
