"""ISO 8601 durations in data files: `PT30M`, `P3D`.

Weeks, days, hours, minutes and seconds have an exact length here; years and months have none and are refused.
"""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer

_FORM = re.compile(
    r"P(?=.)(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?=.)(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+)S)?)?"
)
LONGEST = timedelta(days=3660)


def parse(text: object) -> timedelta:
    """A duration from its ISO 8601 form; raises ValueError with a sentence for anything else."""
    if isinstance(text, timedelta):
        return text
    match = _FORM.fullmatch(text) if isinstance(text, str) and len(text) <= 40 else None
    if match is None:
        raise ValueError("must be an ISO 8601 duration of weeks, days, hours, minutes or seconds, such as PT30M or P3D")
    parts = {unit: int(number) for unit, number in match.groupdict().items() if number}
    if any(number > 10**9 for number in parts.values()) or timedelta(**parts) > LONGEST:
        raise ValueError("must be at most ten years long")
    return timedelta(**parts)


def text_of(length: timedelta) -> str:
    """The ISO 8601 form, days first: `P1DT30M`."""
    minutes, seconds = divmod(length.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    clock = "".join(f"{number}{letter}" for number, letter in ((hours, "H"), (minutes, "M"), (seconds, "S")) if number)
    days = f"{length.days}D" if length.days else ""
    return f"P{days}T{clock}" if clock else f"P{days or 'T0S'}"


def checked_text(text: object) -> str:
    """The text itself, if it is such a duration: 24 hours stay 24 hours, and do not become a day."""
    parse(text)
    return str(text)


ExactDuration = Annotated[timedelta, BeforeValidator(parse), PlainSerializer(text_of, return_type=str)]
DurationText = Annotated[str, BeforeValidator(checked_text)]
