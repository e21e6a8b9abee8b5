"""The pieces of a regime: where a statement stands, when clocks start, how long they run, what lifts a duty."""

import re
from datetime import date
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from tocsin import periods, places, vocabulary
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
    known; such a date is shown beside an undetermined duty, never as settled.
    """

    at: Anchor | None = None
    or_: tuple[Anchor, ...] = Field(default=(), alias="or")
    provisional: tuple[Anchor, ...] = ()
    event: Event | None = None
    duty: DutyRef | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.at is None) == (self.event is None):
            raise ValueError("must name either `at` (a time of the facts) or `event` (an act)")
        if self.event in {"filed", "extension-filed"} and self.duty is None:
            raise ValueError(f"is `{self.event}` without `duty`: name the duty that was filed")
        return self


class Clock(Strict):
    """One period: from a start, so long, counted by a rule."""

    starts: Starts
    within: Period
    rule: RuleName

    @model_validator(mode="after")
    def _countable(self) -> Self:
        import pendulum

        try:
            # Only the unit is tried, so the day does not matter.
            periods.count(pendulum.datetime(2026, 1, 5), self.within, rule=self.rule)
        except Invalid as error:
            raise ValueError(f"cannot be counted: {str(error).rstrip('.')}") from None
        return self


class Exemption(Cited):
    """What lifts a duty."""

    when: Any
    because: Text


class HoldRule(Cited):
    """Whose request stays a duty, and what is owed once the hold ends."""

    by: tuple[Slug, ...] = ("law-enforcement",)
    written: bool = False
    then: Text | None = None  # the statute's words where the time after the hold has no number
    then_within: Period | None = None
    then_rule: RuleName = "calendar-days"


class Substitute(Cited):
    """Another way to tell people, allowed or due under a condition."""

    when: Any
    channels: tuple[Text, ...]
    note: Text | None = None


class Extension(Cited):
    """A longer period, once its ground was filed in time."""

    within: Period
    grounds: Text


Take = Literal["earliest", "latest"]
