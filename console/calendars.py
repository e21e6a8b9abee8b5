"""`tocsin calendar`: deadlines in people's own calendars."""

from pathlib import Path
from typing import Annotated

import typer

from console import choosing, show
from console.options import By, IncidentId, Json, examples, group
from tocsin.errors import Invalid

calendar_app = group("Deadlines in people's own calendars: secret addresses, and files.")

Person = Annotated[
    str | None,
    typer.Option(
        "--person", metavar="NAME", help="Only what this person is asked first or next; a short name of `people`"
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.add_typer(calendar_app, name="calendar")


@calendar_app.command(
    epilog=examples("tocsin calendar add - --as 'Lin Wei'", "tocsin calendar add --person lin-wei --as 'Lin Wei'")
)
def add(
    incident: Annotated[
        str | None, typer.Argument(metavar="INCIDENT", help="Its id, the start of it, or `-`; by default all open ones")
    ] = None,
    person: Person = None,
    by: By = None,
) -> None:
    """Make an address at which a calendar reads deadlines, and print it once.

    Whoever has it can read it, without signing in. No affected person is in it.
    """
    from flows import wiring
    from flows.steps import calendars

    house = wiring.assemble()
    found = choosing.incident(house, incident) if incident else None
    secret = calendars.add(house, incident=found, person=person, by=wiring.acting(by), now=house.now())
    base = house.settings.console_url or house.settings.public_url or "http://127.0.0.1:8400"
    typer.echo(f"{base.rstrip('/')}/calendar/{secret}.ics")
    typer.echo("This address is shown once. Subscribe to it; `tocsin calendar revoke` ends it.")


@calendar_app.command("list", epilog=examples("tocsin calendar list"))
def list_(*, json: Json = False) -> None:
    """List the addresses that can be read, by an id that tells nobody the address."""
    from db import calendars as store
    from flows import wiring

    house = wiring.assemble()
    with house.database.reading() as session:
        rows = [
            {
                "id": one.hash[: store.ID_DIGITS],
                "incident": one.incident_id,
                "person": one.person,
                "made_at": one.made_at.isoformat(),
                "made_by": one.made_by,
            }
            for one in store.listed(session)
        ]
    if json:
        show.as_json(rows)
    else:
        show.table("Calendars", rows, empty="none; `tocsin calendar add` makes one")


@calendar_app.command(epilog=examples("tocsin calendar revoke 3f9a1c --as 'Lin Wei'"))
def revoke(
    calendar: Annotated[str, typer.Argument(metavar="ID", help="As `tocsin calendar list` names it, or its start")],
    by: By = None,
) -> None:
    """End an address: from now on there is nothing at it."""
    from db import calendars as store
    from flows import wiring
    from flows.steps import calendars

    house = wiring.assemble()
    ended = calendars.revoke(house, calendar, by=wiring.acting(by), now=house.now())
    typer.echo(f"Calendar {ended.hash[: store.ID_DIGITS]} has ended.")


@calendar_app.command(epilog=examples("tocsin calendar write - -o deadlines.ics"))
def write(
    incident: IncidentId,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="PATH", help="Where to write; by default standard output")
    ] = None,
    person: Person = None,
) -> None:
    """Write the deadlines of an incident as a calendar file (iCalendar, RFC 5545)."""
    from flows import wiring
    from flows.steps import calendars

    house = wiring.assemble()
    found = choosing.incident(house, incident)
    written = calendars.written(house, found, person=person)
    if out is None:
        typer.echo(written.decode(), nl=False)
        return
    try:
        out.write_bytes(written)
    except OSError as error:
        raise Invalid(f"{out} cannot be written ({error.strerror}): choose another place.") from None
    typer.echo(f"Wrote {out}.")
