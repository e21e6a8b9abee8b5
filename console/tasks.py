"""`tocsin tasks` and `tocsin done`: what people do by hand."""

from typing import Annotated

import typer

from console import choosing, show
from console.options import By, IncidentId, Json, examples


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command(epilog=examples("tocsin tasks -", 'tocsin tasks - --done stop-the-leak --evidence "Ticket SEC-114"'))(
        tasks
    )
    app.command(epilog=examples('tocsin done - eu-gdpr/record --evidence "Register no. 2026-11"'))(done)


def tasks(
    incident: IncidentId,
    done: Annotated[str | None, typer.Option("--done", metavar="TASK", help="Mark this task done")] = None,
    evidence: Annotated[
        str | None, typer.Option("--evidence", metavar="TEXT", help="What shows that it is done")
    ] = None,
    by: By = None,
    *,
    json: Json = False,
) -> None:
    """List the plan's tasks, or mark one as done."""
    from db import tasks as store
    from flows import wiring
    from flows.steps import containing, pictures

    house = wiring.assemble()
    found = choosing.incident(house, incident)
    now = house.now()
    if done:
        with house.database.transaction() as session:
            containing.finish_task(session, found, done, by=wiring.acting(by), evidence=evidence, now=now)
    with house.database.reading() as session:
        listed = store.listed(session, found)
    rows = [
        {
            "task": task.key,
            "phase": task.phase,
            "what": task.title,
            "owner": task.owner,
            "state": "OVERDUE" if pictures.task_late(task, now) else task.state,
            "due": task.due.isoformat() if task.due else None,
            "done_by": task.done_by,
        }
        for task in listed
    ]
    if json:
        show.as_json(rows)
        return
    show.table("Tasks", rows, empty="the plan asks for none")


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
