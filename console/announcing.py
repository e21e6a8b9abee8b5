"""`tocsin announce`: the public notice for those who cannot be told one by one."""

from pathlib import Path
from typing import Annotated

import typer

from console import choosing
from console.options import By, IncidentId, examples, group

announce_app = group("Tell in public those who cannot be told one by one.")


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.add_typer(announce_app, name="announce")


@announce_app.command(
    epilog=examples("tocsin announce draft -", "tocsin announce put - announcement/zh.yaml announcement/en.yaml")
)
def draft(
    incident: IncidentId,
    folder: Annotated[Path, typer.Option("--folder", metavar="DIR", help="Where the files to edit are written")] = Path(
        "announcement"
    ),
    by: By = None,
) -> None:
    """Draft the announcement in the plan's languages, as files to edit."""
    from flows import wiring
    from flows.steps import announcing, drafting

    house = wiring.assemble()
    found = choosing.incident(house, incident)
    with house.database.transaction() as session:
        announcing.draft(house, session, found, by=wiring.acting(by), now=house.now())
    for path in drafting.write_files(house, found, folder, kind="announcement"):
        typer.echo(f"{path}")


@announce_app.command(epilog=examples("tocsin announce put - announcement/zh.yaml"))
def put(
    incident: IncidentId,
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Edited YAML files, one a language")],
    by: By = None,
) -> None:
    """Take edited files in as new versions. Approvals of the old ones no longer count."""
    from flows import wiring
    from flows.steps import drafting

    house = wiring.assemble()
    found = choosing.incident(house, incident)
    put_in = drafting.put_files(house, found, files, by=wiring.acting(by), now=house.now(), kind="announcement")
    for language, version, changed in put_in:
        typer.echo(f"{language}: version {version}" + ("" if changed else " (unchanged)"))


@announce_app.command(epilog=examples("tocsin approve - announcement", "tocsin announce publish -"))
def publish(incident: IncidentId, by: By = None) -> None:
    """Publish the approved announcement to the public folder.

    Refused (exit code 3) unless exactly this text is approved.
    """
    from flows import wiring
    from flows.steps import announcing

    house = wiring.assemble()
    found = choosing.incident(house, incident)
    typer.echo(f"Published in {announcing.publish(house, found, by=wiring.acting(by))}")
