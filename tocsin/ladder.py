"""The channel ladder: what to do next for one person, decided from what was done.

A ladder is a row of rungs, each a channel. `decide` is a function of its arguments alone: it may be asked at any time,
by anyone, any number of times, and gives the same answer. What it keeps, for every person:

- one message on one channel, never two: a rung is tried again only when surely nothing left the house;
- nobody waits past the deadline while a rung is left: the time that remains is shared between the rungs that remain;
- "accepted by the provider" is never "delivered", and a doubt stays a doubt.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

import pendulum
from pendulum import DateTime
from pydantic import BaseModel, ConfigDict, Field

from tocsin.delivery import Channel, Outcome, Verdict
from tocsin.durations import ExactDuration

RECHECK = timedelta(minutes=1)  # a claim that ran out is taken up by the recovery; look again soon
LATE_WAIT = timedelta(minutes=5)  # after the deadline: long enough for a receipt, not to ring every bell in one second
FIRST_BACKOFF = timedelta(minutes=1)
LONGEST_BACKOFF = timedelta(hours=1)


class SettlesOn(StrEnum):
    """Which word of a provider ends the climb on a rung."""

    ACCEPTED = "accepted"  # for channels without receipts: accepted and not returned within the wait is the end
    DELIVERED = "delivered"  # without a receipt within the wait, climb on


class Rung(BaseModel):
    """One channel of a ladder.

    `wait` is how long an answer may take before the climb goes on, `tries` how often a provider that is not there is
    asked before the next rung is due.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    channel: Channel
    wait: ExactDuration
    settles_on: SettlesOn = SettlesOn.DELIVERED
    tries: int = Field(default=3, ge=1, le=20)


@dataclass(frozen=True, kw_only=True)
class Rungs:
    """One person, as the ladder sees them.

    `channels`: those with a valid address. `allowed`: those for which a provider may process this person's data (None:
    all of them). `excluded`: those that must not be used for this person.
    """

    channels: frozenset[Channel]
    allowed: frozenset[Channel] | None = None
    excluded: frozenset[Channel] = field(default=frozenset())


class AttemptRow(Protocol):
    """What the ladder reads of a stored attempt."""

    @property
    def channel(self) -> str: ...  # noqa: D102
    @property
    def outcome(self) -> str: ...  # noqa: D102
    @property
    def tries(self) -> int: ...  # noqa: D102
    @property
    def claimed_at(self) -> datetime: ...  # noqa: D102
    @property
    def claim_until(self) -> datetime | None: ...  # noqa: D102
    @property
    def not_before(self) -> datetime | None: ...  # noqa: D102
    @property
    def settled_at(self) -> datetime | None: ...  # noqa: D102


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One message to one person on one channel, as far as it is known.

    Outcome `claimed` with a `claim_until` is in somebody's hands; without one it was given back: surely nothing left,
    and it may be tried again from `not_before`. `since` is when the outcome became known.
    """

    channel: Channel
    outcome: Outcome
    since: DateTime
    tries: int = 1
    claim_until: DateTime | None = None
    not_before: DateTime | None = None

    @classmethod
    def of(cls, row: AttemptRow) -> "Attempt":
        """The ladder's view of a stored attempt."""
        return cls(
            channel=Channel(row.channel),
            outcome=Outcome(row.outcome),
            since=pendulum.instance(row.settled_at or row.claimed_at),
            tries=row.tries,
            claim_until=pendulum.instance(row.claim_until) if row.claim_until else None,
            not_before=pendulum.instance(row.not_before) if row.not_before else None,
        )

    @property
    def given_back(self) -> bool:
        """Whether surely nothing left, so that it may be tried again."""
        return self.outcome is Outcome.CLAIMED and self.claim_until is None

    @property
    def again_at(self) -> DateTime:
        """When a given-back message may be tried again: the provider's own word, and at least our back-off."""
        ours = self.since + backoff(self.tries)
        return max(ours, self.not_before) if self.not_before else ours


@dataclass(frozen=True)
class Send:
    """Send on this channel now."""

    channel: Channel


@dataclass(frozen=True)
class Wait:
    """Nothing to do before `until`."""

    until: DateTime


@dataclass(frozen=True)
class Settle:
    """The climb is over. `channel` is the one the verdict rests on, if it rests on one."""

    verdict: Verdict
    channel: Channel | None = None


Step = Send | Wait | Settle


def backoff(tries: int) -> timedelta:
    """How long to wait after the n-th try that found the provider not there: one minute, doubling up to an hour.

    A message that was never tried, because our own process died first, waits for nothing.
    """
    if tries < 1:
        return timedelta(0)
    doublings = min(tries - 1, 10)
    return min(FIRST_BACKOFF * (1 << doublings), LONGEST_BACKOFF)


def decide(
    person: Rungs,
    attempts: Iterable[Attempt],
    ladder: Sequence[Rung],
    *,
    now: DateTime,
    deadline: DateTime | None,
) -> Step:
    """What to do next for this person.

    `attempts` are those of the text that is being sent. With no deadline the plan's own waits hold.
    """
    made = {attempt.channel: attempt for attempt in sorted(attempts, key=lambda attempt: attempt.since)}
    for attempt in made.values():
        if attempt.outcome is Outcome.DELIVERED:
            return Settle(Verdict.DELIVERED, attempt.channel)
    reachable = [rung for rung in ladder if rung.channel in person.channels - person.excluded]
    rungs = [rung for rung in reachable if _may_use(person, rung.channel) or rung.channel in made]
    if not rungs and not made:
        return Settle(Verdict.HELD if reachable else Verdict.NO_ADDRESS)
    for place, rung in enumerate(rungs):
        step = _stand_on(rung, made.get(rung.channel), left=len(rungs) - place, now=now, deadline=deadline)
        if step is not None and not (isinstance(step, Send) and not _may_use(person, rung.channel)):
            return step
    untried = any(rung.channel not in made for rung in reachable)
    return _at_the_end(person, list(made.values()), untried=untried, now=now, deadline=deadline)


def _may_use(person: Rungs, channel: Channel) -> bool:
    return person.allowed is None or channel in person.allowed


def _stand_on(
    rung: Rung, attempt: Attempt | None, *, left: int, now: DateTime, deadline: DateTime | None
) -> Step | None:
    """What to do on this rung, or None to climb on. `left` counts this rung and those above it."""
    if attempt is None:
        return Send(rung.channel)
    if attempt.outcome.failed:
        return None
    if attempt.outcome is not Outcome.CLAIMED:
        return _await_word(rung, attempt, left=left, now=now, deadline=deadline)
    if attempt.claim_until is None:
        return _try_again(rung, attempt, left=left, now=now, deadline=deadline)
    return Wait(attempt.claim_until if attempt.claim_until > now else now + RECHECK)


def _await_word(
    rung: Rung, attempt: Attempt, *, left: int, now: DateTime, deadline: DateTime | None
) -> Wait | Settle | None:
    """Give a receipt, a bounce or a doubt its time; then settle, if this rung settles on what is known, or climb on."""
    until = attempt.since + _patience(rung.wait, attempt.since, left=left, deadline=deadline)
    if now < until:
        return Wait(until)
    if attempt.outcome is Outcome.ACCEPTED and rung.settles_on is SettlesOn.ACCEPTED:
        return Settle(Verdict.UNCONFIRMED, rung.channel)
    return None


def _try_again(rung: Rung, attempt: Attempt, *, left: int, now: DateTime, deadline: DateTime | None) -> Step | None:
    """Try once more where nothing left the house, if the rung's tries and its share of the time allow it."""
    if attempt.tries >= rung.tries:
        return None
    share = attempt.since + _patience(LONGEST_BACKOFF, attempt.since, left=left, deadline=deadline)
    if attempt.again_at > share and left > 1:
        return None
    return Send(rung.channel) if attempt.again_at <= now else Wait(attempt.again_at)


def _patience(wait: timedelta, since: DateTime, *, left: int, deadline: DateTime | None) -> timedelta:
    """How long a rung may wait, counted from `since` so that asking again later changes nothing."""
    if deadline is None:
        return wait
    if since >= deadline:
        return min(wait, LATE_WAIT)
    return min(wait, timedelta(seconds=(deadline - since).total_seconds() / left))


def _at_the_end(
    person: Rungs, made: Sequence[Attempt], *, untried: bool, now: DateTime, deadline: DateTime | None
) -> Step:
    """The top of the ladder: the best that is known of any rung."""
    for outcome, verdict in ((Outcome.ACCEPTED, Verdict.UNCONFIRMED), (Outcome.UNKNOWN, Verdict.UNCERTAIN)):
        for attempt in made:
            if attempt.outcome is outcome:
                return Settle(verdict, attempt.channel)
    again = [attempt for attempt in made if attempt.given_back and _may_use(person, attempt.channel)]
    if again and deadline is not None and now < deadline:
        first = min(again, key=lambda attempt: attempt.again_at)  # a provider that is down is no word about the person
        return Send(first.channel) if first.again_at <= now else Wait(min(first.again_at, deadline))
    # An address that no provider may use for this place has not failed: a marked provider can still reach it.
    return Settle(Verdict.HELD if untried else Verdict.UNREACHABLE)
