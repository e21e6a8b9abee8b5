"""The `watch` part of a plan as it is written: when people are warned of a duty, and who."""

from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from tocsin.complaints import Strict
from tocsin.durations import DurationText, ExactDuration, parse
from tocsin.facts.fields import Text
from tocsin.quiet import ClockTime
from tocsin.zones import Zone

SHORTEST = timedelta(minutes=1)  # the watch looks every minute
Percent = Annotated[int, Field(ge=1, le=99)]


def _minute_at_least(written: timedelta) -> timedelta:
    if written < SHORTEST:
        raise ValueError("must be a minute at least: the watch looks once a minute")
    return written


def _longer_than_nothing(written: str) -> str:
    _minute_at_least(parse(written))
    return written


Before = Annotated[DurationText, AfterValidator(_longer_than_nothing)]
Interval = Annotated[ExactDuration, AfterValidator(_minute_at_least)]
Names = Annotated[tuple[Annotated[Text, StringConstraints(max_length=80)], ...], Field(min_length=1)]


class After(Strict):
    """A warning again and again once the due time has passed, until somebody acknowledges it."""

    every: Interval


class Owner(Strict):
    """Who is warned first of the duties that fit: by audience, or by a pattern over the duty's name (`eu-*/*`)."""

    people: Names
    audience: Text | None = None
    duty: Text | None = None

    @model_validator(mode="after")
    def _of_something(self) -> Self:
        if self.audience is None and self.duty is None:
            raise ValueError("names neither `audience` nor `duty`: put who is warned of everything under `people`")
        return self

    def fits(self, *, key: str, audience: str) -> bool:
        """Whether a duty is theirs."""
        return self.audience in {None, audience} and (self.duty is None or fnmatchcase(key, self.duty))


class QuietHours(Strict):
    """When nobody is woken, on each person's own clock, unless the due time would pass meanwhile."""

    begins: ClockTime
    ends: ClockTime

    @model_validator(mode="after")
    def _leave_some_of_the_day(self) -> Self:
        if self.begins == self.ends:
            raise ValueError("begins when it ends: leave `quiet` out, or write two different times")
        return self


class Digest(Strict):
    """One message a morning to each person; the percentages that it `gathers` are not sent by themselves."""

    at: ClockTime
    zone: Zone
    gathers: tuple[Percent, ...] = ()


class WatchText(Strict):
    """When people are warned, and in which order who is."""

    warn_at: tuple[Percent, ...] = (50, 75, 90)
    before: tuple[Before, ...] = ()
    after: After | None = None
    people: Names = ("responders",)
    owners: tuple[Owner, ...] = ()
    escalate_after: Interval | None = None
    quiet: QuietHours | None = None
    digest: Digest | None = None

    @model_validator(mode="after")
    def _gathered_is_warned_at(self) -> Self:
        gathered = set(self.digest.gathers if self.digest else ())
        if strange := sorted(gathered - set(self.warn_at)):
            raise ValueError(f"`digest.gathers` names {strange[0]}, which is not under `warn_at`")
        return self
