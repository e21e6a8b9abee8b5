"""Attempts: one message to one person on one channel, claimed once, settled by what the provider says.

A claim is committed before the message leaves. A claim that ran out is a doubt, for its message may have left; an
attempt put off by `retry_later` waits, unclaimed, for its time. Who claims, records or gives back attempts locks the
incident first (`incidents.lock`), so that no two of them, and no import, wait for each other in a ring.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pendulum import DateTime
from sqlalchemy import ColumnElement, Integer, Text, and_, bindparam, func, select, update
from sqlalchemy.orm import Session

from db import outcomes, receipts, rows, tables
from db.outcomes import Word
from tocsin.delivery import Channel, Outcome, Settled
from tocsin.errors import Invalid

_ATTEMPT = tables.core(tables.Attempt)


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
    values = [{**fixed, **vars(one), "channel": one.channel.value} for one in sorted(new, key=lambda one: one.key)]
    statement = rows.insert_new(session, _ATTEMPT).returning(_ATTEMPT.c.key)
    won = list(session.scalars(statement, values))
    return won + _take_back(session, set(won), values, now)


def _take_back(session: Session, won: set[str], values: Sequence[Mapping[str, Any]], now: DateTime) -> list[str]:
    """Claim again what was put off; the provider may be another one this time."""
    lost = {value["key"]: value for value in values if value["key"] not in won}
    ours: list[str] = []
    for some in rows.chunks(sorted(lost)):
        query = select(_ATTEMPT.c.key).where(_ATTEMPT.c.key.in_(some), _is_put_off(now)).order_by(_ATTEMPT.c.key)
        ours += session.scalars(query.with_for_update())
    names = ("provider", "claimed_at", "claim_owner", "claim_until")
    statement = (
        update(_ATTEMPT)
        .where(_ATTEMPT.c.incident_id == bindparam("its_incident"), _ATTEMPT.c.key == bindparam("its_key"))
        .values(**{name: bindparam(f"new_{name}") for name in names}, not_before=None, tries=_ATTEMPT.c.tries + 1)
    )
    claims = [
        {
            "its_key": key,
            "its_incident": lost[key]["incident_id"],
            **{f"new_{name}": lost[key][name] for name in names},
        }
        for key in ours
    ]
    if claims:
        session.connection().execute(statement, claims)
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
    statement = (
        update(_ATTEMPT)
        .where(_ATTEMPT.c.incident_id == incident_id, _ATTEMPT.c.key == bindparam("its_key"), _is_held_by(owner))
        .values(
            not_before=bindparam("later"),
            claim_owner=None,
            claim_until=None,
            code=bindparam("why"),
            tries=_ATTEMPT.c.tries - bindparam("untried", type_=Integer),
            reason=func.coalesce(bindparam("mark", type_=Text), _ATTEMPT.c.reason),
        )
    )
    values = [
        {
            "its_key": one.key,
            "later": one.not_before,
            "why": one.code,
            "untried": int(not one.tried),
            "mark": one.reason,
        }
        for one in sorted(retries, key=lambda one: one.key)
    ]
    if values:
        session.connection().execute(statement, values)


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
    existing, advanced = outcomes.advance(session, [Word(**vars(one)) for one in settled])
    unknown = {one.key for one in settled} - existing
    if unknown:
        raise Invalid(f"{len(unknown)} messages of incident {incident_id!r} were settled but never claimed.")
    if any(one.provider_ref for one in settled):
        providers = {one.provider for one in settled}
        receipts.rematch(session, now=max(one.at for one in settled), providers=providers, incident_id=incident_id)
    return [one.key for one in advanced]


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
    for some in rows.chunks(person_ids):
        for attempt in _found(session, incident_id, _ATTEMPT.c.person_id.in_(some), None):
            found.setdefault(attempt.person_id, []).append(attempt)
    return found


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
