"""Counting periods as laws count them: named rules, each with its unit kept and its derivation in words.

Three days are not seventy-two hours, so a period keeps its unit. `due` is the last instant still in time in the zone of
the place: the instant itself for hours, 23:59:59 for whole days. `target` is the exact count from the start (for hours:
elapsed time; for days: the nominal last day, before weekends and holidays move it), never later than `due`.
"""

import re
from calendar import monthrange
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

import pendulum
from pendulum import DateTime

from tocsin import moments, places, vocabulary
from tocsin.errors import Invalid

UNITS: Final = ("hours", "days", "working-days", "weeks", "months", "years")
_WITHIN: Final = re.compile(r"(?P<number>\d{1,4})\s*(?P<unit>[a-z][a-z -]*[a-z]|[hd])", re.IGNORECASE)
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


@dataclass(frozen=True, kw_only=True)
class Within:
    """A number of one unit; the unit is law and is never converted."""

    number: int
    unit: str

    def __str__(self) -> str:
        name = self.unit.replace("-", " ")
        return f"{self.number} {name[:-1] if self.number == 1 else name}"


@dataclass(frozen=True, kw_only=True)
class Counted:
    """A period counted: its last instant, the instant to work to, and every step in words."""

    due: DateTime
    target: DateTime
    explained: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """As `tocsin deadline --json` prints it."""
        return {"due": moments.text(self.due), "target": moments.text(self.target), "explained": list(self.explained)}


Rule = Callable[[DateTime, Within, str, str | None], Counted]


def within(text: str) -> Within:
    """A period from words such as `72 hours`, `10 working days` or `1 month`; raises Invalid."""
    found = _WITHIN.fullmatch(text.strip())
    unit = _UNIT_NAMES.get(" ".join(re.split(r"[\s-]+", found["unit"].lower()))) if found else None
    if found is None or unit is None or int(found["number"]) == 0:
        raise Invalid(
            "The period must be a number and a unit, such as `72 hours`, `10 working days`, `2 weeks` or `1 month`."
        )
    return Within(number=int(found["number"]), unit=unit)


def count(
    start: DateTime, period: Within, *, rule: str | None = None, place: str | None = None, zone: str | None = None
) -> Counted:
    """Count a period from `start` by a named rule, in the zone of `place` (else of `zone`, else as `start` is written).

    Without a rule: hours are exact, days are calendar days, working days are business days. Raises Invalid.
    """
    name = rule or {"hours": "exact", "working-days": "business-days"}.get(period.unit, "calendar-days")
    if name not in RULES:
        raise Invalid(f"There is no counting rule `{name}`: {vocabulary.suggestion(name, tuple(RULES))}.")
    where = zone or (places.zone(place) if place else None)
    local = start.in_timezone(where) if where else start
    try:
        return RULES[name](local, period, name, place)
    except OverflowError:
        raise Invalid(f"{period} from {moments.text(start)} lies beyond the calendar: use a shorter period.") from None


def _hours(start: DateTime, period: Within, rule: str, place: str | None) -> Counted:  # noqa: ARG001 - the rules' common shape
    if period.unit != "hours":
        raise Invalid(f"`exact` counts hours: use `calendar-days` or `business-days` for {period}.")
    due = _elapsed(start, period.number)
    return Counted(
        due=due,
        target=due,
        explained=(
            "Hours run through nights, weekends and holidays.",
            f"{period} of elapsed time from {moments.text(start)}: {_at(due)}.",
        ),
    )


def _calendar_days(start: DateTime, period: Within, rule: str, place: str | None) -> Counted:  # noqa: ARG001
    last = _nominal_last_day(start.date(), period, rule)
    due = _end_of(last, start)
    told = (
        f"The day of the event, {start.date()}, is not counted.",
        f"{period} end on {_day(last)}; weekends and holidays do not move it.",
        f"The last instant is {_at(due)}.",
    )
    return Counted(due=due, target=due, explained=told)


def _business_days(start: DateTime, period: Within, rule: str, place: str | None) -> Counted:
    if period.unit not in {"days", "working-days"}:
        raise Invalid(f"`{rule}` counts days: use `calendar-days` for {period}.")
    last = _after_working_days(start.date(), period.number, place)
    due = _end_of(last, start)
    return Counted(
        due=due,
        target=due,
        explained=(
            f"The day of the event, {start.date()}, is not counted.",
            f"Weekends and the holidays of {_holidays_of(place)} are left out: day {period.number} is {_day(last)}.",
            f"The last instant is {_at(due)}.",
        ),
    )


def _eu_1182_71(start: DateTime, period: Within, rule: str, place: str | None) -> Counted:
    """Regulation (EEC, Euratom) No 1182/71, Art. 3."""
    if period.unit == "hours":
        return _eu_hours(start, period)
    nominal = (
        _after_working_days(start.date(), period.number, place)
        if period.unit == "working-days"
        else _nominal_last_day(start.date(), period, rule)
    )
    told = [
        f"The day of the event, {start.date()}, is not counted (Reg. 1182/71 Art. 3(1)).",
        f"{period} end on {_day(nominal)} (Art. 3(2)).",
    ]
    last = _next_working_day(nominal, place)
    if last != nominal:
        told.append(f"That is no working day in {_holidays_of(place)}, so the period ends on {_day(last)} (Art. 3(4)).")
    if (nominal - start.date()).days >= 2:
        stretched = _with_two_working_days(start.date(), last, place)
        if stretched != last:
            told.append(f"It must contain at least two working days, so it ends on {_day(stretched)} (Art. 3(5)).")
            last = stretched
    due = _end_of(last, start)
    return Counted(due=due, target=_end_of(nominal, start), explained=(*told, f"The last instant is {_at(due)}."))


def _eu_hours(start: DateTime, period: Within) -> Counted:
    # The clock hour is the local one; going back by its minutes stays right across a clock change.
    past = timedelta(minutes=start.minute, seconds=start.second, microseconds=start.microsecond)
    begins = _shift(start, timedelta(hours=1) - past)
    due, target = _elapsed(begins, period.number), _elapsed(start, period.number)
    return Counted(
        due=due,
        target=target,
        explained=(
            f"The hour of the event is not counted: the period begins at {_at(begins)} (Reg. 1182/71 Art. 3(1)).",
            f"{period} of elapsed time: {_at(due)}; hours do not move off weekends and holidays (Art. 3(4)).",
            f"Counted exactly from {moments.text(start)} it would end {_at(target)}: work to that.",
        ),
    )


RULES: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        "exact": _hours,
        "calendar-days": _calendar_days,
        "business-days": _business_days,
        "eu-1182-71": _eu_1182_71,
    }
)


def _elapsed(start: DateTime, hours: int) -> DateTime:
    return _shift(start, timedelta(hours=hours))


def _shift(start: DateTime, length: timedelta) -> DateTime:
    """`start` moved by elapsed time, kept in its zone."""
    return pendulum.instance(start.in_timezone("UTC") + length).in_timezone(start.timezone or "UTC")


def _nominal_last_day(first: date, period: Within, rule: str) -> date:
    if period.unit == "hours":
        raise Invalid(f"`{rule}` does not count hours: use `exact` for {period}.")
    if period.unit == "working-days":
        raise Invalid(f"`{rule}` does not count working days: use `business-days` for {period}.")
    if period.unit in {"days", "weeks"}:
        return first + timedelta(days=period.number * (7 if period.unit == "weeks" else 1))
    months = period.number * (12 if period.unit == "years" else 1)
    year, month = divmod(first.year * 12 + first.month - 1 + months, 12)
    if year > 9990:
        raise OverflowError
    return date(year, month + 1, min(first.day, monthrange(year, month + 1)[1]))


def _end_of(day: date, like: DateTime) -> DateTime:
    zone = like.timezone or "UTC"
    return pendulum.datetime(day.year, day.month, day.day, 23, 59, 59, tz=zone)


@lru_cache(maxsize=64)
def _calendar(place: str | None) -> Any:
    """The holidays of a place: of its subdivision where the library knows it, else of the country."""
    import holidays  # slow to import, and hours never need it

    if place is None:
        return None
    country, _, subdivision = place.partition("-")
    try:
        return holidays.country_holidays(country, subdiv=subdivision or None)
    except NotImplementedError:
        pass
    try:
        return holidays.country_holidays(country)
    except NotImplementedError:
        return None


def is_working_day(day: date, place: str | None) -> bool:
    """Whether people work on that day in that place; a weekend that is worked to make up for a holiday counts."""
    calendar = _calendar(place)
    if calendar is None:
        return day.weekday() < 5
    return bool(calendar.is_working_day(day))


def _next_working_day(day: date, place: str | None) -> date:
    while not is_working_day(day, place):
        day += timedelta(days=1)
    return day


def _after_working_days(day: date, number: int, place: str | None) -> date:
    for _ in range(number):
        day = _next_working_day(day + timedelta(days=1), place)
    return day


def _with_two_working_days(first: date, last: date, place: str | None) -> date:
    length = (last - first).days
    worked = sum(is_working_day(first + timedelta(days=1 + day), place) for day in range(min(length, 14)))
    while worked < 2:
        last = _next_working_day(last + timedelta(days=1), place)
        worked += 1
    return last


def _holidays_of(place: str | None) -> str:
    return places.name(place) if place and _calendar(place) is not None else "no place (only weekends are left out)"


def _day(day: date) -> str:
    return f"{day:%A} {day.isoformat()}"


def _at(moment: DateTime) -> str:
    return f"{moments.text(moment)} ({moment:%A})"
