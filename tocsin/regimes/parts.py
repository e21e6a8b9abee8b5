"""The pieces of a regime: where a statement stands, when clocks start, how long they run, what lifts a duty."""

import re
from datetime import date, time
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from tocsin import periods, places, vocabulary, workdays
from tocsin.complaints import Strict
from tocsin.errors import Invalid
from tocsin.facts.fields import Event, Text, one_of
from tocsin.facts.model import Times

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=80)]
DutyKey = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]*|[a-z0-9-]*\{place\})$", max_length=80)]
DutyRef = Annotated[str, StringConstraints(pattern=r"^([a-z0-9-]+/)?[A-Za-z0-9-]+$", max_length=120)]
SEAT: Final = "organisation.seat"
EACH: Final = "each"


def _day(value: Any) -> date:
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise ValueError("must be a day such as 2026-01-01")


def _group_or_place(value: str) -> str:
    return value if value in places.GROUPS or value == "*" else places.check(value)


def _counting_place(value: str) -> str:
    return value if value in {SEAT, EACH} else places.check(value)


def _period(value: Any) -> Any:
    if isinstance(value, periods.Within):
        return value
    if not isinstance(value, dict) or len(value) != 1:
        raise ValueError("must be one number of one unit, such as {hours: 72}")
    ((unit, number),) = value.items()
    if unit not in periods.UNITS or isinstance(number, bool) or not isinstance(number, int) or number <= 0:
        raise ValueError(f"must be a whole number of {', '.join(periods.UNITS)}")
    return periods.Within(number=number, unit=unit)


def _time(value: Any) -> Any:
    if isinstance(value, str) and re.fullmatch(r"\d{2}:\d{2}", value):
        try:
            return time.fromisoformat(value)
        except ValueError:
            pass
    raise ValueError('must be a local time such as "12:00"')


def _day_of_year(value: Any) -> tuple[int, int]:
    if isinstance(value, str) and re.fullmatch(r"\d{2}-\d{2}", value):
        try:
            day = date.fromisoformat(f"2025-{value}")
        except ValueError:
            pass
        else:
            return day.month, day.day
    raise ValueError('must be a day of the year such as "02-01"')


def _closed(value: Any) -> Any:
    return workdays.closed(value) if isinstance(value, str) else value


def _link(value: str) -> str:
    if re.fullmatch(r"https?://[^\s/]+\.[^\s]+", value) is None:
        raise ValueError("must be a link such as https://eur-lex.europa.eu/...")
    return value


Day = Annotated[date, BeforeValidator(_day)]
Scope = Annotated[str, AfterValidator(_group_or_place)]
CountingPlace = Annotated[str, AfterValidator(_counting_place)]
Period = Annotated[periods.Within, BeforeValidator(_period)]
RuleName = Annotated[str, one_of(tuple(periods.RULES))]
Anchor = Annotated[str, one_of(tuple(Times.model_fields))]
Confidence = Annotated[str, one_of(vocabulary.CONFIDENCES)]
Link = Annotated[str, AfterValidator(_link)]
LocalTime = Annotated[time, BeforeValidator(_time)]
DayOfYear = Annotated[tuple[int, int], BeforeValidator(_day_of_year)]
ClosedDays = Annotated[workdays.Closed, BeforeValidator(_closed)]


class Source(Strict):
    """A text that was read: what it is, where it stands, on which day it was read, and how sure the reading is."""

    title: Text
    link: Link | None = None
    read_on: Day
    confidence: Confidence


class Cited(Strict):
    """A statement with its place in the law; `source` names one of the regime's sources."""

    citation: Text
    source: Slug
    confidence: Confidence | None = None


class InForce(Strict):
    """The first and the last day of a version of the law; None is open."""

    from_: Day | None = Field(default=None, alias="from")
    until: Day | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.from_ is not None and self.until is not None and self.from_ > self.until:
            raise ValueError("has `from` after `until`")
        return self

    def covers(self, day: date) -> bool:
        """Whether this version was the law on that day."""
        return (self.from_ is None or self.from_ <= day) and (self.until is None or day <= self.until)


class Starts(Strict):
    """When a clock starts: at a fact (with the facts that stand in for it), or at an act of our own.

    `or` is what the law itself accepts in its place. `provisional` gives an early bound while the true start is not
    known; such a date is shown beside an undetermined duty, never as settled. `year_end` waits for the end of the
    calendar year; `last` takes the latest of several such acts.
    """

    at: Anchor | None = None
    or_: tuple[Anchor, ...] = Field(default=(), alias="or")
    provisional: tuple[Anchor, ...] = ()
    event: Event | None = None
    duty: DutyRef | None = None
    last: bool = False
    year_end: bool = False

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.at is None) == (self.event is None):
            raise ValueError("must name either `at` (a time of the facts) or `event` (an act)")
        if self.event in {"filed", "extension-filed"} and self.duty is None:
            raise ValueError(f"is `{self.event}` without `duty`: name the duty that was filed")
        if self.last and self.event is None:
            raise ValueError("has `last` beside a time of the facts: only an act can be repeated")
        return self


class Clock(Strict):
    """One period: from a start, so long, counted by a rule; or to a day of the year (`by`)."""

    starts: Starts
    within: Period | None = None
    rule: RuleName | None = None
    by: DayOfYear | None = None
    first_day: Literal["counted"] | None = None
    roll: Annotated[str, one_of(periods.ROLLS)] | None = None
    ends: LocalTime | None = None
    closed: tuple[ClosedDays, ...] = ()
    when: Any = None  # the clock counts only where this condition is not false
    only_if_open_at: Anchor | None = None  # the limit counts only if it had not passed at that time of the facts

    @property
    def manner(self) -> periods.Manner:
        """Where it departs from its rule."""
        return periods.Manner(
            first_day_counted=self.first_day is not None, roll=self.roll, ends=self.ends, closed=self.closed
        )

    def __str__(self) -> str:
        if self.by is not None:
            return f"by {self.by[1]:02}.{self.by[0]:02}."
        return f"{self.within} from {self.starts.at or self.starts.event} ({self.rule})"

    @model_validator(mode="after")
    def _countable(self) -> Self:
        counted = self.within is not None or self.rule is not None or self.manner != periods.USUAL
        if self.by is not None and counted:
            raise ValueError("has `by`, a day of the year, beside a period or how it is counted: keep one")
        if self.by is None and (self.within is None or self.rule is None):
            raise ValueError("must have `within` and `rule`, or `by` with a day of the year")
        if self.within is not None and self.rule is not None:
            try:
                periods.check(self.within, self.rule, self.manner)
            except Invalid as error:
                raise ValueError(f"cannot be counted: {str(error).rstrip('.')}") from None
        return self


class Exemption(Cited):
    """What lifts a duty."""

    when: Any
    because: Text


class Reading(Cited):
    """How others read a disputed point; where it gives an earlier date, people work to that."""

    says: Text
    clock: Clock | None = None


class HoldRule(Cited):
    """Whose request stays a duty, and what is owed once the hold ends."""

    by: tuple[Slug, ...] = ("law-enforcement",)
    written: bool = False
    oral_lasts: Period | None = None  # a request that is not in writing stays the duty no longer than this
    then: Text | None = None  # the statute's words where the time after the hold has no number
    then_within: Period | None = None
    then_rule: RuleName = "calendar-days"
    then_only_if_past: bool = False  # that time is given only where the ordinary day had passed when the hold ended


class Substitute(Cited):
    """Another way to tell people, allowed or due under a condition; `posted_for` is how long it must stay up."""

    when: Any
    channels: tuple[Text, ...]
    posted_for: Period | None = None
    note: Text | None = None


class Extension(Cited):
    """A longer period, once its ground was filed in time; without a number where the law has none."""

    within: Period | None = None
    grounds: Text


Take = Literal["earliest", "latest"]
