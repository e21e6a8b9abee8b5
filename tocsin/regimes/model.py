"""A regime: one law, contract or plan as data, and its duties in dated versions.

Nothing here judges an incident; `tocsin.duties` does.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from tocsin import vocabulary
from tocsin.conditions import Condition
from tocsin.facts.fields import Text, one_of
from tocsin.regimes.parts import (
    EACH,
    Anchor,
    Cited,
    Clock,
    Confidence,
    CountingPlace,
    DutyRef,
    Exemption,
    Extension,
    HoldRule,
    InForce,
    Reading,
    Scope,
    Slug,
    Source,
    Starts,
    Substitute,
    Take,
)


class DutyText(Cited):
    """One duty as one version of the law states it."""

    audience: Annotated[str, one_of(vocabulary.AUDIENCES)]
    recipient: Text
    people: tuple[Scope, ...] = ("*",)
    people_abroad: tuple[
        Scope, ...
    ] = ()  # whose people it is about when the seat is not known to lie in the law's place
    when: Any
    unless: tuple[Exemption, ...] = ()
    in_force: InForce = InForce()

    # Either clocks, or same_time_as, or both (whichever is due first); or undated. `starts` belongs to undated duties
    # that begin with an act.
    clocks: tuple[Clock, ...] = ()
    take: Take = "earliest"
    undated: Text | None = None
    starts: Starts | None = None
    same_time_as: DutyRef | None = None
    continuing: bool = False  # must last until it is due, and is over afterwards
    readings: tuple[Reading, ...] = ()

    counted_in: CountingPlace | None = None  # whose zone and holidays; else the regime's place
    workdays_of: CountingPlace | None = None  # whose holidays, where not those of that place
    each: tuple[Scope, ...] = ()  # one row for every one of these places where affected people live
    order: tuple[DutyRef, ...] = ()
    stage: Text | None = None
    channels: tuple[Text, ...] = ()
    content: tuple[Text, ...] = ()
    must_not_say: tuple[Text, ...] = ()
    holds: tuple[HoldRule, ...] = ()
    substitute: tuple[Substitute, ...] = ()
    extension: Extension | None = None
    done_by: tuple[Annotated[str, one_of(vocabulary.EVENTS)], ...] = ()
    notes: tuple[Text, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _single_clock(cls, value: Any) -> Any:
        if isinstance(value, dict) and "clock" in value:
            if "clocks" in value:
                raise ValueError("has both `clock` and `clocks`: keep one")
            return {**{name: part for name, part in value.items() if name != "clock"}, "clocks": [value["clock"]]}
        return value

    @model_validator(mode="after")
    def _one_timing(self) -> Self:
        dated = bool(self.clocks) or self.same_time_as is not None
        if dated is (self.undated is not None):
            raise ValueError("must have either `undated`, or `clock` (or `clocks`) and `same_time_as`, or one of these")
        if self.starts is not None and self.undated is None:
            raise ValueError("has `starts` beside a clock: the clock has its own")
        if self.counted_in == EACH and not self.each:
            raise ValueError("is counted in `each` place but names none under `each`")
        return self


class RegimeText(Cited):
    """A regime file as it is written."""

    id: Slug
    title: Text
    law: Text
    kind: Literal["law", "plan", "contract"] = "law"
    status: Literal["in-force", "not-in-force", "no-duty"] = "in-force"
    status_note: Text | None = None
    place: Scope
    dated_by: Anchor = "aware"
    sources: dict[Slug, Source]
    definitions: dict[Slug, Any] = Field(default_factory=dict)
    applies: Any
    defaults: dict[str, Any] = Field(default_factory=dict)  # what every duty shares; a duty's own lines win
    duties: dict[str, Any]

    @model_validator(mode="after")
    def _disabled_with_reason(self) -> Self:
        if self.status != "in-force" and self.status_note is None:
            raise ValueError(f"is `{self.status}` without `status_note`: say why and since when that was checked")
        if bool(self.duties) is (self.status == "no-duty"):
            raise ValueError("must have `duties`, or the status `no-duty` and none")
        return self


@dataclass(frozen=True, kw_only=True)
class Exempt:
    """An exemption ready to be judged."""

    text: Exemption
    when: Condition


@dataclass(frozen=True, kw_only=True)
class SubstituteWay:
    """A substitute ready to be judged."""

    text: Substitute
    when: Condition


@dataclass(frozen=True, kw_only=True)
class DutyVersion:
    """One version of a duty, ready to be judged."""

    text: DutyText
    when: Condition
    unless: tuple[Exempt, ...]
    substitute: tuple[SubstituteWay, ...]
    clock_whens: tuple[Condition | None, ...]  # beside `text.clocks`
    reading_whens: tuple[Condition | None, ...]  # beside `text.readings`
    confidence: str
    link: str
    licensed: tuple[str, ...] = ()  # paths of place facts that its conditions ask for each place
    local: Callable[[str], "DutyVersion"] | None = field(default=None, repr=False, compare=False)

    def at(self, place: str) -> "DutyVersion":
        """The version with its conditions bound to one of the places under `each`."""
        return self if self.local is None else self.local(place)


@dataclass(frozen=True, kw_only=True)
class DutyRule:
    """A duty with all its versions, oldest first."""

    key: str
    versions: tuple[DutyVersion, ...]

    def on(self, day: date) -> DutyVersion | None:
        """The version that was law on that day; None when there was none."""
        return next((version for version in self.versions if version.text.in_force.covers(day)), None)


@dataclass(frozen=True, kw_only=True)
class Regime:
    """A regime ready to be asked."""

    text: RegimeText
    applies: Condition
    document: Mapping[str, Any] = field(repr=False)
    borrowed: Mapping[str, Any] = field(default_factory=dict, repr=False)  # shared definitions, as data
    read_duties: Callable[[], tuple[DutyRule, ...]] = field(default=tuple, repr=False, compare=False)

    @cached_property
    def duties(self) -> tuple[DutyRule, ...]:
        """Its duties, read when they are first asked for: most laws say nothing about most incidents."""
        return self.read_duties()

    @property
    def id(self) -> str:
        """Its stable name, such as `us-ca`."""
        return self.text.id

    @property
    def title(self) -> str:
        """Its name for people."""
        return self.text.title

    @property
    def enabled(self) -> bool:
        """Whether it is law today; drafts ship disabled and visible as such."""
        return self.text.status == "in-force"

    @property
    def version(self) -> str:
        """A short hash of the whole text: two regimes of the same version give the same duties."""
        whole = {**self.document, "borrowed": self.borrowed} if self.borrowed else self.document
        canonical = json.dumps(whole, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)
        return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def weakest(*marks: Confidence | None) -> str:
    """The least sure of some confidence marks."""
    given = [mark for mark in marks if mark is not None]
    return max(given, key=vocabulary.CONFIDENCES.index)
