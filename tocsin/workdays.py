"""Working days of a place: without its weekends and holidays, with the weekends worked to make up for one."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Any, Final

from tocsin import places

_CLOSED: Final = re.compile(r"(\d{2})-(\d{2})\.\.(\d{2})-(\d{2})")


@dataclass(frozen=True)
class Closed:
    """Days of every year on which offices are shut besides holidays, such as 29 December to 3 January."""

    first: tuple[int, int]
    last: tuple[int, int]

    def __str__(self) -> str:
        return f"{self.first[0]:02}-{self.first[1]:02}..{self.last[0]:02}-{self.last[1]:02}"

    def covers(self, day: date) -> bool:
        """Whether offices are shut on that day; the span may run over the year's end."""
        at = (day.month, day.day)
        if self.first <= self.last:
            return self.first <= at <= self.last
        return at >= self.first or at <= self.last


def closed(text: str) -> Closed:
    """A span of days from `12-29..01-03`; raises ValueError."""
    found = _CLOSED.fullmatch(text.strip())
    if found is None:
        raise ValueError("must be two days of the year such as 12-29..01-03")
    parts = [int(part) for part in found.groups()]
    for month, day in (parts[:2], parts[2:]):
        date(2024, month, day)  # a leap year knows every day there is; ValueError for the others
    return Closed((parts[0], parts[1]), (parts[2], parts[3]))


@lru_cache(maxsize=64)
def _calendar(place: str | None) -> Any:
    """The holidays of a place: of its subdivision where the library knows it, else of the country."""
    import holidays  # slow to import, and hours never need it

    if place is None:
        return None
    country, _, subdivision = place.partition("-")
    for chosen in (subdivision or None, None):
        try:
            return holidays.country_holidays(country, subdiv=chosen)
        except NotImplementedError:
            continue
    return None


def is_working_day(day: date, place: str | None, shut: tuple[Closed, ...] = ()) -> bool:
    """Whether people work on that day in that place; a weekend that is worked to make up for a holiday counts."""
    if any(span.covers(day) for span in shut):
        return False
    calendar = _calendar(place)
    if calendar is None:
        return day.weekday() < 5
    return bool(calendar.is_working_day(day))


def following(day: date, place: str | None, shut: tuple[Closed, ...] = ()) -> Iterator[date]:
    """The working days after `day`, one by one."""
    while True:
        day += timedelta(days=1)
        if is_working_day(day, place, shut):
            yield day


def on_or_after(day: date, place: str | None, shut: tuple[Closed, ...] = ()) -> date:
    """`day` itself where it is a working day, else the next one."""
    return day if is_working_day(day, place, shut) else next(following(day, place, shut))


def named(place: str | None) -> str:
    """Whose holidays count, in words."""
    return places.name(place) if place and _calendar(place) is not None else "no place (only weekends are left out)"
