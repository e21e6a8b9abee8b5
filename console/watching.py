"""`tocsin watch`, `respond` and `serve`: the engine, with and without Prefect."""

from typing import Annotated

import typer

from console import choosing, show
from console.options import IncidentId, Json, examples
from tocsin.errors import Invalid


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command(epilog=examples("tocsin watch --once"))(watch)
    app.command(epilog=examples("tocsin respond -"))(respond)


def watch(
    *,
    once: Annotated[bool, typer.Option("--once", help="One look, for cron or systemd; it must be said")] = False,
    json: Json = False,
) -> None:
    """Look at every open incident once, and go on where something became ready.

    It warns of what is due, marks what is overdue, and leaves a heartbeat. `tocsin serve` does it every minute.
    """
    from flows import wiring
    from flows.steps import responding, watching

    if not once:
        raise Invalid("Say `tocsin watch --once` for one look, or `tocsin serve` for one every minute.")
    house = wiring.assemble()
    seen = watching.run(house)
    for incident in seen.ready:
        responding.respond(house, incident)
    if json:
        show.as_json(
            {
                "at": seen.at,
                "warned": seen.warned,
                "overdue": seen.overdue,
                "ready": seen.ready,
                "missed_minutes": seen.missed_minutes,
            }
        )
        return
    for line in (*(f"overdue: {item}" for item in seen.overdue), *(f"warning: {item}" for item in seen.warned)):
        typer.echo(line)
    done = f"{len(seen.overdue)} newly overdue, {len(seen.warned)} warnings, {len(seen.ready)} gone on with"
    typer.echo(f"Looked at {seen.at.isoformat()}: {done}.")


def respond(incident: IncidentId, *, json: Json = False) -> None:
    """Run the plan of an incident as far as it can go now."""
    from flows import wiring
    from flows.steps import responding

    house = wiring.assemble()
    found = choosing.incident(house, incident)
    progress = responding.respond(house, found)
    if json:
        show.as_json([{"phase": p.phase, "did": p.did, "waiting": p.waiting} for p in progress])
        return
    for step in progress:
        typer.echo(f"{'✓' if step.finished else '…'} {step.phase}")
        for item in step.did:
            typer.echo(f"    {item}")
        for item in step.waiting:
            typer.echo(f"    waits for {item}")
