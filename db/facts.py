"""The facts of an incident, version by version. No version is ever changed."""

from collections.abc import Mapping
from typing import Any

from pendulum import DateTime
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db import rows, tables
from db.tables import FactsVersion
from tocsin.errors import NotFound
from tocsin.ledger import fingerprint

_FACTS = tables.core(FactsVersion)


def put(session: Session, incident_id: str, document: Mapping[str, Any], by: str, at: DateTime) -> int:
    """Keep a new version and return its number; the same facts again make no new version."""
    rows.lock_incident(session, incident_id)
    document_hash = fingerprint(dict(document))
    before = latest(session, incident_id)
    if before is not None and before.hash == document_hash:
        return before.version
    version = 1 if before is None else before.version + 1
    rows.add(
        session,
        FactsVersion(
            incident_id=incident_id, version=version, document=dict(document), hash=document_hash, by=by, at=at
        ),
    )
    return version


def latest(session: Session, incident_id: str) -> FactsVersion | None:
    """The newest version, or None before the first."""
    query = select(FactsVersion).where(_FACTS.c.incident_id == incident_id)
    return rows.one(session, query.order_by(_FACTS.c.version.desc()))


def latest_version(session: Session, incident_id: str) -> int:
    """The number of the newest version, 0 before the first."""
    query = select(func.max(_FACTS.c.version)).where(_FACTS.c.incident_id == incident_id)
    return session.execute(query).scalar() or 0


def history(session: Session, incident_id: str) -> list[FactsVersion]:
    """Every version, oldest first."""
    query = select(FactsVersion).where(_FACTS.c.incident_id == incident_id)
    return rows.every(session, query.order_by(_FACTS.c.version))


def get(session: Session, incident_id: str, version: int) -> FactsVersion:
    """One version; raises NotFound."""
    found = rows.one(
        session, select(FactsVersion).where(_FACTS.c.incident_id == incident_id, _FACTS.c.version == version)
    )
    if found is None:
        raise NotFound(f"Incident {incident_id!r} has no facts version {version}: `tocsin facts show` lists them.")
    return found
