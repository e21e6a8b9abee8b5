"""The tests a condition is made of, and their three-valued judgement (Kleene's logic)."""

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Final, Protocol

from tocsin import durations, places
from tocsin.facts import Count, Facts, counts

Because = tuple[str, ...]


@dataclass(frozen=True)
class Truth:
    """Yes, no or unknown (None); the facts whose absence decides; and what decided, in words."""

    value: bool | None
    unknown: tuple[str, ...] = ()
    because: Because = ()

    def __invert__(self) -> "Truth":
        return Truth(None if self.value is None else not self.value, self.unknown, self.because)


class Condition(Protocol):
    """Something that can be judged against facts."""

    def judge(self, facts: Facts) -> Truth:
        """The truth of it under these facts."""
        ...


def _merged(parts: Iterable[Iterable[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(item for part in parts for item in part))


@dataclass(frozen=True)
class All:
    """True when every part is; one false part decides, whatever is unknown."""

    parts: tuple[Condition, ...]

    def judge(self, facts: Facts) -> Truth:
        """Kleene's conjunction."""
        return _decided((part.judge(facts) for part in self.parts), absorbing=False)


@dataclass(frozen=True)
class AnyOf:
    """True when one part is; one true part decides, whatever is unknown."""

    parts: tuple[Condition, ...]

    def judge(self, facts: Facts) -> Truth:
        """Kleene's disjunction."""
        return _decided((part.judge(facts) for part in self.parts), absorbing=True)


def conjoined(*judged: Truth) -> Truth:
    """Kleene's conjunction of judgements already made."""
    return _decided(judged, absorbing=False)


def _decided(judged: Iterable[Truth], *, absorbing: bool) -> Truth:
    """The first absorbing part decides and ends the asking; else what is open; else all parts together."""
    asked: list[Truth] = []
    for truth in judged:
        if truth.value is absorbing:
            return truth
        asked.append(truth)
    open_parts = [truth for truth in asked if truth.value is None]
    if open_parts:
        return Truth(None, _merged(t.unknown for t in open_parts), _merged(t.because for t in open_parts))
    return Truth(not absorbing, (), _merged(truth.because for truth in asked))


@dataclass(frozen=True)
class Named:
    """A condition with a name, which many duties ask: judged once for the same facts."""

    name: str
    part: Condition

    def judge(self, facts: Facts) -> Truth:
        """Its part's truth."""
        key = id(self.part)
        if key not in facts.judged:
            facts.judged[key] = (self.part, self.part.judge(facts))  # holding the part, its identity stays its own
        found: Truth = facts.judged[key][1]
        return found


@dataclass(frozen=True)
class Not:
    """The opposite; the opposite of unknown is unknown."""

    part: Condition

    def judge(self, facts: Facts) -> Truth:
        """Kleene's negation."""
        return ~self.part.judge(facts)


@dataclass(frozen=True)
class Proven:
    """True only where its part is; a law that presumes the contrary takes what is unknown for no."""

    part: Condition

    def judge(self, facts: Facts) -> Truth:
        """Two values: shown, or not shown."""
        found = self.part.judge(facts)
        if found.value is not None:
            return found
        return Truth(False, (), (f"nothing on record shows otherwise ({', '.join(found.unknown)})",))


@dataclass(frozen=True)
class Always:
    """True without asking."""

    def judge(self, facts: Facts) -> Truth:  # noqa: ARG002 - the protocol's shape
        """True."""
        return Truth(value=True)


@dataclass(frozen=True)
class Is:
    """A fact has one of some values."""

    path: str
    values: tuple[Any, ...]

    def judge(self, facts: Facts) -> Truth:
        """Whether it has."""
        value = facts.value(self.path)
        if value is None:
            return _unknown(self.path)
        return Truth(
            any(type(v) is type(value) and v == value for v in self.values), (), (f"{self.path} is {word(value)}",)
        )


@dataclass(frozen=True)
class Has:
    """A list fact holds one, or all, of some words."""

    path: str
    words: tuple[str, ...]
    every: bool

    def judge(self, facts: Facts) -> Truth:
        """Whether it does; words kept under `other` may be any of them."""
        listed = facts.value(self.path)
        if listed is None:
            return _unknown(self.path)
        found = [word for word in self.words if listed is not False and word in listed]
        enough = len(found) == len(self.words) if self.every else bool(found)
        if not enough and self.path == "data.elements" and facts.data.other:
            return Truth(None, ("data.other",), ("a person must say whether the words under data.other belong here",))
        if enough:
            return Truth(True, (), (f"{self.path} has {', '.join(found)}",))
        return Truth(False, (), (f"{self.path} has {'not all' if self.every else 'none'} of {_few(self.words)}",))


@dataclass(frozen=True)
class InPlaces:
    """A place fact, or one of several, lies in some places."""

    path: str
    where: tuple[str, ...]

    def judge(self, facts: Facts) -> Truth:
        """Whether it lies there."""
        value = facts.value(self.path)
        if value is None:
            return _unknown(self.path)
        listed = [] if value is False else [value] if isinstance(value, str) else list(value)
        inside = [place for place in listed if places.within(place, self.where)]
        shown = ", ".join(inside or listed) or "none"
        return Truth(
            bool(inside), (), (f"{self.path} is {shown}, {'in' if inside else 'not in'} {_named(self.where)}",)
        )


@dataclass(frozen=True)
class Significant:
    """A person found the incident major, significant or severe under one law, or found that it is not.

    `times.classified` says so for every law; `significance.found` for one, and in either direction.
    """

    regime: str

    def judge(self, facts: Facts) -> Truth:
        """The finding, unknown until somebody made it."""
        found = (facts.significance.found or {}).get(self.regime)
        if found is None and facts.times.classified is None:
            return _unknown("times.classified")
        if found is False:
            return Truth(False, (), (f"the incident was found not significant under {self.regime}",))
        return Truth(True, (), ("the incident was found significant",))


@dataclass(frozen=True)
class Names:
    """A list of parties holds one of that name."""

    path: str
    party: str

    def judge(self, facts: Facts) -> Truth:
        """Whether it does, upper and lower case alike."""
        listed = facts.value(self.path)
        if listed is None:
            return _unknown(self.path)
        found = any(_folded(one.get("name", "")) == _folded(self.party) for one in listed or ())
        return Truth(found, (), (f"{self.path} {'names' if found else 'does not name'} the party of the contract",))


def _folded(name: str) -> str:
    return " ".join(name.casefold().split())


COMPARISONS: Final[Mapping[str, tuple[str, Callable[[Any, Any], bool]]]] = MappingProxyType(
    {
        "over": ("more than", operator.gt),
        "at_least": ("at least", operator.ge),
        "below": ("fewer than", operator.lt),
        "at_most": ("at most", operator.le),
    }
)


@dataclass(frozen=True)
class Compared:
    """A number, amount or length stands over, at least at, below or at most at a bound."""

    path: str
    comparison: str
    bound: Any
    currency: str | None = None

    def judge(self, facts: Facts) -> Truth:
        """Whether it does; a range that straddles the bound is unknown."""
        value = facts.value(self.path)
        if value is None or value is True:  # there are some, nobody says how many
            return _unknown(self.path)
        if isinstance(value, int | dict):
            value = counts.read(value or 0)  # `false` says that there is nothing of the kind
        if isinstance(value, Count):
            return _compared(value, self.comparison, self.bound, self.path, f"{self.path} is {value}")
        if self.currency is not None:
            if value.currency != self.currency and value.amount:
                return Truth(
                    None, (self.path,), (f"{self.path} is in {value.currency}; the law counts {self.currency}",)
                )
            value = value.amount
        phrase, compare = COMPARISONS[self.comparison]
        met = compare(value, self.bound)
        shown = durations.text_of(self.bound) if isinstance(self.bound, timedelta) else f"{self.bound:,}"
        return Truth(met, (), (f"{self.path} is {'' if met else 'not '}{phrase} {shown}",))


@dataclass(frozen=True)
class Residents:
    """The number of affected people who live in some places, against a bound."""

    where: tuple[str, ...]
    comparison: str
    bound: int

    def judge(self, facts: Facts) -> Truth:
        """Whether it meets the bound; what is not located may live there."""
        count = facts.people_in(self.where)
        if "*" in self.where:
            return _compared(count, self.comparison, self.bound, "people.total", f"{count} people are affected")
        path = (
            f"people.by_place.{self.where[0]}"
            if len(self.where) == 1 and places.known(self.where[0])
            else "people.by_place"
        )
        said = f"{count} affected {'person lives' if count.exact == 1 else 'people live'} in {_named(self.where)}"
        return _compared(count, self.comparison, self.bound, path, said)


def _compared(count: Count, comparison: str, bound: int, path: str, said: str) -> Truth:
    phrase, compare = COMPARISONS[comparison]
    low = compare(count.at_least, bound)
    high = compare(count.at_most, bound) if count.at_most is not None else comparison in {"over", "at_least"}
    if low != high:
        return Truth(None, (path,), (f"{said}; whether that is {phrase} {bound:,} is open",))
    return Truth(low, (), (f"{said}, {'' if low else 'not '}{phrase} {bound:,}",))


@dataclass(frozen=True)
class Recorded:
    """A fact has a value; where it has none, nobody knows yet."""

    path: str

    def judge(self, facts: Facts) -> Truth:
        """True or unknown, never false."""
        return _unknown(self.path) if facts.value(self.path) is None else Truth(True, (), (f"{self.path} is recorded",))


@dataclass(frozen=True)
class Occurred:
    """An act of our own was recorded among the events."""

    event: str
    duty: str | None = None

    def judge(self, facts: Facts) -> Truth:
        """True or false: what was not recorded was not done."""
        done = bool(facts.events_named(self.event, duty=self.duty))
        return Truth(done, (), (f"{self.event} {'was' if done else 'was not'} recorded",))


def _unknown(path: str) -> Truth:
    return Truth(None, (path,), (f"{path} is not known",))


def word(value: Any) -> str:
    """A value as a facts document writes it."""
    return {True: "true", False: "false"}.get(value, str(value)) if isinstance(value, bool) else str(value)


def _few(words: Sequence[str]) -> str:
    return ", ".join(words[:4]) + (f" and {len(words) - 4} more" if len(words) > 4 else "")


def _named(where: Sequence[str]) -> str:
    return " or ".join(places.name(place) for place in where[:4]) + (" or elsewhere listed" if len(where) > 4 else "")
