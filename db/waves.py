"""Waves: one import of a roster each, with its own record."""

from pendulum import DateTime
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from db import rows, tables
from db.tables import Wave
from tocsin.errors import NotFound

_WAVE = tables.core(Wave)


def open_wave(session: Session, incident_id: str, *, file_sha256: str, at: DateTime, by: str) -> int:
    """Begin an import; returns the number of its wave."""
    rows.lock_incident(session, incident_id)
    highest = session.execute(select(func.max(_WAVE.c.number)).where(_WAVE.c.incident_id == incident_id)).scalar()
    number = 1 + (highest or 0)
    rows.add(session, Wave(incident_id=incident_id, number=number, file_sha256=file_sha256, imported_at=at, by=by))
    return number


def close_wave(
    session: Session,
    incident_id: str,
    number: int,
    *,
    read: int,
    people: int,
    merged: int,
    rejected: int,
    reason: str | None = None,
) -> Wave:
    """End an import with its counts: rows read, new people, rows merged into known people, rows rejected."""
    statement = (
        update(_WAVE)
        .where(_WAVE.c.incident_id == incident_id, _WAVE.c.number == number)
        .values(rows=read, people=people, merged=merged, rejected=rejected, reason=reason)
    )
    if rows.changed(session, statement) == 0:
        raise NotFound(f"Incident {incident_id!r} has no wave {number}: `tocsin roster show {incident_id}` lists them.")
    found = rows.one(session, select(Wave).where(_WAVE.c.incident_id == incident_id, _WAVE.c.number == number))
    assert found is not None
    return found


def people(session: Session, incident_id: str) -> int:
    """How many people the waves brought: a sum over the waves, whatever the size of the roster."""
    query = select(func.sum(_WAVE.c.people)).where(_WAVE.c.incident_id == incident_id)
    return int(session.execute(query).scalar() or 0)


def listed(session: Session, incident_id: str) -> list[Wave]:
    """Every wave in order."""
    return rows.every(session, select(Wave).where(_WAVE.c.incident_id == incident_id).order_by(_WAVE.c.number))
