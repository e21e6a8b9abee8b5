"""`tocsin pause` and `tocsin resume`: stop the sending of an incident, and go on."""

import typer

from console import choosing
from console.options import By, IncidentId, examples


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command(epilog=examples("tocsin pause -"))(pause)
    app.command(epilog=examples("tocsin resume -"))(resume)


def pause(incident: IncidentId, by: By = None) -> None:
    """Let no message leave any more, in any process.

    What a provider is being asked at this moment is heard out and recorded.
    """
    from flows import wiring
    from flows.steps import pausing

    house = wiring.assemble()
    found = choosing.incident(house, incident)
    new = pausing.pause(house, found, by=wiring.acting(by), now=house.now())
    typer.echo(f"Sending is {'paused' if new else 'paused already'}; `tocsin resume {found}` goes on.")


def resume(incident: IncidentId, by: By = None) -> None:
    """Let messages leave again, from the next `tocsin respond` or `tocsin notice send` on."""
    from flows import wiring
    from flows.steps import pausing

    house = wiring.assemble()
    found = choosing.incident(house, incident)
    new = pausing.resume(house, found, by=wiring.acting(by), now=house.now())
    typer.echo("Sending goes on." if new else "Sending was not paused.")
