"""The script of a drill: what is known at the start, who plays whom, what happens when, and what is expected.

Everything is counted from the declaration. The same script with the same seed is the same drill. `docs/drills.md`
describes every part.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Annotated, Any, Self

from pendulum import DateTime
from pydantic import BeforeValidator, Field, StringConstraints, ValidationError, model_validator

from tocsin import complaints, facts, moments, reading
from tocsin.cast import Member
from tocsin.complaints import Strict
from tocsin.delivery import Channel
from tocsin.durations import ExactDuration
from tocsin.errors import Invalid
from tocsin.facts import Facts
from tocsin.facts.fields import Place, Text
from tocsin.plan import Plan
from tocsin.plantext import Language
from tocsin.regimes.parts import Slug
from tocsin.watchtext import Interval

LONGEST = timedelta(days=400)
_ZERO = timedelta(0)
Percent = Annotated[int, Field(ge=0, le=100)]
Moment = Annotated[DateTime, BeforeValidator(moments.parse)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,39}$")]


class Group(Strict):
    """Made-up people of one place: how many, their language, and how well their addresses are.

    `channels` are percent of them who have an address; `bounces` percent of the addresses that take a message and send
    it back later; `dead` percent that refuse it at once.
    """

    place: Place
    count: int = Field(ge=1, le=200_000)
    language: Language
    channels: dict[Channel, Percent] = Field(min_length=1)
    bounces: Percent = 0
    dead: Percent = 0


class Question(Strict):
    """A regulator wants something: a task with a due time, counted from when it comes in."""

    title: Text
    owner: Text
    within: ExactDuration


class Bounces(Strict):
    """For a while so many percent of a channel's messages come back."""

    channel: Channel
    percent: Percent


_KINDS = ("facts", "people", "outage", "bounces", "watch_down", "question", "absent")
_LASTING = ("outage", "bounces", "watch_down", "absent")


class Inject(Strict):
    """One thing that happens, `at` so long after the declaration: exactly one of the kinds.

    `facts` are merged over what is known; a value of null makes a fact unknown again.
    """

    at: ExactDuration
    lasts: ExactDuration | None = None
    facts: dict[str, Any] | None = None
    people: tuple[Group, ...] | None = None
    outage: Channel | None = None
    bounces: Bounces | None = None
    watch_down: bool | None = None
    question: Question | None = None
    absent: Name | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        given = [kind for kind in _KINDS if getattr(self, kind) is not None]
        if len(given) != 1:
            raise ValueError(f"must hold exactly one of {', '.join(_KINDS)}")
        if (self.lasts is not None) != (given[0] in _LASTING):
            raise ValueError(f"of kind `{given[0]}` {'needs' if self.lasts is None else 'has no'} `lasts`")
        if self.lasts is not None and self.lasts <= _ZERO:
            raise ValueError("`lasts` must be longer than nothing")
        return self

    @property
    def kind(self) -> str:
        """Which of the kinds it is."""
        return next(kind for kind in _KINDS if getattr(self, kind) is not None)


class Expectation(Strict):
    """What the drill is scored by: exactly one of the kinds, and `within` for all but `in_time`.

    `in_time`: a pattern over duties; each that is owed at the end was done before it was due. `reached`: percent of the
    people told one by one. `filed`: a form handed in. `approved`: `notice` or `announcement`.
    """

    in_time: Text | None = None
    reached: Percent | None = None
    filed: Slug | None = None
    approved: Slug | None = None
    within: ExactDuration | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        kinds = [kind for kind in ("in_time", "reached", "filed", "approved") if getattr(self, kind) is not None]
        if len(kinds) != 1:
            raise ValueError("must hold exactly one of in_time, reached, filed, approved")
        if (self.within is None) != (self.in_time is not None):
            raise ValueError("needs `within` with reached, filed and approved, and has none with in_time")
        return self

    def fits(self, duty: str) -> bool:
        """Whether an expectation `in_time` is about this duty."""
        return self.in_time is not None and fnmatchcase(duty, self.in_time)


class Scenario(Strict):
    """A whole script.

    `ladder_every`: people's next messages and the providers' answers are taken up so often; in life, every minute. A
    long script with a long outage is quicker with a quarter of an hour. Duties and warnings are always to the minute.
    """

    id: Slug
    title: Text
    plan: Slug
    starts: Moment
    lasts: ExactDuration
    ladder_every: Interval = timedelta(minutes=1)
    seed: int = Field(default=7, ge=0, le=2**31)
    facts: dict[str, Any]
    cast: dict[Name, Member] = Field(min_length=1)
    injects: tuple[Inject, ...] = ()
    expect: tuple[Expectation, ...] = ()

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        if not _ZERO < self.lasts <= LONGEST:
            raise ValueError(f"`lasts` must be longer than nothing and at most {LONGEST.days} days")
        for place, inject in enumerate(self.injects):
            if inject.at >= self.lasts:
                raise ValueError(f"`injects[{place}].at` lies behind the end: make `lasts` longer")
            if inject.absent is not None and inject.absent not in self.cast:
                raise ValueError(f"`injects[{place}].absent` is {inject.absent!r}, who is not in the cast")
        for name, member in self.cast.items():
            if member.deputy is not None and (member.deputy not in self.cast or member.deputy == name):
                raise ValueError(f"`cast.{name}.deputy` is {member.deputy!r}, who is nobody else of the cast")
        return self

    def members(self, role: str) -> tuple[str, ...]:
        """Who plays a role, in the order of the cast."""
        wanted = plain(role)
        return tuple(name for name, one in self.cast.items() if wanted in {plain(held) for held in one.roles})


#: Roles that every drill needs besides those of its plan.
RESPONDER, AUTHOR, FILER = "responder", "author", "filer"


def plain(role: str) -> str:
    """A role's name as it is compared."""
    return "-".join(re.split(r"[\s_-]+", role.casefold().strip()))


def parse(document: Mapping[str, Any], *, source: str) -> Scenario:
    """A scenario from its document, every version of its facts checked; raises Invalid in one sentence."""
    try:
        found = Scenario.model_validate(dict(document))
    except ValidationError as error:
        raise complaints.invalid(error, source=source) from None
    _checked_facts(found.facts, source=f"{source}, facts")
    known = found.facts
    for place, inject in sorted(enumerate(found.injects), key=lambda pair: (pair[1].at, pair[0])):
        if inject.facts is not None:
            known = merged(known, inject.facts)
            _checked_facts(known, source=f"{source}, injects[{place}].facts")
    return found


def read(text: str | bytes, *, source: str) -> Scenario:
    """A scenario from YAML or JSON; raises Invalid."""
    return parse(reading.document(text, source=source), source=source)


def _checked_facts(document: Mapping[str, Any], *, source: str) -> Facts:
    return facts.parse(document, source=source)


def merged(known: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """What is known, with what is new laid over it (JSON Merge Patch, RFC 7396)."""
    found = dict(known)
    for name, value in new.items():
        if value is None:
            found.pop(name, None)
        elif isinstance(value, Mapping) and isinstance(found.get(name), Mapping):
            found[name] = merged(found[name], value)
        else:
            found[name] = value
    return found


def must_fit(found: Scenario, plan: Plan, *, source: str) -> None:
    """Raise Invalid unless the scenario is for this plan and somebody plays every role that it needs."""
    if found.plan != plan.id:
        raise Invalid(
            f"{source} is a scenario for plan {found.plan}, not for {plan.id}: name that plan, or another file."
        )
    needed = [RESPONDER, AUTHOR, FILER, *(task.owner for task in plan.every_task)]
    needed += [inject.question.owner for inject in found.injects if inject.question is not None]
    missing = sorted({role for role in needed if not found.members(role)})
    if missing:
        raise Invalid(f"{source}: nobody in the `cast` plays `{missing[0]}`, whom plan {plan.id} needs: add somebody.")
    for kind in ("notice", "announcement", "report"):
        rule = plan.approval(kind)
        able = {name for role in rule.roles for name in found.members(role)}
        able -= set(found.members(AUTHOR)) if rule.four_eyes and kind != "report" else set()
        if len(able) < rule.count:
            raise Invalid(
                f"{source}: {rule.count} of the `cast` must play {' or '.join(rule.roles)} and not write the {kind} "
                f"themselves, to approve it as plan {plan.id} wants: add somebody."
            )
