"""`tocsin fakes`: the fake providers that ship, for demos, drills and trying out a plan."""

from pathlib import Path
from typing import Annotated

import typer

from console.options import examples


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command(epilog=examples("tocsin fakes --outbox outbox --smtp 0 --http 0"))(fakes)


def fakes(
    outbox: Annotated[Path, typer.Option(metavar="DIR", help="Folder that keeps every message taken, as JSON Lines")],
    smtp: Annotated[int, typer.Option(metavar="PORT", help="Port of the mail server; 0 chooses one")] = 2525,
    http: Annotated[
        int, typer.Option(metavar="PORT", help="Port of the push, SMS and voice gateway; 0 chooses one")
    ] = 8025,
    rules: Annotated[Path | None, typer.Option(metavar="FILE", help="YAML file: what becomes of which address")] = None,
) -> None:
    """Run fake providers of e-mail, push, SMS and voice.

    They listen on this machine until interrupted, and reach nobody.
    """
    from notifiers.fakes import server

    def ready(smtp_port: int, http_port: int) -> None:
        typer.echo(f"Mail server on 127.0.0.1:{smtp_port}; push, SMS and voice on http://127.0.0.1:{http_port}.")
        typer.echo(f"Messages taken are kept in {outbox.absolute()}. Ctrl-C ends.")

    server.run(outbox, smtp=smtp, http=http, rules_file=rules, on_ready=ready)
