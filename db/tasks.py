"""The plan's tasks for people: opened once, ticked off line by line, finished once; and what people said about them."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from pendulum import DateTime
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from db import rows, tables
from db.tables import Task
from db.task_tables import TaskItem, TaskNote
from tocsin.errors import Invalid, NotAllowed, NotFound

OPEN, DONE, SKIPPED = "open", "done", "skipped"
_TASK = tables.core(Task)
_ITEM = tables.core(TaskItem)
_NOTE = tables.core(TaskNote)


@dataclass(frozen=True, kw_only=True)
class NewTask:
    """A task as the plan asks for it; `key` is unique within the incident."""

    key: str
    phase: str
    title: str
    owner: str
    due: DateTime | None = None
    checklist: tuple[str, ...] = ()


def open_many(session: Session, incident_id: str, tasks: Sequence[NewTask]) -> list[str]:
    """Open tasks; those that are there already stay as they are. Returns the keys newly opened, in the given order."""
    if not tasks:
        return []
    columns = ("key", "phase", "title", "owner", "due")
    values = [
        {
            **{name: getattr(task, name) for name in columns},
            "incident_id": incident_id,
            "state": OPEN,
            "look_at": task.due,
        }
        for task in tasks
    ]
    statement = rows.insert_new(session, _TASK).returning(_TASK.c.key)
    opened = set(session.scalars(statement, values))
    items = [
        {"incident_id": incident_id, "key": task.key, "number": number, "says": says}
        for task in tasks
        if task.key in opened
        for number, says in enumerate(task.checklist, 1)
    ]
    rows.insert_many(session, _ITEM, items)
    return [task.key for task in tasks if task.key in opened]


def listed(session: Session, incident_id: str, *, state: str | None = None) -> list[Task]:
    """Tasks by due time, undated ones last."""
    query = select(Task).where(_TASK.c.incident_id == incident_id)
    if state is not None:
        query = query.where(_TASK.c.state == state)
    return rows.every(session, query.order_by(_TASK.c.due.is_(None), _TASK.c.due, _TASK.c.key))


def get(session: Session, incident_id: str, key: str) -> Task:
    """One task; raises NotFound."""
    found = rows.one(session, select(Task).where(_TASK.c.incident_id == incident_id, _TASK.c.key == key))
    if found is None:
        raise NotFound(f"Incident {incident_id!r} has no task {key!r}: `tocsin tasks {incident_id}` lists them.")
    return found


def finish(
    session: Session, incident_id: str, key: str, *, by: str, at: DateTime, evidence: str | None, state: str = DONE
) -> Task:
    """Finish or skip an open task; raises NotFound, or NotAllowed if it was finished before."""
    if state not in {DONE, SKIPPED}:
        raise Invalid(f"A task ends as {DONE} or {SKIPPED}, not as {state!r}.")
    statement = (
        update(_TASK)
        .where(_TASK.c.incident_id == incident_id, _TASK.c.key == key, _TASK.c.state == OPEN)
        .values(state=state, done_at=at, done_by=by, evidence=evidence, look_at=None)
    )
    if rows.changed(session, statement) == 0:
        raise _why_not(session, incident_id, key)
    found = rows.one(session, select(Task).where(_TASK.c.incident_id == incident_id, _TASK.c.key == key))
    assert found is not None
    return found


def owners(session: Session, incident_id: str) -> dict[str, str]:
    """Who has each task of an incident."""
    return {task.key: task.owner for task in listed(session, incident_id)}


def items(session: Session, incident_id: str) -> dict[str, list[TaskItem]]:
    """The checklists of an incident's tasks, by key."""
    found: dict[str, list[TaskItem]] = defaultdict(list)
    query = select(TaskItem).where(_ITEM.c.incident_id == incident_id)
    for item in rows.every(session, query.order_by(_ITEM.c.key, _ITEM.c.number)):
        found[item.key].append(item)
    return found


def tick(session: Session, incident_id: str, key: str, number: int, *, by: str, at: DateTime) -> None:
    """Tick one line of an open task's checklist; raises NotFound, or NotAllowed if that was done before."""
    task = get_open(session, incident_id, key)
    mine = (_ITEM.c.incident_id == incident_id, _ITEM.c.key == key, _ITEM.c.number == number)
    statement = update(_ITEM).where(*mine, _ITEM.c.ticked_at.is_(None)).values(ticked_at=at, ticked_by=by)
    if rows.changed(session, statement) == 1:
        return
    item = rows.one(session, select(TaskItem).where(*mine))
    if item is None:
        raise NotFound(f"The checklist of task {task.key!r} has no line {number}: `tocsin tasks show` prints it.")
    raise NotAllowed(f"Line {number} of task {task.key!r} was ticked before, by {item.ticked_by}.")


def reassign(session: Session, incident_id: str, key: str, *, owner: str | None, due: DateTime | None) -> Task:
    """Give an open task another owner or another due time; the watch looks at it anew. Raises NotFound, NotAllowed."""
    task = get_open(session, incident_id, key)
    then = due or task.due
    values = {"owner": owner or task.owner, "due": then, "look_at": then}
    where = (_TASK.c.incident_id == incident_id, _TASK.c.key == key)
    session.execute(update(_TASK).where(*where).values(**values))
    return get(session, incident_id, key)


def next_note(session: Session, incident_id: str, key: str) -> int:
    """The number of the next thing said about a task; others who say something wait until the caller commits."""
    rows.lock_incident(session, incident_id)
    mine = (_NOTE.c.incident_id == incident_id, _NOTE.c.key == key)
    return 1 + (session.execute(select(func.max(_NOTE.c.number)).where(*mine)).scalar() or 0)


def add_note(session: Session, note: TaskNote) -> None:
    """Keep what somebody said about a task."""
    rows.add(session, note)


def notes(session: Session, incident_id: str, key: str) -> list[TaskNote]:
    """What was said about a task, oldest first."""
    mine = (_NOTE.c.incident_id == incident_id, _NOTE.c.key == key)
    return rows.every(session, select(TaskNote).where(*mine).order_by(_NOTE.c.number))


def get_open(session: Session, incident_id: str, key: str) -> Task:
    """One task that is not finished; raises NotFound or NotAllowed. Whoever finishes it waits for the caller."""
    rows.lock_incident(session, incident_id)
    task = get(session, incident_id, key)
    if task.state != OPEN:
        raise _why_not(session, incident_id, key)
    return task


def _why_not(session: Session, incident_id: str, key: str) -> NotFound | NotAllowed:
    found = rows.one(session, select(Task).where(_TASK.c.incident_id == incident_id, _TASK.c.key == key))
    if found is None:
        return NotFound(f"Incident {incident_id!r} has no task {key!r}: `tocsin tasks {incident_id}` lists them.")
    return NotAllowed(f"Task {key!r} of incident {incident_id!r} is {found.state} already.")
