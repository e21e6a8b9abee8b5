"""Places: ISO 3166 codes, groups of them that laws name, and the zone in which a place's authority reads its clock."""

from collections.abc import Iterable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Final

from tocsin import atlas, vocabulary


def _countries() -> dict[str, tuple[str, str]]:
    rows = (line.split(" ", 2) for line in atlas.COUNTRIES.strip().splitlines())
    return {code: (zone, name) for code, zone, name in rows}


def _subdivisions() -> frozenset[str]:
    codes: set[str] = set()
    country = ""
    for line in atlas.SUBDIVISIONS.strip().splitlines():
        head, separator, rest = line.partition(":")
        country = head if separator else country
        codes.update(f"{country}-{code}" for code in (rest if separator else line).split())
    return frozenset(codes)


def _parts() -> dict[str, str]:
    return {code: name for code, _, name in (line.partition(" ") for line in atlas.PARTS.strip().splitlines())}


COUNTRIES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(_countries())
PARTS: Final[Mapping[str, str]] = MappingProxyType(_parts())
SUBDIVISIONS: Final = _subdivisions()

_EU = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK"
# The fifty States, the District of Columbia and the territories that have an act on breaches of their own.
_US_STATES = frozenset(code for code in SUBDIVISIONS if code.startswith("US-")) - {"US-AS", "US-MP", "US-UM"}
GROUPS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {"EU": frozenset(_EU.split()), "EEA": frozenset(f"{_EU} IS LI NO".split()), "US-STATES": _US_STATES}
)

# A state with two zones reads the clock of its capital, where its attorney general sits.
_SUBDIVISION_ZONES: Final[Mapping[str, str]] = MappingProxyType(
    {
        f"{country}-{code}": zone
        for country, zone, codes in (
            ("US", "America/Chicago", "AL AR IA IL KS LA MN MO MS ND NE OK SD TN TX WI"),
            ("US", "America/Denver", "CO MT NM UT WY"),
            ("US", "America/Boise", "ID"),
            ("US", "America/Phoenix", "AZ"),
            ("US", "America/Los_Angeles", "CA NV OR WA"),
            ("US", "America/Anchorage", "AK"),
            ("US", "Pacific/Honolulu", "HI"),
            ("US", "America/Detroit", "MI"),
            ("US", "America/Indiana/Indianapolis", "IN"),
            ("US", "America/Puerto_Rico", "PR"),
            ("US", "America/St_Thomas", "VI"),
            ("US", "Pacific/Guam", "GU MP"),
            ("US", "Pacific/Pago_Pago", "AS"),
            ("CA", "America/St_Johns", "NL"),
            ("CA", "America/Halifax", "NB NS PE"),
            ("CA", "America/Winnipeg", "MB"),
            ("CA", "America/Regina", "SK"),
            ("CA", "America/Edmonton", "AB NT"),
            ("CA", "America/Vancouver", "BC"),
            ("CA", "America/Whitehorse", "YT"),
            ("AU", "Australia/Brisbane", "QLD"),
            ("AU", "Australia/Adelaide", "SA"),
            ("AU", "Australia/Darwin", "NT"),
            ("AU", "Australia/Perth", "WA"),
            ("AU", "Australia/Hobart", "TAS"),
        )
        for code in codes.split()
    }
)
_TERRITORY_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {"EU": "the European Union", "EEA": "the European Economic Area", "US-STATES": "the United States"}
)


def known(code: str) -> bool:
    """Whether `code` is a country or subdivision that exists."""
    return code in COUNTRIES or code in SUBDIVISIONS


def check(code: str) -> str:
    """The code itself; raises ValueError with a suggestion when there is no such place."""
    if known(code):
        return code
    upper = code.upper()
    if upper == "UK":
        raise ValueError("`UK` is no ISO 3166 code: the United Kingdom is `GB`")
    if known(upper):
        raise ValueError(f"place codes are written in capitals: `{upper}`")
    country = upper.partition("-")[0]
    choice = [place for place in SUBDIVISIONS if place.startswith(f"{country}-")] if "-" in code else list(COUNTRIES)
    shown = f"`{code}`" if len(code) <= 8 and code.replace("-", "").isalnum() else "this"
    raise ValueError(f"{shown} is no place of ISO 3166: {vocabulary.suggestion(upper, sorted(choice))}")


@cache
def country_of(place: str) -> str:
    """The country of a country or subdivision."""
    return place.partition("-")[0]


def expand(places: Iterable[str]) -> frozenset[str]:
    """Countries and subdivisions, with each group replaced by its members."""
    return frozenset(member for place in places for member in GROUPS.get(place, (place,)))


def within(place: str, places: Iterable[str]) -> bool:
    """Whether `place` is one of `places` or lies in one of them."""
    members = expand(places)
    return place in members or country_of(place) in members


@cache
def name(place: str) -> str:
    """A place in words: `Germany`, `California`; a subdivision without an English name here keeps its code."""
    if place in _TERRITORY_NAMES:
        return _TERRITORY_NAMES[place]
    if place in PARTS:
        return PARTS[place]
    return COUNTRIES[place][1] if place in COUNTRIES else place


def zone(place: str) -> str:
    """The IANA zone in which the place's authority reads its clock; a group of Member States reads Brussels'."""
    if place in {"EU", "EEA"}:
        return "Europe/Brussels"
    return _SUBDIVISION_ZONES.get(place) or COUNTRIES[country_of(place)][0]
