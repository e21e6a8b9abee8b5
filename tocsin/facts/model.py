"""The facts of one incident as frozen values; `docs/facts.md` is their contract.

Everything but the title is optional, and what is missing is unknown.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Self

from pendulum import DateTime
from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from tocsin import places, vocabulary
from tocsin.complaints import Strict
from tocsin.facts import counts
from tocsin.facts.fields import (
    CountField,
    Duration,
    DutyId,
    Elements,
    Event,
    Moment,
    Money,
    Place,
    Tag,
    Text,
    Tri,
    one_of,
)
from tocsin.facts.fields import (
    attributes as read_attributes,
)

_SAME_OR_EARLIER = (("occurred_from", "occurred_until"), ("contained", "resolved"))


class Organisation(Strict):
    """Who owes the duties."""

    name: Text | None = None
    role: Annotated[str | None, one_of(vocabulary.ROLES, unknown=True)] = None
    seat: Place | None = None
    sectors: tuple[Tag, ...] | None = None
    attributes: Annotated[dict[str, Any] | None, BeforeValidator(read_attributes)] = None


class Times(Strict):
    """When what happened; a clock starts at one of these."""

    occurred_from: Moment | None = None
    occurred_until: Moment | None = None
    detected: Moment | None = None
    aware: Moment | None = None
    discovered: Moment | None = None
    determined: Moment | None = None
    confirmed: Moment | None = None
    classified: Moment | None = None
    assessed: Moment | None = None
    material: Moment | None = None
    scope_known: Moment | None = None
    contained: Moment | None = None
    resolved: Moment | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        for first, then in _SAME_OR_EARLIER:
            before, after = getattr(self, first), getattr(self, then)
            if before is not None and after is not None and before > after:
                raise ValueError(f"has `{first}` after `{then}`: one of them is wrong")
        return self


class Breach(Strict):
    """What happened to the data."""

    kinds: tuple[Annotated[str, one_of(vocabulary.KINDS)], ...] | None = None
    cause: Annotated[str | None, one_of(vocabulary.CAUSES, unknown=True)] = None
    exfiltrated: Tri = None
    encrypted: Tri = None
    key_safe: Tri = None
    recovered: Tri = None
    ransomware: Tri = None


class Risk(Strict):
    """A person's decision on the risk to people, with the reason."""

    to_people: Annotated[str | None, one_of(vocabulary.RISKS, unknown=True)] = None
    determined_by: Text | None = None
    basis: Text | None = None


class Data(Strict):
    """What the data were; `other` keeps what the closed words cannot say."""

    elements: Elements = None
    other: tuple[Text, ...] | None = None


class People(Strict):
    """Whose data they were: how many, and where they live."""

    total: CountField | None = None
    by_place: dict[Place, CountField] | None = None
    unlocated: CountField | None = None
    children: CountField | None = None
    contactable: dict[Annotated[str, one_of(vocabulary.CHANNELS)], CountField] | None = None
    cost_to_notify: Money | None = None

    @model_validator(mode="after")
    def _without_contradiction(self) -> Self:
        by_place = self.by_place or {}
        for country, whole in by_place.items():
            parts = [count for place, count in by_place.items() if place.startswith(f"{country}-")]
            least = sum(count.at_least for count in parts)
            if "-" not in country and whole.at_most is not None and least > whole.at_most:
                raise ValueError(
                    f"has `by_place.{country}` of at most {whole.at_most:,}, but its parts are {least:,}: mend one"
                )
        self._within_total()
        return self

    def _within_total(self) -> None:
        if self.total is None or self.total.at_most is None:
            return
        named = {
            "unlocated": self.unlocated,
            "children": self.children,
            **{f"by_place.{place}": count for place, count in (self.by_place or {}).items()},
            **{f"contactable.{channel}": count for channel, count in (self.contactable or {}).items()},
        }
        for name, count in named.items():
            if count is not None and count.at_least > self.total.at_most:
                raise ValueError(
                    f"has `{name}` above `total` ({count.at_least:,} of {self.total.at_most:,}): mend one of them"
                )


class Significance(Strict):
    """Sector thresholds that are not about people."""

    service_interruption: Duration | None = None
    economic_loss: Money | None = None
    grade: Annotated[str | None, one_of(vocabulary.GRADES, unknown=True)] = None
    found: dict[Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,79}$")], Tri] | None = None


class Hold(Strict):
    """A public authority asked to wait with telling people."""

    by: Tag
    places: tuple[Place, ...] | None = None
    from_: Moment | None = Field(default=None, alias="from")
    until: Moment | None = None
    written: Tri = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.from_ is not None and self.until is not None and self.from_ > self.until:
            raise ValueError("has `from` after `until`: one of them is wrong")
        return self


class Happened(Strict):
    """An act that was done, and may start a clock or end a duty."""

    event: Event
    at: Moment
    places: tuple[Place, ...] | None = None
    duty: DutyId | None = None

    @model_validator(mode="after")
    def _names_its_duty(self) -> Self:
        if self.event in {"filed", "extension-filed"} and self.duty is None:
            raise ValueError(f"is `{self.event}` without `duty`: name the duty, such as eu-gdpr/authority")
        return self


def _touches(where: tuple[str, ...], place: str) -> bool:
    members = places.expand((place,))
    return "*" in members or any(
        places.within(one, members) or any(places.within(member, (one,)) for member in members) for one in where
    )


class Facts(Strict):
    """What is known about one incident at one moment."""

    title: Text
    as_of: Moment | None = None
    organisation: Organisation = Organisation()
    times: Times = Times()
    breach: Breach = Breach()
    risk: Risk = Risk()
    data: Data = Data()
    people: People = People()
    records: CountField | None = None
    significance: Significance = Significance()
    holds: tuple[Hold, ...] = ()
    events: tuple[Happened, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _null_is_missing(cls, value: Any) -> Any:
        return {name: part for name, part in value.items() if part is not None} if isinstance(value, Mapping) else value

    def document(self) -> dict[str, Any]:
        """The canonical JSON-able document: what is known, offsets as given. Reading it gives these facts."""
        written = self.model_dump(mode="json", by_alias=True, exclude_none=True)
        return {name: part for name, part in written.items() if part not in ({}, [])}

    def value(self, path: str) -> Any:
        """The value at a path such as `breach.encrypted`; None is unknown."""
        found: Any = self
        for step in path.split("."):
            if found is None:
                return None
            found = found.get(step) if isinstance(found, dict) else getattr(found, step)
        return found

    @cached_property
    def residence(self) -> counts.Residence:
        """Who lives where."""
        return counts.Residence(self.people.total or counts.UNKNOWN, self.people.by_place or {}, self.people.unlocated)

    def seen_at(self, moment: DateTime) -> "Facts":
        """The facts without acts that lie after the moment of the view."""
        return self._with_events(tuple(event for event in self.events if event.at <= moment))

    def concerning(self, place: str) -> "Facts":
        """The facts without findings that were made for other places; acts keep their places, which clocks look at."""
        return self._with_events(
            tuple(
                event
                for event in self.events
                if event.event not in vocabulary.FINDINGS or event.places is None or _touches(event.places, place)
            )
        )

    def _with_events(self, events: tuple[Happened, ...]) -> "Facts":
        if len(events) == len(self.events):
            return self
        other = self.model_copy(update={"events": events})
        other.__dict__.pop("judged", None)
        return other

    @cached_property
    def judged(self) -> dict[int, Any]:
        """What was found of conditions that have a name, by their identity."""
        return {}

    def supposing(self, risk: str) -> "Facts":
        """The same facts with another risk to people."""
        other = self.model_copy(update={"risk": Risk(to_people=risk)})
        other.__dict__.pop("judged", None)  # a copy takes the findings along, and they may turn on the risk
        return other

    def people_in(self, where: tuple[str, ...]) -> counts.Count:
        """How many affected people live in these places; `*` is everybody."""
        if "*" in where:
            located = self.residence.located.at_least
            total = self.people.total or counts.UNKNOWN
            return (
                total if total.at_least >= located or total.exact is not None else counts.Count(located, total.at_most)
            )
        return self.residence.people_in(where)

    def events_named(self, name: str, *, duty: str | None = None) -> tuple[Happened, ...]:
        """The events of that name (and duty), earliest first."""
        found = (event for event in self.events if event.event == name and (duty is None or event.duty == duty))
        return tuple(sorted(found, key=lambda event: event.at))
