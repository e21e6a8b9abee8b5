"""Decisions on hashes: what was approved is exactly what goes out. Nothing is deleted; approvals become void."""

from collections.abc import Mapping
from typing import Any

from pendulum import DateTime
from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from db import rows, tables
from db.approval_tables import Approval

APPROVED, REFUSED = "approved", "refused"
_APPROVAL = tables.core(Approval)


def give(
    session: Session,
    incident_id: str,
    *,
    subject: str,
    of_hash: str,
    by: str,
    at: DateTime,
    reason: str | None = None,
    binding: Mapping[str, Any] | None = None,
    on_behalf_of: str | None = None,
    again: bool = False,
) -> Approval:
    """Approve a hash; the same person approving it again changes nothing. Who may approve is the caller's to check.

    `binding` is the document behind the hash; `on_behalf_of` the one for whom `by` decides. With `again` the approval
    is a new one, for that of before counts no more.
    """
    rows.lock_incident(session, incident_id)
    for approval in standing(session, incident_id, subject, of_hash):
        if not again and (approval.by, approval.on_behalf_of) == (by, on_behalf_of):
            return approval
    made = Approval(
        incident_id=incident_id, subject=subject, hash=of_hash, decision=APPROVED, by=by, at=at, reason=reason
    )
    made.binding, made.on_behalf_of = dict(binding) if binding is not None else None, on_behalf_of
    return rows.add(session, made)


def refuse(
    session: Session,
    incident_id: str,
    *,
    subject: str,
    of_hash: str,
    by: str,
    at: DateTime,
    reason: str,
    binding: Mapping[str, Any] | None = None,
) -> Approval:
    """Refuse a hash, which makes every approval of the subject void, whatever it went out with when it was given."""
    rows.lock_incident(session, incident_id)
    session.execute(update(_APPROVAL).where(*_standing(incident_id, subject)).values(void_at=at))
    made = Approval(
        incident_id=incident_id, subject=subject, hash=of_hash, decision=REFUSED, by=by, at=at, reason=reason
    )
    made.binding = dict(binding) if binding is not None else None
    return rows.add(session, made)


def standing(session: Session, incident_id: str, subject: str, of_hash: str) -> list[Approval]:
    """The valid approvals of a hash, oldest first, one a person."""
    query = select(Approval).where(*_standing(incident_id, subject), _APPROVAL.c.hash == of_hash)
    return rows.every(session, query.order_by(_APPROVAL.c.at, _APPROVAL.c.id))


def last_of_another(session: Session, incident_id: str, subject: str, of_hash: str) -> Approval | None:
    """The newest approval of the subject as it was before, to say what has changed since."""
    query = select(Approval).where(
        *_standing(incident_id, subject), _APPROVAL.c.hash != of_hash, _APPROVAL.c.binding.is_not(None)
    )
    return rows.one(session, query.order_by(_APPROVAL.c.at.desc(), _APPROVAL.c.id.desc()))


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
