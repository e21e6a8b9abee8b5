"""What there is for people to do, read from the record as it stands: whoever is asked twice was asked once."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pendulum import DateTime
from sqlalchemy.orm import Session

from db import alarms as outbox
from db import people, reports, tasks, texts, waves
from documents import forms
from flows.drill.house import DrillHouse
from flows.drill.work import Job
from flows.steps import approving, assessing, reporting, subjects
from tocsin.errors import NotFound
from tocsin.scenario import AUTHOR, FILER, Scenario

if TYPE_CHECKING:
    from db.tables import Duty

BY_THE_RECORD = ("individuals", "public", "media")  # audiences that our own sending and publishing serve


def jobs(house: DrillHouse, session: Session, incident: str) -> Iterator[Job]:
    """Everything that waits for a person now, each for whoever plays the role."""
    scenario, now = house.scenario, house.now()
    for task in tasks.listed(session, incident, state=tasks.OPEN):
        yield Job(kind="task", of=task.key, who=_of(scenario, task.owner), asked=now, due=task.due, role=task.owner)
    yield from _texts(house, session, incident, now)
    served: set[str] = set()
    for form in reporting.owed_forms(house, session, incident):
        yield from _reports(house, session, incident, form, now)
        served |= set(reporting.served(form, assessing.live(session, incident)))
    for duty in assessing.live(session, incident):
        if _by_hand(duty, served):
            who = _of(scenario, FILER)
            yield Job(kind="duty", of=duty.key, who=who, asked=now, due=duty.target, role=FILER)
    yield from _warnings(session, incident, scenario, now)


def _of(scenario: Scenario, role: str) -> str:
    return scenario.members(role)[0]


def _by_hand(duty: "Duty", served: set[str]) -> bool:
    open_ = duty.status == "owed" and duty.done_at is None and duty.fell_away_at is None
    return open_ and duty.audience not in BY_THE_RECORD and duty.id not in served


def _texts(house: DrillHouse, session: Session, incident: str, now: DateTime) -> Iterator[Job]:
    author = _of(house.scenario, AUTHOR)
    numbers = [wave.number for wave in waves.listed(session, incident)]
    languages = people.counts(session, incident).by_language if numbers else {}
    wanted = [one for one in house.its_plan.notice.languages if one in languages] if numbers else []
    written = texts.all_latest(session, incident, "notice")
    if numbers and (not written or set(wanted) - written.keys()):
        yield Job(
            kind="write",
            of=f"notice in {', '.join(wanted) or 'the first language'}",
            who=author,
            asked=now,
            role=AUTHOR,
        )
        return
    for name in ("notice", "announcement"):
        yield from _decisions(house, session, incident, name, now)


def _decisions(house: DrillHouse, session: Session, incident: str, name: str, now: DateTime) -> Iterator[Job]:
    """Who is to approve it; or, where words are missing, the author again."""
    try:
        subject = subjects.find(house, session, incident, name)
    except NotFound:
        return
    author = _of(house.scenario, AUTHOR)
    if subject.problems:
        yield Job(kind="write", of=f"{name} {subject.content[:16]}", who=author, asked=now, role=AUTHOR)
        return
    state = approving.standing(house, session, incident, subject)
    rule = house.its_plan.approval(subject.kind)
    able = dict.fromkeys(one for role in rule.roles for one in house.scenario.members(role))
    names = {one: house.scenario.cast[one].name for one in able}
    others = [one for one in able if not (rule.four_eyes and names[one] in subject.authors)]
    for who in others:  # whoever is free first decides
        if not state.granted and names[who] not in state.given_by:
            yield Job(kind="approve", of=f"{name} {subject.hash[:16]}", who=who, asked=now, role=rule.roles[0])


def _reports(house: DrillHouse, session: Session, incident: str, form: forms.Form, now: DateTime) -> Iterator[Job]:
    """A draft is approved, then handed in; the next stage is drafted once people have been told."""
    filer = _of(house.scenario, FILER)
    for stage in form.stages:
        row = reports.latest(session, incident, form.id, stage)
        if row is None:
            counts = people.counts(session, incident)
            if counts.total and not counts.pending:
                yield Job(kind="write", of=f"report:{form.id}:{stage}", who=filer, asked=now, role=FILER)
            return
        if row.filed_at is None:
            name = f"report:{form.id}:{stage}"
            subject = subjects.find(house, session, incident, name)
            if approving.standing(house, session, incident, subject).granted:
                due = _due(session, incident, row.duties)
                yield Job(kind="file", of=f"{form.id} {stage}", who=filer, asked=now, due=due, role=FILER)
            else:
                yield from _decisions(house, session, incident, name, now)
            return


def _due(session: Session, incident: str, duties: list[str]) -> DateTime | None:
    targets = [one.target for one in assessing.live(session, incident) if one.id in duties and one.target]
    return min(targets, default=None)


def _warnings(session: Session, incident: str, scenario: Scenario, now: DateTime) -> Iterator[Job]:
    """Each warning that reached somebody is answered by them, or nobody answers it."""
    told = outbox.listed(session)
    inside = {one.within: one for one in told if one.within}
    for one in told:
        if one.state != outbox.DELIVERED or one.person not in scenario.cast or one.subject.startswith(outbox.DIGEST):
            continue
        if one.incident_id == incident or one.subject in inside:
            yield Job(kind="answer", of=one.key, who=one.person, asked=now, role="")
