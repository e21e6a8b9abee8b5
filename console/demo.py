"""`tocsin demo`: the main job on made-up people."""

from pathlib import Path
from typing import Annotated

import typer

from console.options import examples


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command(epilog=examples("tocsin demo", "tocsin demo --folder /tmp/demo --people 300"))(demo)


def demo(
    folder: Annotated[
        Path, typer.Option("--folder", metavar="DIR", help="Where the demonstration lives; an interrupted one goes on")
    ] = Path("demo-run"),
    people: Annotated[int, typer.Option("--people", metavar="NUMBER", min=10, max=1_000_000, help="How many")] = 2000,
) -> None:
    """Play a whole incident with made-up people.

    The providers are fakes on this machine: nothing leaves it.
    """
    import subprocess
    import sys

    # A process of its own, because the command line never loads Prefect.
    command = [sys.executable, "-m", "flows.demo", str(folder), "--people", str(people)]
    raise typer.Exit(subprocess.run(command, check=False).returncode)  # noqa: S603 - our own interpreter
