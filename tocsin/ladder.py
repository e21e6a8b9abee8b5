"""The channel ladder: what to do next for one person, decided from what was done.

A ladder is a row of rungs, each a channel. `decide` is a function of its arguments alone: it may be asked at any time,
by anyone, any number of times, and gives the same answer. What it keeps, for every person:

- one message on one channel, never two, and never two at once: a rung is tried again only when surely nothing left the
  house, and none is begun while a message is in somebody's hands;
- rungs are climbed in the plan's order;
- nobody waits past the deadline while a rung is left, for the morning neither: where the waits of the rungs that remain
  are longer than the time that remains, all of them shrink alike;
- "accepted by the provider" is never "delivered", and a doubt stays a doubt.

`deadline` is the law's or the plan's. Whoever has a queue to work off passes it less the time that the queue takes.
"""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

import pendulum
from pendulum import DateTime
from pydantic import BaseModel, ConfigDict, Field

from tocsin.delivery import NOT_THE_ADDRESS, Channel, Outcome, Verdict
from tocsin.durations import ExactDuration
from tocsin.quiet import Night

RECHECK = timedelta(minutes=1)  # a claim that ran out is taken up by the recovery; look again soon
LATE_WAIT = timedelta(minutes=5)  # after the deadline: long enough for a receipt, not to ring every bell in one second
FIRST_BACKOFF = timedelta(minutes=1)
LONGEST_BACKOFF = timedelta(hours=1)
UNAVAILABLE = "unavailable"  # the reason where a provider was not there until the end
TRIES_IN_ALL = 100  # four days and more at an hour each, as long as mail is tried (RFC 5321, 4.5.4.1)
JITTER = 0.5  # a put-off message goes again after its back-off and up to this share more, so that not all go at once


class SettlesOn(StrEnum):
    """Which word of a provider ends the climb on a rung."""

    ACCEPTED = "accepted"  # for channels without receipts: accepted and not returned within the wait is the end
    DELIVERED = "delivered"  # without a receipt within the wait, climb on


class Rung(BaseModel):
    """One channel of a ladder.

    `wait` is how long an answer may take before the climb goes on, `tries` how often a provider that is not there is
    asked before the next rung is due, `retry_after` how long after the first such try the second is; later ones double.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    channel: Channel
    wait: ExactDuration
    settles_on: SettlesOn = SettlesOn.DELIVERED
    tries: int = Field(default=3, ge=1, le=20)
    retry_after: ExactDuration = Field(default=FIRST_BACKOFF, gt=timedelta(0), le=LONGEST_BACKOFF)


@dataclass(frozen=True, kw_only=True)
class Rungs:
    """One person, as the ladder sees them.

    `channels`: those with a valid address. `allowed`: those for which a provider may process this person's data (None:
    all of them). `excluded`: those that must not be used for this person (an opt-out of a channel moves the person to
    the others). `night`: the quiet hours where the person lives. `seed` spreads retries: the person's number.
    """

    channels: frozenset[Channel]
    allowed: frozenset[Channel] | None = None
    excluded: frozenset[Channel] = field(default=frozenset())
    night: Night | None = None
    seed: int | None = None


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
    @property
    def reason(self) -> str | None: ...  # noqa: D102


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
    reason: str | None = None  # why it failed, in a closed word

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
            reason=row.reason,
        )

    @property
    def given_back(self) -> bool:
        """Whether surely nothing left, so that it may be tried again."""
        return self.outcome is Outcome.CLAIMED and self.claim_until is None

    def again_at(self, first: timedelta = FIRST_BACKOFF, *, seed: int | None = None) -> DateTime:
        """When a given-back message may be tried again: the provider's own word, and at least our back-off.

        With a seed the back-off is longer by up to `JITTER`, the same each time it is asked for.
        """
        ours = backoff(self.tries, first)
        if seed is not None:
            ours += ours * (JITTER * zlib.crc32(f"{seed} {self.channel} {self.tries}".encode()) / 2**32)
        return max(self.since + ours, self.not_before) if self.not_before else self.since + ours


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
    """The climb is over. `channel` is the one the verdict rests on, if it rests on one; `reason` a closed word."""

    verdict: Verdict
    channel: Channel | None = None
    reason: str | None = field(default=None, compare=False)


Step = Send | Wait | Settle


def backoff(tries: int, first: timedelta = FIRST_BACKOFF) -> timedelta:
    """How long to wait after the n-th try that found the provider not there: `first`, doubling up to an hour.

    A message that was never tried, because our own process died first, waits for nothing.
    """
    if tries < 1:
        return timedelta(0)
    doublings = min(tries - 1, 40)
    return min(first * (1 << doublings), LONGEST_BACKOFF)


def decide(
    person: Rungs,
    attempts: Iterable[Attempt],
    ladder: Sequence[Rung],
    *,
    now: DateTime,
    deadline: DateTime | None,
) -> Step:
    """What to do next for this person.

    `attempts` are those of the text that is being sent. With no deadline the plan's own waits hold. In the person's
    quiet hours a message waits for the morning, unless that would be too late for the rungs that are left.
    """
    step = _climb(person, attempts, ladder, now=now, deadline=deadline)
    if not isinstance(step, Send) or person.night is None:
        return step
    rungs = usable(person, ladder)
    place = next(place for place, rung in enumerate(rungs) if rung.channel is step.channel)
    morning = morning_for(person.night, rungs[place:], now=now, deadline=deadline)
    return step if morning is None else Wait(morning)


def usable(person: Rungs, ladder: Sequence[Rung]) -> tuple[Rung, ...]:
    """The rungs on which this person can be told, in order."""
    channels = person.channels - person.excluded
    return tuple(rung for rung in ladder if rung.channel in channels and _may_use(person, rung.channel))


def standing(person: Rungs, ladder: Sequence[Rung]) -> tuple[int, ...]:
    """Where a person stands in the queue, the smallest first: whoever has the fewest ways to be told starts early.

    A single route leaves nothing to fall back on, so that its retries need the time.
    """
    rungs = usable(person, ladder)
    return (len(rungs), *(-rung.tries for rung in rungs), person.seed or 0)


def patience(left: Sequence[Rung], since: DateTime, deadline: DateTime | None) -> timedelta:
    """How long the first of the rungs `left` waits for an answer, counted from its attempt at `since`.

    Its own wait, where all waits that are left fit before the deadline; else its part of the time that there is.
    """
    wait = left[0].wait
    if deadline is None:
        return wait
    if since >= deadline:
        return min(wait, LATE_WAIT)
    asked, there = sum((rung.wait for rung in left), timedelta(0)), deadline - since
    return wait if asked <= there else timedelta(seconds=there.total_seconds() * (wait / asked))


def morning_for(night: Night, left: Sequence[Rung], *, now: DateTime, deadline: DateTime | None) -> DateTime | None:
    """Until when a message on the first of the rungs `left` waits for the end of quiet hours; None: it goes now.

    It does not wait where the morning leaves too little time for these rungs, with their retries, before the deadline.
    """
    morning = night.until(left[0].channel, now)
    if morning is None or deadline is None:
        return morning
    needed = timedelta(0)
    for rung in left:
        needed += min(rung.wait, LATE_WAIT)
        needed += sum((backoff(tries, rung.retry_after) for tries in range(1, rung.tries)), timedelta(0))
    return None if morning + min(needed, LONGEST_BACKOFF * len(left)) > deadline else morning


def _climb(
    person: Rungs, attempts: Iterable[Attempt], ladder: Sequence[Rung], *, now: DateTime, deadline: DateTime | None
) -> Step:
    made = {attempt.channel: attempt for attempt in sorted(attempts, key=lambda attempt: attempt.since)}
    for attempt in made.values():
        if attempt.outcome is Outcome.DELIVERED:
            return Settle(Verdict.DELIVERED, attempt.channel)
    for attempt in made.values():
        if attempt.outcome is Outcome.CLAIMED and attempt.claim_until is not None:
            return Wait(attempt.claim_until if attempt.claim_until > now else now + RECHECK)
    reachable = [rung for rung in ladder if rung.channel in person.channels - person.excluded]
    rungs = [rung for rung in reachable if _may_use(person, rung.channel) or rung.channel in made]
    if not rungs and not made:
        return Settle(Verdict.HELD if reachable else Verdict.NO_ADDRESS)
    for place, rung in enumerate(rungs):
        attempt_or_none = made.get(rung.channel)
        step = _stand_on(rungs[place:], attempt_or_none, seed=person.seed, now=now, deadline=deadline)
        if step is not None and not (isinstance(step, Send) and not _may_use(person, rung.channel)):
            return step
    untried = any(rung.channel not in made for rung in reachable)
    return _at_the_end(person, rungs, made, untried=untried, now=now, deadline=deadline)


def _may_use(person: Rungs, channel: Channel) -> bool:
    return person.allowed is None or channel in person.allowed


def _stand_on(
    left: Sequence[Rung], attempt: Attempt | None, *, seed: int | None, now: DateTime, deadline: DateTime | None
) -> Step | None:
    """What to do on the first rung of `left`, or None to climb on; the others are above it."""
    if attempt is None:
        return Send(left[0].channel)
    if attempt.outcome.failed:
        return None
    if attempt.given_back:
        return _try_again(left, attempt, seed=seed, now=now, deadline=deadline)
    return _await_word(left, attempt, now=now, deadline=deadline)


def _await_word(
    left: Sequence[Rung], attempt: Attempt, *, now: DateTime, deadline: DateTime | None
) -> Wait | Settle | None:
    """Give a receipt, a bounce or a doubt its time; then settle, if this rung settles on what is known, or climb on."""
    until = attempt.since + patience(left, attempt.since, deadline)
    if now < until:
        return Wait(until)
    if attempt.outcome is Outcome.ACCEPTED and left[0].settles_on is SettlesOn.ACCEPTED:
        return Settle(Verdict.UNCONFIRMED, left[0].channel)
    return None


def _try_again(
    left: Sequence[Rung], attempt: Attempt, *, seed: int | None, now: DateTime, deadline: DateTime | None
) -> Step | None:
    """Try once more where nothing left the house, if the rung's tries and its share of the time allow it."""
    rung = left[0]
    if attempt.tries >= rung.tries:
        return None
    again_at = attempt.again_at(rung.retry_after, seed=seed)
    if len(left) > 1 and again_at > attempt.since + _share(attempt.since, len(left), deadline):
        return None
    return Send(rung.channel) if again_at <= now else Wait(again_at)


def _share(since: DateTime, left: int, deadline: DateTime | None) -> timedelta:
    """How long a rung may stand still because its provider is not there: an hour, or its equal share of the time."""
    longest = LONGEST_BACKOFF * (1 + JITTER)
    if deadline is None:
        return longest
    return LATE_WAIT if since >= deadline else min(longest, (deadline - since) / left)


def _at_the_end(
    person: Rungs,
    rungs: Sequence[Rung],
    made: Mapping[Channel, Attempt],
    *,
    untried: bool,
    now: DateTime,
    deadline: DateTime | None,
) -> Step:
    """The top of the ladder: the best that is known of any rung."""
    for outcome, verdict in ((Outcome.ACCEPTED, Verdict.UNCONFIRMED), (Outcome.UNKNOWN, Verdict.UNCERTAIN)):
        for attempt in made.values():
            if attempt.outcome is outcome:
                return Settle(verdict, attempt.channel, attempt.reason)
    in_time = deadline is not None and now < deadline
    again = {
        rung.channel: made[rung.channel].again_at(rung.retry_after, seed=person.seed)
        for rung in rungs
        if rung.channel in made and made[rung.channel].given_back and _may_use(person, rung.channel)
        if in_time or made[rung.channel].tries < TRIES_IN_ALL
    }
    if again:
        first = min(again, key=lambda channel: again[channel])  # a provider that is down is no word about the person
        if again[first] <= now:
            return Send(first)
        return Wait(min(again[first], deadline) if in_time and deadline is not None else again[first])
    # An address that no provider may use for this place has not failed: a marked provider can still reach it.
    return Settle(Verdict.HELD) if untried else _failed(made.values())


def _failed(made: Iterable[Attempt]) -> Settle:
    """All failed: a refusal that is not about the address is told apart, for the address lives."""
    reasons = [attempt.reason or UNAVAILABLE for attempt in made]
    refused = [
        attempt.reason for attempt in made if attempt.outcome is Outcome.REFUSED and attempt.reason in NOT_THE_ADDRESS
    ]
    if refused:
        return Settle(Verdict.REFUSED, reason=refused[-1])
    return Settle(Verdict.UNREACHABLE, reason=reasons[-1] if reasons else None)
