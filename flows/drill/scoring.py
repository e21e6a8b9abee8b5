"""What a drill showed, read from its record at the end: plain values, the same for the same drill."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from pendulum import DateTime
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db import alarms as outbox
from db import ledger, people, reports, tables, tasks
from db.tables import Duty
from flows.drill.playing import Play
from flows.drill.tracing import Trace
from flows.steps import assessing
from tocsin import durations
from tocsin.delivery import NOT_REACHED, Verdict
from tocsin.ledger import EventType
from tocsin.scenario import Expectation

FORMAT = 1
MOST_MOMENTS = 400
TOLD = (Verdict.DELIVERED, Verdict.UNCONFIRMED)
IN_TIME, LATE, OPEN = "in time", "late", "late and open"
DONE, WAITS = "done, undated", "not due yet"
UNSETTLED = "unsettled"  # nobody found out whether it is owed, and its time has passed


def report(play: Play) -> dict[str, Any]:
    """The after-action report as data."""
    with play.house.database.reading() as session:
        trace = Trace(play, session)
        duties = [_duty(play, trace, duty) for duty in _sorted(assessing.live(session, play.incident))]
        expected = [_expected(play, session, one, duties) for one in play.house.scenario.expect]
        return {
            "format": FORMAT,
            "drill": _heading(play),
            "score": _score(duties, expected),
            "expectations": expected,
            "duties": duties,
            "tasks": _tasks(play, session),
            "people": _people(session, play.incident),
            "decisions": trace.decisions(),
            "bottlenecks": trace.bottlenecks(),
            "warnings": _warnings(play, session),
            "watch": _watch(play, session),
            "left": [
                {"who": who, "what": play.plain(f"{job.kind} {job.of}")[:80]}
                for who, some in play.cast.left().items()
                for job in some
                if job.kind != "answer"
            ],
            "course": [_moment(play, one.at, kind=one.kind, said=one.said) for one in play.moments[:MOST_MOMENTS]],
        }


def shown(play: Play, at: DateTime | None) -> str | None:
    """An instant on the scenario's own clock."""
    return at.in_timezone(play.house.scenario.starts.timezone_name or "UTC").isoformat() if at is not None else None


def length(seconds: float) -> str:
    """A length of time as ISO 8601, to the minute."""
    return durations.text_of(timedelta(minutes=round(seconds / 60)))


def _heading(play: Play) -> dict[str, Any]:
    scenario = play.house.scenario
    return {
        "scenario": scenario.id,
        "title": scenario.title,
        "plan": scenario.plan,
        "plan_hash": play.house.its_plan.hash,
        "seed": scenario.seed,
        "begins": shown(play, play.begins),
        "ends": shown(play, play.ends),
        "lasts": durations.text_of(scenario.lasts),
    }


def _sorted(duties: Sequence[Duty]) -> list[Duty]:
    return sorted(duties, key=lambda one: (one.target is None, str(one.target), one.key))


def _due(duty: Duty) -> DateTime | None:
    """What it is measured by; a duty of which nobody knew whether it was owed, by the time it would have had."""
    return duty.overdue_at or duty.due or duty.target


def _state(duty: Duty, ends: DateTime) -> str:
    due = _due(duty)
    if duty.done_at is not None:
        return DONE if due is None else LATE if duty.done_at > due else IN_TIME
    if due is None or due >= ends:
        return WAITS
    if duty.overdue_at is not None or duty.status == "owed":
        return OPEN
    return UNSETTLED if duty.status == "undetermined" else WAITS


def _duty(play: Play, trace: Trace, duty: Duty) -> dict[str, Any]:
    state, due = _state(duty, play.ends), _due(duty)
    late = (duty.done_at or play.ends) - due if due is not None and state in {LATE, OPEN} else None
    row: dict[str, Any] = {
        "duty": duty.key,
        "to": duty.recipient,
        "audience": duty.audience,
        "state": state,
        "due": shown(play, due),
        "done": shown(play, duty.done_at),
        "late_by": length(late.total_seconds()) if late is not None else None,
    }
    if state in {LATE, OPEN}:
        row["because"] = trace.why(duty)
    if state == UNSETTLED:
        row["because"] = f"nobody found out {', '.join(duty.unknown[:4])}"
    return row


def _score(duties: Sequence[Mapping[str, Any]], expected: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    counts = Counter(row["state"] for row in duties)
    dated = counts[IN_TIME] + counts[LATE] + counts[OPEN]
    met = sum(1 for one in expected if one["met"])
    whole = dated + len(expected)
    return {
        "percent": round(100 * (counts[IN_TIME] + met) / whole) if whole else None,
        "duties_in_time": counts[IN_TIME],
        "duties_late": counts[LATE],
        "duties_late_and_open": counts[OPEN],
        "duties_unsettled": counts[UNSETTLED],
        "expectations_met": met,
        "expectations": len(expected),
    }


def _expected(play: Play, session: Session, one: Expectation, duties: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    if one.in_time is not None:
        mine = [row for row in duties if one.fits(row["duty"]) and row["state"] != WAITS]
        bad = [row["duty"] for row in mine if row["state"] not in {IN_TIME, DONE}]
        found = f"{len(mine) - len(bad)} of {len(mine)}" + (f"; not {', '.join(bad[:5])}" if bad else "")
        return {"expected": f"{one.in_time} in time", "met": bool(mine) and not bad, "found": found}
    assert one.within is not None
    until = play.begins + one.within
    within = durations.text_of(one.within)
    if one.reached is not None:
        total, told = _told_by(session, play.incident, until)
        share = 100 * told / total if total else 0.0
        said = f"{one.reached} % of people told one by one within {within}"
        return {"expected": said, "met": total > 0 and share >= one.reached, "found": f"{share:.1f} % of {total}"}
    if one.filed is not None:
        times = [
            row.filed_at for row in reports.listed(session, play.incident) if row.form == one.filed and row.filed_at
        ]
        at, said = min(times, default=None), f"{one.filed} handed in within {within}"
    else:
        decided = [d.done for d in play.cast.history if d.job.kind == "approve" and not d.refused]
        mine_at = [
            d.done
            for d in play.cast.history
            if d.job.kind == "approve" and not d.refused and d.job.of.startswith(f"{one.approved} ")
        ]
        assert decided or not mine_at
        at, said = min(mine_at, default=None), f"the {one.approved} approved within {within}"
    return {"expected": said, "met": at is not None and at <= until, "found": shown(play, at) or "never"}


def _told_by(session: Session, incident: str, until: DateTime) -> tuple[int, int]:
    person = tables.core(tables.Person)
    mine = person.c.incident_id == incident
    total = session.execute(select(func.count()).select_from(person).where(mine)).scalar() or 0
    told = (person.c.verdict.in_([one.value for one in TOLD]), person.c.verdict_at <= until)
    return total, session.execute(select(func.count()).select_from(person).where(mine, *told)).scalar() or 0


def _tasks(play: Play, session: Session) -> list[dict[str, Any]]:
    return [
        {
            "task": one.key,
            "owner": one.owner,
            "due": shown(play, one.due),
            "done": shown(play, one.done_at),
            "late": one.due is not None and (one.done_at or play.ends) > one.due,
        }
        for one in tasks.listed(session, play.incident)
    ]


def _people(session: Session, incident: str) -> dict[str, Any]:
    counts = people.counts(session, incident)
    person = tables.core(tables.Person)
    columns = (person.c.place, person.c.verdict, person.c.verdict_reason)
    missed = [verdict.value for verdict in NOT_REACHED]
    query = select(*columns, func.count()).where(person.c.incident_id == incident, person.c.verdict.in_(missed))
    rows = sorted(tuple(row) for row in session.execute(query.group_by(*columns)))
    return {
        "total": counts.total,
        "open": counts.pending,
        "by_verdict": {str(name): number for name, number in sorted(counts.by_verdict.items())},
        "not_reached": [
            {"place": place, "verdict": verdict, "reason": reason or "", "people": number}
            for place, verdict, reason, number in sorted(rows, key=lambda row: tuple(str(part) for part in row))
        ],
    }


def _warnings(play: Play, session: Session) -> dict[str, Any]:
    told = [one for one in outbox.listed(session) if one.subject.partition(":")[0] not in {"bundle", "digest"}]
    by_person: dict[str, Counter[str]] = defaultdict(Counter)
    for one in told:
        by_person[one.person or "nobody"][one.state] += 1
    answered = [
        (done.done - done.job.asked).total_seconds()
        for done in play.cast.history
        if done.job.kind == "answer" and not done.refused
    ]
    return {
        "warnings": len(told),
        "by_person": {name: dict(sorted(some.items())) for name, some in sorted(by_person.items())},
        "answered": len(answered),
        "longest_to_answer": length(max(answered)) if answered else None,
    }


def _watch(play: Play, session: Session) -> dict[str, Any]:
    """What the watch missed: for how long it was away, what passed unsaid, and what was seen late."""
    said = ledger.listed(session, play.incident, event_type=EventType.WARNING_SENT)
    unsaid = [
        {"duty": str(one.data.get("duty")), "steps": list(one.data["missed"]), "seen": shown(play, one.at)}
        for one in said
        if one.data.get("missed")
    ]
    frozen = ledger.listed(session, play.incident, event_type=EventType.DUTY_OVERDUE)
    seen_late = [
        {"duty": str(one.data["duty"]), "seen_after": length(one.data["late_seconds"])}
        for one in frozen
        if (one.data.get("late_seconds") or 0) > 120
    ]
    return {"away_minutes": play.missed_minutes, "passed_unsaid": unsaid, "seen_late": seen_late}


def _moment(play: Play, at: DateTime, **more: str) -> dict[str, Any]:
    return {"at": shown(play, at), **more}
