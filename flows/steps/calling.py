"""Calls: people whom a list took are put on it, and what callers report changes what is known of them.

Opening is level-triggered: a process that dies between taking somebody and putting them on the list leaves that to the
next look. A report is kept once, and how a task stands is worked out from all of its reports, so that a file may be
read in twice and in any order.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pendulum import DateTime
from sqlalchemy.orm import Session

from db import calls, incidents, ledger, outcomes, people, wishes
from db.calls import NewReport, Task
from db.outcomes import Word
from flows.steps.guarding import must_be_allowed, must_be_open
from flows.wiring import House
from tocsin.calls import MOST_TRIES, Report, Result, Standing, standing
from tocsin.delivery import Channel, Event, Kind, Settled
from tocsin.errors import Invalid, NotFound
from tocsin.ledger import EventType
from tocsin.plan import Plan


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """What reports did: how many are new, how many were known already, and the new ones by result."""

    new: int
    known: int
    results: Mapping[str, int]


def lists(house: House) -> tuple[str, ...]:
    """The names of the providers that are people with telephones."""
    return tuple(provider.name for provider in house.settings.providers if provider.is_call_list)


def open_tasks(house: House, session: Session, incident: str, settled: Sequence[Settled], *, now: DateTime) -> None:
    """Put those on the list whom it has just taken, in the transaction that records it."""
    names = set(lists(house))
    keys = [one.key for one in settled if one.provider in names]
    calls.open_missing(session, sorted(names), now, incident_id=incident, keys=keys)


def open_missing(house: House, *, now: DateTime) -> int:
    """Put those on the lists of whom a dead process had not come to say so; returns how many."""
    names = lists(house)
    return house.database.transact(lambda session: calls.open_missing(session, names, now)) if names else 0


def record(house: House, incident: str, task: str, report: Report, *, by: str, now: DateTime) -> Recorded:
    """Take in what came of one call; `task` is its key, or the start of it."""
    with house.database.transaction() as session:
        must_be_open(session, incident)
        must_be_allowed(session, "call.record", by=by, now=now, incident=incident)
        incidents.lock(session, incident)
        found = _named(session, incident, task)
        wrong = impossible(found, report, now=now)
        if wrong is not None:
            raise Invalid(f"The call to task {found.key[:10]} cannot have been so: {wrong}.")
        told = calls.reports_of(session, incident, [found.key]).get(found.key, [])
        if any(one.at == report.at and one != report for one in told):
            raise Invalid(f"Of that call to task {found.key[:10]} something else is on record: give the time of yours.")
        return take(house, session, incident, [NewReport(key=found.key, report=report, by=by)], by=by, now=now)


def take(
    house: House, session: Session, incident: str, reports: Sequence[NewReport], *, by: str, now: DateTime
) -> Recorded:
    """Keep reports of tasks that there are, and bring tasks, attempts and people to what they say; under the lock."""
    tasks = calls.by_keys(session, incident, [one.key for one in reports])
    before = calls.reports_of(session, incident, tasks)
    known = {(key, report.at) for key, told in before.items() for report in told}
    new = list({(one.key, one.report.at): one for one in reports if (one.key, one.report.at) not in known}.values())
    if not new:
        return Recorded(new=0, known=len(reports), results={})
    calls.add_reports(session, incident, new, now)
    touched = {one.key for one in new}
    plan = house.plan(incidents.get(session, incident).plan)
    standings = {
        key: standing(told, most_tries=_most_tries(plan, tasks[key]))
        for key, told in calls.reports_of(session, incident, touched).items()
    }
    calls.note_standing(session, incident, standings)
    _tell_the_ladder(session, incident, standings, now)
    wishes.keep(session, _wishes(tasks, new))
    results = dict(sorted(Counter(one.report.result.value for one in new).items()))
    ledger.append(session, incident, EventType.CALLS_RECORDED, actor=by, data={"calls": len(new), **results}, at=now)
    return Recorded(new=len(new), known=len(reports) - len(new), results=results)


def impossible(task: Task, report: Report, *, now: DateTime) -> str | None:
    """Why a call cannot have been as reported, in words; None where it can."""
    if report.at > now:
        return "its time is in the future"
    if report.at < task.opened_at.start_of("minute"):
        return "its time is before the task was opened"
    if report.result is Result.CALL_BACK and report.call_again_at is None:
        return "a call-back needs the time at which to call again"
    if report.call_again_at is not None and report.call_again_at <= report.at:
        return "the time at which to call again is not after the call"
    return None


def _named(session: Session, incident: str, task: str) -> Task:
    found = calls.beginning_with(session, incident, task.strip().lower())
    if len(found) == 1:
        return found[0]
    if found:
        raise Invalid(f"{task[:40]!r} fits several call tasks: give more of it; `tocsin calls list` shows them.")
    raise NotFound(f"There is no call task {task[:40]!r} in incident {incident}: `tocsin calls list` shows them.")


def _most_tries(plan: Plan, task: Task) -> int:
    rungs = plan.ladder_for(place=task.place, language=task.language)
    return next((rung.tries for rung in rungs if rung.channel is Channel.PHONE), MOST_TRIES)


def _tell_the_ladder(session: Session, incident: str, standings: Mapping[str, Standing], now: DateTime) -> None:
    """Bring attempts to what the calls say, and look at the people at once."""
    words = [
        Word(key=key, outcome=one.said.outcome, at=one.said.at, code=one.last.result.value, reason=one.said.reason)
        for key, one in standings.items()
        if one.said is not None
    ]
    _, advanced = outcomes.advance(session, words)
    people.schedule_many(session, incident, sorted({(one.person_id, now) for one in advanced}))


def _wishes(tasks: Mapping[str, Task], reports: Sequence[NewReport]) -> list[Event]:
    """Who asked not to be called loses the channel, when receipts are next collected."""
    return [
        Event(
            provider=tasks[one.key].provider,
            event_id=f"call:{one.key}:{one.report.at.isoformat()}",
            kind=Kind.UNSUBSCRIBED,
            at=one.report.at,
            key=one.key,
        )
        for one in reports
        if one.report.result is Result.DO_NOT_CALL
    ]
