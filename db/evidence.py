"""Evidence: files sealed with the incident's key in pieces, each tied to its file and its place in it.

The same file is kept once in an incident, by its SHA-256. With the incident's key everything here is destroyed; the
hashes stand on the ledger for good.
"""

import hashlib
from collections.abc import Iterator
from typing import BinaryIO

from pendulum import DateTime
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db import rows, tables
from db.hold_tables import Evidence, EvidencePiece
from db.sealing import IncidentKey
from tocsin.errors import NotFound, Unverified

_EVIDENCE = tables.core(Evidence)
_PIECE = tables.core(EvidencePiece)
PIECE_BYTES = 1 << 20


def digest(source: BinaryIO) -> tuple[str, int]:
    """The SHA-256 of a file in lower-case hexadecimal, and its size in bytes."""
    running, size = hashlib.sha256(), 0
    while some := source.read(PIECE_BYTES):
        running.update(some)
        size += len(some)
    return running.hexdigest(), size


def add(
    session: Session, key: IncidentKey, incident_id: str, about: str, source: BinaryIO, *,
    label: bytes, sha256: str, size: int, by: str, at: DateTime,
) -> tuple[Evidence, bool]:  # fmt: skip
    """Keep a file; returns it, and whether it is new. Raises Unverified if it is another one than was hashed."""
    rows.lock_incident(session, incident_id)
    mine = (_EVIDENCE.c.incident_id == incident_id, _EVIDENCE.c.about == about, _EVIDENCE.c.sha256 == sha256)
    before = rows.one(session, select(Evidence).where(*mine))
    if before is not None:
        return before, False
    stored = (_PIECE.c.incident_id == incident_id, _PIECE.c.sha256 == sha256)
    if session.execute(select(_PIECE.c.number).where(*stored).limit(1)).first() is None:
        _store(session, key, incident_id, source, sha256)
    highest = select(func.max(_EVIDENCE.c.number)).where(_EVIDENCE.c.incident_id == incident_id)
    number = 1 + (session.execute(highest).scalar() or 0)
    row = Evidence(
        incident_id=incident_id,
        number=number,
        about=about,
        sha256=sha256,
        size=size,
        sealed=key.seal(label, _label_aad(incident_id, number)),
        added_at=at,
        added_by=by,
    )
    return rows.add(session, row), True


def _store(session: Session, key: IncidentKey, incident_id: str, source: BinaryIO, sha256: str) -> None:
    running, number = hashlib.sha256(), 0
    while some := source.read(PIECE_BYTES):
        running.update(some)
        sealed = key.seal(some, _piece_aad(incident_id, sha256, number))
        values = {"incident_id": incident_id, "sha256": sha256, "number": number, "sealed": sealed}
        session.execute(_PIECE.insert(), values)
        number += 1
    if running.hexdigest() != sha256:
        raise Unverified("A file changed while it was read: make a copy that nobody writes to, and add that.")


def listed(session: Session, incident_id: str, *, about: str | None = None) -> list[Evidence]:
    """The evidence of an incident in the order in which it was added."""
    query = select(Evidence).where(_EVIDENCE.c.incident_id == incident_id)
    if about is not None:
        query = query.where(_EVIDENCE.c.about == about)
    return rows.every(session, query.order_by(_EVIDENCE.c.number))


def get(session: Session, incident_id: str, number: int) -> Evidence:
    """One piece of evidence; raises NotFound."""
    mine = (_EVIDENCE.c.incident_id == incident_id, _EVIDENCE.c.number == number)
    found = rows.one(session, select(Evidence).where(*mine))
    if found is None:
        raise NotFound(f"Incident {incident_id} has no evidence {number}: `tocsin tasks files` lists what there is.")
    return found


def label(key: IncidentKey, row: Evidence) -> bytes:
    """The name and the note of a file; raises Unverified if they were changed."""
    return key.open(bytes(row.sealed), _label_aad(row.incident_id, row.number))


def read(session: Session, key: IncidentKey, row: Evidence) -> Iterator[bytes]:
    """The file, piece by piece; raises Unverified at its end at the latest if it is not the one that was added."""
    running, number = hashlib.sha256(), 0
    mine = (_PIECE.c.incident_id == row.incident_id, _PIECE.c.sha256 == row.sha256)
    while True:
        sealed = session.execute(select(_PIECE.c.sealed).where(*mine, _PIECE.c.number == number)).scalar()
        if sealed is None:
            break
        some = key.open(bytes(sealed), _piece_aad(row.incident_id, row.sha256, number))
        running.update(some)
        yield some
        number += 1
    if running.hexdigest() != row.sha256:
        raise Unverified(f"Evidence {row.number} of {row.incident_id} is not whole: restore it from a copy.")


def _piece_aad(incident_id: str, sha256: str, number: int) -> bytes:
    return f"{incident_id}\x1fevidence\x1f{sha256}\x1f{number}".encode()


def _label_aad(incident_id: str, number: int) -> bytes:
    return f"{incident_id}\x1fevidence label\x1f{number}".encode()
