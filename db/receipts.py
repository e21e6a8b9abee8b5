"""Receipts: a provider's later word on a message it took, recorded once and matched to its attempt.

A receipt can come before the attempt's reference is on record. It is kept unmatched then; `rematch` finds it later and
may run as often as one likes.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

from pendulum import DateTime
from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from db import outcomes, rows, tables
from db.outcomes import Advanced, Word
from tocsin.delivery import Outcome, Receipt
from tocsin.errors import Invalid

_RECEIPT = tables.core(tables.Receipt)
_ATTEMPT = tables.core(tables.Attempt)
_PERSON = tables.core(tables.Person)
_FINAL = (Outcome.BOUNCED.value, Outcome.REFUSED.value, Outcome.DELIVERED.value)


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """What a batch of receipts did: newly matched ones, newly stored ones without attempt, and outcomes by incident."""

    applied: int
    unmatched: int
    by_incident: Mapping[str, Mapping[Outcome, int]] = field(default_factory=dict)


def record_many(session: Session, receipts: Sequence[Receipt], now: DateTime) -> Recorded:
    """Take receipts in. The same event of the same provider counts once, however often it comes.

    The people behind attempts that changed are due at once, so that the ladder looks again.
    """
    if any(receipt.outcome is Outcome.CLAIMED for receipt in receipts):
        raise Invalid("A receipt cannot say `claimed`: it tells what became of a message.")
    new = _store(session, receipts, now)
    return _apply(session, new, now)


def rematch(
    session: Session, *, now: DateTime, providers: Collection[str] | None = None, incident_id: str | None = None
) -> Recorded:
    """Match stored receipts whose attempt has become known since; `watch` calls it too.

    Whoever holds one incident's lock names it, for taking another's on top could close a ring.
    """
    query = (
        select(*(_RECEIPT.c[name] for name in _READ))
        .join(
            _ATTEMPT,
            (_ATTEMPT.c.provider == _RECEIPT.c.provider) & (_ATTEMPT.c.provider_ref == _RECEIPT.c.provider_ref),
        )
        .where(~_RECEIPT.c.matched)
        .distinct()
    )
    if providers is not None:
        query = query.where(_RECEIPT.c.provider.in_(sorted(providers)))
    if incident_id is not None:
        query = query.where(_ATTEMPT.c.incident_id == incident_id)
    return _apply(session, [dict(row) for row in session.execute(query).mappings()], now)


def refusals_in_a_row(session: Session, provider: str, *, reason: str, since: DateTime, limit: int) -> int:
    """How many of a provider's latest final words, counted back from now, all give one reason; at most `limit`."""
    query = (
        select(_RECEIPT.c.reason)
        .where(_RECEIPT.c.provider == provider, _RECEIPT.c.received_at >= since, _RECEIPT.c.outcome.in_(_FINAL))
        .order_by(_RECEIPT.c.received_at.desc(), _RECEIPT.c.at.desc())
        .limit(limit)
    )
    return len(list(takewhile(lambda found: found == reason, session.scalars(query))))


_READ = ("provider", "event_id", "attempt_key", "provider_ref", "outcome", "at", "code", "reason")


def _store(session: Session, receipts: Sequence[Receipt], now: DateTime) -> list[dict[str, Any]]:
    """Insert those that are new; returns them as rows."""
    values: dict[tuple[str, str], dict[str, Any]] = {}
    for one in receipts:
        values.setdefault((one.provider, one.event_id), _row(one, now))
    if not values:
        return []
    statement = rows.insert_new(session, _RECEIPT).returning(_RECEIPT.c.provider, _RECEIPT.c.event_id)
    ordered = [values[key] for key in sorted(values)]
    return [values[(provider, event_id)] for provider, event_id in session.execute(statement, ordered)]


def _row(receipt: Receipt, now: DateTime) -> dict[str, Any]:
    return {
        "provider": receipt.provider,
        "event_id": receipt.event_id,
        "attempt_key": receipt.key,
        "provider_ref": receipt.provider_ref,
        "outcome": receipt.outcome.value,
        "at": receipt.at,
        "received_at": now,
        "code": receipt.code,
        "reason": receipt.reason,
        "matched": False,
    }


def _apply(session: Session, stored: list[dict[str, Any]], now: DateTime) -> Recorded:
    keys = _keys_by_reference(session, stored)
    known = _known_keys(session, stored)
    words: list[Word] = []
    matched: list[tuple[dict[str, Any], str]] = []
    for row in stored:
        key = row["attempt_key"] if row["attempt_key"] in known else keys.get((row["provider"], row["provider_ref"]))
        if key is not None:
            matched.append((row, key))
            words.append(_word(row, key))
    incidents = known | _incidents(session, {key for _, key in matched} - set(known))
    for incident_id in sorted(set(incidents.values())):
        rows.lock_incident(session, incident_id)  # before attempts and people, as everyone does
    _, advanced = outcomes.advance(session, words)
    _mark_matched(session, matched, incidents)
    _make_due(session, advanced, now)
    return Recorded(applied=len(matched), unmatched=len(stored) - len(matched), by_incident=_tally(matched, incidents))


def _word(row: Mapping[str, Any], key: str) -> Word:
    return Word(
        key=key,
        outcome=Outcome(row["outcome"]),
        at=row["at"],
        provider_ref=row["provider_ref"],
        code=row["code"],
        reason=row["reason"],
    )


def _keys_by_reference(session: Session, stored: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str | None], str]:
    references: dict[str, set[str]] = defaultdict(set)
    for row in stored:
        if row["provider_ref"] is not None:
            references[row["provider"]].add(row["provider_ref"])
    found: dict[tuple[str, str | None], str] = {}
    for provider, wanted in references.items():
        for some in rows.chunks(sorted(wanted)):
            query = select(_ATTEMPT.c.provider_ref, _ATTEMPT.c.key).where(
                _ATTEMPT.c.provider == provider, _ATTEMPT.c.provider_ref.in_(some)
            )
            found |= {(provider, reference): key for reference, key in session.execute(query)}
    return found


def _known_keys(session: Session, stored: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    return _incidents(session, {row["attempt_key"] for row in stored if row["attempt_key"] is not None})


def _incidents(session: Session, keys: Collection[str]) -> dict[str, str]:
    """The incident of each attempt that exists."""
    found: dict[str, str] = {}
    for some in rows.chunks(sorted(keys)):
        query = select(_ATTEMPT.c.key, _ATTEMPT.c.incident_id).where(_ATTEMPT.c.key.in_(some))
        found.update((key, value) for key, value in session.execute(query))
    return found


def _mark_matched(
    session: Session, matched: Sequence[tuple[Mapping[str, Any], str]], incidents: Mapping[str, str]
) -> None:
    statement = (
        update(_RECEIPT)
        .where(_RECEIPT.c.provider == bindparam("its_provider"), _RECEIPT.c.event_id == bindparam("its_event"))
        .values(matched=True, incident_id=bindparam("its_incident"), attempt_key=bindparam("its_key"))
    )
    values = [
        {
            "its_provider": row["provider"],
            "its_event": row["event_id"],
            "its_incident": incidents[key],
            "its_key": key,
        }
        for row, key in matched
    ]
    if values:
        session.connection().execute(statement, values)


def _make_due(session: Session, advanced: Iterable[Advanced], now: DateTime) -> None:
    people: dict[str, set[int]] = defaultdict(set)
    for one in advanced:
        people[one.incident_id].add(one.person_id)
    for incident_id, person_ids in people.items():
        for some in rows.chunks(sorted(person_ids)):
            where = (_PERSON.c.incident_id == incident_id, _PERSON.c.id.in_(some))
            session.execute(update(_PERSON).where(*where).values(next_at=now))


def _tally(
    matched: Iterable[tuple[Mapping[str, Any], str]], incidents: Mapping[str, str]
) -> dict[str, dict[Outcome, int]]:
    counts: dict[str, Counter[Outcome]] = defaultdict(Counter)
    for row, key in matched:
        counts[incidents[key]][Outcome(row["outcome"])] += 1
    return {incident_id: dict(tally) for incident_id, tally in counts.items()}
