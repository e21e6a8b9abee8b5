"""Incidents: opening, finding, leasing to one driver at a time, closing, and destroying the key of their people."""

from pendulum import DateTime
from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from db import ledger, rows, tables
from db.tables import Incident
from tocsin.errors import Invalid, NotAllowed
from tocsin.ledger import EventType

OPEN, CLOSED = "open", "closed"
ENTERED, FINISHED = "entered", "finished"
_INCIDENT = tables.core(Incident)


def create(
    session: Session,
    incident_id: str,
    *,
    title: str,
    plan: str,
    phase: str,
    declared_at: DateTime,
    declared_by: str,
    sealed_key: bytes,
) -> Incident:
    """Open an incident. Raises Invalid if the id is taken."""
    if session.get(Incident, incident_id) is not None:
        raise Invalid(f"There is an incident {incident_id!r} already: give this one another id.")
    return rows.add(
        session,
        Incident(
            id=incident_id,
            title=title,
            plan=plan,
            phase=phase,
            phases=[],
            state=OPEN,
            declared_at=declared_at,
            declared_by=declared_by,
            sealed_key=sealed_key,
        ),
    )


def get(session: Session, incident_id: str) -> Incident:
    """One incident; raises NotFound."""
    found = rows.one(session, select(Incident).where(_INCIDENT.c.id == incident_id))
    if found is None:
        raise rows.unknown_incident(incident_id)
    return found


def lock(session: Session, incident_id: str) -> None:
    """Wait until no other transaction writes this incident's people or ledger; raises NotFound.

    Whoever changes people or attempts calls it first, and thereby nobody waits for another in a ring.
    """
    rows.lock_incident(session, incident_id)


def listed(session: Session, state: str | None = None) -> list[Incident]:
    """Incidents, newest first; `state` is open, closed or None for both."""
    query = select(Incident).order_by(_INCIDENT.c.declared_at.desc(), _INCIDENT.c.id)
    return rows.every(session, query if state is None else query.where(_INCIDENT.c.state == state))


def set_phase(session: Session, incident_id: str, phase: str) -> None:
    """Note the phase that the incident is in; raises NotFound."""
    _change(session, incident_id, phase=phase)


def mark_phase(session: Session, incident_id: str, phase: str, *, finished: bool) -> bool:
    """Note how far a phase is; returns whether that is new. The incident is in the first phase that is not finished."""
    rows.lock_incident(session, incident_id)
    marks = dict(get(session, incident_id).phases)
    new = FINISHED if finished else ENTERED
    if marks.get(phase) == new:
        return False
    marks[phase] = new
    current = next((name for name, mark in marks.items() if mark != FINISHED), phase)
    _change(session, incident_id, phase=current, phases=list(marks.items()))
    return True


def lease(session: Session, incident_id: str, owner: str, until: DateTime, now: DateTime) -> bool:
    """Take or prolong the right to drive an open incident; False if somebody else holds it."""
    free = or_(_INCIDENT.c.lease_owner.is_(None), _INCIDENT.c.lease_owner == owner, _INCIDENT.c.lease_until < now)
    statement = update(_INCIDENT).where(_INCIDENT.c.id == incident_id, _INCIDENT.c.state == OPEN, free)
    return rows.changed(session, statement.values(lease_owner=owner, lease_until=until)) == 1


def release(session: Session, incident_id: str, owner: str) -> None:
    """Give the lease back; nothing happens if it is not ours any more."""
    session.execute(
        update(_INCIDENT)
        .where(_INCIDENT.c.id == incident_id, _INCIDENT.c.lease_owner == owner)
        .values(lease_owner=None, lease_until=None)
    )


def pause_sending(session: Session, incident_id: str, at: DateTime | None) -> bool:
    """Let no message of this incident leave from `at` on, or with None let them leave again; whether that is new."""
    rows.lock_incident(session, incident_id)
    if (get(session, incident_id).sending_paused_at is None) == (at is None):
        return False
    _change(session, incident_id, sending_paused_at=at)
    return True


def close(session: Session, incident_id: str, at: DateTime) -> None:
    """Close an incident; raises NotAllowed if it is closed already."""
    rows.lock_incident(session, incident_id)
    if get(session, incident_id).state == CLOSED:
        raise NotAllowed(f"The incident {incident_id!r} is closed already.")
    _change(session, incident_id, state=CLOSED, closed_at=at, lease_owner=None, lease_until=None)


def destroy_key(session: Session, incident_id: str, *, by: str, at: DateTime) -> None:
    """Destroy the data key, and with it every name and address of the incident, and say so on the ledger.

    Raises NotAllowed if it is destroyed already. Copies of the database made before still hold the wrapped key: they
    must expire too.
    """
    rows.lock_incident(session, incident_id)
    if get(session, incident_id).sealed_key is None:
        raise NotAllowed(f"The key of incident {incident_id!r} is destroyed already.")
    _change(session, incident_id, sealed_key=None, key_destroyed_at=at)
    ledger.append(session, incident_id, EventType.KEY_DESTROYED, actor=by, data={}, at=at)


def _change(session: Session, incident_id: str, **values: object) -> None:
    if rows.changed(session, update(_INCIDENT).where(_INCIDENT.c.id == incident_id).values(**values)) == 0:
        raise rows.unknown_incident(incident_id)
