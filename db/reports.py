"""Regulators' reports, version by version, and their filing. A later one never erases an earlier one."""

from collections.abc import Mapping, Sequence
from typing import Any

from pendulum import DateTime
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from db import rows, tables
from db.tables import Report
from tocsin.errors import NotAllowed, NotFound
from tocsin.ledger import fingerprint

_REPORT = tables.core(Report)


def put(
    session: Session,
    incident_id: str,
    *,
    form: str,
    stage: str,
    document: Mapping[str, Any],
    missing: Sequence[Any],
    duties: Sequence[str],
    by: str,
    at: DateTime,
    content_hash: str | None = None,
) -> Report:
    """Keep a report; the same content again is no new version. `content_hash` is the caller's own, if it has one."""
    rows.lock_incident(session, incident_id)
    its_hash = content_hash or fingerprint({"form": form, "stage": stage, "document": dict(document)})
    before = latest(session, incident_id, form, stage)
    if before is not None and before.hash == its_hash:
        return before
    return rows.add(
        session,
        Report(
            incident_id=incident_id,
            form=form,
            stage=stage,
            version=1 if before is None else before.version + 1,
            document=dict(document),
            missing=list(missing),
            duties=list(duties),
            hash=its_hash,
            at=at,
            by=by,
        ),
    )


def listed(session: Session, incident_id: str) -> list[Report]:
    """Every version of every report, in order."""
    query = select(Report).where(_REPORT.c.incident_id == incident_id)
    return rows.every(session, query.order_by(_REPORT.c.form, _REPORT.c.stage, _REPORT.c.version))


def latest(session: Session, incident_id: str, form: str, stage: str) -> Report | None:
    """The newest version of one report, or None."""
    query = select(Report).where(_REPORT.c.incident_id == incident_id, _REPORT.c.form == form, _REPORT.c.stage == stage)
    return rows.one(session, query.order_by(_REPORT.c.version.desc()))


def mark_filed(
    session: Session,
    incident_id: str,
    form: str,
    stage: str,
    version: int,
    *,
    at: DateTime,
    by: str,
    reference: str | None,
) -> Report:
    """Note that a version was handed in; raises NotFound, or NotAllowed if that version was filed before."""
    where = (
        _REPORT.c.incident_id == incident_id,
        _REPORT.c.form == form,
        _REPORT.c.stage == stage,
        _REPORT.c.version == version,
    )
    statement = update(_REPORT).where(*where, _REPORT.c.filed_at.is_(None))
    filed = rows.changed(session, statement.values(filed_at=at, filed_by=by, reference=reference))
    found = rows.one(session, select(Report).where(*where))
    if found is None:
        raise NotFound(f"Incident {incident_id!r} has no report {form} {stage} version {version}: draft it first.")
    if not filed:
        raise NotAllowed(f"Report {form} {stage} version {version} of {incident_id!r} was filed before: draft another.")
    return found
