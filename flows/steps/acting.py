"""Automatic actions of the plan's tasks: run once, recorded before and after, never from a plan file alone.

The plan names an action; what it is stands in the installation's settings. A run is claimed before it begins: of one
whose process died, or that gave no answer, nobody knows whether it was done. It is a doubt, and a person decides,
unless the settings say that the action may run twice.
"""

import hashlib
from dataclasses import dataclass
from functools import partial
from typing import Any

from pendulum import DateTime
from sqlalchemy.orm import Session

from db import actions as store
from db import alarms, incidents, ledger, tasks
from db.task_tables import ActionRun
from flows.settings import Action
from flows.steps import leasing, performing
from flows.steps.guarding import must_be_allowed, must_be_open
from flows.steps.performing import Call, Ended
from flows.wiring import House
from tocsin.errors import Invalid, NotAllowed
from tocsin.ledger import EventType, fingerprint
from tocsin.roles import MACHINE

SPARE_SECONDS = 60  # that a claim lasts longer than its action may
FIRST_PAUSE_SECONDS = 30  # before an action is tried again; each pause is twice the one before
UNKNOWN_MINUTES = 10  # until an action that the settings do not know is looked for again
DECISIONS = {"done": store.DONE, "again": store.READY, "leave": store.LEFT}


@dataclass(frozen=True, kw_only=True)
class Acted:
    """What became of the actions of an incident: sentences of what was done, and of what a person must do."""

    did: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()


def run_due(house: House, incident: str, *, phase: str) -> Acted:
    """Run what is ready of a phase's tasks; an action that another process has in hand is left to it."""
    with house.database.reading() as session:
        there = store.listed(session, incident)
        keys = [one.key for one in tasks.listed(session, incident) if one.phase == phase and one.state == tasks.OPEN]
        drill = _is_drill(session, incident)
    if not there:
        return Acted()
    did = []
    for key in keys:
        if key in there and not drill:
            _recover(house, incident, there[key])
            did += _run(house, incident, key)
    with house.database.reading() as session:
        left = store.listed(session, incident)
    return Acted(
        did=tuple(did), waiting=tuple(_waits(house, left[key], drill=drill) for key in keys if _is_open(left, key))
    )


def _is_open(there: dict[str, ActionRun], key: str) -> bool:
    return key in there and there[key].state not in {store.DONE, store.LEFT}


def _waits(house: House, run: ActionRun, *, drill: bool) -> str:
    if drill:
        return f"action {run.action} of task {run.key}: not run, for this incident is an exercise"
    if run.action not in house.settings.actions:
        return f"action {run.action} of task {run.key}: the settings do not know it (`actions`)"
    return f"action {run.action} of task {run.key}: {run.state}" + (f" ({run.code})" if run.code else "")


def _run(house: House, incident: str, key: str) -> list[str]:
    """Claim, do, record: no transaction is open while the action runs."""
    owner = leasing.new_owner()
    claimed = house.database.transact(partial(_claim, house, incident, key, owner))
    if claimed is None:
        return []
    action, run = claimed
    call = Call(incident=incident, task=key, action=run.action, key=call_key(incident, run))
    ended = performing.perform(action, call, folder=house.folder, environment=house.environment)
    state = house.database.transact(partial(_record, house, incident, run, owner, action, ended))
    return [f"action {run.action} of task {key}: {state} ({ended.code})"]


def call_key(incident: str, run: ActionRun) -> str:
    """The same for each try of one action: a service that drops repetitions can go by it."""
    return fingerprint({"incident": incident, "task": run.key, "action": run.action})[:32]


def _claim(house: House, incident: str, key: str, owner: str, session: Session) -> tuple[Action, ActionRun] | None:
    now = house.now()
    incidents.lock(session, incident)
    must_be_open(session, incident)
    run = store.get(session, incident, key)
    action = house.settings.actions.get(run.action)
    if run.state != store.READY or run.look_at is None or run.look_at > now:
        return None
    if action is None:
        store.put_off(session, incident, key, now.add(minutes=UNKNOWN_MINUTES))
        return None
    what = performing.spec(action)
    if run.approved_by is not None and run.spec != what:  # approved was another thing
        store.decide(
            session, incident, key, before=[store.READY], state=store.UNAPPROVED, approved_by=None, look_at=now
        )
        changed = {"task": key, "action": run.action, "state": store.UNAPPROVED, "spec": what}
        ledger.append(session, incident, EventType.ACTION_DECIDED, actor=MACHINE, data=changed, at=now)
        return None
    until = now.add(seconds=action.timeout_seconds + SPARE_SECONDS)
    if not store.claim(session, incident, key, owner=owner, until=until, spec=what, now=now):
        return None
    entry: dict[str, Any] = {"task": key, "action": run.action, "try": run.tries + 1, "spec": what}
    ledger.append(session, incident, EventType.ACTION_STARTED, actor=MACHINE, data=entry, at=now)
    return action, store.get(session, incident, key)


def _record(
    house: House, incident: str, run: ActionRun, owner: str, action: Action, ended: Ended, session: Session
) -> str:
    now = house.now()
    incidents.lock(session, incident)
    state, look_at = _judged(run, action, ended, now)
    values: dict[str, Any] = {"code": ended.code, "output_sha256": hashlib.sha256(ended.output).hexdigest()}
    values |= {"output": _sealed(house, session, incident, run.key, ended.output), "look_at": look_at}
    if state != store.READY:
        values |= {"settled_at": now, "settled_by": MACHINE}
    if not store.settle(session, incident, run.key, owner, state=state, **values):
        state = store.DOUBT  # it took longer than its claim, and somebody else has said what became of it
    entry = {"task": run.key, "action": run.action, "state": state, "code": ended.code, "try": run.tries}
    entry |= {"output_sha256": values["output_sha256"], "output_bytes": len(ended.output)}
    ledger.append(session, incident, EventType.ACTION_ENDED, actor=MACHINE, data=entry, at=now)
    if state == store.DONE:
        _finish(session, incident, run.key, by=MACHINE, now=now)
    return state


def _judged(run: ActionRun, action: Action, ended: Ended, now: DateTime) -> tuple[str, DateTime | None]:
    """The state after a try, and when somebody looks at it again."""
    if ended.done:
        return store.DONE, None
    if ended.doubtful and not action.idempotent:
        return store.DOUBT, now
    if run.tries <= action.retries:
        return store.READY, now.add(seconds=FIRST_PAUSE_SECONDS * 2 ** (run.tries - 1))
    return (store.DOUBT if ended.doubtful else store.FAILED), now


def _finish(session: Session, incident: str, key: str, *, by: str, now: DateTime) -> None:
    """The task is done with its action, unless its checklist is left for a person."""
    if any(item.ticked_at is None for item in tasks.items(session, incident).get(key, ())):
        return
    if tasks.get(session, incident, key).state != tasks.OPEN:
        return
    tasks.finish(session, incident, key, by=by, evidence=None, at=now)
    entry = {"task": key, "evidence_sha256": None, "by_action": True}
    ledger.append(session, incident, EventType.TASK_DONE, actor=by, data=entry, at=now)


def _recover(house: House, incident: str, run: ActionRun) -> None:
    """An action whose process died may have been done."""
    if run.state != store.RUNNING or run.claim_owner is None or run.claim_until is None:
        return
    if leasing.surely_dead(run.claim_owner) or run.claim_until < house.now():
        house.database.transact(partial(_give_up, house, incident, run.key, run.claim_owner))


def _give_up(house: House, incident: str, key: str, owner: str, session: Session) -> None:
    now = house.now()
    incidents.lock(session, incident)
    run = store.get(session, incident, key)
    action = house.settings.actions.get(run.action)
    again = action is not None and action.idempotent and run.tries <= action.retries + 1
    state = store.READY if again else store.DOUBT
    if store.settle(session, incident, key, owner, state=state, code="died", look_at=now):
        entry = {"task": key, "action": run.action, "state": state, "code": "died", "try": run.tries}
        ledger.append(session, incident, EventType.ACTION_ENDED, actor=MACHINE, data=entry, at=now)


def approve(house: House, incident: str, key: str, *, by: str, now: DateTime) -> str:
    """Let an action run, exactly as the settings have it now; returns its name."""
    with house.database.transaction() as session:
        must_be_open(session, incident)
        must_be_allowed(session, "action.approve", by=by, now=now, incident=incident, house=house)
        run = store.get(session, incident, key)
        action = _known(house, run)
        what = performing.spec(action)
        values = {"approved_by": by, "approved_at": now, "spec": what, "look_at": now}
        store.decide(session, incident, key, before=[store.UNAPPROVED], state=store.READY, **values)
        alarms.answered(session, incident, f"{store.SUBJECT}{key}", now=now)
        entry = {"task": key, "action": run.action, "spec": what}
        ledger.append(session, incident, EventType.ACTION_APPROVED, actor=by, data=entry, at=now)
        return run.action


def decide(house: House, incident: str, key: str, what: str, *, by: str, reason: str, now: DateTime) -> str:
    """Say what became of an action in doubt or failed: it was `done`, it runs `again`, or one is to `leave` it."""
    if what not in DECISIONS:
        raise Invalid(f"An action is decided as {', '.join(DECISIONS)}, not as {what!r}.")
    if not reason.strip():
        raise Invalid("A decision about an action needs its reason: say it with --reason.")
    state = DECISIONS[what]
    with house.database.transaction() as session:
        must_be_open(session, incident)
        must_be_allowed(session, "action.decide", by=by, now=now, incident=incident, house=house)
        run = store.get(session, incident, key)
        look_at = now if state == store.READY else None
        before = [store.DOUBT, store.FAILED] if state != store.LEFT else [store.DOUBT, store.FAILED, store.UNAPPROVED]
        values = {"settled_at": now, "settled_by": by, "look_at": look_at}
        store.decide(session, incident, key, before=before, state=state, **values)
        alarms.answered(session, incident, f"{store.SUBJECT}{key}", now=now)
        entry = {"task": key, "action": run.action, "state": state}
        entry |= {"reason_sha256": hashlib.sha256(reason.encode()).hexdigest()}
        ledger.append(session, incident, EventType.ACTION_DECIDED, actor=by, data=entry, at=now)
        if state == store.DONE:
            _finish(session, incident, key, by=by, now=now)
    return state


def listed(house: House, incident: str, *, by: str, now: DateTime, outputs: bool = False) -> list[dict[str, Any]]:
    """Every action, how it stands, and what would run: the dry run. With `outputs` what each said last."""
    with house.database.reading() as session:
        must_be_allowed(session, "see", by=by, now=now, incident=incident)
        sealed_key = incidents.get(session, incident).sealed_key
        found = []
        for key, run in store.listed(session, incident).items():
            action = house.settings.actions.get(run.action)
            row = {
                "task": key,
                "action": run.action,
                "state": run.state,
                "would_run": performing.told(action) if action else "nothing: the settings do not know it",
                "tries": run.tries,
                "ended": run.code,
                "approved_by": run.approved_by,
                "settled_by": run.settled_by,
                "output_sha256": run.output_sha256,
            }
            if outputs and run.output is not None and sealed_key is not None:
                opener = house.master_key.incident_key(sealed_key, incident)
                said = opener.open(bytes(run.output), _aad(incident, key))
                row["output"] = said.decode(errors="replace")
            found.append(row)
        return found


def _known(house: House, run: ActionRun) -> Action:
    action = house.settings.actions.get(run.action)
    if action is None:
        raise NotAllowed(
            f"The settings know no action {run.action!r}: add it under `actions` in {house.settings_path}."
        )
    return action


def _is_drill(session: Session, incident: str) -> bool:
    return any(
        entry.data.get("drill") for entry in ledger.listed(session, incident, event_type=EventType.INCIDENT_DECLARED)
    )


def _sealed(house: House, session: Session, incident: str, key: str, output: bytes) -> bytes:
    opener = house.master_key.incident_key(incidents.get(session, incident).sealed_key, incident)
    return opener.seal(output, _aad(incident, key))


def _aad(incident: str, key: str) -> bytes:
    return f"{incident}\x1faction output\x1f{key}".encode()
