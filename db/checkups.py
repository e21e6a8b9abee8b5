"""What a doctor asks of the database: does it take a record, do the keys open, do ledgers hold, is anything left lying.

Each answer costs a query or a few, whatever there is.
"""

from contextlib import suppress
from dataclasses import dataclass

from pendulum import DateTime
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from db import ledger, rates, rows, signing, tables, watch
from db.incidents import OPEN
from db.sealing import MasterKey
from db.sessions import Database
from db.tables import Incident
from tocsin import ledger as chain
from tocsin.ledger import Checkpoint

ENTRIES = 200  # of a ledger's end
_INCIDENT = tables.core(Incident)
_DUTY = tables.core(tables.Duty)
_FACTS = tables.core(tables.FactsVersion)
_ATTEMPT = tables.core(tables.Attempt)
_CHECKPOINT = tables.core(tables.LedgerCheckpoint)
_KEY = tables.core(tables.SigningKey)


class _TakenBack(Exception):
    """Ends a transaction without anything in it."""


def write_nothing(database: Database, now: DateTime) -> None:
    """Write a row and take it back; raises what a real record would meet."""
    with suppress(_TakenBack), database.transaction() as session:
        watch.beat(session, "doctor", now)
        raise _TakenBack


@dataclass(frozen=True, kw_only=True)
class Clocks:
    """The database's clock in seconds since 1970, and whether it is another machine's than ours may be."""

    seconds: float
    of_a_server: bool


def clocks(session: Session) -> Clocks:
    """What the database's clock says."""
    return Clocks(seconds=rates.clock(session), of_a_server=session.get_bind().dialect.name != "sqlite")


def open_newest_keys(session: Session, master_key: MasterKey) -> tuple[str | None, bool]:
    """Open the key of the newest incident that has one, and the newest signing key; raises Misconfigured if not.

    Returns the incident's id, or None, and whether there is a signing key.
    """
    with_key = select(Incident).where(_INCIDENT.c.sealed_key.is_not(None))
    newest = rows.one(session, with_key.order_by(_INCIDENT.c.declared_at.desc(), _INCIDENT.c.id))
    if newest is not None:
        master_key.incident_key(newest.sealed_key, newest.id)
    signer = rows.one(session, select(tables.SigningKey).order_by(_KEY.c.created_at.desc(), _KEY.c.id))
    if signer is not None:
        master_key.unwrap_signing_key(signer.sealed_private, signer.id)
    return (newest.id if newest is not None else None), signer is not None


def verify_end(session: Session, incident_id: str) -> None:
    """Prove the last entries of a ledger and its last signature; raises Unverified."""
    keys = signing.public_keys(session)
    length = ledger.length(session, incident_id)
    chain.verify_some(incident_id, ledger.listed(session, incident_id, after=max(0, length - ENTRIES)), None, keys)
    query = select(_CHECKPOINT).where(_CHECKPOINT.c.incident_id == incident_id).order_by(_CHECKPOINT.c.seq.desc())
    signed = session.execute(query.limit(1)).mappings().first()
    if signed is not None:
        last = Checkpoint(**signed)
        chain.verify_some(incident_id, ledger.listed(session, incident_id, after=last.seq - 1, limit=1), last, keys)


def newest_incidents(session: Session, limit: int) -> list[str]:
    """Incidents, the open ones first, then the newest."""
    closed_last = (_INCIDENT.c.state != OPEN, _INCIDENT.c.declared_at.desc(), _INCIDENT.c.id)
    return list(session.scalars(select(_INCIDENT.c.id).order_by(*closed_last).limit(limit)))


def plans(session: Session) -> list[str]:
    """The plans of all incidents."""
    return sorted(session.scalars(select(_INCIDENT.c.plan).distinct()))


def unassessed(session: Session) -> list[str]:
    """Open incidents with facts that are newer than their duties."""
    facts = select(func.max(_FACTS.c.version)).where(_FACTS.c.incident_id == _INCIDENT.c.id).scalar_subquery()
    duties = select(func.max(_DUTY.c.facts_version)).where(_DUTY.c.incident_id == _INCIDENT.c.id).scalar_subquery()
    query = select(_INCIDENT.c.id).where(_INCIDENT.c.state == OPEN, facts > func.coalesce(duties, 0))
    return sorted(session.scalars(query))


def stale_claims(session: Session, before: DateTime) -> int:
    """Messages that somebody holds whose time ran out before then."""
    claimed = text("attempt.outcome = 'claimed'")  # written out: only so does SQLite see its index of open claims
    held = select(func.count()).select_from(_ATTEMPT).where(claimed, _ATTEMPT.c.claim_owner.is_not(None))
    return int(session.execute(held.where(_ATTEMPT.c.claim_until < before)).scalar_one())
