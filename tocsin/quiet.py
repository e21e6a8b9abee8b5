"""Quiet hours: when a channel that rings or buzzes is left alone, on the clock of the person's own place.

Which hours are quiet is the plan's word. A model is 47 CFR 64.1200(c)(1), which keeps telephone sellers to 8 a.m. to
9 p.m. "local time at the called party's location"; a legal notice is no sales call, so the deadline comes first (see
`tocsin.ladder.decide`). Nothing here asks the clock.
"""

import re
from dataclasses import dataclass
from datetime import time
from functools import lru_cache
from typing import Annotated, Any, Self

import pendulum
from pendulum import DateTime
from pydantic import BeforeValidator, Field, PlainSerializer, model_validator

from tocsin.complaints import Strict
from tocsin.delivery import Channel

_SHAPE = re.compile(r"(?P<hour>[01]?\d|2[0-3]):(?P<minute>[0-5]\d)")
_MINUTES_A_DAY = 24 * 60
# E-mail waits silently in its mailbox; the others make a noise beside the bed.
NOISY = (Channel.PUSH, Channel.SMS, Channel.PHONE)


def _clock_time(value: Any) -> time:
    """A time of day from `"21:00"`; YAML 1.1 reads an unquoted 21:00 as the number 21 x 60, which is taken as meant."""
    if isinstance(value, time):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MINUTES_A_DAY:
        return time(*divmod(value, 60))
    found = _SHAPE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError('must be a time of day such as "21:00"')
    return time(int(found["hour"]), int(found["minute"]))


ClockTime = Annotated[time, BeforeValidator(_clock_time), PlainSerializer(lambda at: at.strftime("%H:%M"))]


class Hours(Strict):
    """The quiet hours of a plan: from `begins` to `ends`, over midnight where it ends earlier than it begins."""

    begins: ClockTime
    ends: ClockTime
    channels: tuple[Channel, ...] = Field(default=NOISY, min_length=1)

    @model_validator(mode="after")
    def _leave_some_of_the_day(self) -> Self:
        if self.begins == self.ends:
            raise ValueError("begins when it ends: leave `quiet` out, or write two different times")
        return self


@dataclass(frozen=True)
class Night:
    """Quiet hours on the clock of one IANA zone."""

    hours: Hours
    zone: str

    def until(self, channel: Channel, now: DateTime) -> DateTime | None:
        """When the channel may be used again, in UTC; None where it may be used now."""
        return _end(self.hours.begins, self.hours.ends, self.zone, now) if channel in self.hours.channels else None


@lru_cache(maxsize=1024)  # a batch asks for one instant and few zones
def _end(begins: time, ends: time, zone: str, now: DateTime) -> DateTime | None:
    here = now.in_timezone(zone)
    clock = here.time().replace(tzinfo=None)
    overnight = ends < begins
    if not (clock >= begins or clock < ends if overnight else begins <= clock < ends):
        return None
    day = here.date().add(days=1) if overnight and clock >= begins else here.date()
    # A time that the clock jumps over, or shows twice, is taken as the later instant: nobody is woken for the hour.
    end = pendulum.datetime(day.year, day.month, day.day, ends.hour, ends.minute, tz=zone)
    return end.in_timezone("UTC")
