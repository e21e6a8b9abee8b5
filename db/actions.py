"""The automatic actions of tasks: one row each, claimed by whoever runs it, so that it runs once.

A claim whose process died may have run: it is a doubt, and a person decides, unless the action may be repeated.
"""

from collections.abc import Collection
from typing import Any

from pendulum import DateTime
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from db import rows, tables
from db.task_tables import ActionRun
from tocsin.errors import NotAllowed, NotFound

UNAPPROVED, READY, RUNNING = "wants-approval", "ready", "running"
DONE, FAILED, DOUBT, LEFT = "done", "failed", "doubt", "left"  # `left`: somebody decided that it is not run
SUBJECT = "action:"  # of warnings about an action, before its task
ASKING = (UNAPPROVED, FAILED, DOUBT)  # a person must do something
_RUN = tables.core(ActionRun)
_INCIDENT = tables.core(tables.Incident)


def put(session: Session, incident_id: str, key: str, action: str, *, needs_approval: bool, now: DateTime) -> None:
    """Note that a task has an action; one that is there stays as it is."""
    state = UNAPPROVED if needs_approval else READY
    values = {"incident_id": incident_id, "key": key, "action": action, "state": state, "tries": 0, "look_at": now}
    session.execute(rows.insert_new(session, _RUN).values(**values))


def listed(session: Session, incident_id: str) -> dict[str, ActionRun]:
    """The actions of an incident, by task."""
    query = select(ActionRun).where(_RUN.c.incident_id == incident_id).order_by(_RUN.c.key)
    return {row.key: row for row in rows.every(session, query)}


def get(session: Session, incident_id: str, key: str) -> ActionRun:
    """The action of one task; raises NotFound."""
    found = listed(session, incident_id).get(key)
    if found is None:
        raise NotFound(
            f"Task {key!r} of {incident_id!r} has no automatic action: `tocsin tasks {incident_id}` shows them."
        )
    return found


def claim(
    session: Session, incident_id: str, key: str, *, owner: str, until: DateTime, spec: str, now: DateTime
) -> bool:
    """Take an action that is ready, to run it; True for one caller only."""
    mine = (_RUN.c.incident_id == incident_id, _RUN.c.key == key, _RUN.c.state == READY, _RUN.c.look_at <= now)
    values = {"state": RUNNING, "claim_owner": owner, "claim_until": until, "spec": spec, "look_at": until}
    return rows.changed(session, update(_RUN).where(*mine).values(**values, tries=_RUN.c.tries + 1)) == 1


def settle(session: Session, incident_id: str, key: str, owner: str, *, state: str, **values: Any) -> bool:
    """Say what became of an action that `owner` claimed; False if it is not theirs to say any more."""
    mine = (_RUN.c.incident_id == incident_id, _RUN.c.key == key, _RUN.c.claim_owner == owner)
    cleared = {"claim_owner": None, "claim_until": None}
    statement = update(_RUN).where(*mine, _RUN.c.state == RUNNING).values(state=state, **cleared, **values)
    return rows.changed(session, statement) == 1


def decide(session: Session, incident_id: str, key: str, *, before: Collection[str], state: str, **values: Any) -> None:
    """Change the state by a person's word; raises NotFound, or NotAllowed where the state is another."""
    rows.lock_incident(session, incident_id)
    found = get(session, incident_id, key)
    mine = (_RUN.c.incident_id == incident_id, _RUN.c.key == key, _RUN.c.state.in_(before))
    if rows.changed(session, update(_RUN).where(*mine).values(state=state, **values)) == 0:
        raise NotAllowed(f"The action of task {key!r} is {found.state}, not {' or '.join(sorted(before))}.")


def running(session: Session, incident_id: str) -> list[ActionRun]:
    """Actions that somebody has in hand."""
    query = select(ActionRun).where(_RUN.c.incident_id == incident_id, _RUN.c.state == RUNNING)
    return rows.every(session, query.order_by(_RUN.c.key))


def to_look_at(session: Session, now: DateTime) -> list[tuple[ActionRun, str]]:
    """Actions of open incidents whose time has come, with their incident's plan."""
    query = select(ActionRun, _INCIDENT.c.plan).join(_INCIDENT, _INCIDENT.c.id == _RUN.c.incident_id)
    due = query.where(_RUN.c.look_at <= now, _INCIDENT.c.state == "open").order_by(_RUN.c.look_at, _RUN.c.key)
    return [(ActionRun(**row.model_dump()), plan) for row, plan in session.execute(due)]


def ready(session: Session, now: DateTime) -> list[str]:
    """Open incidents with an action whose turn it is to run, or whose claim ran out."""
    moving = _RUN.c.state.in_((READY, RUNNING))
    query = select(_RUN.c.incident_id).join(_INCIDENT, _INCIDENT.c.id == _RUN.c.incident_id)
    return sorted(set(session.scalars(query.where(_RUN.c.look_at <= now, moving, _INCIDENT.c.state == "open"))))


def put_off(session: Session, incident_id: str, key: str, at: DateTime | None) -> None:
    """Look at an action again at a time; None: never."""
    mine = (_RUN.c.incident_id == incident_id, _RUN.c.key == key)
    session.execute(update(_RUN).where(*mine).values(look_at=at))


def asking(session: Session, pairs: Collection[tuple[str | None, str]]) -> set[tuple[str, str]]:
    """Those of these subjects of warnings (incident, `action:TASK`) about which a person must do something."""
    asked = sorted({incident or "" for incident, subject in pairs if subject.startswith(SUBJECT)})
    if not asked:
        return set()
    query = select(_RUN.c.incident_id, _RUN.c.key).where(_RUN.c.incident_id.in_(asked), _RUN.c.state.in_(ASKING))
    return {(incident, f"{SUBJECT}{key}") for incident, key in session.execute(query)}
