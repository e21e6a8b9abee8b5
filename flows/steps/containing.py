"""The plan's tasks for people: opened with a due time, ticked off, handed on, finished with a name and evidence."""

import hashlib
from typing import Any

import pendulum
from pendulum import DateTime
from sqlalchemy.orm import Session

from db import actions, incidents, ledger
from db import evidence as evidence_store
from db import tasks as task_store
from db.task_tables import TaskNote
from flows.steps import evidence as files
from flows.steps import pictures
from flows.steps.guarding import must_be_allowed, must_be_open
from flows.wiring import House
from tocsin import moments
from tocsin.errors import Invalid, NotAllowed
from tocsin.facts import Facts
from tocsin.ledger import EventType
from tocsin.plan import Plan

MOST_LETTERS = 10_000


def open_tasks(
    session: Session, incident: str, plan: Plan, facts: Facts, *, phase: str, by: str, now: DateTime
) -> list[str]:
    """Open the plan's tasks of a phase that are not there yet; due times count from the declaration."""
    applying = [task for task in plan.tasks(phase) if task.applies(facts)]
    wanted = [
        task_store.NewTask(
            key=task.key,
            phase=phase,
            title=task.title,
            owner=task.owner,
            due=now + pendulum.parse(task.within) if task.within else None,  # type: ignore[operator]
            checklist=task.checklist,
        )
        for task in applying
    ]
    opened = task_store.open_many(session, incident, wanted)
    for task in applying:
        if task.key in opened and task.action is not None:
            actions.put(session, incident, task.key, task.action, needs_approval=task.needs_approval, now=now)
    for key in opened:
        ledger.append(session, incident, EventType.TASK_OPENED, actor=by, data={"task": key, "phase": phase}, at=now)
    return opened


def finish_task(session: Session, incident: str, key: str, *, by: str, evidence: str | None, now: DateTime) -> None:
    """Mark a task done. The evidence goes on the ledger as hashes only: it may name people.

    Raises NotAllowed while a line of its checklist is not ticked.
    """
    must_be_open(session, incident)
    must_be_allowed(session, "task.done", by=by, now=now, incident=incident)
    left = [item for item in task_store.items(session, incident).get(key, ()) if item.ticked_at is None]
    if left:
        raise NotAllowed(
            f"Task {key!r} has {len(left)} lines to tick (first: {left[0].number}, {left[0].says}): `tocsin tasks "
            "tick`, or `tocsin tasks skip` with the reason."
        )
    task_store.finish(session, incident, key, by=by, evidence=evidence, at=now)
    shown = [row.sha256 for row in evidence_store.listed(session, incident, about=files.of_task(key))]
    entry = {"task": key, "evidence_sha256": _digest(evidence) if evidence else None, "files_sha256": shown}
    ledger.append(session, incident, EventType.TASK_DONE, actor=by, data=entry, at=now)


def skip_task(house: House, incident: str, key: str, *, by: str, reason: str, now: DateTime) -> None:
    """Say that a task is not to be done, and why; the reason is kept, and goes on the ledger as a hash."""
    why = _text(reason, "A reason")
    with house.database.transaction() as session:
        must_be_open(session, incident)
        must_be_allowed(session, "task.done", by=by, now=now, incident=incident)
        task_store.finish(session, incident, key, by=by, evidence=why, at=now, state=task_store.SKIPPED)
        entry = {"task": key, "reason_sha256": _digest(why)}
        ledger.append(session, incident, EventType.TASK_SKIPPED, actor=by, data=entry, at=now)


def tick(house: House, incident: str, key: str, number: int, *, by: str, now: DateTime) -> None:
    """Tick one line of a task's checklist, by name."""
    with house.database.transaction() as session:
        must_be_open(session, incident)
        must_be_allowed(session, "task.change", by=by, now=now, incident=incident)
        task_store.tick(session, incident, key, number, by=by, at=now)
        entry = {"task": key, "line": number}
        ledger.append(session, incident, EventType.TASK_TICKED, actor=by, data=entry, at=now)


def assign(
    house: House, incident: str, key: str, *, owner: str | None, due: DateTime | None, by: str, now: DateTime
) -> None:
    """Give an open task to somebody else, or another due time. An overdue one is told to its new owner at once."""
    if owner is None and due is None:
        raise Invalid("Say to whom the task goes (--to), or by when it is due (--due).")
    named = None if owner is None else _text(owner, "An owner")
    with house.database.transaction() as session:
        must_be_open(session, incident)
        must_be_allowed(session, "task.change", by=by, now=now, incident=incident)
        task = task_store.reassign(session, incident, key, owner=named, due=due)
        entry = {"task": key, "owner": task.owner, "due": moments.text(task.due) if task.due else None}
        ledger.append(session, incident, EventType.TASK_ASSIGNED, actor=by, data=entry, at=now)


def note(house: House, incident: str, key: str, says: str, *, by: str, now: DateTime) -> int:
    """Keep what somebody says about a task, sealed, for it may name people; returns its number."""
    written = _text(says, "A note")
    with house.database.transaction() as session:
        must_be_open(session, incident)
        must_be_allowed(session, "task.change", by=by, now=now, incident=incident)
        task_store.get(session, incident, key)
        number = task_store.next_note(session, incident, key)
        incident_key = house.master_key.incident_key(incidents.get(session, incident).sealed_key, incident)
        sealed = incident_key.seal(written.encode(), _note_aad(incident, key, number))
        kept = TaskNote(incident_id=incident, key=key, number=number, sealed=sealed, at=now, by=by)
        task_store.add_note(session, kept)
        entry = {"task": key, "note": number, "sha256": _digest(written)}
        ledger.append(session, incident, EventType.TASK_NOTED, actor=by, data=entry, at=now)
    return number


def listed(house: House, incident: str, *, now: DateTime) -> list[dict[str, Any]]:
    """Every task of an incident in a row: how far it is, who has it, when it is due."""
    with house.database.reading() as session:
        checklists = task_store.items(session, incident)
        shown = [row.about for row in evidence_store.listed(session, incident)]
        running = actions.listed(session, incident)
        return [
            {
                "task": task.key,
                "phase": task.phase,
                "what": task.title,
                "owner": task.owner,
                "state": "OVERDUE" if pictures.task_late(task, now) else task.state,
                "due": _at(task.due),
                "ticked": _ticked(checklists.get(task.key, [])),
                "files": shown.count(files.of_task(task.key)) or None,
                "action": running[task.key].state if task.key in running else None,
                "done_by": task.done_by,
            }
            for task in task_store.listed(session, incident)
        ]


def shown(house: House, incident: str, key: str, *, by: str, now: DateTime) -> dict[str, Any]:
    """One task with its checklist, its notes and its files; what is sealed is not shown once the key is destroyed."""
    row = next((one for one in listed(house, incident, now=now) if one["task"] == key), None)
    with house.database.reading() as session:
        must_be_allowed(session, "see", by=by, now=now, incident=incident)
        task_store.get(session, incident, key)
        items = task_store.items(session, incident).get(key, [])
        notes = task_store.notes(session, incident, key)
        sealed_key = incidents.get(session, incident).sealed_key
        said = _opened(house, incident, sealed_key, notes)
    checklist = [
        {"line": item.number, "says": item.says, "ticked_by": item.ticked_by, "ticked_at": _at(item.ticked_at)}
        for item in items
    ]
    kept = files.listed(house, incident, by=by, now=now, about=files.of_task(key))
    return {**(row or {}), "checklist": checklist, "notes": said, "evidence": kept}


def _opened(house: House, incident: str, sealed_key: bytes | None, notes: list[TaskNote]) -> list[dict[str, Any]]:
    if not notes or sealed_key is None:
        return []
    opener = house.master_key.incident_key(sealed_key, incident)
    return [
        {
            "note": one.number,
            "by": one.by,
            "at": _at(one.at),
            "says": opener.open(bytes(one.sealed), _note_aad(incident, one.key, one.number)).decode(),
        }
        for one in notes
    ]


def _ticked(items: list[Any]) -> str | None:
    return f"{sum(item.ticked_at is not None for item in items)} of {len(items)}" if items else None


def _at(at: DateTime | None) -> str | None:
    return moments.text(at.replace(microsecond=0)) if at else None


def _text(written: str, what: str) -> str:
    cleaned = written.strip()
    if not cleaned or len(cleaned) > MOST_LETTERS or any(not (one.isprintable() or one == "\n") for one in cleaned):
        raise Invalid(f"{what} is plain text of at most {MOST_LETTERS:,} letters: say it in a sentence.")
    return cleaned


def _digest(written: str) -> str:
    return hashlib.sha256(written.encode()).hexdigest()


def _note_aad(incident: str, key: str, number: int) -> bytes:
    return f"{incident}\x1ftask note\x1f{key}\x1f{number}".encode()
