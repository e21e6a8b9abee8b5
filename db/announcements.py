"""Public notices as published, and withdrawn."""

from collections.abc import Sequence

from pendulum import DateTime
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from db import rows, tables
from db.tables import Announcement
from tocsin.errors import NotFound

_ANNOUNCEMENT = tables.core(Announcement)


def put(
    session: Session,
    incident_id: str,
    *,
    of_hash: str,
    languages: Sequence[str],
    path: str,
    published_at: DateTime,
    by: str,
) -> Announcement:
    """Note a publication; the newest one with the same hash, still up, is not noted twice."""
    rows.lock_incident(session, incident_id)
    before = latest(session, incident_id)
    if before is not None and before.hash == of_hash and before.withdrawn_at is None:
        return before
    return rows.add(
        session,
        Announcement(
            incident_id=incident_id,
            number=1 if before is None else before.number + 1,
            hash=of_hash,
            languages=list(languages),
            path=path,
            published_at=published_at,
            by=by,
        ),
    )


def listed(session: Session, incident_id: str) -> list[Announcement]:
    """Every publication in order."""
    query = select(Announcement).where(_ANNOUNCEMENT.c.incident_id == incident_id)
    return rows.every(session, query.order_by(_ANNOUNCEMENT.c.number))


def latest(session: Session, incident_id: str) -> Announcement | None:
    """The newest publication, or None."""
    query = select(Announcement).where(_ANNOUNCEMENT.c.incident_id == incident_id)
    return rows.one(session, query.order_by(_ANNOUNCEMENT.c.number.desc()))


def withdraw(session: Session, incident_id: str, number: int, at: DateTime) -> None:
    """Note that a publication was taken down; the first time counts. Raises NotFound."""
    where = (_ANNOUNCEMENT.c.incident_id == incident_id, _ANNOUNCEMENT.c.number == number)
    if session.execute(select(_ANNOUNCEMENT.c.number).where(*where)).first() is None:
        raise NotFound(f"Incident {incident_id!r} has no announcement {number}.")
    session.execute(update(_ANNOUNCEMENT).where(*where, _ANNOUNCEMENT.c.withdrawn_at.is_(None)).values(withdrawn_at=at))
