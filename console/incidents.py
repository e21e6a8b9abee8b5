"""`tocsin declare`, `facts`, `status`, `close`."""

from typing import TYPE_CHECKING, Annotated

import typer

from console import choosing, reading, show
from console.options import By, Csv, IncidentId, Json, Reason, examples, group

if TYPE_CHECKING:
    from flows.wiring import House

_CSV = ("incident", "duty", "to", "state", "due", "left")
facts_app = group("What is known of an incident, in versions.")


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command(
        epilog=examples(
            'tocsin declare facts.yaml --plan conex-easykey --as "Lin Wei"',
            "tocsin declare - --plan conex-easykey --drill --json",
        )
    )(declare)
    app.add_typer(facts_app, name="facts")
    app.command(epilog=examples("tocsin status", "tocsin status - --json", "tocsin status --csv deadlines.csv"))(status)
    app.command(epilog=examples('tocsin close - --reason "Reviewed on 3 March"', "tocsin close - --destroy-data"))(
        close
    )


def declare(
    facts: Annotated[
        str, typer.Argument(metavar="FACTS", help="Facts document, YAML or JSON; `-` reads standard input")
    ],
    plan: Annotated[
        str,
        typer.Option("--plan", "-p", metavar="PLAN", help="The organisation's emergency plan; see `tocsin plan list`"),
    ],
    by: By = None,
    *,
    drill: Annotated[bool, typer.Option("--drill", help="An exercise: marked as one on the ledger")] = False,
    json: Json = False,
) -> None:
    """Declare an incident with what is known, however little.

    A title is enough: what is missing counts as unknown, never as no. Answers with what is owed to whom by when.
    """
    from flows import wiring
    from flows.steps import declaring, pictures

    house = wiring.assemble()
    document = reading.facts(facts)
    made = declaring.declare(house, document, plan=plan, by=wiring.acting(by), now=house.now(), drill=drill)
    if json:
        show.as_json(pictures.summary(house, made.incident))
        return
    typer.echo(f"Declared {made.incident}.")
    show.table("What is owed, to whom, by when", pictures.deadlines(house, made.incident), empty="nothing yet")
    typer.echo(f"Next: `tocsin tasks {made.incident}`, `tocsin roster import {made.incident} FILE`.")


@facts_app.command("set", epilog=examples("tocsin facts set - facts.yaml"))
def facts_set(
    incident: IncidentId,
    facts: Annotated[
        str, typer.Argument(metavar="FACTS", help="The whole new facts document; `-` reads standard input")
    ],
    by: By = None,
    *,
    json: Json = False,
) -> None:
    """Put a new version of the facts, and see which duties it moves."""
    from flows import wiring
    from flows.steps import declaring

    house = wiring.assemble()
    found = choosing.incident(house, incident)
    document = reading.facts(facts)
    changed = declaring.change_facts(house, found, document, by=wiring.acting(by), now=house.now())
    if json:
        show.as_json([{"duty": item.duty, "kind": item.kind, "sentence": item.sentence} for item in changed])
        return
    show.changes(changed)


@facts_app.command("show", epilog=examples("tocsin facts show - > facts.yaml", "tocsin facts show - --version 1"))
def facts_show(
    incident: IncidentId,
    version: Annotated[
        int | None, typer.Option("--version", metavar="NUMBER", min=1, help="Which version; the latest by default")
    ] = None,
    *,
    json: Json = False,
) -> None:
    """Print the facts as they stand."""
    import yaml

    from db import facts as store
    from flows import wiring
    from tocsin.errors import NotFound

    house = wiring.assemble()
    found = choosing.incident(house, incident)
    with house.database.reading() as session:
        row = store.get(session, found, version) if version else store.latest(session, found)
    if row is None:
        raise NotFound(f"Incident {found} has no facts yet: `tocsin facts set` puts them.")
    if json:
        show.as_json({"version": row.version, "by": row.by, "at": row.at.isoformat(), "facts": row.document})
        return
    typer.echo(f"# version {row.version}, by {row.by}, {row.at.isoformat()}")
    typer.echo(yaml.safe_dump(row.document, sort_keys=False, allow_unicode=True), nl=False)


@facts_app.command("diff", epilog=examples("tocsin facts diff -", "tocsin facts diff - --from 1 --to 3"))
def facts_diff(
    incident: IncidentId,
    before: Annotated[
        int | None, typer.Option("--from", metavar="NUMBER", min=1, help="Version; by default the last but one")
    ] = None,
    after: Annotated[
        int | None, typer.Option("--to", metavar="NUMBER", min=1, help="Version; by default the latest")
    ] = None,
    *,
    json: Json = False,
) -> None:
    """Show what changed between two versions, in facts and in duties."""
    from flows import wiring
    from flows.steps import versions

    house = wiring.assemble()
    found = choosing.incident(house, incident)
    difference = versions.difference(house, found, before=before, after=after)
    if json:
        show.as_json(difference.document())
        return
    for line in difference.lines:
        typer.echo(line)
    show.changes(difference.changes)


def status(
    incident: Annotated[
        str | None,
        typer.Argument(
            metavar="INCIDENT", help="One incident (its id, the start of it, or `-`); by default all open ones"
        ),
    ] = None,
    csv: Csv = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="Closed incidents too")] = False,
    json: Json = False,
) -> None:
    """Show what is owed next, who was told, what is still missing."""
    from db import incidents
    from flows import wiring
    from flows.steps import forecasting, pictures

    house = wiring.assemble()
    if incident is None:
        with house.database.reading() as session:
            rows = incidents.listed(session, state=None if every else "open")
        if csv is not None:
            _as_csv(house, csv, [row.id for row in rows])
            return
        listed = [pictures.line(house, row.id) for row in rows]
        if json:
            show.as_json(listed)
        else:
            show.table("Incidents", listed, empty="none open; `tocsin declare FACTS --plan PLAN` opens one")
            _say_watch(house)
        return
    found = choosing.incident(house, incident)
    if csv is not None:
        _as_csv(house, csv, [found])
        return
    seen = forecasting.look(house, found)
    summary = {**pictures.summary(house, found), "forecast": seen.document() if seen else None}
    if json:
        show.as_json(summary)
    else:
        _print(summary)
        _say_watch(house)


def _as_csv(house: "House", path: str, incidents: list[str]) -> None:
    """The deadlines, one duty a row."""
    from flows.steps import pictures

    rows = [{"incident": one, **duty} for one in incidents for duty in pictures.deadlines(house, one)]
    show.as_csv(path, rows, _CSV)


def _say_watch(house: "House") -> None:
    from flows.steps import health

    if problem := health.state(house)["problem"]:
        typer.echo(f"{problem} Deadlines are not watched: `tocsin doctor` says what to do.")


def _print(summary: dict) -> None:  # type: ignore[type-arg]
    from rich.markup import escape

    heading = f"[bold]{escape(summary['title'])}[/] ({summary['incident']}, {summary['state']}, {summary['phase']})"
    show.rich(heading)
    show.table("Duties", summary["duties"], empty="none known yet")
    people = summary["people"]
    verdicts = [{"verdict": verdict, "people": count} for verdict, count in sorted(people["by_verdict"].items())]
    held = f", of these held {people['held']}" if people["held"] else ""
    show.table(f"People: {people['total']}, still open {people['open']}{held}", verdicts, empty="no verdicts yet")
    show.table("Attempts by channel", summary["delivery"], empty="none yet")
    if summary["forecast"]:
        typer.echo(f"Forecast: {summary['forecast']['sentence']}")
    show.table("Reports", summary["reports"], empty="none yet")
    show.table("Announcements", summary["announcements"], empty="none")
    typer.echo(f"Ledger: {summary['ledger_events']} events; `tocsin ledger verify` checks them.")


def close(
    incident: IncidentId,
    by: By = None,
    reason: Reason = "",
    *,
    destroy_data: Annotated[
        bool, typer.Option("--destroy-data", help="Destroy the key of the personal data for good; the ledger stays")
    ] = False,
) -> None:
    """Close an incident. One that still owes something needs a reason."""
    from flows import wiring
    from flows.steps import declaring

    house = wiring.assemble()
    found = choosing.incident(house, incident)
    declaring.close(house, found, by=wiring.acting(by), reason=reason, destroy_data=destroy_data, now=house.now())
    typer.echo(f"Closed {found}." + (" Its personal data are destroyed." if destroy_data else ""))
