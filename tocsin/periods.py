"""Counting periods as laws count them: named rules, each with its unit kept and its derivation in words.

Three days are not seventy-two hours, so a period keeps its unit. `due` is the last instant still in time in the zone of
the place: the instant itself for hours, 23:59:59 for whole days. `target` is the exact count from the start (for hours:
elapsed time; for days: the nominal last day, before weekends and holidays move it), never later than `due`.

A rule says how a family of laws counts; a `Manner` says where one statute departs from it.
"""

import re
from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, time, timedelta
from itertools import islice
from types import MappingProxyType
from typing import Any, Final

import pendulum
from pendulum import DateTime

from tocsin import moments, places, vocabulary, workdays
from tocsin.errors import Invalid

UNITS: Final = ("hours", "days", "working-days", "weeks", "months", "years")
ROLLS: Final = ("next-working-day", "next-working-day-noon")
_WITHIN: Final = re.compile(r"(?P<number>\d{1,4})(?P<half>\.5)?\s*(?P<unit>[a-z][a-z -]*[a-z]|[hd])", re.IGNORECASE)
_UNIT_NAMES: Final = MappingProxyType(
    {
        **dict.fromkeys(("h", "hour", "hours", "clock hours"), "hours"),
        **dict.fromkeys(("d", "day", "days", "calendar day", "calendar days"), "days"),
        **dict.fromkeys(("working day", "working days", "business day", "business days", "wd", "bd"), "working-days"),
        **dict.fromkeys(("week", "weeks"), "weeks"),
        **dict.fromkeys(("month", "months"), "months"),
        **dict.fromkeys(("year", "years"), "years"),
    }
)
_LAST_SECOND: Final = time(23, 59, 59)
_NOON: Final = time(12)


@dataclass(frozen=True, kw_only=True)
class Within:
    """A number of one unit; the unit is law and is never converted. `half` adds half a month."""

    number: int
    unit: str
    half: bool = False

    def __str__(self) -> str:
        name = self.unit.replace("-", " ")
        return f"{self.number}{'.5' * self.half} {name[:-1] if self.number == 1 and not self.half else name}"


@dataclass(frozen=True, kw_only=True)
class Manner:
    """Where a statute departs from its rule: its first day, its last day, the hour at which that ends, shut offices."""

    first_day_counted: bool = False
    roll: str | None = None  # one of ROLLS
    ends: time | None = None  # local time on the last day; None is its last second
    closed: tuple[workdays.Closed, ...] = ()


USUAL: Final = Manner()


@dataclass(frozen=True, kw_only=True)
class Counted:
    """A period counted: its last instant, the instant to work to, and every step in words."""

    due: DateTime
    target: DateTime
    explained: tuple[str, ...]
    unmoved: DateTime | None = None  # `due` before it moved off a day on which nobody works

    def document(self) -> dict[str, Any]:
        """As `tocsin deadline --json` prints it."""
        return {"due": moments.text(self.due), "target": moments.text(self.target), "explained": list(self.explained)}


@dataclass(frozen=True, kw_only=True)
class Rule:
    """How a family of laws counts."""

    units: tuple[str, ...]
    european: bool = False  # Regulation (EEC, Euratom) No 1182/71, Art. 3
    working: bool = False  # every number is one of working days
    backwards: bool = False


RULES: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        "exact": Rule(units=("hours",)),
        "calendar-days": Rule(units=("days", "weeks", "months", "years")),
        "business-days": Rule(units=("days", "working-days"), working=True),
        "eu-1182-71": Rule(units=UNITS, european=True),
        "at-least-before": Rule(units=UNITS, backwards=True),
    }
)


def within(text: str) -> Within:
    """A period from words such as `72 hours`, `10 working days` or `1.5 months`; raises Invalid."""
    found = _WITHIN.fullmatch(text.strip())
    unit = _UNIT_NAMES.get(" ".join(re.split(r"[\s-]+", found["unit"].lower()))) if found else None
    half = bool(found and found["half"])
    if found is None or unit is None or (half and unit != "months") or (int(found["number"]) == 0 and not half):
        raise Invalid(
            "The period must be a number and a unit, such as `72 hours`, `10 working days`, `2 weeks` or `1 month`."
        )
    return Within(number=int(found["number"]), unit=unit, half=half)


def check(period: Within, rule: str, manner: Manner = USUAL) -> None:
    """Refuse what cannot be counted: an unknown rule, a unit the rule does not count, a manner that says nothing."""
    if rule not in RULES:
        raise Invalid(f"There is no counting rule `{rule}`: {vocabulary.suggestion(rule, tuple(RULES))}.")
    known = RULES[rule]
    if period.unit not in known.units:
        better = {"hours": "exact", "working-days": "business-days"}.get(period.unit, "calendar-days")
        raise Invalid(f"`{rule}` counts {' and '.join(known.units)}: use `{better}` for {period}.")
    if period.unit == "hours" and (manner.ends or manner.first_day_counted or manner.roll == "next-working-day"):
        raise Invalid(f"{period} end at an instant: first day, last day and its end are for whole days.")
    if manner.roll and known.backwards:
        raise Invalid(f"`{rule}` counts backwards, and that day never moves: leave out `roll`.")
    if manner.first_day_counted and (known.european or known.backwards):
        raise Invalid(f"`{rule}` never counts the first day: use `calendar-days` or `business-days`.")


def count(
    start: DateTime,
    period: Within,
    *,
    rule: str | None = None,
    place: str | None = None,
    zone: str | None = None,
    manner: Manner = USUAL,
) -> Counted:
    """Count a period from `start` by a named rule, in the zone of `place` (else of `zone`, else as `start` is written).

    Without a rule: hours are exact, days are calendar days, working days are business days. Raises Invalid.
    """
    name = rule or {"hours": "exact", "working-days": "business-days"}.get(period.unit, "calendar-days")
    check(period, name, manner)
    where = zone or (places.zone(place) if place else None)
    local = start.in_timezone(where) if where else start
    counting = _Counting(local, period, RULES[name], place, manner)
    try:
        return counting.hours() if period.unit == "hours" else counting.days()
    except (OverflowError, ValueError):
        raise Invalid(f"{period} from {moments.text(start)} lies beyond the calendar: use a shorter period.") from None


@dataclass(frozen=True)
class _Counting:
    """One period being counted, in the zone of `start`."""

    start: DateTime
    period: Within
    rule: Rule
    place: str | None
    manner: Manner

    def hours(self) -> Counted:
        """Elapsed hours, through nights, weekends and holidays."""
        if self.rule.backwards:
            return self._hours_before()
        exact = _shift(self.start, timedelta(hours=self.period.number))
        if self.rule.european:
            due, told = self._european_hours(exact)
        else:
            due = exact
            told = [
                "Hours run through nights, weekends and holidays.",
                *self._clock_change(exact),
                f"{self.period} of elapsed time from {moments.text(self.start)}: {_at(due)}.",
            ]
        unmoved = due
        if self.manner.roll == "next-working-day-noon" and not self._works(due.date()):
            moved = self._instant(workdays.on_or_after(due.date(), self.place, self.manner.closed), _NOON)
            told.append(
                f"That is no working day in {workdays.named(self.place)}: it moves to noon of the next, {_at(moved)}."
            )
            due = moved
        return Counted(due=due, target=exact, explained=tuple(told), unmoved=unmoved)

    def _european_hours(self, exact: DateTime) -> tuple[DateTime, list[str]]:
        # The clock hour is the local one; going back by its minutes stays right across a clock change.
        past = timedelta(minutes=self.start.minute, seconds=self.start.second, microseconds=self.start.microsecond)
        begins = _shift(self.start, timedelta(hours=1) - past)
        due = _shift(begins, timedelta(hours=self.period.number))
        stays = "" if self.manner.roll else "; hours do not move off weekends and holidays (Art. 3(4))"
        return due, [
            f"The hour of the event is not counted: the period begins at {_at(begins)} (Reg. 1182/71 Art. 3(1)).",
            f"{self.period} of elapsed time: {_at(due)}{stays}.",
            *self._two_working_days_of_hours(due),
            *self._clock_change(exact),
            f"Counted exactly from {moments.text(self.start)} it would end {_at(exact)}: work to that.",
        ]

    def _two_working_days_of_hours(self, due: DateTime) -> list[str]:
        """What part of the literature makes of Art. 3(5); authorities do not apply it to hours, so it is only told."""
        first = self.start.date()
        weekdays = sum((first + timedelta(days=1 + day)).weekday() < 5 for day in range((due.date() - first).days))
        if self.period.number < 48 or weekdays >= 2:
            return []
        return [
            "Some read Art. 3(5), two working days at least, into hours too; authorities do not: do not rely on it."
        ]

    def _clock_change(self, exact: DateTime) -> list[str]:
        if self.start.utcoffset() == exact.utcoffset():
            return []
        return [f"The clocks change on the way (offset {self.start:Z} to {exact:Z}); elapsed time counts."]

    def _hours_before(self) -> Counted:
        due = _shift(self.start, -timedelta(hours=self.period.number))
        told = f"At least {self.period} of elapsed time before {moments.text(self.start)}: no later than {_at(due)}."
        return Counted(due=due, target=due, explained=(told,))

    def days(self) -> Counted:
        """Whole days, weeks, months or working days, to the last instant of the last day."""
        if self.rule.backwards:
            return self._days_before()
        nominal = self._nominal()
        told = [self._first_day_told(), self._nominal_told(nominal)]
        last = self._rolled(nominal, told)
        if self.rule.european and self.period.unit != "working-days" and (nominal - self.start.date()).days >= 2:
            last = self._with_two_working_days(last, told)
        noon = self.manner.roll == "next-working-day-noon" and last != nominal
        due = self._instant(last, _NOON if noon else self.manner.ends or _LAST_SECOND)
        unmoved = self._instant(nominal, self.manner.ends or _LAST_SECOND)
        told.append(f"The last instant is {_at(due)}.")
        return Counted(due=due, target=min(due, unmoved), explained=tuple(told), unmoved=unmoved)

    def _nominal(self) -> date:
        first = self.start.date()
        if self.rule.working or self.period.unit == "working-days":
            before = first - timedelta(days=1) if self.manner.first_day_counted else first
            return next(
                islice(workdays.following(before, self.place, self.manner.closed), self.period.number - 1, None)
            )
        last = _added(first, self.period)
        if not self.manner.first_day_counted or self._without_that_day(first):
            return last
        return last - timedelta(days=1)

    def _without_that_day(self, first: date) -> bool:
        """Whether the last month lacks the day of the first: then it ends whole (Japanese Civil Code Art. 143(2))."""
        whole = replace(self.period, half=False)
        return self.period.unit in {"months", "years"} and _added(first, whole).day != first.day

    def _first_day_told(self) -> str:
        day, law = self.start.date(), " (Reg. 1182/71 Art. 3(1))" if self.rule.european else ""
        if self.manner.first_day_counted:
            if self.rule.working and not self._works(day):
                return f"The day of the event, {day}, would be counted, but is no working day."
            return f"The day of the event, {day}, is day 1."
        return f"The day of the event, {day}, is not counted{law}."

    def _nominal_told(self, nominal: date) -> str:
        if self.rule.working or self.period.unit == "working-days":
            whose = workdays.named(self.place)
            return (
                f"Weekends and the holidays of {whose} are left out: day {self.period.number} is {_day(nominal)}"
                f"{self._shut()}."
            )
        verb = "ends" if str(self.period).startswith("1 ") else "end"
        if self.rule.european:
            return f"{self.period} {verb} on {_day(nominal)} (Art. 3(2))."
        moved = "" if self.manner.roll else "; weekends and holidays do not move it"
        return f"{self.period} {verb} on {_day(nominal)}{moved}."

    def _rolled(self, nominal: date, told: list[str]) -> date:
        if not (self.rule.european or self.manner.roll) or self._works(nominal):
            return nominal
        last = workdays.on_or_after(nominal, self.place, self.manner.closed)
        law = " (Art. 3(4))" if self.rule.european else ""
        noon = ", noon" if self.manner.roll == "next-working-day-noon" else ""
        told.append(
            f"That is no working day in {workdays.named(self.place)}{self._shut()}, so the period ends on "
            f"{_day(last)}{noon}{law}."
        )
        return last

    def _shut(self) -> str:
        return f" (offices are shut {', '.join(map(str, self.manner.closed))} too)" if self.manner.closed else ""

    def _with_two_working_days(self, last: date, told: list[str]) -> date:
        first = self.start.date()
        length = min((last - first).days, 14)
        worked = sum(self._works(first + timedelta(days=1 + day)) for day in range(length))
        if worked >= 2:
            return last
        stretched = next(islice(workdays.following(last, self.place, self.manner.closed), 1 - worked, None))
        told.append(f"It must contain at least two working days, so it ends on {_day(stretched)} (Art. 3(5)).")
        return stretched

    def _days_before(self) -> Counted:
        """The act must be done before the period begins, and that day never moves (Reg. 1182/71 Art. 3(4))."""
        day: date = self.start.date()
        number = self.period.number
        if self.period.unit == "working-days":
            for _ in range(number):
                day -= timedelta(days=1)
                while not self._works(day):
                    day -= timedelta(days=1)
        else:
            day = _added(day, self.period, back=True)
        last = day - timedelta(days=1)
        due = self._instant(last, self.manner.ends or _LAST_SECOND)
        told = (
            f"The day of the event, {self.start.date()}, is not counted.",
            f"{self.period} before it {'begins' if str(self.period).startswith('1 ') else 'begin'} on {_day(day)}.",
            f"Counted backwards, weekends and holidays move nothing: no later than {_at(due)}.",
        )
        return Counted(due=due, target=due, explained=told)

    def _works(self, day: date) -> bool:
        return workdays.is_working_day(day, self.place, self.manner.closed)

    def _instant(self, day: date, at: time) -> DateTime:
        return pendulum.datetime(
            day.year, day.month, day.day, at.hour, at.minute, at.second, tz=self.start.timezone or "UTC"
        )


def _shift(start: DateTime, length: timedelta) -> DateTime:
    """`start` moved by elapsed time, kept in its zone."""
    return pendulum.instance(start.in_timezone("UTC") + length).in_timezone(start.timezone or "UTC")


def _added(first: date, period: Within, *, back: bool = False) -> date:
    """The day of the same number so many months on, or the month's last; days and weeks are added as days."""
    sign = -1 if back else 1
    if period.unit in {"days", "weeks"}:
        return first + sign * timedelta(days=period.number * (7 if period.unit == "weeks" else 1))
    months = period.number * (12 if period.unit == "years" else 1)
    year, month = divmod(first.year * 12 + first.month - 1 + sign * months, 12)
    if not 1 <= year <= 9990:
        raise OverflowError
    reached = date(year, month + 1, min(first.day, monthrange(year, month + 1)[1]))
    # A part of a month is a part of thirty days (Reg. 1182/71 Art. 3(2)(d)).
    return reached + sign * timedelta(days=15) if period.half else reached


def _day(day: date) -> str:
    return f"{day:%A} {day.isoformat()}"


def _at(moment: DateTime) -> str:
    return f"{moments.text(moment)} ({moment:%A})"
