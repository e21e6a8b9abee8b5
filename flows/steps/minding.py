"""What the watch does about duties and tasks whose time has come: freeze what is late, decide whom to warn of what.

Everything of one look is one transaction: the state of the duty, the ledger, and the message in the outbox.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from pendulum import DateTime
from sqlalchemy.orm import Session

from db import alarms as outbox
from db import duties as duty_store
from db import ledger, watch
from db.ledger import Entry
from db.tables import Duty, Task
from db.watch_tables import DutyWatch
from flows import contacts
from flows.steps import warning
from flows.steps.warning import Plans, Warned
from flows.wiring import House
from tocsin.alarms import DUE, OVERDUE, Decision, Standing, Step
from tocsin.ledger import EventType

BATCH = 500


@dataclass
class Minded:
    """What one look said: sentences for people, and the ledger's entries."""

    warned: list[str] = field(default_factory=list)
    overdue: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class _Looked:
    """One duty as it was looked at."""

    duty: Duty
    plan: str
    decision: Decision


def duties(house: House, plans: Plans, *, now: DateTime) -> Minded:
    """Look at every duty whose time has come, the longest waiting first, some hundreds in one transaction."""
    minded = Minded()
    while _any(house, partial(duty_store.any_to_look_at, now=now)):  # each look puts off or ends what it looked at
        seen = house.database.transact(partial(_look, house, plans, now))
        minded.warned += seen.warned
        minded.overdue += seen.overdue
    return minded


def _any(house: House, question: Callable[[Session], bool]) -> bool:
    with house.database.reading() as session:
        return question(session)


def _look(house: House, plans: Plans, now: DateTime, session: Session) -> Minded:
    waiting = duty_store.to_look_at(session, now, BATCH)
    frozen = duty_store.freeze_many(session, [duty for duty, _ in waiting if _is_late(duty, now)])
    late = {(duty.incident_id, duty.key): duty for duty in frozen}
    remembered = outbox.standings(session, [(duty.incident_id, duty.key) for duty, _ in waiting])
    looked = [
        _Looked(duty=duty, plan=plan, decision=plans.alarms(plan).decide(_standing(duty, memory, now), now))
        for duty, plan in waiting
        for memory in [remembered.get((duty.incident_id, duty.key))]
    ]
    minded = Minded(overdue=[f"{duty.incident_id} {duty.key}" for duty in sorted(frozen, key=_by_due)])
    saying = [(one, _warned(house, plans, one, step)) for one in looked if (step := one.decision.say) is not None]
    said_before = outbox.known(session, [_key(warned) for _, warned in saying]) if saying else set()
    told = [(one, warned) for one, warned in saying if _key(warned) not in said_before]
    fresh = outbox.put(session, warning.messages(house, [warned for _, warned in told], now=now))
    entries = [
        _overdue_entry(house, plans, late[one.duty.incident_id, one.duty.key], one.plan, now)
        for one in looked
        if (one.duty.incident_id, one.duty.key) in late
    ]
    for one, warned in told:
        if _key(warned) in fresh:
            entries.append(_entry(warned, one.decision.missed))
            minded.warned.append(f"{warned.incident} {warned.subject}: {warned.step.said}{_open_question(one.duty)}")
    outbox.remember_many(session, [_memory(one) for one in looked if _changed(one, remembered)])
    duty_store.schedule_looks(session, [(one.duty.incident_id, one.duty.key, one.decision.look_at) for one in looked])
    ledger.append_many(session, entries, actor="tocsin", at=now)
    return minded


def _is_late(duty: Duty, now: DateTime) -> bool:
    return _freezes(duty) is not None and duty.due is not None and duty.due < now


def _freezes(duty: Duty) -> DateTime | None:
    return duty.due if duty.status == duty_store.OWED and duty.overdue_at is None else None


def _standing(duty: Duty, memory: DutyWatch | None, now: DateTime) -> Standing:
    assert duty.target is not None
    freezes = _freezes(duty)
    return Standing(
        starts=duty.starts or duty.first_seen_at,
        target=duty.target,
        freezes=freezes if freezes is not None and freezes >= now else None,
        step=memory.step if memory else None,
        about=memory.target if memory else None,
        acked_step=memory.acked_step if memory else None,
        acked_about=memory.acked_target if memory else None,
        snoozed_until=memory.snoozed_until if memory else None,
    )


def _warned(house: House, plans: Plans, one: _Looked, step: Step) -> Warned:
    duty, alarms = one.duty, plans.alarms(one.plan)
    assert duty.target is not None
    return Warned(
        incident=duty.incident_id,
        subject=duty.key,
        step=step,
        target=duty.target,
        line=line(duty, step),
        chain=contacts.chain(house.settings, alarms.chain(key=duty.key, audience=duty.audience)),
        alarms=alarms,
        zone=plans.zone(one.plan),
    )


def line(duty: Duty, step: Step) -> str:
    """A duty in one line: where, what, to whom, by when."""
    written = duty.row.get("target") or (duty.target.isoformat() if duty.target else "")
    where = f"{duty.incident_id} {duty.key} ({duty.recipient})"
    return f"{where}: {step.said}, by {written}{_open_question(duty)}"


def _open_question(duty: Duty) -> str:
    if duty.status != "undetermined":
        return ""
    return f"; it may be owed, find out {', '.join(duty.unknown)}"


def _overdue_entry(house: House, plans: Plans, duty: Duty, plan: str, now: DateTime) -> Entry:
    """Who is late, since when, and by how much when it was seen."""
    assert duty.due is not None
    named = plans.alarms(plan).chain(key=duty.key, audience=duty.audience)
    behind = contacts.chain(house.settings, named)
    entry = {
        "duty": duty.key,
        "due": duty.due.isoformat(),
        "owner": behind.people[0] if behind.people else named[0],
        "late_seconds": int((now - duty.due).total_seconds()),
    }
    return Entry(incident_id=duty.incident_id, type=EventType.DUTY_OVERDUE, data=entry)


def _entry(warned: Warned, missed: Sequence[str]) -> Entry:
    entry = warning.entry(warned, missed)
    return Entry(incident_id=warned.incident, type=EventType.WARNING_SENT, data=entry)


def _key(warned: Warned) -> str:
    """The key of its message: what was said of this step and deadline before is not said again."""
    person = warned.chain.people[0] if warned.chain.people else ""
    return outbox.key_of(warned.incident, warned.subject, warned.step.name, warned.target, person)


def _memory(one: _Looked) -> Mapping[str, Any]:
    duty = one.duty
    about = {"step": one.decision.step, "target": duty.target}
    return {"incident_id": duty.incident_id, "key": duty.key, **about}


def _changed(one: _Looked, remembered: Mapping[tuple[str, str], DutyWatch]) -> bool:
    memory = remembered.get((one.duty.incident_id, one.duty.key))
    if memory is None:
        return one.decision.step is not None
    return (memory.step, memory.target) != (one.decision.step, one.duty.target)


def _by_due(duty: Duty) -> tuple[str, str, str]:
    return str(duty.due), duty.incident_id, duty.key


def tasks(house: House, plans: Plans, *, now: DateTime) -> Minded:
    """Say of every task that is late now that it is, once, to its owner and up."""
    minded = Minded()
    while _any(house, partial(watch.any_late_task, now=now)):
        minded.overdue += house.database.transact(partial(_look_at_tasks, house, plans, now)).overdue
    return minded


def _look_at_tasks(house: House, plans: Plans, now: DateTime, session: Session) -> Minded:
    late = watch.late_tasks(session, now, BATCH)
    told = [_task_warned(house, plans, task, plan) for task, plan in late]
    fresh = outbox.put(session, warning.messages(house, told, now=now))
    entries = [_task_entry(warned, now) for warned in told if _key(warned) in fresh]
    ledger.append_many(session, entries, actor="tocsin", at=now)
    return Minded(overdue=[f"{task.incident_id} task {task.key}" for task, _ in late])


def _task_warned(house: House, plans: Plans, task: Task, plan: str) -> Warned:
    assert task.due is not None
    alarms = plans.alarms(plan)
    return Warned(
        incident=task.incident_id,
        subject=f"{outbox.TASK}{task.key}",
        step=Step(name=DUE, at=task.due, level=OVERDUE),
        target=task.due,
        line=f"{task.incident_id} task {task.key} ({task.title}; {task.owner}): overdue, by {task.due.isoformat()}",
        chain=contacts.chain(house.settings, tuple(dict.fromkeys((task.owner, *alarms.text.people)))),
        alarms=alarms,
        zone=plans.zone(plan),
    )


def _task_entry(warned: Warned, now: DateTime) -> Entry:
    entry = {
        "task": warned.subject.removeprefix(outbox.TASK),
        "due": warned.target.isoformat(),
        "person": warned.chain.people[0] if warned.chain.people else contacts.RESPONDERS,
        "late_seconds": int((now - warned.target).total_seconds()),
    }
    return Entry(incident_id=warned.incident, type=EventType.TASK_OVERDUE, data=entry)
