"""`tocsin doctor`: whether everything that an incident needs is there and works."""

from collections import Counter
from typing import Annotated

import typer

from console import show
from console.options import Json, examples


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command(epilog=examples("tocsin doctor", "tocsin doctor --plan conex-easykey --json"))(doctor)


def doctor(
    plan: Annotated[
        list[str] | None,
        typer.Option(
            "--plan", "-p", metavar="PLAN", help="A plan that you would use; those of incidents are looked at"
        ),
    ] = None,
    *,
    offline: Annotated[bool, typer.Option("--offline", help="Ask nobody over the network but the database")] = False,
    json: Json = False,
) -> None:
    """Look at everything that an incident needs, and say what to do about what is wrong.

    Settings, keys, database, ledgers, the watch, clocks, disks, providers, people, plans. Nothing is changed or sent.
    Exit code 1 when something does not work.
    """
    from flows import wiring
    from flows.steps import checkups

    with wiring.opened() as house:
        seen = checkups.run(house, plans=plan or (), offline=offline)
    if json:
        show.as_json(
            [
                {"check": one.check, "level": one.finding.level, "said": one.finding.said, "todo": one.finding.todo}
                for one in seen
            ]
        )
    else:
        for one in seen:
            typer.echo(f"{one.finding.level:<4} {one.check:<14} {one.finding.said}")
            if one.finding.todo:
                typer.echo(f"{'':19} → {one.finding.todo}")
        counts = Counter(str(one.finding.level) for one in seen)
        typer.echo(f"{counts['fail']} fail, {counts['warn']} to look at, {counts['ok']} ok.")
    if any(one.finding.level == "fail" for one in seen):
        raise typer.Exit(1)
