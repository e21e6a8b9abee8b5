"""What a person looks at: the deadline table, the delivery funnel, the plan, the papers. Counts and ids only."""

from pathlib import Path
from typing import Any

from pendulum import DateTime

from db import announcements, attempts, holds, incidents, ledger, people, reports
from db import duties as duty_store
from db.tables import Duty
from flows.steps.progress import Progress
from flows.wiring import House


def deadlines(house: House, incident: str) -> list[dict[str, Any]]:
    """One row a duty, the most urgent first."""
    now = house.now()
    with house.database.reading() as session:
        rows = [duty for duty in duty_store.listed(session, incident) if duty.fell_away_at is None]
    rows.sort(key=lambda duty: (duty.target is None, duty.target or now, duty.key))
    return [
        {
            "duty": duty.key,
            "to": duty.recipient,
            "state": state(duty, now),
            "due": duty.row["due"] or duty.row["undated"] or "",
            "left": left(duty, now),
        }
        for duty in rows
    ]


def state(duty: Duty, now: DateTime) -> str:
    """The duty's state in one word, lateness before everything."""
    if duty.done_at is not None:
        return "done late" if duty.due and duty.done_at > duty.due else "done"
    if duty.overdue_at is not None or (duty.status == "owed" and duty.due and duty.due < now):
        return "OVERDUE"
    return duty.status


def left(duty: Duty, now: DateTime) -> str:
    """Time left to the target, in words; empty where there is no date or nothing to do any more."""
    if duty.target is None or duty.done_at is not None:
        return ""
    seconds = (duty.target - now).total_seconds()
    hours, days = abs(seconds) / 3600, abs(seconds) / 86400
    span = f"{days:.0f} days" if days >= 3 else f"{hours:.0f} h" if hours >= 1 else f"{abs(seconds) / 60:.0f} min"
    if seconds >= 0:
        return span
    return f"{span} late" if duty.status == "owed" else f"would be {span} late"


def funnel(house: House, incident: str) -> list[dict[str, Any]]:
    """Attempts by channel and outcome."""
    with house.database.reading() as session:
        counts = attempts.funnel(session, incident)
    return [
        {"channel": str(channel), **{str(outcome): number for outcome, number in outcomes.items()}}
        for channel, outcomes in sorted(counts.items())
    ]


def plan(progress: list[Progress]) -> str:
    """The phases as a Markdown list: what was done, what is waited for."""
    lines = []
    for step in progress:
        mark = "x" if step.finished else " "
        lines.append(f"- [{mark}] **{step.phase}**")
        lines += [f"    - {item}" for item in step.did]
        lines += [f"    - waits for {item}" for item in step.waiting]
    return "\n".join(lines)


def papers(house: House, incident: str) -> list[Path]:
    """The reports written so far."""
    return sorted((house.settings.papers / incident).glob("*.pdf"))


def summary(house: House, incident: str) -> dict[str, Any]:
    """Everything `tocsin status` shows of one incident, as JSON-able values without personal data."""
    with house.database.reading() as session:
        record = incidents.get(session, incident)
        counts = people.counts(session, incident)
        waiting = holds.people_held(session, incident)
        filed = [
            {
                "form": row.form,
                "stage": row.stage,
                "version": row.version,
                "missing": len(row.missing),
                "filed_at": row.filed_at.isoformat() if row.filed_at else None,
                "reference": row.reference,
            }
            for row in reports.listed(session, incident)
        ]
        posted = [
            {"number": row.number, "published_at": row.published_at.isoformat(), "path": row.path}
            for row in announcements.listed(session, incident)
        ]
        events = ledger.length(session, incident)
    return {
        "incident": incident,
        "title": record.title,
        "plan": record.plan,
        "phase": record.phase,
        "state": record.state,
        "declared_at": record.declared_at.isoformat(),
        "duties": deadlines(house, incident),
        "people": {
            "total": counts.total,
            "open": counts.pending,
            "held": waiting,
            "by_verdict": {str(verdict): number for verdict, number in counts.by_verdict.items()},
            "by_channel": {str(channel): number for channel, number in counts.by_channel.items()},
            "by_language": dict(counts.by_language),
        },
        "delivery": funnel(house, incident),
        "reports": filed,
        "announcements": posted,
        "ledger_events": events,
    }


def line(house: House, incident: str) -> dict[str, Any]:
    """One incident in one row: its phase and what is owed next."""
    now = house.now()
    with house.database.reading() as session:
        record = incidents.get(session, incident)
        owed = [
            duty
            for duty in duty_store.listed(session, incident)
            if duty.target and duty.done_at is None and duty.fell_away_at is None
        ]
    following = min(owed, key=lambda duty: duty.target or now, default=None)
    return {
        "incident": incident,
        "title": record.title,
        "plan": record.plan,
        "phase": record.phase,
        "state": record.state,
        "next": following.key if following else "",
        "left": left(following, now) if following else "",
    }


def task_late(task: Any, now: DateTime) -> bool:
    """Whether an open task is past its due time."""
    return bool(task.state == "open" and task.due and task.due < now)
