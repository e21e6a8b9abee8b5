"""What the monitor remembers and looks for: heartbeats, turned forecasts, incidents and tasks that need a hand."""

from collections.abc import Sequence

from pendulum import DateTime
from sqlalchemy import bindparam, func, select, text, update
from sqlalchemy.orm import Session

from db import rows, tables
from db.incidents import OPEN
from db.tables import Heartbeat, Task, WarningSent

_WARNING = tables.core(WarningSent)
_HEARTBEAT = tables.core(Heartbeat)
_INCIDENT = tables.core(tables.Incident)
_PERSON = tables.core(tables.Person)
_ATTEMPT = tables.core(tables.Attempt)
_TASK = tables.core(Task)


def beat(session: Session, name: str, at: DateTime, detail: str | None = None) -> None:
    """Say that something ran."""
    statement = rows.upsert(session, _HEARTBEAT, {"name": name, "at": at, "detail": detail}, key=["name"])
    session.execute(statement)


def last_beat(session: Session, name: str, *, lock: bool = False) -> Heartbeat | None:
    """When something last ran, or None if never; with `lock` nobody else says so before this transaction ends."""
    query = select(Heartbeat).where(_HEARTBEAT.c.name == name)
    return rows.one(session, query.with_for_update() if lock else query)


def beats(session: Session, names: Sequence[str]) -> dict[str, str | None]:
    """The details of what last ran, by name."""
    query = select(_HEARTBEAT.c.name, _HEARTBEAT.c.detail).where(_HEARTBEAT.c.name.in_(names))
    return {row.name: row.detail for row in session.execute(query)}


def beat_once(session: Session, name: str, at: DateTime, detail: str) -> bool:
    """Say that something ran, with a detail that it never had; True for the one caller who may go on."""
    first = rows.insert_new(session, _HEARTBEAT).values(name=name, at=at, detail=detail).returning(_HEARTBEAT.c.name)
    if session.execute(first).first() is not None:
        return True
    other = update(_HEARTBEAT).where(_HEARTBEAT.c.name == name, _HEARTBEAT.c.detail.is_distinct_from(detail))
    return rows.changed(session, other.values(at=at, detail=detail)) == 1


def warn_once(session: Session, incident_id: str, *, subject: str, level: int, to: str, at: DateTime) -> bool:
    """Claim a warning: True for the one caller who may send it. `to` is a role or one of the staff."""
    values = {"incident_id": incident_id, "subject": subject, "level": level, "to": to, "at": at}
    statement = rows.insert_new(session, _WARNING).values(**values).returning(_WARNING.c.level)
    return session.execute(statement).first() is not None


def warnings(session: Session, incident_id: str) -> list[WarningSent]:
    """Every warning that went out, in order."""
    query = select(WarningSent).where(_WARNING.c.incident_id == incident_id)
    return rows.every(session, query.order_by(_WARNING.c.at, _WARNING.c.subject, _WARNING.c.level))


def turned_forecasts(session: Session, subject: str) -> set[str]:
    """Open incidents of which the last word about `subject` was bad news: after an odd number of turns."""
    turns = func.max(_WARNING.c.level)
    query = select(_WARNING.c.incident_id, turns).join(_INCIDENT, _INCIDENT.c.id == _WARNING.c.incident_id)
    mine = query.where(_WARNING.c.subject == subject, _INCIDENT.c.state == OPEN).group_by(_WARNING.c.incident_id)
    return {incident for incident, level in session.execute(mine) if level % 2 == 1}


def with_people_waiting(session: Session, *, until: DateTime | None = None) -> list[str]:
    """Open incidents with people for whom the ladder has a time, newest first; with `until`, one that has come."""
    mine = _PERSON.c.incident_id == _INCIDENT.c.id
    timed = _PERSON.c.next_at.is_not(None) if until is None else _PERSON.c.next_at <= until
    somebody = select(_PERSON.c.id).where(mine, timed).exists()
    query = select(_INCIDENT.c.id).where(_INCIDENT.c.state == OPEN, somebody)
    return list(session.scalars(query.order_by(_INCIDENT.c.declared_at.desc(), _INCIDENT.c.id)))


def with_claims(session: Session) -> list[str]:
    """Incidents with messages that somebody holds; its process may have died."""
    # Written out, not bound: only so does SQLite see that its index of open claims answers it.
    claimed = text("attempt.outcome = 'claimed'")
    held = select(_ATTEMPT.c.incident_id).where(claimed, _ATTEMPT.c.claim_owner.is_not(None)).distinct()
    return sorted(session.scalars(held))


def open_incidents(session: Session) -> list[str]:
    """The ids of all open incidents."""
    return list(session.scalars(select(_INCIDENT.c.id).where(_INCIDENT.c.state == OPEN).order_by(_INCIDENT.c.id)))


def plans_in_use(session: Session) -> list[str]:
    """The plans of open incidents."""
    return sorted(session.scalars(select(_INCIDENT.c.plan).where(_INCIDENT.c.state == OPEN).distinct()))


def late_tasks(session: Session, now: DateTime, limit: int) -> list[tuple[Task, str]]:
    """Open tasks of open incidents whose time has come and of which nothing was said, with their incident's plan."""
    query = select(Task).where(_TASK.c.look_at <= now).order_by(_TASK.c.look_at, _TASK.c.incident_id, _TASK.c.key)
    found = rows.every(session, query.limit(limit).with_for_update(skip_locked=True))
    wanted = sorted({task.incident_id for task in found})
    states = select(_INCIDENT.c.id, _INCIDENT.c.plan).where(_INCIDENT.c.id.in_(wanted), _INCIDENT.c.state == OPEN)
    plans = {row.id: row.plan for row in session.execute(states)} if wanted else {}
    which = (_TASK.c.incident_id == bindparam("its_incident"), _TASK.c.key == bindparam("its_key"))
    said = [{"its_incident": task.incident_id, "its_key": task.key} for task in found]
    if said:
        session.connection().execute(update(_TASK).where(*which).values(look_at=None), said)
    return [(task, plans[task.incident_id]) for task in found if task.incident_id in plans and task.state == "open"]


def any_late_task(session: Session, now: DateTime) -> bool:
    """Whether the time of any task has come."""
    return session.execute(select(_TASK.c.key).where(_TASK.c.look_at <= now).limit(1)).first() is not None


def any_unmatched_receipt(session: Session) -> bool:
    """Whether there is a receipt whose attempt is not known yet."""
    receipt = tables.core(tables.Receipt)
    return session.execute(select(receipt.c.provider).where(~receipt.c.matched).limit(1)).first() is not None
