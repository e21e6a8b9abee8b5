"""Attempts: one message to one person on one channel, claimed once, settled by what the provider says.

A claim is committed before the message leaves. A claim that ran out is a doubt, for its message may have left; an
attempt put off by `retry_later` waits, unclaimed, for its time. Who records or gives back attempts locks the incident
first (`incidents.lock`), so that no two of them, and no import, wait for each other in a ring; who claims for people
whose turns it took (`turns.take`) waits for nobody and needs no lock.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pendulum import DateTime
from sqlalchemy import ColumnElement, and_, func, select, update
from sqlalchemy.orm import Session

from db import batches, outcomes, receipts, rows, tables
from db.outcomes import Word
from tocsin.delivery import Channel, Outcome, Settled
from tocsin.errors import Invalid

_ATTEMPT = tables.core(tables.Attempt)
_NEW = ("key", "person_id", "wave", "channel", "provider", "text_hash")
_ANSWER = {  # column: where the answer has it
    "key": "key",
    "outcome": "outcome",
    "settled_at": "at",
    "provider": "provider",
    "provider_ref": "provider_ref",
    "code": "code",
    "reason": "reason",
}


@dataclass(frozen=True, kw_only=True)
class NewAttempt:
    """A message about to be claimed; `key` is its at-most-once key (`IncidentKey.attempt_key`)."""

    key: str
    person_id: int
    wave: int
    channel: Channel
    provider: str
    text_hash: str


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """An attempt as recorded."""

    key: str
    person_id: int
    wave: int
    channel: Channel
    provider: str
    outcome: Outcome
    tries: int
    claimed_at: DateTime
    claim_owner: str | None
    claim_until: DateTime | None
    not_before: DateTime | None
    settled_at: DateTime | None
    provider_ref: str | None
    code: str | None
    reason: str | None
    text_hash: str


@dataclass(frozen=True, kw_only=True)
class Retry:
    """A claimed attempt that is given back, and when it may be tried again.

    `code` says why its provider did not take it. `tried` is False where no provider was asked: then it costs no try.
    A `reason` stays with the attempt until it is settled; it marks a message that may have left after all.
    """

    key: str
    not_before: DateTime
    code: str | None = None
    tried: bool = True
    reason: str | None = None


def claim_many(
    session: Session, incident_id: str, new: Sequence[NewAttempt], owner: str, until: DateTime, now: DateTime
) -> list[str]:
    """Claim messages; returns the keys that are now ours to send, once the caller commits.

    A key is won if nobody claimed it before, or if it was put off by `retry_later` and its time has come.
    """
    if not new:
        return []
    fixed = {
        "incident_id": incident_id,
        "outcome": Outcome.CLAIMED.value,
        "tries": 1,
        "claimed_at": now,
        "claim_owner": owner,
        "claim_until": until,
    }
    # In the order of keys, so that two claimers of the same people never wait for each other in a ring.
    ordered = {one.key: one for one in sorted(new, key=lambda one: one.key)}
    values = [[getattr(one, name) for name in _NEW] for one in ordered.values()]
    statement = batches.insert_new(session, _ATTEMPT, _NEW, values, fixed).returning(_ATTEMPT.c.key)
    won = set(session.connection().execute(statement).scalars())
    lost = [one for one in ordered.values() if one.key not in won]
    taken = _take_back(session, incident_id, lost, owner, until, now) if lost else set()
    return [key for key in ordered if key in won or key in taken]


def _take_back(
    session: Session, incident_id: str, lost: Sequence[NewAttempt], owner: str, until: DateTime, now: DateTime
) -> set[str]:
    """Claim again what was put off; the provider may be another one this time.

    What somebody else is changing at this moment is passed over, so that a claimer waits for nobody.
    """
    where = (_ATTEMPT.c.incident_id == incident_id, batches.among(session, _ATTEMPT.c.key, [one.key for one in lost]))
    query = select(_ATTEMPT.c.key).where(*where, _is_put_off(now)).order_by(_ATTEMPT.c.key)
    ours = set(session.scalars(query.with_for_update(skip_locked=True)))
    if ours:
        rows_ = [[one.key, one.provider] for one in lost if one.key in ours]
        given = batches.rows_of(session, _ATTEMPT, {"its_key": "key", "its_provider": "provider"}, rows_, incident_id)
        again = {"claimed_at": now, "claim_owner": owner, "claim_until": until, "not_before": None}
        statement = (
            update(_ATTEMPT)
            .where(_ATTEMPT.c.incident_id == given.c.incident_id, _ATTEMPT.c.key == given.c.its_key)
            .values(provider=given.c.its_provider, **again, tries=_ATTEMPT.c.tries + 1)
        )
        session.execute(statement)
    return ours


def expired(session: Session, incident_id: str, now: DateTime, limit: int | None = None) -> list[Attempt]:
    """Claims that ran out: whether their messages left is not known."""
    return _found(session, incident_id, _is_expired(now), limit)


def claim_owners(session: Session, incident_id: str | None = None) -> list[tuple[str, DateTime]]:
    """Who holds claims that are not settled, and until when at the latest; of one incident, or of all."""
    query = select(_ATTEMPT.c.claim_owner, func.max(_ATTEMPT.c.claim_until)).where(_is_held())
    if incident_id is not None:
        query = query.where(_ATTEMPT.c.incident_id == incident_id)
    ordered = query.group_by(_ATTEMPT.c.claim_owner).order_by(_ATTEMPT.c.claim_owner)
    return [(owner, until) for owner, until in session.execute(ordered)]


def claimed_by(session: Session, incident_id: str, owner: str) -> list[Attempt]:
    """The claims of one owner that are not settled."""
    return _found(session, incident_id, _is_held_by(owner), None)


def renew(session: Session, incident_id: str, owner: str, until: DateTime) -> bool:
    """Prolong the claims of an owner who is still at work; False if none is theirs any more."""
    statement = update(_ATTEMPT).where(_ATTEMPT.c.incident_id == incident_id, _is_held_by(owner))
    return rows.changed(session, statement.values(claim_until=until)) > 0


def retry_later(session: Session, incident_id: str, retries: Sequence[Retry], *, owner: str) -> None:
    """Give back attempts that `owner` holds; one that is settled, or somebody else's by now, stays as it is."""
    if not retries:
        return
    names = {"its_key": "key", "later": "not_before", "why": "code", "untried": "tries", "mark": "reason"}
    values = [[one.key, one.not_before, one.code, int(not one.tried), one.reason] for one in retries]
    given = batches.rows_of(session, _ATTEMPT, names, values, incident_id)
    statement = (
        update(_ATTEMPT)
        .where(_ATTEMPT.c.incident_id == given.c.incident_id, _ATTEMPT.c.key == given.c.its_key, _is_held_by(owner))
        .values(
            not_before=given.c.later,
            claim_owner=None,
            claim_until=None,
            code=given.c.why,
            tries=_ATTEMPT.c.tries - given.c.untried,
            reason=func.coalesce(given.c.mark, _ATTEMPT.c.reason),
        )
    )
    session.execute(statement)


def put_off(session: Session, incident_id: str) -> dict[tuple[str, str], int]:
    """How many messages to people without a verdict wait for their provider: by provider and its last answer."""
    person = tables.core(tables.Person)
    query = (
        select(_ATTEMPT.c.provider, _ATTEMPT.c.code, func.count())
        .join(person, and_(person.c.incident_id == _ATTEMPT.c.incident_id, person.c.id == _ATTEMPT.c.person_id))
        .where(_ATTEMPT.c.incident_id == incident_id, _is_nobodys(), _ATTEMPT.c.code.is_not(None))
        .where(person.c.verdict.is_(None))
        .group_by(_ATTEMPT.c.provider, _ATTEMPT.c.code)
        .order_by(_ATTEMPT.c.provider, _ATTEMPT.c.code)
    )
    return {(provider, code): count for provider, code, count in session.execute(query)}


def settle_many(session: Session, incident_id: str, settled: Sequence[Settled]) -> list[str]:
    """Record what providers did; returns the keys whose outcome changed (see `db.outcomes` for what outweighs what).

    Receipts that came before their reference was on record are matched now. Raises Invalid for an attempt that was
    never claimed.
    """
    if not settled:
        return []
    _refuse_claimed(settled)
    answered = _answer(session, incident_id, settled)
    others = [one for one in settled if one.key not in answered]
    existing, advanced = outcomes.advance(session, [Word(**vars(one)) for one in others])
    unknown = {one.key for one in others} - existing
    if unknown:
        raise Invalid(f"{len(unknown)} messages of incident {incident_id!r} were settled but never claimed.")
    if any(one.provider_ref for one in settled):
        providers = {one.provider for one in settled}
        receipts.rematch(session, now=max(one.at for one in settled), providers=providers, incident_id=incident_id)
    return sorted([*answered, *(one.key for one in advanced)])


def _answer(session: Session, incident_id: str, settled: Sequence[Settled]) -> set[str]:
    """Record answers to messages of which nothing was known but that they were claimed, whom any word outweighs."""
    once = Counter(one.key for one in settled)
    # In the order of keys, as they were claimed: each page of an index is then read and written once.
    ordered = sorted((one for one in settled if once[one.key] == 1), key=lambda one: one.key)
    values = [[getattr(one, name) for name in _ANSWER.values()] for one in ordered]
    given = batches.rows_of(session, _ATTEMPT, {f"its_{column}": column for column in _ANSWER}, values, incident_id)
    new = {column: given.c[f"its_{column}"] for column in _ANSWER if column not in {"key", "provider_ref"}}
    statement = (
        update(_ATTEMPT)
        .where(
            _ATTEMPT.c.incident_id == given.c.incident_id,
            _ATTEMPT.c.key == given.c.its_key,
            _ATTEMPT.c.outcome == Outcome.CLAIMED.value,
        )
        .values(
            **new,
            provider_ref=func.coalesce(_ATTEMPT.c.provider_ref, given.c.its_provider_ref),
            claim_owner=None,
            claim_until=None,
        )
        .returning(_ATTEMPT.c.key)
    )
    return set(session.connection().execute(statement).scalars())


def funnel(session: Session, incident_id: str) -> dict[Channel, dict[Outcome, int]]:
    """How many attempts have which outcome, by channel."""
    query = select(_ATTEMPT.c.channel, _ATTEMPT.c.outcome, func.count()).where(_ATTEMPT.c.incident_id == incident_id)
    counts: dict[Channel, dict[Outcome, int]] = {}
    for channel, outcome, count in session.execute(query.group_by(_ATTEMPT.c.channel, _ATTEMPT.c.outcome)):
        counts.setdefault(Channel(channel), {})[Outcome(outcome)] = count
    return counts


def of_people(session: Session, incident_id: str, person_ids: Sequence[int]) -> dict[int, list[Attempt]]:
    """Every attempt of some people, oldest first; people without attempts are absent."""
    found: dict[int, list[Attempt]] = {}
    for attempt in _found(session, incident_id, batches.among(session, _ATTEMPT.c.person_id, person_ids), None):
        found.setdefault(attempt.person_id, []).append(attempt)
    return found


def by_keys(session: Session, keys: Sequence[str]) -> list[tuple[str, Attempt]]:
    """The attempts of these keys, whatever their incident; each with the incident's id."""
    if not keys:
        return []
    query = select(_ATTEMPT).where(batches.among(session, _ATTEMPT.c.key, keys)).order_by(_ATTEMPT.c.key)
    found = [dict(row) for row in session.execute(query).mappings()]
    return [(row.pop("incident_id"), _attempt(row)) for row in found]


def _refuse_claimed(settled: Iterable[Settled]) -> None:
    if any(one.outcome is Outcome.CLAIMED for one in settled):
        raise Invalid("A message cannot be settled as claimed: say what the provider did.")


def _is_held() -> ColumnElement[bool]:
    return and_(_ATTEMPT.c.outcome == Outcome.CLAIMED.value, _ATTEMPT.c.claim_owner.is_not(None))


def _is_held_by(owner: str) -> ColumnElement[bool]:
    return and_(_is_held(), _ATTEMPT.c.claim_owner == owner)


def _is_nobodys() -> ColumnElement[bool]:
    return and_(_ATTEMPT.c.outcome == Outcome.CLAIMED.value, _ATTEMPT.c.claim_owner.is_(None))


def _is_expired(now: DateTime) -> ColumnElement[bool]:
    return and_(_is_held(), _ATTEMPT.c.claim_until < now)


def _is_put_off(now: DateTime) -> ColumnElement[bool]:
    return and_(_is_nobodys(), _ATTEMPT.c.not_before <= now)


def _found(session: Session, incident_id: str, where: ColumnElement[bool], limit: int | None) -> list[Attempt]:
    query = select(*(column for column in _ATTEMPT.c if column.name != "incident_id"))
    ordered = query.where(_ATTEMPT.c.incident_id == incident_id, where).order_by(_ATTEMPT.c.claimed_at, _ATTEMPT.c.key)
    return [_attempt(dict(row)) for row in session.execute(ordered.limit(limit)).mappings()]


def _attempt(row: Mapping[str, Any]) -> Attempt:
    return Attempt(**{**row, "channel": Channel(row["channel"]), "outcome": Outcome(row["outcome"])})
