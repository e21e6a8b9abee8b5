"""The plan's tasks for people: opened with a due time, finished with a name and evidence."""

import hashlib

import pendulum
from pendulum import DateTime
from sqlalchemy.orm import Session

from db import ledger
from db import tasks as task_store
from flows.steps.guarding import must_be_open
from tocsin.facts import Facts
from tocsin.ledger import EventType
from tocsin.plan import Plan


def open_tasks(
    session: Session, incident: str, plan: Plan, facts: Facts, *, phase: str, by: str, now: DateTime
) -> list[str]:
    """Open the plan's tasks of a phase that are not there yet; due times count from the declaration."""
    wanted = [
        task_store.NewTask(
            key=task.key,
            phase=phase,
            title=task.title,
            owner=task.owner,
            due=now + pendulum.parse(task.within) if task.within else None,  # type: ignore[operator]
        )
        for task in plan.tasks(phase)
        if task.applies(facts)
    ]
    opened = task_store.open_many(session, incident, wanted)
    for key in opened:
        ledger.append(session, incident, EventType.TASK_OPENED, actor=by, data={"task": key, "phase": phase}, at=now)
    return opened


def finish_task(session: Session, incident: str, key: str, *, by: str, evidence: str | None, now: DateTime) -> None:
    """Mark a task done. The evidence goes on the ledger as a hash only: it may name people."""
    must_be_open(session, incident)
    task_store.finish(session, incident, key, by=by, evidence=evidence, at=now)
    digest = hashlib.sha256(evidence.encode()).hexdigest() if evidence else None
    ledger.append(
        session, incident, EventType.TASK_DONE, actor=by, data={"task": key, "evidence_sha256": digest}, at=now
    )
