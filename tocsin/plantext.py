"""The parts of a plan file as they are written, and what may stand in each."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from tocsin import places, vocabulary
from tocsin.complaints import Strict
from tocsin.durations import DurationText
from tocsin.facts.fields import Place, Text
from tocsin.ladder import Rung
from tocsin.quiet import Hours
from tocsin.regimes.parts import Day, Link, Slug
from tocsin.watchtext import WatchText
from tocsin.zones import Zone

PHASES = ("contain", "assess", "review")
PARTS = ("situation-and-impact", "measures", "advice", "remedies")
ChannelPublic = Literal["website", "app", "feed", "press"]

Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")]
RegimeId = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}-[a-z0-9-]+$", max_length=80)]
Words = dict[Language, Text]


def _area(code: str) -> str:
    return code if code in places.GROUPS or code == "*" else places.check(code)


def _part(name: str) -> str:
    if name in PARTS:
        return name
    raise ValueError(f"names no part of a notice: {vocabulary.suggestion(name, PARTS)}")


Area = Annotated[str, AfterValidator(_area)]
Part = Annotated[str, AfterValidator(_part)]


class Contact(Strict):
    """How people reach the organisation, as far as its policy says."""

    email: Text | None = None
    phone: Text | None = None
    url: Link | None = None
    address: Text | None = None


class Organisation(Strict):
    """Whose plan it is. `name` is empty where the policy names nobody: the facts then must."""

    name: Words = Field(default_factory=dict)
    seat: Place | None = None
    zone: Zone
    contact: Contact = Contact()
    dpo: Contact | None = None
    note: Text | None = None


class Clause(Strict):
    """One clause of the policy: where it stands, what it says in our words, and what it is about."""

    at: Text
    says: Text
    about: Literal[
        "incidents", "end-of-service", "security", "storage", "processors", "credentials", "scope", "contact"
    ]
    note: Text | None = None


class Policy(Strict):
    """The policy that the plan is faithful to."""

    title: Text
    place: Text
    url: Link | None = None
    language: Language
    prevails: Language | None = None
    read_on: Day
    clauses: dict[Slug, Clause] = Field(min_length=1)


class TaskText(Strict):
    """A task of a phase. `action` names one of the installation's own (`actions` in its settings), which begins it.

    With `needs_approval` somebody who may approve says that the action may run.
    """

    key: Slug
    title: Text
    owner: Text
    within: DurationText | None = None
    when: Any = None
    clause: Slug | None = None
    checklist: tuple[Text, ...] = ()
    action: Slug | None = None
    needs_approval: bool = False

    @model_validator(mode="after")
    def _approves_something(self) -> Self:
        if self.needs_approval and self.action is None:
            raise ValueError("has `needs_approval` without an `action`: a person's own work needs none")
        return self


class Notice(Strict):
    """The notice to people. `remedies` is the organisation's own offer; without one, a person writes it each time.

    `sms_segments_most`: so many segments of SMS a person are paid for at most (3GPP TS 23.040); None: no limit here.
    """

    requires: tuple[Part, ...] = Field(min_length=1)
    languages: tuple[Language, ...] = Field(min_length=1)
    remedies: Words = Field(default_factory=dict)
    sms_segments_most: int | None = Field(default=None, ge=1, le=8)
    clause: Slug | None = None
    note: Text | None = None


def _each_channel_once(rungs: tuple[Rung, ...]) -> tuple[Rung, ...]:
    channels = [rung.channel.value for rung in rungs]
    twice = next((channel for channel in channels if channels.count(channel) > 1), None)
    if twice:
        raise ValueError(f"has two rungs on `{twice}`: a person is told once on a channel; keep one")
    return rungs


Rungs = Annotated[tuple[Rung, ...], Field(min_length=1), AfterValidator(_each_channel_once)]


class LadderException(Strict):
    """Another ladder for some places or languages. Without `quiet` the plan's own quiet hours hold."""

    places: tuple[Place, ...] = ()
    languages: tuple[Language, ...] = ()
    rungs: Rungs
    quiet: Hours | None = None

    @model_validator(mode="after")
    def _for_somebody(self) -> Self:
        if not self.places and not self.languages:
            raise ValueError("names neither `places` nor `languages`: then it is the default")
        return self


class Ladder(Strict):
    """In which order channels are tried, and when they are left alone."""

    default: Rungs
    quiet: Hours | None = None
    exceptions: tuple[LadderException, ...] = ()
    clause: Slug | None = None
    note: Text | None = None


class Approval(Strict):
    """Whose approval something needs: so many people of these roles, and not its author where `four_eyes` is set.

    It is bound to all that goes out, or with `rebind: text` to the words alone. Without `expires` it has no end.
    """

    roles: tuple[Text, ...] = ("privacy officer",)
    count: int = Field(default=1, ge=1, le=9)
    four_eyes: bool = True
    rebind: Literal["all", "text"] = "all"
    expires: DurationText | None = None


class Announcement(Strict):
    """When and how the public is told. `unreached_percent` 0: as soon as one person could not be told alone."""

    unreached_percent: int = Field(default=0, ge=0, le=100)
    channels: tuple[ChannelPublic, ...] = ("website",)
    days_up: int | None = Field(default=None, ge=1, le=3660)
    clause: Slug | None = None
    note: Text | None = None

    def wanted(self, *, unreached: int, total: int) -> bool:
        """Whether so many unreached people call for an announcement."""
        return unreached > 0 and 100 * unreached >= self.unreached_percent * total


class Residency(Strict):
    """Data of people in `places` stay with providers and stores that carry the mark."""

    places: tuple[Place, ...] = Field(min_length=1)
    providers_marked: tuple[Place, ...] = Field(min_length=1)
    stores_marked: tuple[Place, ...] = Field(min_length=1)
    clause: Slug | None = None
    note: Text | None = None


class Regulators(Strict):
    """Reports to authorities. `on_own_initiative`: the policy promises them without being asked."""

    reports: tuple[Slug, ...] = ()
    on_own_initiative: bool = False
    clause: Slug | None = None
    note: Text | None = None


class Processors(Strict):
    """What whoever sends for the organisation must have promised: in writing, and to delete at the end."""

    contract_required: bool = False
    deletion_required: bool = False
    clause: Slug | None = None
    note: Text | None = None


class Drills(Strict):
    """How often the plan is to be drilled, and by which rule; `confidence` as for sources of law."""

    every: Annotated[str, StringConstraints(pattern=r"^P[1-9]\d?[YM]$")]
    citation: Text
    confidence: Literal["text", "secondary", "memory", "disputed"]
    clause: Slug | None = None
    note: Text | None = None


class Silence(Strict):
    """A topic on which the policy says nothing, and the law of its place that fills in."""

    topic: Text
    filled_by: RegimeId
    law_of: Area
    note: Text


class PlanText(Strict):
    """A plan file as it is written."""

    id: Slug
    organisation: Organisation
    policy: Policy
    places: tuple[Area, ...] = Field(min_length=1)
    promises: dict[str, Any]
    phases: dict[Literal["contain", "assess", "review"], tuple[TaskText, ...]]
    notice: Notice
    ladder: Ladder
    approvals: dict[Literal["notice", "announcement", "report"], Approval]
    announcement: Announcement
    residency: tuple[Residency, ...] = ()
    doubt: Literal["hold", "resend-if-idempotent"] = "hold"
    regulators: Regulators
    processors: Processors = Processors()
    watch: WatchText = WatchText()
    drills: Drills | None = None
    silent: tuple[Silence, ...] = ()
