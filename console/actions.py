"""`tocsin tasks actions`, `approve`, `decide`: what the machine does for a task, and who lets it."""

from typing import Annotated

import typer

from console import choosing, show
from console.options import By, IncidentId, Json, examples
from console.tasks import Key, tasks_app


def register(_app: typer.Typer) -> None:
    """Add the commands to `tocsin tasks`."""
    tasks_app.command("actions", epilog=examples("tocsin tasks actions -", "tocsin tasks actions - --output --json"))(
        list_actions
    )
    tasks_app.command("approve", epilog=examples('tocsin tasks approve - revoke-tokens --as "Zhao Min"'))(approve)
    tasks_app.command("decide", epilog=examples('tocsin tasks decide - revoke-tokens done --reason "Seen in the log"'))(
        decide
    )


def list_actions(
    incident: IncidentId,
    by: By = None,
    *,
    output: Annotated[bool, typer.Option("--output", help="What each of them said last, too")] = False,
    json: Json = False,
) -> None:
    """Show the automatic actions: how each stands, and what would run. Runs nothing."""
    from flows import wiring
    from flows.steps import acting

    house = wiring.assemble()
    found = choosing.incident(house, incident)
    rows = acting.listed(house, found, by=wiring.acting(by), now=house.now(), outputs=output)
    if json:
        show.as_json(rows)
        return
    shown = ("task", "action", "state", "would_run", "tries", "ended", "approved_by", *(("output",) if output else ()))
    show.table("Actions", [{name: row.get(name) for name in shown} for row in rows], empty="the plan names none")


def approve(incident: IncidentId, task: Key, by: By = None) -> None:
    """Let a task's action run, exactly as the settings have it now; a change of them asks for approval again."""
    from flows import wiring
    from flows.steps import acting

    house = wiring.assemble()
    found = choosing.incident(house, incident)
    action = acting.approve(house, found, task, by=wiring.acting(by), now=house.now())
    typer.echo(f"The action {action} may run; the next `tocsin respond` or `tocsin watch` runs it.")


def decide(
    incident: IncidentId,
    task: Key,
    what: Annotated[
        str, typer.Argument(metavar="WHAT", help="`done`: it was done; `again`: run it again; `leave`: do not run it")
    ],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; the ledger has its hash")],
    by: By = None,
) -> None:
    """Say what became of an action that failed, or of which nobody knows whether it was done."""
    from flows import wiring
    from flows.steps import acting

    house = wiring.assemble()
    found = choosing.incident(house, incident)
    state = acting.decide(house, found, task, what, by=wiring.acting(by), reason=reason, now=house.now())
    typer.echo(f"The action of {task} is {state}.")
