"""`tocsin tasks` and `tocsin done`: what people do by hand, and the files that show it."""

from pathlib import Path
from typing import Annotated, Any

import typer

from console import choosing, show
from console.options import By, Commands, Csv, IncidentId, Json, examples

LIST = "list"
_CSV = ("incident", "task", "phase", "what", "owner", "state", "due", "done_by")
Key = Annotated[str, typer.Argument(metavar="TASK", help="The task, as `tocsin tasks list` names it")]


class ListsByItself(Commands):
    """A group whose command `list` may be left out."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """The arguments, with `list` in front where no command is named."""
        named = bool(args) and (args[0] in self.commands or args[0] == "--help")
        return super().parse_args(ctx, args if named or not args else [LIST, *args])


tasks_app = typer.Typer(
    cls=ListsByItself,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="The plan's tasks for people, and the files that show that they are done.\n\n"
    "The command `list` may be left out.",
)


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.add_typer(tasks_app, name="tasks")
    app.command(epilog=examples('tocsin done - eu-gdpr/record --evidence "Register no. 2026-11"'))(done)


@tasks_app.command(
    LIST,
    epilog=examples(
        "tocsin tasks list -",
        "tocsin tasks list - --csv tasks.csv",
        'tocsin tasks list - --done stop-the-leak --evidence "Ticket SEC-114"',
    ),
)
def list_tasks(
    incident: IncidentId,
    done: Annotated[str | None, typer.Option("--done", metavar="TASK", help="Mark this task done first")] = None,
    evidence: Annotated[
        str | None, typer.Option("--evidence", metavar="TEXT", help="What shows that it is done")
    ] = None,
    by: By = None,
    csv: Csv = None,
    *,
    json: Json = False,
) -> None:
    """List the plan's tasks: how far they are, who has them, when they are due."""
    from flows import wiring
    from flows.steps import containing

    house = wiring.assemble()
    found = choosing.incident(house, incident)
    now = house.now()
    if done:
        with house.database.transaction() as session:
            containing.finish_task(session, found, done, by=wiring.acting(by), evidence=evidence, now=now)
    rows = containing.listed(house, found, now=now)
    if csv is not None:
        show.as_csv(csv, [{"incident": found, **row} for row in rows], _CSV)
        return
    if json:
        show.as_json(rows)
        return
    show.table("Tasks", rows, empty="the plan asks for none")


@tasks_app.command("show", epilog=examples("tocsin tasks show - stop-the-leak"))
def show_task(incident: IncidentId, task: Key, by: By = None, *, json: Json = False) -> None:
    """Show one task: its checklist, what people said about it, its files."""
    from flows import wiring
    from flows.steps import containing

    house = wiring.assemble()
    found = choosing.incident(house, incident)
    shown = containing.shown(house, found, task, by=wiring.acting(by), now=house.now())
    if json:
        show.as_json(shown)
        return
    typer.echo(f"{shown['what']} ({shown['owner']}; {shown['state']}; due {shown['due'] or 'at no set time'})")
    show.table("Checklist", shown["checklist"], empty="none")
    show.table("Notes", shown["notes"], empty="none")
    show.table("Files", [_without(row, "custody") for row in shown["evidence"]], empty="none")


@tasks_app.command("tick", epilog=examples("tocsin tasks tick - stop-the-leak 2"))
def tick(
    incident: IncidentId,
    task: Key,
    line: Annotated[int, typer.Argument(metavar="LINE", help="Its number in the checklist", min=1)],
    by: By = None,
) -> None:
    """Tick one line of a task's checklist, under your name."""
    from flows import wiring
    from flows.steps import containing

    house = wiring.assemble()
    found = choosing.incident(house, incident)
    containing.tick(house, found, task, line, by=wiring.acting(by), now=house.now())
    typer.echo(f"Line {line} of {task} is ticked.")


@tasks_app.command(
    "assign", epilog=examples('tocsin tasks assign - stop-the-leak --to "Zhao Min" --due 2026-11-23T12:00:00+01:00')
)
def assign(
    incident: IncidentId,
    task: Key,
    to: Annotated[str | None, typer.Option("--to", metavar="NAME", help="A person, a role or a group on call")] = None,
    due: Annotated[str | None, typer.Option("--due", metavar="TIME", help="By when, with offset")] = None,
    by: By = None,
) -> None:
    """Give a task to somebody else, or another due time."""
    from console.reading import moment
    from flows import wiring
    from flows.steps import containing

    house = wiring.assemble()
    found = choosing.incident(house, incident)
    until = moment(due, "--due")
    containing.assign(house, found, task, owner=to, due=until, by=wiring.acting(by), now=house.now())
    typer.echo(f"{task} is changed.")


@tasks_app.command("note", epilog=examples('tocsin tasks note - stop-the-leak "The provider has not answered yet."'))
def note(
    incident: IncidentId,
    task: Key,
    says: Annotated[str, typer.Argument(metavar="TEXT", help="What there is to say; kept sealed")],
    by: By = None,
) -> None:
    """Say something about a task, for the others."""
    from flows import wiring
    from flows.steps import containing

    house = wiring.assemble()
    found = choosing.incident(house, incident)
    number = containing.note(house, found, task, says, by=wiring.acting(by), now=house.now())
    typer.echo(f"Note {number} of {task} is kept.")


@tasks_app.command("skip", epilog=examples('tocsin tasks skip - stop-the-leak --reason "There was no leak."'))
def skip(
    incident: IncidentId,
    task: Key,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why it is not to be done")],
    by: By = None,
) -> None:
    """Say that a task is not to be done, and why."""
    from flows import wiring
    from flows.steps import containing

    house = wiring.assemble()
    found = choosing.incident(house, incident)
    containing.skip_task(house, found, task, by=wiring.acting(by), reason=reason, now=house.now())
    typer.echo(f"{task} is skipped.")


@tasks_app.command(
    "evidence",
    epilog=examples('tocsin tasks evidence - stop-the-leak firewall.log rules.txt --note "Before and after"'),
)
def evidence(
    incident: IncidentId,
    task: Key,
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Files of 256 MiB at most")],
    note: Annotated[str, typer.Option("--note", metavar="TEXT", help="What they are; kept sealed")] = "",
    by: By = None,
    *,
    json: Json = False,
) -> None:
    """Take files in that show something of a task: hashed, sealed, and kept."""
    from flows import wiring
    from flows.steps import evidence as step

    house = wiring.assemble()
    found = choosing.incident(house, incident)
    kept = step.add_to_task(house, found, task, files, note=note, by=wiring.acting(by), now=house.now())
    if json:
        show.as_json([vars(one) for one in kept])
        return
    for one in kept:
        known = "" if one.new else " (it was there already)"
        typer.echo(f"evidence {one.number}: {one.size} bytes, SHA-256 {one.sha256}{known}")


@tasks_app.command("files", epilog=examples("tocsin tasks files -", "tocsin tasks files - --json"))
def list_files(incident: IncidentId, by: By = None, *, json: Json = False) -> None:
    """List every file of an incident, and in JSON who added, checked and copied it."""
    from flows import wiring
    from flows.steps import evidence as step

    house = wiring.assemble()
    found = choosing.incident(house, incident)
    rows = step.listed(house, found, by=wiring.acting(by), now=house.now())
    if json:
        show.as_json(rows)
        return
    show.table("Files", [{**_without(row, "custody"), "acts": len(row["custody"])} for row in rows], empty="none")


@tasks_app.command("verify", epilog=examples("tocsin tasks verify -"))
def verify(incident: IncidentId, by: By = None, *, json: Json = False) -> None:
    """Read and hash every file again, against the ledger; exit code 4 where one is not what was added."""
    from flows import wiring
    from flows.steps import evidence as step
    from tocsin.errors import Unverified

    house = wiring.assemble()
    found = choosing.incident(house, incident)
    checked = step.verify(house, found, by=wiring.acting(by), now=house.now())
    if json:
        show.as_json([vars(one) for one in checked])
    else:
        for one in checked:
            typer.echo(f"evidence {one.number}: {one.trouble or 'whole'}")
    broken = [one.number for one in checked if one.trouble]
    if broken:
        numbers = ", ".join(map(str, broken))
        raise Unverified(f"Evidence {numbers} of {found} is not what was added: restore it from a copy.")
    if not json:
        typer.echo(f"Of {len(checked)} added, {len(checked)} are what they were.")


@tasks_app.command("export", epilog=examples("tocsin tasks export - 1 --out firewall.log"))
def export(
    incident: IncidentId,
    number: Annotated[int, typer.Argument(metavar="EVIDENCE", help="Its number in `tocsin tasks files`", min=1)],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="PATH", help="A file that is not there, or a folder")],
    by: By = None,
) -> None:
    """Write a copy of a file, in clear; who took it stands on the ledger."""
    from flows import wiring
    from flows.steps import evidence as step

    house = wiring.assemble()
    found = choosing.incident(house, incident)
    kept = step.export(house, found, number, out, by=wiring.acting(by), now=house.now())
    typer.echo(f"Written to {out}: {kept.size} bytes, SHA-256 {kept.sha256}.")


def _without(row: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key != name}


def done(
    incident: IncidentId,
    duty: Annotated[str, typer.Argument(metavar="DUTY", help="The duty, as `tocsin status` names it")],
    evidence: Annotated[
        str | None, typer.Option("--evidence", metavar="TEXT", help="What shows that it is done")
    ] = None,
    by: By = None,
) -> None:
    """Record that a person has done what a duty asks.

    Such as a call to the police or an entry in the register. The ledger keeps a hash of the evidence.
    """
    from flows import wiring
    from flows.steps import assessing

    house = wiring.assemble()
    found = choosing.incident(house, incident)
    assessing.finish(house, found, duty, by=wiring.acting(by), evidence=evidence, now=house.now())
    typer.echo(f"{duty} is done.")
