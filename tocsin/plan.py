"""An organisation's emergency plan as data: what its policy promises, who does what, which channels, whose approval.

A plan file is checked whole before anything uses it. It cites its policy by clause, in words of our own, and says where
the policy is silent and which law fills the gap. `docs/plans.md` describes every part.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pydantic import ValidationError

from tocsin import complaints, conditions, places, regimes, residency, vocabulary
from tocsin.alarms import Alarms
from tocsin.conditions import Condition
from tocsin.errors import Invalid
from tocsin.facts import Facts
from tocsin.ladder import Rung
from tocsin.plantext import (
    PHASES,
    Announcement,
    Approval,
    LadderException,
    Notice,
    Organisation,
    PlanText,
    Processors,
    Regulators,
)
from tocsin.quiet import Night
from tocsin.regimes import Regime

_DEFAULT_APPROVAL = Approval()


@dataclass(frozen=True, kw_only=True)
class Task:
    """Something a person must do in a phase. `within` is an ISO 8601 duration from the declaration, or None."""

    key: str
    phase: str
    title: str
    owner: str
    within: str | None
    clause: str | None
    when: Condition | None = field(default=None, repr=False)
    checklist: tuple[str, ...] = ()
    action: str | None = None
    needs_approval: bool = False

    def applies(self, facts: Facts) -> bool:
        """Whether the task is to be done under these facts; where they do not say yet, it is."""
        return self.when is None or self.when.judge(facts).value is not False


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A plan that holds together."""

    text: PlanText
    promises: Regime
    every_task: tuple[Task, ...]
    document: Mapping[str, Any] = field(repr=False)

    @property
    def id(self) -> str:
        """Its stable name, such as `conex-easykey`."""
        return self.text.id

    @property
    def organisation(self) -> Organisation:
        """Whose plan it is."""
        return self.text.organisation

    @property
    def notice(self) -> Notice:
        """What the notice to people must say, and in which languages."""
        return self.text.notice

    @property
    def announcement(self) -> Announcement:
        """When and how the public is told."""
        return self.text.announcement

    @property
    def regulators(self) -> Regulators:
        """Which reports go to authorities."""
        return self.text.regulators

    @property
    def processors(self) -> Processors:
        """What those who send for the organisation must have promised."""
        return self.text.processors

    @property
    def doubt(self) -> str:
        """What happens to a message that may have left: `hold` or `resend-if-idempotent`."""
        return self.text.doubt

    @cached_property
    def watch(self) -> Alarms:
        """When people are warned, and who."""
        return Alarms(self.text.watch)

    @cached_property
    def hash(self) -> str:
        """The SHA-256 of the whole plan: an incident keeps it, so that a later change of the plan is seen."""
        canonical = json.dumps(self.document, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    def tasks(self, phase: str) -> tuple[Task, ...]:
        """The tasks of a phase, in the plan's order."""
        return tuple(task for task in self.every_task if task.phase == phase)

    def ladder_for(self, *, place: str, language: str) -> tuple[Rung, ...]:
        """The channel ladder for people of a place and language: the first exception that fits, else the plan's own."""
        exception = self._exception(place, language)
        return self.text.ladder.default if exception is None else exception.rungs

    def night_for(self, *, place: str, language: str) -> Night | None:
        """The quiet hours for people of a place and language, on their clock; without a place, on the plan's own."""
        exception = self._exception(place, language)
        hours = (exception.quiet if exception else None) or self.text.ladder.quiet
        if hours is None:
            return None
        return Night(hours, places.zone(place) if places.known(place) else self.organisation.zone)

    def _exception(self, place: str, language: str) -> LadderException | None:
        for exception in self.text.ladder.exceptions:
            here = not exception.places or any(residency.within(place, area) for area in exception.places)
            if here and (not exception.languages or language in exception.languages):
                return exception
        return None

    def approval(self, kind: str) -> Approval:
        """Whose approval something needs before it leaves (`notice`, `announcement`, `report`)."""
        return next((rule for name, rule in self.text.approvals.items() if name == kind), _DEFAULT_APPROVAL)

    def stores_missing(self, marks: residency.Marks) -> tuple[str, ...]:
        """Places whose people's data may not be kept in a store with these marks; empty when the store is fit."""
        wanted = {mark for rule in self.text.residency for mark in rule.stores_marked}
        return tuple(sorted(place for place in wanted if not residency.covers(marks, place)))

    def for_documents(self) -> dict[str, Any]:
        """What texts and reports may know of the plan, as plain data."""
        shown = self.text.model_dump(mode="json", include={"id", "organisation", "notice"})
        return {**shown, "requires": list(self.notice.requires)}


def parse(document: Mapping[str, Any], *, source: str) -> Plan:
    """A plan from its document; raises Invalid in one sentence with `source`, the path and what to do."""
    try:
        text = PlanText.model_validate(dict(document))
    except ValidationError as error:
        raise complaints.invalid(error, source=source) from None
    promises = regimes.parse(text.promises, source=f"{source}, promises")
    _promises_are_this_plan_s(text, promises, source)
    _clauses_exist(text, source)
    return Plan(text=text, promises=promises, every_task=tuple(_tasks(text, source)), document=dict(document))


def _promises_are_this_plan_s(text: PlanText, promises: Regime, source: str) -> None:
    wanted = f"plan-{text.id}"
    if promises.id != wanted or promises.text.kind != "plan":
        raise Invalid(
            f"{source}: `promises` must have `id: {wanted}` and `kind: plan`, so that nobody takes it for a law."
        )
    clauses = {f"clause {clause.at}" for clause in text.policy.clauses.values()}
    for duty in promises.duties:
        for version in duty.versions:
            if not version.text.citation.endswith(tuple(clauses)):
                raise Invalid(
                    f"{source}: `promises.duties.{duty.key}.citation` must name a clause under `policy.clauses`: "
                    f"{vocabulary.suggestion(version.text.citation, clauses)}."
                )


def _clauses_exist(text: PlanText, source: str) -> None:
    for path, name in _cited(text):
        if name is not None and name not in text.policy.clauses:
            advice = vocabulary.suggestion(name, tuple(text.policy.clauses))
            raise Invalid(f"{source}: `{path}.clause` is `{name}`, which is not under `policy.clauses`: {advice}.")


def _cited(text: PlanText) -> Iterator[tuple[str, str | None]]:
    for part in ("notice", "ladder", "announcement", "regulators", "processors"):
        yield part, getattr(text, part).clause
    for phase, tasks in text.phases.items():
        for place, task in enumerate(tasks):
            yield f"phases.{phase}[{place}]", task.clause
    for place, rule in enumerate(text.residency):
        yield f"residency[{place}]", rule.clause


def _tasks(text: PlanText, source: str) -> Iterator[Task]:
    seen: set[str] = set()
    for phase in PHASES:
        listed = next((tasks for name, tasks in text.phases.items() if name == phase), ())
        for place, task in enumerate(listed):
            where = f"{source}: `phases.{phase}[{place}]`"
            if task.key in seen:
                raise Invalid(f"{where} has the key `{task.key}` of an earlier task: give it another one.")
            seen.add(task.key)
            yield Task(
                key=task.key,
                phase=phase,
                title=task.title,
                owner=task.owner,
                within=task.within,
                clause=task.clause,
                when=_condition(task.when, where),
                checklist=task.checklist,
                action=task.action,
                needs_approval=task.needs_approval,
            )


def _condition(form: Any, where: str) -> Condition | None:
    if form is None:
        return None
    try:
        return conditions.parse(form)
    except ValueError as error:
        raise Invalid(f"{where}.when: {error}.") from None


def silences(plan: Plan) -> Sequence[str]:
    """Where the policy is silent and which law fills in, one sentence each."""
    return [f"{silent.topic}: {silent.filled_by} ({silent.note})" for silent in plan.text.silent]
