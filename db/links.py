"""Links that were sent to people who are asked to decide. One opens nothing by itself, and serves once."""

from pendulum import DateTime
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from db import rows, tables
from db.account_tables import DecisionLink

_LINK = tables.core(DecisionLink)


def put(
    session: Session,
    its_hash: str,
    *,
    incident_id: str,
    subject: str,
    subject_hash: str,
    account: str,
    at: DateTime,
    expires_at: DateTime,
) -> None:
    """Keep a new link; an earlier one to the same person about the same thing ends."""
    same = (_LINK.c.incident_id == incident_id, _LINK.c.subject == subject, _LINK.c.account == account)
    session.execute(update(_LINK).where(*same, _LINK.c.expires_at > at).values(expires_at=at))
    rows.add(
        session,
        DecisionLink(
            hash=its_hash,
            incident_id=incident_id,
            subject=subject,
            subject_hash=subject_hash,
            account=account,
            made_at=at,
            expires_at=expires_at,
        ),
    )


def find(session: Session, its_hash: str) -> DecisionLink | None:
    """The link with a hash, whatever has become of it."""
    return rows.one(session, select(DecisionLink).where(_LINK.c.hash == its_hash))


def use(session: Session, its_hash: str, at: DateTime) -> bool:
    """Use a link up; returns whether nobody had."""
    statement = update(_LINK).where(_LINK.c.hash == its_hash, _LINK.c.used_at.is_(None)).values(used_at=at)
    return rows.changed(session, statement) == 1
