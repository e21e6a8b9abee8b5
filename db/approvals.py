"""Decisions on hashes: what was approved is exactly what goes out. Nothing is deleted; approvals become void."""

from pendulum import DateTime
from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from db import rows, tables
from db.tables import Approval

APPROVED, REFUSED = "approved", "refused"
_APPROVAL = tables.core(Approval)


def give(
    session: Session, incident_id: str, *, subject: str, of_hash: str, by: str, at: DateTime, reason: str | None = None
) -> Approval:
    """Approve a hash; the same person approving it again changes nothing. Who may approve is the caller's to check."""
    rows.lock_incident(session, incident_id)
    for approval in standing(session, incident_id, subject, of_hash):
        if approval.by == by:
            return approval
    return _decide(session, incident_id, APPROVED, subject=subject, of_hash=of_hash, by=by, at=at, reason=reason)


def refuse(
    session: Session, incident_id: str, *, subject: str, of_hash: str, by: str, at: DateTime, reason: str
) -> Approval:
    """Refuse a hash, which makes every approval of it void."""
    rows.lock_incident(session, incident_id)
    where = (*_standing(incident_id, subject), _APPROVAL.c.hash == of_hash)
    session.execute(update(_APPROVAL).where(*where).values(void_at=at))
    return _decide(session, incident_id, REFUSED, subject=subject, of_hash=of_hash, by=by, at=at, reason=reason)


def standing(session: Session, incident_id: str, subject: str, of_hash: str) -> list[Approval]:
    """The valid approvals of a hash, oldest first, one a person."""
    query = select(Approval).where(*_standing(incident_id, subject), _APPROVAL.c.hash == of_hash)
    return rows.every(session, query.order_by(_APPROVAL.c.at, _APPROVAL.c.id))


def void_others(session: Session, incident_id: str, subject: str, of_hash: str, at: DateTime) -> int:
    """Make approvals of every other hash of the subject void, for its words have changed; returns how many."""
    where = (*_standing(incident_id, subject), _APPROVAL.c.hash != of_hash)
    return rows.changed(session, update(_APPROVAL).where(*where).values(void_at=at))


def listed(session: Session, incident_id: str, subject: str | None = None) -> list[Approval]:
    """Every decision in order, void ones too."""
    query = select(Approval).where(_APPROVAL.c.incident_id == incident_id)
    if subject is not None:
        query = query.where(_APPROVAL.c.subject == subject)
    return rows.every(session, query.order_by(_APPROVAL.c.at, _APPROVAL.c.id))


def _standing(incident_id: str, subject: str) -> tuple[ColumnElement[bool], ...]:
    return (
        _APPROVAL.c.incident_id == incident_id,
        _APPROVAL.c.subject == subject,
        _APPROVAL.c.decision == APPROVED,
        _APPROVAL.c.void_at.is_(None),
    )


def _decide(
    session: Session,
    incident_id: str,
    decision: str,
    *,
    subject: str,
    of_hash: str,
    by: str,
    at: DateTime,
    reason: str | None,
) -> Approval:
    return rows.add(
        session,
        Approval(
            incident_id=incident_id, subject=subject, hash=of_hash, decision=decision, by=by, at=at, reason=reason
        ),
    )
