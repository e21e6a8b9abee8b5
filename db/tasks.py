"""The plan's tasks for people: opened once, finished once, with evidence."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from pendulum import DateTime
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from db import rows, tables
from db.tables import Task
from tocsin.errors import Invalid, NotAllowed, NotFound

OPEN, DONE, SKIPPED = "open", "done", "skipped"
_TASK = tables.core(Task)


@dataclass(frozen=True, kw_only=True)
class NewTask:
    """A task as the plan asks for it; `key` is unique within the incident."""

    key: str
    phase: str
    title: str
    owner: str
    due: DateTime | None = None


def open_many(session: Session, incident_id: str, tasks: Sequence[NewTask]) -> list[str]:
    """Open tasks; those that are there already stay as they are. Returns the keys newly opened, in the given order."""
    if not tasks:
        return []
    values = [{**asdict(task), "incident_id": incident_id, "state": OPEN} for task in tasks]
    statement = rows.insert_new(session, _TASK).returning(_TASK.c.key)
    opened = set(session.scalars(statement, values))
    return [task.key for task in tasks if task.key in opened]


def listed(session: Session, incident_id: str, *, state: str | None = None) -> list[Task]:
    """Tasks by due time, undated ones last."""
    query = select(Task).where(_TASK.c.incident_id == incident_id)
    if state is not None:
        query = query.where(_TASK.c.state == state)
    return rows.every(session, query.order_by(_TASK.c.due.is_(None), _TASK.c.due, _TASK.c.key))


def finish(
    session: Session, incident_id: str, key: str, *, by: str, at: DateTime, evidence: str | None, state: str = DONE
) -> Task:
    """Finish or skip an open task; raises NotFound, or NotAllowed if it was finished before."""
    if state not in {DONE, SKIPPED}:
        raise Invalid(f"A task ends as {DONE} or {SKIPPED}, not as {state!r}.")
    statement = (
        update(_TASK)
        .where(_TASK.c.incident_id == incident_id, _TASK.c.key == key, _TASK.c.state == OPEN)
        .values(state=state, done_at=at, done_by=by, evidence=evidence)
    )
    if rows.changed(session, statement) == 0:
        raise _why_not(session, incident_id, key)
    found = rows.one(session, select(Task).where(_TASK.c.incident_id == incident_id, _TASK.c.key == key))
    assert found is not None
    return found


def _why_not(session: Session, incident_id: str, key: str) -> NotFound | NotAllowed:
    found = rows.one(session, select(Task).where(_TASK.c.incident_id == incident_id, _TASK.c.key == key))
    if found is None:
        return NotFound(f"Incident {incident_id!r} has no task {key!r}: `tocsin tasks {incident_id}` lists them.")
    return NotAllowed(f"Task {key!r} of incident {incident_id!r} is {found.state} already.")
