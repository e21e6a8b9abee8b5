"""What is known of an attempt only grows: how a new word about it and the one on record become one.

Words arrive late, twice and out of order, so the result must not depend on the order. Certainty grows from claimed to
unknown, accepted, refused, and last to bounced or delivered; a less certain word never replaces a more certain one.
Between bounced and delivered the later word counts, by the provider's own clock; at the same instant delivered does, so
that nobody is told twice for a tie.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pendulum import DateTime
from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from db import rows, tables
from tocsin.delivery import Outcome

_ATTEMPT = tables.core(tables.Attempt)
_CERTAINTY = {
    Outcome.CLAIMED: 0,
    Outcome.UNKNOWN: 1,
    Outcome.ACCEPTED: 2,
    Outcome.REFUSED: 3,
    Outcome.BOUNCED: 4,
    Outcome.DELIVERED: 4,
}
_LAST_WORDS = (Outcome.BOUNCED, Outcome.DELIVERED)


@dataclass(frozen=True, kw_only=True)
class Word:
    """What somebody says of one attempt. `provider` is None where it is not theirs to say."""

    key: str
    outcome: Outcome
    at: DateTime
    provider: str | None = None
    provider_ref: str | None = None
    code: str | None = None
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class Advanced:
    """An attempt whose outcome changed."""

    incident_id: str
    key: str
    person_id: int
    outcome: Outcome


def outweighs(outcome: Outcome, at: DateTime, *, known: Outcome, known_at: DateTime | None) -> bool:
    """Whether a new word replaces what is known."""
    if _CERTAINTY[outcome] != _CERTAINTY[known]:
        return _CERTAINTY[outcome] > _CERTAINTY[known]
    if outcome not in _LAST_WORDS or known_at is None:
        return False
    # A later word of the same kind counts too: its time is what an opposite word is measured against.
    return at > known_at or (at == known_at and outcome is Outcome.DELIVERED and known is Outcome.BOUNCED)


def advance(session: Session, words: Sequence[Word]) -> tuple[set[str], list[Advanced]]:
    """Take words over into the attempts they name; returns the keys that exist, and the attempts that changed.

    A provider's reference is kept even from a word that changes nothing, for receipts are matched by it.
    """
    current = _locked(session, {word.key for word in words})
    before = {key: row["outcome"] for key, row in current.items()}
    touched: set[str] = set()
    for word in words:
        if word.key in current and _take(current[word.key], word):
            touched.add(word.key)
    _write(session, [current[key] for key in sorted(touched)])
    return set(current), [
        Advanced(
            incident_id=current[key]["incident_id"],
            key=key,
            person_id=current[key]["person_id"],
            outcome=Outcome(current[key]["outcome"]),
        )
        for key in sorted(touched)
        if current[key]["outcome"] != before[key]
    ]


_READ = ("key", "incident_id", "person_id", "outcome", "settled_at", "provider", "provider_ref", "code", "reason")


def _locked(session: Session, keys: set[str]) -> dict[str, dict[str, Any]]:
    """The attempts by key, locked in the order of keys, so that two writers never wait for each other in a ring."""
    found: dict[str, dict[str, Any]] = {}
    for some in rows.chunks(sorted(keys)):
        query = select(*(_ATTEMPT.c[name] for name in _READ)).where(_ATTEMPT.c.key.in_(some))
        for row in session.execute(query.order_by(_ATTEMPT.c.key).with_for_update()).mappings():
            found[row["key"]] = dict(row)
    return found


def _take(row: dict[str, Any], word: Word) -> bool:
    """Let a word change the row as far as it may; whether anything changed."""
    learned_ref = word.provider_ref is not None and row["provider_ref"] is None
    if learned_ref:
        row["provider_ref"] = word.provider_ref
    if not outweighs(word.outcome, word.at, known=Outcome(row["outcome"]), known_at=row["settled_at"]):
        return learned_ref
    row["outcome"], row["settled_at"] = str(word.outcome), word.at
    row["code"], row["reason"] = word.code, word.reason
    row["provider"] = word.provider or row["provider"]
    return True


def _write(session: Session, changed: Iterable[dict[str, Any]]) -> None:
    columns = ("outcome", "settled_at", "provider", "provider_ref", "code", "reason")
    statement = (
        update(_ATTEMPT)
        .where(_ATTEMPT.c.key == bindparam("its_key"), _ATTEMPT.c.incident_id == bindparam("its_incident"))
        .values(**{name: bindparam(f"new_{name}") for name in columns}, claim_owner=None, claim_until=None)
    )
    values = [
        {"its_key": row["key"], "its_incident": row["incident_id"], **{f"new_{name}": row[name] for name in columns}}
        for row in changed
    ]
    if values:
        session.connection().execute(statement, values)
