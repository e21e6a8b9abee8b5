"""The ledger in the database: append, sign, export, verify. Triggers refuse every other change.

`docs/ledger.md` specifies what `export` writes.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

from pendulum import DateTime
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db import rows, signing, tables
from db.signing import Signer
from tocsin import ledger
from tocsin.errors import Invalid, Unverified
from tocsin.ledger import Checkpoint, Event, EventType, Verified

_EVENT = tables.core(tables.LedgerEvent)
_CHECKPOINT = tables.core(tables.LedgerCheckpoint)
_READ_AT_ONCE = 1000


def append(
    session: Session, incident_id: str, event_type: EventType, *, actor: str, data: Mapping[str, Any], at: DateTime
) -> Event:
    """Write one entry at the end of an incident's ledger, in the caller's transaction.

    Writers of one incident wait for each other here until they commit, so append as the last act of a transaction.
    Raises Invalid for data that look personal, NotFound for an unknown incident. Data are text, whole numbers, lists
    and maps; times and enumerations are written as text.
    """
    plain = _plain(data)
    ledger.refuse_personal(plain)
    rows.lock_incident(session, incident_id)
    seq, prev = _head(session, incident_id)
    unlinked = Event(
        incident_id=incident_id,
        seq=seq + 1,
        at=at.in_timezone("UTC"),
        type=str(EventType(event_type)),
        actor=actor,
        data=plain,
        prev=prev,
        hash="",
    )
    values = {**vars(unlinked), "hash": ledger.link(prev, unlinked)}
    session.execute(_EVENT.insert(), {**values, "data": ledger.canonical(plain).decode()})
    return Event(**values)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Something for the ledger of one incident."""

    incident_id: str
    type: EventType
    data: Mapping[str, Any]


def append_many(session: Session, entries: Sequence[Entry], *, actor: str, at: DateTime) -> None:
    """Write entries at the ends of several incidents' ledgers, in their order, in as many statements as one takes.

    The same as `append` for each, in every other respect.
    """
    if not entries:
        return
    prepared = [(entry, _plain(entry.data)) for entry in entries]
    for _, plain in prepared:
        ledger.refuse_personal(plain)
    wanted = sorted({entry.incident_id for entry in entries})
    heads: dict[str, tuple[int, str]] = {}
    for some in rows.chunks(wanted):
        heads |= _locked_heads(session, some)
    values = []
    for entry, plain in prepared:
        if entry.incident_id not in heads:
            raise rows.unknown_incident(entry.incident_id)
        seq, prev = heads[entry.incident_id]
        unlinked = Event(
            incident_id=entry.incident_id,
            seq=seq + 1,
            at=at.in_timezone("UTC"),
            type=str(EventType(entry.type)),
            actor=actor,
            data=plain,
            prev=prev,
            hash="",
        )
        linked = ledger.link(prev, unlinked)
        values.append({**vars(unlinked), "hash": linked, "data": ledger.canonical(plain).decode()})
        heads[entry.incident_id] = (seq + 1, linked)
    rows.insert_many(session, _EVENT, values)


def _locked_heads(session: Session, incident_ids: Sequence[str]) -> dict[str, tuple[int, str]]:
    """The last entry of each of these ledgers; their incidents are locked first, in order, as everybody does."""
    incident = tables.core(tables.Incident)
    locking = select(incident.c.id).where(incident.c.id.in_(incident_ids)).order_by(incident.c.id)
    heads = {str(name): (0, ledger.genesis(name)) for name in session.scalars(locking.with_for_update(key_share=True))}
    last = select(_EVENT).where(_EVENT.c.incident_id == incident.c.id).order_by(_EVENT.c.seq.desc()).limit(1)
    seq, digest = (last.with_only_columns(column).scalar_subquery() for column in (_EVENT.c.seq, _EVENT.c.hash))
    for name, number, ended in session.execute(select(incident.c.id, seq, digest).where(incident.c.id.in_(heads))):
        if number is not None:
            heads[name] = (number, ended)
    return heads


def checkpoint(session: Session, incident_id: str, signer: Signer, at: DateTime) -> Checkpoint:
    """Sign the chain as it stands; signing the same entry twice gives back the first signature."""
    rows.lock_incident(session, incident_id)
    seq, head = _head(session, incident_id)
    existing = _checkpoints(session, incident_id, seq)
    if existing:
        return existing[-1]
    moment = at.in_timezone("UTC")
    statement = ledger.checkpoint_statement(incident_id=incident_id, seq=seq, head=head, at=moment, key_id=signer.id)
    signed = Checkpoint(
        incident_id=incident_id, seq=seq, hash=head, at=moment, key_id=signer.id, signature=signer.sign(statement)
    )
    session.execute(_CHECKPOINT.insert(), vars(signed))
    return signed


def listed(
    session: Session, incident_id: str, *, event_type: EventType | None = None, after: int = 0, limit: int | None = None
) -> list[Event]:
    """Entries in order, from the one after number `after`."""
    query = select(_EVENT).where(_EVENT.c.incident_id == incident_id, _EVENT.c.seq > after).order_by(_EVENT.c.seq)
    if event_type is not None:
        query = query.where(_EVENT.c.type == str(event_type))
    return [_event(dict(row)) for row in session.execute(query.limit(limit)).mappings()]


def has(session: Session, incident_id: str, event_type: EventType, data: Mapping[str, Any]) -> bool:
    """Whether an entry of a type holds these data, among others."""
    wanted = _plain(data).items()
    return any(wanted <= event.data.items() for event in listed(session, incident_id, event_type=event_type))


def length(session: Session, incident_id: str) -> int:
    """How many entries there are."""
    return _head(session, incident_id)[0]


def last_at(session: Session, incident_id: str) -> DateTime:
    """The time of the last entry, or of the declaration; raises NotFound."""
    incident = tables.core(tables.Incident)
    declared: DateTime | None = session.execute(
        select(incident.c.declared_at).where(incident.c.id == incident_id)
    ).scalar()
    if declared is None:
        raise rows.unknown_incident(incident_id)
    last: DateTime | None = session.execute(
        select(func.max(_EVENT.c.at)).where(_EVENT.c.incident_id == incident_id)
    ).scalar()
    return last or declared


def verify(session: Session, incident_id: str) -> Verified:
    """Prove an incident's ledger from the database; raises Unverified naming the first entry that does not hold."""
    _refuse_unknown(session, incident_id)
    return ledger.verify(
        incident_id, _events(session, incident_id), _checkpoints(session, incident_id), signing.public_keys(session)
    )


def export(session: Session, incident_id: str, out: TextIO, *, signer: Signer, at: DateTime) -> Verified:
    """Write the ledger as JSON Lines: a header, every entry and signature, and a signed head.

    What is written is verified on the way: a ledger that does not hold raises Unverified, and `out` is then worthless.
    Open `out` as UTF-8 with line feeds on every system.
    """
    _refuse_unknown(session, incident_id)
    keys = {**signing.public_keys(session), signer.id: signer.public_key}
    signatures = _checkpoints(session, incident_id)
    header = _line(
        {
            "kind": "header",
            "format": ledger.FORMAT,
            "incident": incident_id,
            "genesis": ledger.genesis(incident_id),
            "key_id": signer.id,
            "public_keys": {identifier: public.hex() for identifier, public in keys.items()},
        }
    )
    out.write(header)
    verified = ledger.verify(incident_id, _written(session, incident_id, signatures, out), signatures, keys)
    head = {
        "kind": "head",
        "incident": incident_id,
        "count": verified.count,
        "checkpoints": verified.checkpoints,
        "hash": verified.head,
        "header": hashlib.sha256(header.rstrip("\n").encode()).hexdigest(),
        "at": ledger.timestamp(at),
        "key_id": signer.id,
    }
    out.write(_line({**head, "signature": signer.sign(head)}))
    return verified


def _written(session: Session, incident_id: str, signatures: list[Checkpoint], out: TextIO) -> Iterator[Event]:
    """Every entry, written as it passes, with the signatures over it behind it."""
    signed = {checkpoint.seq: checkpoint for checkpoint in signatures}
    if 0 in signed:
        out.write(_line(ledger.checkpoint_line(signed[0])))
    for event in _events(session, incident_id):
        out.write(_line(ledger.event_line(event)))
        if event.seq in signed:
            out.write(_line(ledger.checkpoint_line(signed[event.seq])))
        yield event


def _line(value: dict[str, Any]) -> str:
    return ledger.canonical(value).decode() + "\n"


def _head(session: Session, incident_id: str) -> tuple[int, str]:
    last = session.execute(
        select(_EVENT.c.seq, _EVENT.c.hash)
        .where(_EVENT.c.incident_id == incident_id)
        .order_by(_EVENT.c.seq.desc())
        .limit(1)
    ).first()
    return (0, ledger.genesis(incident_id)) if last is None else (last.seq, last.hash)


def _events(session: Session, incident_id: str) -> Iterator[Event]:
    """Every entry, a thousand at a time, so that a long ledger needs little memory."""
    after = 0
    while batch := listed(session, incident_id, after=after, limit=_READ_AT_ONCE):
        yield from batch
        after = batch[-1].seq


def _event(row: Mapping[str, Any]) -> Event:
    try:
        data = json.loads(row["data"])
        rewritten = ledger.canonical(data).decode()
    except (ValueError, Invalid):
        rewritten = None
    if rewritten != row["data"]:
        raise Unverified(f"Entry {row['seq']} of the ledger of {row['incident_id']} was changed after it was written.")
    return Event(**{**row, "data": data})


def _checkpoints(session: Session, incident_id: str, seq: int | None = None) -> list[Checkpoint]:
    query = select(_CHECKPOINT).where(_CHECKPOINT.c.incident_id == incident_id).order_by(_CHECKPOINT.c.seq)
    if seq is not None:
        query = query.where(_CHECKPOINT.c.seq == seq)
    return [Checkpoint(**row) for row in session.execute(query).mappings()]


def _refuse_unknown(session: Session, incident_id: str) -> None:
    incident = tables.core(tables.Incident)
    if session.execute(select(incident.c.id).where(incident.c.id == incident_id)).first() is None:
        raise rows.unknown_incident(incident_id)


def _plain(value: Any) -> Any:
    """JSON values from what our code holds: maps, lists, times as UTC text, enumerations as their text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, DateTime):
        return ledger.timestamp(value)
    return str(value) if isinstance(value, str) else value
