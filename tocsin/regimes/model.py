"""A regime: one law, contract or plan as data, and its duties in dated versions.

Nothing here judges an incident; `tocsin.duties` does.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
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

    # Exactly one of: clocks, undated, same_time_as. `starts` belongs to undated duties that begin with an act.
    clocks: tuple[Clock, ...] = ()
    take: Take = "earliest"
    undated: Text | None = None
    starts: Starts | None = None
    same_time_as: DutyRef | None = None

    counted_in: CountingPlace | None = None  # whose zone and holidays; else the regime's place
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
        timings = [bool(self.clocks), self.undated is not None, self.same_time_as is not None]
        if sum(timings) != 1:
            raise ValueError("must have exactly one of `clock` (or `clocks`), `undated` and `same_time_as`")
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
    status: Literal["in-force", "not-in-force"] = "in-force"
    status_note: Text | None = None
    place: Scope
    dated_by: Anchor = "aware"
    sources: dict[Slug, Source]
    definitions: dict[Slug, Any] = Field(default_factory=dict)
    applies: Any
    duties: dict[str, Any] = Field(min_length=1)

    @model_validator(mode="after")
    def _disabled_with_reason(self) -> Self:
        if self.status == "not-in-force" and self.status_note is None:
            raise ValueError("is `not-in-force` without `status_note`: say why and since when that was checked")
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
    confidence: str
    link: str


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
    duties: tuple[DutyRule, ...]
    document: Mapping[str, Any] = field(repr=False)

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
        canonical = json.dumps(self.document, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)
        return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def weakest(*marks: Confidence | None) -> str:
    """The least sure of some confidence marks."""
    given = [mark for mark in marks if mark is not None]
    return max(given, key=vocabulary.CONFIDENCES.index)
