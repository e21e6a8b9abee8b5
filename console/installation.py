"""`tocsin init` and `tocsin migrate`: an installation and its database."""

from pathlib import Path
from typing import Annotated

import typer

from console.options import examples


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command(epilog=examples("tocsin init", "tocsin init /srv/tocsin"))(init)
    app.command(epilog=examples("tocsin migrate"))(migrate)


def init(
    folder: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="Where; by default $TOCSIN_HOME or ./.tocsin")
    ] = None,
) -> None:
    """Make an installation: folder, master key, settings, database.

    Nothing that exists is overwritten.
    """
    from flows import wiring
    from flows.installing import install

    made = install(folder.absolute() if folder else wiring.home())
    typer.echo(f"Ready in {made.folder} (database {made.database}).")
    if made.key_file:
        typer.echo(
            f"The master key is {made.key_file}: keep a copy in a safe place; without it no personal data can be read."
        )


def migrate() -> None:
    """Bring the database to this version. Safe to run again."""
    from db.sessions import Database
    from flows import wiring

    house = wiring.assemble()
    database = Database(house.settings.database)
    database.migrate()
    typer.echo(f"Database {database.url_shown} is at this version.")
