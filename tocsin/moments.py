"""Moments as text: ISO 8601 with an offset in, the same out. Nothing here asks the clock."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pendulum
from pendulum import DateTime

_SHAPE: Final = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?(?P<offset>[Zz]|[+-]\d{2}:?\d{2})?"
)
EXAMPLE: Final = "2026-11-20T09:30:00+01:00"


def parse(value: object) -> DateTime:
    """An aware moment from `2026-11-20T09:30:00+01:00` or `{at: 2026-11-20T09:30, zone: Europe/Berlin}`.

    The offset is kept as written. Raises ValueError with words that fit after "`times.aware`".
    """
    if isinstance(value, Mapping):
        return _in_zone(value)
    if isinstance(value, datetime):
        return _from_datetime(value)
    found = _SHAPE.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"must be a date and time with offset such as `{EXAMPLE}`")
    written = found[0]
    if found["offset"] is None:
        raise ValueError(f"has no offset: write `{written}+01:00`, `{written}Z` or {{at: {written}, zone: ...}}")
    return _from_datetime(_naive_or_aware(written))


def _naive_or_aware(text: str) -> datetime:
    seconds, point, rest = text.upper().replace(",", ".").partition(".")
    if point:
        digits = re.match(r"\d+", rest)
        assert digits is not None
        text = f"{seconds}.{digits[0][:6].ljust(6, '0')}{rest[digits.end() :]}"
    try:
        return datetime.fromisoformat(text.upper())
    except ValueError:
        raise ValueError("names a date, time or offset that does not exist") from None


def _from_datetime(value: datetime) -> DateTime:
    if value.tzinfo is None or value.utcoffset() is None:
        raise ValueError("has no offset: add one, or use {at: ..., zone: ...}")
    if not 1970 <= value.year < 2200:
        raise ValueError("lies outside the years 1970 to 2199")
    return pendulum.instance(value)


def _in_zone(value: Mapping[Any, Any]) -> DateTime:
    if set(value) != {"at", "zone"} or not all(isinstance(part, str) for part in value.values()):
        raise ValueError("must have exactly `at` and `zone`, such as {at: 2026-11-20T09:30, zone: Europe/Berlin}")
    found = _SHAPE.fullmatch(value["at"].strip())
    if found is None or found["offset"] is not None:
        raise ValueError("`at` beside `zone` must be a local time without offset, such as 2026-11-20T09:30")
    tz = named_zone(value["zone"])
    local = _naive_or_aware(value["at"].strip())
    first, second = local.replace(tzinfo=tz, fold=0), local.replace(tzinfo=tz, fold=1)
    if first.utcoffset() != second.utcoffset():
        if first.astimezone(ZoneInfo("UTC")).astimezone(tz).replace(tzinfo=None) != local:
            raise ValueError("does not exist in that zone: the clock was put forward over it; write the offset instead")
        raise ValueError("happened twice in that zone, when the clock was put back: write the offset instead")
    return _from_datetime(local.replace(tzinfo=pendulum.timezone(value["zone"])))


def named_zone(name: str) -> ZoneInfo:
    """The IANA zone of that name; raises ValueError."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("names no IANA time zone: use one such as Europe/Berlin") from None


def text(moment: DateTime) -> str:
    """ISO 8601 to the second (or finer where it is finer), `Z` for UTC."""
    written = moment.isoformat()
    return f"{written[:-6]}Z" if written.endswith("+00:00") and moment.timezone_name == "UTC" else written
