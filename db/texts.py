"""The words of notices and announcements, per language, version by version. No version is ever changed."""

from collections.abc import Mapping
from typing import Any

from pendulum import DateTime
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db import rows, tables
from db.tables import TextVersion
from tocsin.errors import NotFound
from tocsin.ledger import fingerprint

_TEXT = tables.core(TextVersion)


def text_hash(kind: str, language: str, fields: Mapping[str, Any]) -> str:
    """The hash that a text is approved and sent by."""
    return fingerprint({"kind": kind, "language": language, "fields": dict(fields)})


def put(
    session: Session,
    incident_id: str,
    *,
    kind: str,
    language: str,
    fields: Mapping[str, Any],
    author: str,
    at: DateTime,
) -> TextVersion:
    """Keep a text; the same words again are no new version."""
    rows.lock_incident(session, incident_id)
    its_hash = text_hash(kind, language, fields)
    before = latest(session, incident_id, kind, language)
    if before is not None and before.hash == its_hash:
        return before
    return rows.add(
        session,
        TextVersion(
            incident_id=incident_id,
            kind=kind,
            language=language,
            version=1 if before is None else before.version + 1,
            fields=dict(fields),
            hash=its_hash,
            author=author,
            at=at,
        ),
    )


def latest(session: Session, incident_id: str, kind: str, language: str) -> TextVersion | None:
    """The newest version in one language, or None."""
    query = select(TextVersion).where(
        _TEXT.c.incident_id == incident_id, _TEXT.c.kind == kind, _TEXT.c.language == language
    )
    return rows.one(session, query.order_by(_TEXT.c.version.desc()))


def all_latest(session: Session, incident_id: str, kind: str) -> dict[str, TextVersion]:
    """The newest version in every language there is."""
    where = (_TEXT.c.incident_id == incident_id, _TEXT.c.kind == kind)
    newest = (
        select(_TEXT.c.language, func.max(_TEXT.c.version).label("version"))
        .where(*where)
        .group_by(_TEXT.c.language)
        .subquery()
    )
    query = (
        select(TextVersion)
        .join(newest, (newest.c.language == _TEXT.c.language) & (newest.c.version == _TEXT.c.version))
        .where(*where)
        .order_by(_TEXT.c.language)
    )
    return {found.language: found for found in rows.every(session, query)}


def by_hash(session: Session, incident_id: str, its_hash: str) -> TextVersion:
    """The text with a hash; raises NotFound."""
    query = select(TextVersion).where(_TEXT.c.incident_id == incident_id, _TEXT.c.hash == its_hash)
    found = rows.one(session, query.order_by(_TEXT.c.version.desc()))
    if found is None:
        raise NotFound(
            f"Incident {incident_id!r} has no text with hash {its_hash[:12]}: `tocsin notice show` has them."
        )
    return found
