"""Dates as people write them in tables, read in a declared order or not at all.

Undeclared, only what can mean one day is read: ISO 8601, a month's name, or a day above twelve. Reasons for a refusal
never quote the cell: it may hold anything.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

import pendulum
from pendulum import Date, DateTime
from pendulum.locales.locale import Locale

from tocsin import moments
from tocsin.errors import Invalid

ORDERS: Final = ("DMY", "MDY", "YMD", "ISO", "text")
_LONGEST: Final = 200  # characters; what is longer is prose
_CLOCK: Final = (
    r"(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?P<second>:[0-9]{2}(?:\.[0-9]{1,6})?)?"
    r"(?: ?(?P<half>[AaPp])\.?[Mm]\.?)?(?: ?(?P<offset>[Zz]|[+-][0-9]{2}:?[0-9]{2}))?"
)
_CELL: Final = re.compile(rf"(?P<date>.*?[0-9日])(?:(?:[Tt]|,? ){_CLOCK})?")
_NUMBERS: Final = re.compile(r"(?P<a>[0-9]{1,4})(?P<mark>[/.-])(?P<b>[0-9]{1,2})(?P=mark)(?P<c>[0-9]{1,4})")
_CHINESE: Final = re.compile(r"([0-9]{4}) ?年 ?([0-9]{1,2}) ?月 ?([0-9]{1,2}) ?日")
_MONTH_FIRST: Final = re.compile(r"(?P<month>[A-Za-z]+)\.? (?P<day>[0-9]{1,2})(?:st|nd|rd|th)?,? (?P<year>[0-9]+)")
_DAY_FIRST: Final = re.compile(r"(?P<day>[0-9]{1,2})(?:st|nd|rd|th)?[ -](?P<month>[A-Za-z]+)\.?,?[ -](?P<year>[0-9]+)")
_ANY_DATE: Final = re.compile(
    r"[0-9]{1,4}[/.-][0-9]{1,2}[/.-][0-9]{1,5}|[A-Za-z]{3,9}\.? [0-9]{1,2},? [0-9]{4}|"
    r"[0-9]{1,2} [A-Za-z]{3,9}\.? [0-9]{4}"
)


@dataclass(frozen=True, kw_only=True)
class Written:
    """A day, and the time of that day and the offset where they are given."""

    day: Date
    time: str | None = None
    offset: str | None = None

    def __str__(self) -> str:
        return f"{self.day} at {self.time}" if self.time else str(self.day)


def read(cell: str, orders: Collection[str] = ()) -> Written:
    """The date in a cell; raises ValueError with words that fit after "`Reported`".

    `orders` are those declared for its column, of `ORDERS`. Midnight is read as no time: tables write it for a day.
    """
    text = " ".join(cell.split())
    found = _CELL.fullmatch(text) if len(text) <= _LONGEST else None
    days = set(_days(found["date"], orders)) if found else set()
    if not days or found is None:
        raise ValueError(_reason(text[:_LONGEST], orders))
    if len(days) > 1:
        raise ValueError("could be day/month or month/day: declare its order, such as --dates HEADING=DMY")
    day = next(iter(days))
    if not 1970 <= day.year < 2200:
        raise ValueError("lies outside the years 1970 to 2199")
    time, offset = _time(found), found["offset"]
    midnight = offset is None and time is not None and not time.strip("0:.")
    return Written(day=day, time=None if midnight else time, offset=offset)


def checked(zone: str | None) -> str | None:
    """The zone itself; raises Invalid where there is none of that name."""
    try:
        if zone is not None:
            moments.named_zone(zone)
    except ValueError as error:
        raise Invalid(f"`--zone` {error}.") from None
    return zone


def first(day: Date, zone: str) -> DateTime:
    """The first instant of a day; not always midnight, over which some clocks are put forward."""
    start = pendulum.datetime(day.year, day.month, day.day, tz=zone, fold=0)
    return start if start.date() == day else pendulum.datetime(day.year, day.month, day.day, tz=zone, fold=1)


def last(day: Date, zone: str) -> DateTime:
    """The last second of a day."""
    return pendulum.datetime(day.year, day.month, day.day, 23, 59, 59, tz=zone, fold=1)


def _days(text: str, orders: Collection[str]) -> Iterator[Date]:
    """Every day that the text can mean in the orders that are open."""
    for year, month, day in (*_numbered(text, orders), *_named(text, orders)):
        try:
            yield pendulum.date(year, month, day)
        except ValueError:
            continue


def _numbered(text: str, orders: Collection[str]) -> Iterator[tuple[int, int, int]]:
    chinese = _CHINESE.fullmatch(text)
    if chinese and (not orders or "YMD" in orders):
        yield int(chinese[1]), int(chinese[2]), int(chinese[3])
    parts = _NUMBERS.fullmatch(text)
    if parts is None:
        return
    a, b, c = int(parts["a"]), int(parts["b"]), int(parts["c"])
    readings = {"DMY": (c, b, a), "MDY": (c, a, b), "YMD": (a, b, c), "YDM": (a, c, b), "ISO": (a, b, c)}
    yield from (readings[order] for order in _open_orders(parts) if not orders or order in orders)


def _open_orders(parts: re.Match[str]) -> tuple[str, ...]:
    """The orders that numbers of such length can be in. Hyphens after a year are ISO 8601, and no year-day-month."""
    lengths = len(parts["a"]), len(parts["b"]), len(parts["c"])
    if lengths == (4, 2, 2) and parts["mark"] == "-":
        return "ISO", "YMD"
    if lengths[0] == 4 and lengths[2] <= 2:
        return "YMD", "YDM"
    return ("DMY", "MDY") if lengths[0] <= 2 and lengths[2] == 4 else ()


def _named(text: str, orders: Collection[str]) -> Iterator[tuple[int, int, int]]:
    found = _MONTH_FIRST.fullmatch(text) or _DAY_FIRST.fullmatch(text)
    if found is None or (orders and "text" not in orders) or len(found["year"]) != 4:
        return
    month = _months().get(found["month"].casefold())
    if month is not None:
        yield int(found["year"]), month, int(found["day"])


@cache
def _months() -> dict[str, int]:
    english = Locale.load("en")
    forms = (english.translation("months.wide"), english.translation("months.abbreviated"), {9: "Sept"})
    return {name.casefold(): number for form in forms for number, name in form.items()}


def _time(found: re.Match[str]) -> str | None:
    if found["hour"] is None:
        return None
    hour, half = int(found["hour"]), (found["half"] or "").casefold()
    if (half and not 1 <= hour <= 12) or hour > 23 or int(found["minute"]) > 59:
        raise ValueError("names a time that does not exist")
    if half:
        hour = hour % 12 + (12 if half == "p" else 0)
    second = found["second"] or ":00"
    if int(second[1:3]) > 59:
        raise ValueError("names a time that does not exist")
    return f"{hour:02}:{found['minute']}{second}"


def _reason(text: str, orders: Collection[str]) -> str:
    """Why no day was read."""
    if len(_ANY_DATE.findall(text)) > 1:
        return "holds more than one date: give each a column of its own"
    if re.fullmatch(r"[0-9]{4}|[0-9]{1,2}[/.-][0-9]{4}|[0-9]{4}[/.-][0-9]{1,2}|[A-Za-z]+\.?,? [0-9]{4}", text):
        return "has no day"
    if re.fullmatch(r"[0-9]{1,2}([/.-])([0-9]{1,2}|[A-Za-z]{3,9})\1[0-9]{2}|.*[A-Za-z] [0-9]{1,2},? [0-9]{2}", text):
        return "has a year of two digits: write all four"
    whole = _ANY_DATE.fullmatch(text) or _ANY_DATE.fullmatch(text.partition(" ")[0])
    if whole and _NUMBERS.fullmatch(whole[0]) and orders:
        return f"is no day in the order declared ({', '.join(orders)})"
    if whole and _NUMBERS.fullmatch(whole[0]):
        return "names a day that does not exist"
    return "holds words beside a date" if _ANY_DATE.search(text) and not whole else "is no date"
