"""What the monitor remembers: its heartbeat, and which warnings went out."""

from pendulum import DateTime
from sqlalchemy import select
from sqlalchemy.orm import Session

from db import rows, tables
from db.tables import Heartbeat, WarningSent

_WARNING = tables.core(WarningSent)
_HEARTBEAT = tables.core(Heartbeat)


def beat(session: Session, name: str, at: DateTime, detail: str | None = None) -> None:
    """Say that something ran."""
    statement = rows.upsert(session, _HEARTBEAT, {"name": name, "at": at, "detail": detail}, key=["name"])
    session.execute(statement)


def last_beat(session: Session, name: str) -> Heartbeat | None:
    """When something last ran, or None if never."""
    return rows.one(session, select(Heartbeat).where(_HEARTBEAT.c.name == name))


def warn_once(session: Session, incident_id: str, *, subject: str, level: int, to: str, at: DateTime) -> bool:
    """Claim a warning: True for the one caller who may send it. `to` is a role or one of the staff."""
    values = {"incident_id": incident_id, "subject": subject, "level": level, "to": to, "at": at}
    statement = rows.insert_new(session, _WARNING).values(**values).returning(_WARNING.c.level)
    return session.execute(statement).first() is not None


def warnings(session: Session, incident_id: str) -> list[WarningSent]:
    """Every warning that went out, in order."""
    query = select(WarningSent).where(_WARNING.c.incident_id == incident_id)
    return rows.every(session, query.order_by(_WARNING.c.at, _WARNING.c.subject, _WARNING.c.level))
