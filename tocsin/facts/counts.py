"""Numbers of people that may be known only as a range, and how many of them live where.

A count that is not given is the range from nought upwards: unknown never means none.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

from tocsin import places


@dataclass(frozen=True)
class Count:
    """At least so many and at most so many; `at_most` None means that no upper bound is known."""

    at_least: int = 0
    at_most: int | None = None

    @property
    def exact(self) -> int | None:
        """The number, when it is known to the last one."""
        return self.at_least if self.at_least == self.at_most else None

    def document(self) -> int | dict[str, int] | str:
        """As it stands in a facts document."""
        if self.exact is not None:
            return self.exact
        if self == UNKNOWN:
            return "unknown"
        bounds = {"at_least": self.at_least, "at_most": self.at_most}
        return {name: bound for name, bound in bounds.items() if bound is not None}

    def __str__(self) -> str:
        if self.exact is not None:
            return f"{self.exact:,}"
        if self.at_most is None:
            return f"at least {self.at_least:,}" if self.at_least else "an unknown number of"
        return f"{self.at_least:,} to {self.at_most:,}"


UNKNOWN = Count()
NONE = Count(0, 0)


def read(value: object) -> Count:
    """A count from `12500`, `{at_least: 12000, at_most: 13000}` or `unknown`; raises ValueError."""
    if isinstance(value, Count):
        return value
    if value in (None, "unknown"):
        return UNKNOWN
    if isinstance(value, Mapping) and value and set(value) <= {"at_least", "at_most"}:
        low, high = value.get("at_least", 0), value.get("at_most")
        low, high = _whole(low), None if high is None else _whole(high)
        if high is not None and low > high:
            raise ValueError(f"says at least {low:,} and at most {high:,}, which contradict each other")
        return Count(low, high)
    return Count(_whole(value), _whole(value))


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("must be a whole number, `unknown`, or {at_least: ..., at_most: ...}")  # noqa: TRY004 - pydantic's protocol
    if value < 0:
        raise ValueError("must not be below zero")
    return value


def _sum(counts: Collection[Count]) -> Count:
    highs = [count.at_most for count in counts]
    known = [high for high in highs if high is not None]
    return Count(sum(count.at_least for count in counts), sum(known) if len(known) == len(highs) else None)


def _plus(high: int | None, more: int | None) -> int | None:
    return None if high is None or more is None else high + more


@dataclass(frozen=True)
class Residence:
    """Who lives where, from a total, counts by place and the number whose place is not known."""

    total: Count
    by_place: Mapping[str, Count]
    unlocated: Count | None

    @cached_property
    def located(self) -> Count:
        """The people whose country is known."""
        countries = {places.country_of(place) for place in self.by_place}
        return _sum([self._within_country(country, frozenset({country}))[0] for country in countries])

    @cached_property
    def _given(self) -> dict[str, dict[str, Count]]:
        """The counts of each country, its own and those of its subdivisions."""
        found: dict[str, dict[str, Count]] = {}
        for place, count in self.by_place.items():
            found.setdefault(places.country_of(place), {})[place] = count
        return found

    @cached_property
    def _answers(self) -> dict[tuple[str, ...], Count]:
        return {}

    def people_in(self, where: Collection[str]) -> Count:
        """How many of the people live in these countries, subdivisions or groups of countries."""
        asked = tuple(where)  # a hundred laws ask the same of the same few places
        if asked not in self._answers:
            self._answers[asked] = self._people_in(places.expand(asked))
        return self._answers[asked]

    def _people_in(self, members: frozenset[str]) -> Count:
        low, high, uncertain = 0, 0, False
        for country in sorted({places.country_of(place) for place in members}):
            count, open_ended = self._within_country(country, members)
            low += count.at_least
            uncertain = uncertain or open_ended
            high = high + count.at_most if count.at_most is not None and high is not None else None  # type: ignore[assignment]
        top = _plus(high, self._elsewhere()) if uncertain else high
        ceiling = self.total.at_most
        if ceiling is not None and (top is None or top > ceiling):
            top = max(ceiling, low)
        return Count(low, top)

    def _within_country(self, country: str, members: frozenset[str]) -> tuple[Count, bool]:
        """The people of one country who are asked for, and whether people of unknown place could be more of them."""
        wanted = {place for place in members if places.country_of(place) == country}
        if not wanted:
            return NONE, False
        given = self._given.get(country, {})
        parts = [count for place, count in given.items() if place != country]
        if country in wanted:
            whole = given.get(country)
            if whole is None:
                return _sum(parts), True
            return Count(max(whole.at_least, _sum(parts).at_least), whole.at_most), False
        return self._within_subdivisions(country, wanted, given)

    @staticmethod
    def _within_subdivisions(country: str, wanted: set[str], given: Mapping[str, Count]) -> tuple[Count, bool]:
        named = _sum([count for place, count in given.items() if place in wanted])
        if all(place in given for place in wanted):
            return named, False
        whole = given.get(country)
        if whole is None or whole.at_most is None:
            return named, True
        others = _sum([count for place, count in given.items() if place not in wanted and place != country])
        return Count(named.at_least, max(named.at_least, whole.at_most - others.at_least)), False

    def _elsewhere(self) -> int | None:
        """The most people who may live in places that are not named."""
        located = self.located
        if self.unlocated is not None and self.unlocated != UNKNOWN:
            missing = 0 if located.at_most is None else max(0, self.total.at_least - located.at_most)
            return None if self.unlocated.at_most is None else max(self.unlocated.at_most, missing)
        return None if self.total.at_most is None else max(0, self.total.at_most - located.at_least)
