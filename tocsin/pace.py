"""How fast a channel is and what becomes of its messages: measured, or assumed and said so."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from itertools import pairwise

from pendulum import DateTime

from tocsin.delivery import Channel, Outcome
from tocsin.ladder import AttemptRow

LATELY = timedelta(minutes=15)
LONGEST_GAP = timedelta(minutes=10)  # two batches further apart were not sent one after the other
FULL = 100  # a smaller batch says how many people were due, and nothing of how fast they could have been told
RIPE = timedelta(minutes=10)  # a younger message may still get its receipt
ASSUMED_PER_SECOND = 10.0
_WEIGHT_OF_ASSUMPTION = 20  # so many messages' worth, so that the first ten receipts do not decide the forecast
_ASSUMED_DELIVERED = {Channel.PUSH: 0.6, Channel.EMAIL: 0.0, Channel.SMS: 0.8, Channel.PHONE: 0.5}
_ASSUMED_FAILED = {Channel.PUSH: 0.1, Channel.EMAIL: 0.05, Channel.SMS: 0.05, Channel.PHONE: 0.2}
_ASSUMED_LAGS = (2.0, 5.0, 10.0, 30.0, 120.0)


class Basis(StrEnum):
    """Where a speed comes from."""

    MEASURED = "measured"
    LIMIT = "limit"  # nothing was measured lately: the limit in the settings
    ASSUMED = "assumed"  # neither measured nor limited


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What a batch handed to providers by `at`, by channel."""

    at: DateTime
    messages: Mapping[Channel, int]

    @classmethod
    def of(cls, at: DateTime, entry: Mapping[str, object]) -> "Batch":
        """A batch from its ledger entry, which counts by `channel:outcome`."""
        counts: dict[Channel, int] = {}
        for name, count in entry.items():
            channel, colon, _ = name.partition(":")
            if colon and isinstance(count, int) and channel in {member.value for member in Channel}:
                counts[Channel(channel)] = counts.get(Channel(channel), 0) + count
        return cls(at=at, messages=counts)


@dataclass(frozen=True, kw_only=True)
class Pace:
    """One channel. `delivered` and `failed` are shares of its messages; `lags` are seconds to a receipt, sorted."""

    channel: Channel
    per_second: float
    basis: Basis
    limit: float | None
    delivered: float
    failed: float
    lags: tuple[float, ...] = _ASSUMED_LAGS

    def lag(self, share: float) -> float:
        """Within how many seconds this share of receipts comes."""
        return self.lags[min(int(share * len(self.lags)), len(self.lags) - 1)]

    def still_delivered(self, age: timedelta) -> float:
        """The share of messages without a receipt at this age that will get one."""
        come = self.delivered * bisect_right(self.lags, age.total_seconds()) / len(self.lags)
        return (self.delivered - come) / (1 - come) if come < 1 else 0.0


def measure(
    channel: Channel, *, batches: Sequence[Batch], attempts: Iterable[AttemptRow], limit: float | None, now: DateTime
) -> Pace:
    """The pace of a channel from the latest batches, oldest first, and from a sample of its attempts."""
    measured = _per_second(channel, batches, now)
    mine = [attempt for attempt in attempts if attempt.channel == channel]
    ripe = [Outcome(one.outcome) for one in mine if _is_ripe(one, now)]
    assumed = _WEIGHT_OF_ASSUMPTION
    delivered = ripe.count(Outcome.DELIVERED) + assumed * _ASSUMED_DELIVERED[channel]
    failed = sum(1 for outcome in ripe if outcome.failed) + assumed * _ASSUMED_FAILED[channel]
    lags = sorted(
        (one.settled_at - one.claimed_at).total_seconds()
        for one in mine
        if one.outcome == Outcome.DELIVERED and one.settled_at is not None
    )
    return Pace(
        channel=channel,
        per_second=measured or limit or ASSUMED_PER_SECOND,
        basis=Basis.MEASURED if measured else Basis.LIMIT if limit else Basis.ASSUMED,
        limit=limit,
        delivered=delivered / (len(ripe) + assumed),
        failed=failed / (len(ripe) + assumed),
        lags=tuple(lags) if len(lags) >= len(_ASSUMED_LAGS) else _ASSUMED_LAGS,
    )


def _per_second(channel: Channel, batches: Sequence[Batch], now: DateTime) -> float | None:
    """Messages a second while there was work: over full batches that followed another one."""
    messages, seconds = 0, 0.0
    for before, batch in pairwise(batches):
        gap = batch.at - before.at
        if batch.at < now - LATELY or gap > LONGEST_GAP or sum(batch.messages.values()) < FULL:
            continue
        if batch.messages.get(channel):
            messages += batch.messages[channel]
            seconds += gap.total_seconds()
    return messages / seconds if messages and seconds > 0 else None


def _is_ripe(attempt: AttemptRow, now: DateTime) -> bool:
    if attempt.outcome == Outcome.CLAIMED:
        return False
    return Outcome(attempt.outcome) is not Outcome.ACCEPTED or attempt.claimed_at <= now - RIPE
