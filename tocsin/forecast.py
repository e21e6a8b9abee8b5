"""Will the deadline hold? When everybody is told, how many would be told too late, and what would help most.

A forecast is a number with its reasons: which speeds it rests on, where they come from, what limits. It promises
nothing, and it says what it had to assume.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import Any

from pendulum import DateTime

from tocsin import outflow
from tocsin.delivery import Channel
from tocsin.outflow import Cohort, Outflow
from tocsin.pace import Basis, Pace

_HALF = 0.5  # less than half a person is nobody
_MOST_FASTER = 4096.0
_AT_ITS_LIMIT = 0.8  # a channel that runs at so much of its limit is held back by it
_MARGIN = 0.05  # a forecast that was bad is good again when this share of the time left is to spare


class Help(StrEnum):
    """What would help."""

    RAISE_LIMIT = "raise-limit"
    SEND_FASTER = "send-faster"
    START_CALLS = "start-calls"
    CLIMB_NOW = "climb-now"
    PUBLISH = "publish"


@dataclass(frozen=True, kw_only=True)
class Advice:
    """One thing that would help: `people` more are told in time by it. `per_second` is the speed that is needed."""

    help: Help
    people: int
    sentence: str
    channel: Channel | None = None
    per_second: float | None = None


@dataclass(frozen=True, kw_only=True)
class Line:
    """One channel: messages still to be sent, how fast, and until when."""

    pace: Pace
    messages: int
    busy_until: DateTime


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """What becomes of the people without a verdict, as far as it can be foreseen at `at`.

    `holds` is None without a deadline. `late` are people with a message that would leave after it, `unreached` those
    on whom every channel would fail. `last_message` and `done` (everybody has a verdict) are None when nothing is left.
    """

    at: DateTime
    open: int
    deadline: DateTime | None
    last_message: DateTime | None
    done: DateTime | None
    late: int
    unreached: int
    lines: tuple[Line, ...]
    advice: tuple[Advice, ...]

    @property
    def holds(self) -> bool | None:
        """Whether every message leaves before the deadline."""
        return None if self.deadline is None else self.late == 0

    @property
    def sentence(self) -> str:
        """The forecast in one line."""
        if not self.open:
            return "Nobody is left to tell."
        if self.last_message is None:
            end = f"No message is left to send to the {self.open:,} people without a verdict"
        else:
            end = f"The last message to {self.open:,} people leaves about {shown(self.last_message)}"
        if self.deadline is None:
            return f"{end}; there is no deadline."
        if self.late == 0:
            left = self.deadline - (self.last_message or self.at)
            return f"{end}; the deadline {shown(self.deadline)} holds, {_span(left)} to spare."
        best = f" {self.advice[0].sentence}" if self.advice else ""
        return f"{end}; {self.late:,} would be told after the deadline {shown(self.deadline)}.{best}"

    @property
    def reasons(self) -> tuple[str, ...]:
        """What the forecast rests on, one sentence a channel, the one that takes longest first."""
        return tuple(_reason(line) for line in sorted(self.lines, key=lambda line: line.busy_until, reverse=True))

    def document(self) -> dict[str, Any]:
        """The forecast as JSON-able values: counts and times only."""
        return {
            "at": self.at.isoformat(),
            "open": self.open,
            "deadline": _text(self.deadline),
            "holds": self.holds,
            "last_message": _text(self.last_message),
            "done": _text(self.done),
            "late": self.late,
            "unreached": self.unreached,
            "sentence": self.sentence,
            "reasons": list(self.reasons),
            "channels": [_line_document(line) for line in self.lines],
            "advice": [
                {
                    "help": one.help.value,
                    "channel": one.channel and one.channel.value,
                    "per_second": one.per_second,
                    "people": one.people,
                    "sentence": one.sentence,
                }
                for one in self.advice
            ],
        }

    def is_bad(self, *, was_bad: bool) -> bool:
        """Whether to call it bad; what was bad is good again only with time to spare, so that it does not flicker."""
        if self.holds is None or not self.open:
            return False
        if self.late or not was_bad or self.deadline is None or self.last_message is None:
            return self.late > 0
        return self.last_message > self.deadline - (self.deadline - self.at) * _MARGIN


def foresee(
    cohorts: Sequence[Cohort], paces: Mapping[Channel, Pace], *, now: DateTime, deadline: DateTime | None
) -> Forecast:
    """The forecast for these people at these speeds."""
    flow = outflow.simulate(cohorts, paces, now=now, deadline=deadline)
    lines = tuple(
        Line(pace=paces[channel], messages=_people(flow.messages[channel]), busy_until=flow.busy_until[channel])
        for channel in Channel
        if flow.messages.get(channel, 0.0) >= _HALF
    )
    return Forecast(
        at=now,
        open=_people(sum(cohort.people for cohort in cohorts)),
        deadline=deadline,
        last_message=flow.last_message,
        done=flow.done,
        late=_people(flow.late),
        unreached=_people(flow.unreached),
        lines=lines,
        advice=_advice(cohorts, paces, flow, now=now, deadline=deadline),
    )


def shown(at: DateTime) -> str:
    """A time for people, in UTC to the minute."""
    return at.in_timezone("UTC").format("YYYY-MM-DD HH:mm [UTC]")


def _people(number: float) -> int:
    return math.floor(number + _HALF)


def _advice(
    cohorts: Sequence[Cohort],
    paces: Mapping[Channel, Pace],
    flow: Outflow,
    *,
    now: DateTime,
    deadline: DateTime | None,
) -> tuple[Advice, ...]:
    """What would help most, first; nothing where nobody would be late or unreached."""
    found: list[Advice] = []
    if flow.late >= _HALF and deadline is not None:
        found += [
            one
            for channel in paces
            if flow.messages.get(channel, 0.0) >= _HALF
            and (one := _faster(cohorts, paces, flow, channel, now=now, deadline=deadline))
        ]
        hurried = _climb_now(cohorts, paces, flow, now=now, deadline=deadline)
        found += [hurried] if hurried else []
    found.sort(key=lambda one: (-one.people, one.help.value, one.channel or ""))
    left = _people(flow.unreached + max(flow.late - max((one.people for one in found), default=0), 0))
    if left:
        sentence = f"Publish the announcement: about {left:,} people would not be told alone in time or at all."
        found.append(Advice(help=Help.PUBLISH, people=left, sentence=sentence))
    return tuple(found)


def _faster(
    cohorts: Sequence[Cohort],
    paces: Mapping[Channel, Pace],
    flow: Outflow,
    channel: Channel,
    *,
    now: DateTime,
    deadline: DateTime,
) -> Advice | None:
    """How much faster a channel must be, if being faster helps: the least factor that saves what can be saved."""

    def late(factor: float) -> float:
        quicker = outflow.faster(paces, channel, factor)
        return outflow.simulate(cohorts, quicker, now=now, deadline=deadline).late

    best = late(_MOST_FASTER)
    saved = _people(flow.late - best)
    if not saved:
        return None
    low, high = 1.0, _MOST_FASTER
    while high / low > 1.05:
        middle = math.sqrt(low * high)
        low, high = (low, middle) if late(middle) <= best + _HALF else (middle, high)
    pace = paces[channel]
    needed = _rounded_up(pace.per_second * high)
    limited = pace.limit is not None and pace.per_second >= _AT_ITS_LIMIT * pace.limit
    help_, act = (Help.RAISE_LIMIT, "Raise the limit of") if limited else (Help.SEND_FASTER, "Send faster by")
    speeds = f"{needed:g} a second instead of {pace.per_second:.3g}"
    sentence = f"{act} {channel.value}, {speeds}: {saved:,} more people are told in time."
    return Advice(help=help_, channel=channel, per_second=needed, people=saved, sentence=sentence)


def _climb_now(
    cohorts: Sequence[Cohort], paces: Mapping[Channel, Pace], flow: Outflow, *, now: DateTime, deadline: DateTime
) -> Advice | None:
    """What is saved when nobody waits for receipts before the next channel, calls included."""
    hurried = [
        replace(
            cohort,
            ready=now if cohort.pending is not None else cohort.ready,
            night=None,
            rungs=tuple(rung.model_copy(update={"wait": timedelta(0)}) for rung in cohort.rungs),
        )
        for cohort in cohorts
    ]
    saved = _people(flow.late - outflow.simulate(hurried, paces, now=now, deadline=deadline).late)
    if saved <= 0:
        return None
    calls = flow.messages.get(Channel.PHONE, 0.0) >= _HALF
    what = "Start calls and the other later channels now" if calls else "Start the later channels now"
    sentence = f"{what}, without waiting for receipts or the morning: {saved:,} more people are told in time."
    return Advice(help=Help.START_CALLS if calls else Help.CLIMB_NOW, people=saved, sentence=sentence)


def _rounded_up(number: float) -> float:
    """To two figures, upwards: 2.34 becomes 2.4 and 2,345 becomes 2,400."""
    unit = 10.0 ** (math.floor(math.log10(number)) - 1)
    return round(math.ceil(number / unit - 1e-9) * unit, 6)


def _reason(line: Line) -> str:
    pace = line.pace
    speed = {
        Basis.MEASURED: "as measured lately",
        Basis.LIMIT: "its limit, for nothing was measured lately",
        Basis.ASSUMED: "assumed, for nothing was measured yet",
    }[pace.basis]
    shares = f"{pace.delivered:.0%} get a receipt, half of them within {pace.lag(0.5):.0f} s, {pace.failed:.0%} fail"
    return (
        f"{pace.channel.value}: {line.messages:,} messages at {pace.per_second:.3g} a second ({speed}) until "
        f"{shown(line.busy_until)}; {shares}."
    )


def _line_document(line: Line) -> dict[str, Any]:
    return {
        "channel": line.pace.channel.value,
        "messages": line.messages,
        "per_second": round(line.pace.per_second, 3),
        "basis": line.pace.basis.value,
        "limit_per_second": line.pace.limit,
        "busy_until": line.busy_until.isoformat(),
        "delivered_share": round(line.pace.delivered, 4),
        "failed_share": round(line.pace.failed, 4),
        "receipt_lag_seconds": {"p50": line.pace.lag(0.5), "p90": line.pace.lag(0.9)},
    }


def _text(at: DateTime | None) -> str | None:
    return at.isoformat() if at else None


def _span(length: timedelta) -> str:
    hours = length.total_seconds() / 3600
    return f"{hours / 24:.0f} days" if hours >= 72 else f"{hours:.0f} h" if hours >= 1 else f"{hours * 60:.0f} min"
