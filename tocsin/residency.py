"""Who may process whose data: the mark of a provider or a store against the place of a person.

A mark is a place code, and covers its subdivisions. `"*"` covers the world except mainland China: data of people there
stay with whoever is marked for it by name (see the plans' `residency` rules).
"""

from collections.abc import Sequence
from typing import Literal

Marks = Sequence[str] | Literal["*"]

EXPLICIT_ONLY = ("CN",)  # places that `"*"` never covers, with their subdivisions

#: ISO 3166-2 lists these under CN; they have codes, laws and telephone numbers of their own, and are not "mainland".
OWN_CODE = {"CN-HK": "HK", "CN-91": "HK", "CN-MO": "MO", "CN-92": "MO", "CN-TW": "TW", "CN-71": "TW"}


def within(place: str, area: str) -> bool:
    """Whether `place` (`CN-44`) is `area` (`CN`) or one of its subdivisions. Hong Kong is not within `CN`."""
    own = OWN_CODE.get(place, place)
    return own == OWN_CODE.get(area, area) or own.startswith(f"{area}-")


def covers(marks: Marks, place: str) -> bool:
    """Whether someone with these marks may process data of people in `place`.

    A single code given as a plain string is one mark. An empty place (the person's place is unknown) is covered by
    nobody: unknown never means "anywhere".
    """
    if not place:
        return False
    named = [marks] if isinstance(marks, str) else list(marks)
    if any(mark != "*" and within(place, mark) for mark in named):
        return True
    return "*" in named and not any(within(place, area) for area in EXPLICIT_ONLY)
