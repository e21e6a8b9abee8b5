"""A facts document in the making: what is known, what must be asked, and what was read into it and is said."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pendulum import Date

from tocsin import moments
from tocsin.facts import Facts
from tocsin.importing import days

#: A day without a time means its last second here; everywhere else its first, so that no clock starts late.
ENDS: Final = frozenset({"times.occurred_until", "times.contained", "times.resolved"})


@dataclass(frozen=True, kw_only=True)
class Question:
    """What a person must say before the fact at `path` is known."""

    path: str
    words: str

    def __str__(self) -> str:
        return f"`{self.path}`: {self.words}"


@dataclass(frozen=True, kw_only=True)
class Unmapped:
    """A value of the record that has no place among the facts."""

    path: str
    value: Any


@dataclass(frozen=True, kw_only=True)
class Imported:
    """Facts from one record; what to ask; what was read into it; and what of it has no place."""

    facts: Facts
    questions: tuple[Question, ...]
    assumed: tuple[str, ...]
    unmapped: tuple[Unmapped, ...] = ()

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "facts": self.facts.document(),
            "questions": [{"path": one.path, "question": one.words} for one in self.questions],
            "assumed": list(self.assumed),
            "unmapped": [{"path": one.path, "value": one.value} for one in self.unmapped],
        }


@dataclass(kw_only=True)
class Draft:
    """The document so far. `zone` is where the record's clock hangs, if anybody said."""

    zone: str | None = None
    document: dict[str, Any] = field(default_factory=dict)
    questions: list[Question] = field(default_factory=list)
    assumed: list[str] = field(default_factory=list)

    def put(self, path: str, value: Any) -> None:
        """Put a value where the path leads."""
        inner, name = self._place(path)
        inner[name] = value

    def add(self, path: str, values: Sequence[Any]) -> None:
        """Put further values into the list where the path leads; none at all is no list, which would say no."""
        if not values:
            return
        inner, name = self._place(path)
        inner[name] = [*inner.get(name, ()), *values]

    def ask(self, path: str, words: str) -> None:
        """Leave a fact unknown and say what to find out."""
        self.questions.append(Question(path=path, words=words))

    def imported(self, facts: Facts, unmapped: tuple[Unmapped, ...] = ()) -> Imported:
        """The outcome, with the facts that this document turned out to be."""
        return Imported(facts=facts, questions=tuple(self.questions), assumed=tuple(self.assumed), unmapped=unmapped)

    def moment(self, path: str, written: days.Written) -> bool:
        """Put a date where the path leads, if it is an instant; raises ValueError for a time that never was."""
        instant = self.instant(path, written, ends=path in ENDS)
        if instant is not None:
            self.put(path, instant)
        return instant is not None

    def instant(self, path: str, written: days.Written, *, ends: bool) -> str | None:
        """A date as an instant. A day or a time without a zone is none: it becomes a question."""
        if written.offset is not None:
            return moments.text(moments.parse(f"{written.day}T{written.time}{written.offset}"))
        if self.zone is None:
            asked = "in which zone?" if written.time else "at what time, in which zone?"
            self.ask(path, f"it was on {written}: {asked}")
            return None
        if written.time is not None:
            return moments.text(moments.parse({"at": f"{written.day}T{written.time}", "zone": self.zone}))
        return self._day(path, written.day, self.zone, ends=ends)

    def _day(self, path: str, day: Date, zone: str, *, ends: bool) -> str:
        self.assumed.append(f"`{path}` is the {'end' if ends else 'start'} of {day} in {zone}: no time is given")
        return moments.text(days.last(day, zone) if ends else days.first(day, zone))

    def _place(self, path: str) -> tuple[dict[str, Any], str]:
        *groups, name = path.split(".")
        inner = self.document
        for group in groups:
            inner = inner.setdefault(group, {})
        return inner, name
