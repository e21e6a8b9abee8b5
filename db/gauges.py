"""How much there is of what somebody should keep an eye on, counted by the database. Counts and ids only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pendulum import DateTime
from sqlalchemy import Column, ColumnElement, Table, and_, case, func, or_, select
from sqlalchemy.orm import Session

from db import tables
from db.duties import OWED, UNDETERMINED
from db.incidents import OPEN
from db.tasks import OPEN as TASK_OPEN
from db.watch_tables import WarningMessage

_INCIDENT = tables.core(tables.Incident)
_DUTY = tables.core(tables.Duty)
_TASK = tables.core(tables.Task)
_PERSON = tables.core(tables.Person)
_ATTEMPT = tables.core(tables.Attempt)
_WARNING = tables.core(WarningMessage)
SOON_HOURS = 24
NONE_YET = "open"  # in place of a verdict


@dataclass(frozen=True, kw_only=True)
class Pressing:
    """Duties, or tasks, of one incident that are open; those due within `SOON_HOURS`; those overdue; the next due."""

    open: int
    due_soon: int
    overdue: int
    next_at: DateTime | None


NOTHING = Pressing(open=0, due_soon=0, overdue=0, next_at=None)


@dataclass(frozen=True, kw_only=True)
class Gauges:
    """One look. People are counted by incident and verdict, messages by incident, channel and outcome."""

    incidents: Mapping[str, bool]  # open ones, and whether their sending is paused
    duties: Mapping[str, Pressing]
    tasks: Mapping[str, Pressing]
    people: Mapping[tuple[str, str], int] = field(repr=False)
    messages: Mapping[tuple[str, str, str], int] = field(repr=False)
    warnings: Mapping[str, int]


def read(session: Session, now: DateTime) -> Gauges:
    """Everything, in six queries. Of closed incidents nothing is counted."""
    paused = select(_INCIDENT.c.id, _INCIDENT.c.sending_paused_at).where(_INCIDENT.c.state == OPEN)
    is_open = select(_INCIDENT.c.id).where(_INCIDENT.c.state == OPEN)
    verdict = func.coalesce(_PERSON.c.verdict, NONE_YET)
    people = select(_PERSON.c.incident_id, verdict, func.count()).where(_PERSON.c.incident_id.in_(is_open))
    by = (_ATTEMPT.c.incident_id, _ATTEMPT.c.channel, _ATTEMPT.c.outcome)
    messages = select(*by, func.count()).where(_ATTEMPT.c.incident_id.in_(is_open)).group_by(*by)
    warnings = select(_WARNING.c.state, func.count()).group_by(_WARNING.c.state)
    people = people.group_by(_PERSON.c.incident_id, verdict)
    return Gauges(
        incidents={row.id: row.sending_paused_at is not None for row in session.execute(paused.order_by("id"))},
        duties=_duties(session, now),
        tasks=_tasks(session, now),
        people={(incident, its): count for incident, its, count in session.execute(people)},
        messages={(incident, *rest): count for incident, *rest, count in session.execute(messages)},
        warnings={state: int(count) for state, count in session.execute(warnings)},
    )


def _duties(session: Session, now: DateTime) -> dict[str, Pressing]:
    waiting = and_(_DUTY.c.status.in_((OWED, UNDETERMINED)), _DUTY.c.done_at.is_(None), _DUTY.c.fell_away_at.is_(None))
    late = or_(_DUTY.c.overdue_at.is_not(None), and_(_DUTY.c.status == OWED, _DUTY.c.due < now))
    return _pressing(session, _DUTY, waiting, late, _DUTY.c.target, now)


def _tasks(session: Session, now: DateTime) -> dict[str, Pressing]:
    return _pressing(session, _TASK, _TASK.c.state == TASK_OPEN, _TASK.c.due < now, _TASK.c.due, now)


def _pressing(
    session: Session,
    table: Table,
    waiting: ColumnElement[bool],
    late: ColumnElement[bool],
    due: Column[Any],
    now: DateTime,
) -> dict[str, Pressing]:
    soon = and_(due >= now, due < now.add(hours=SOON_HOURS))
    counted = (func.count(), func.sum(case((soon, 1), else_=0)), func.sum(case((late, 1), else_=0)))
    query = select(table.c.incident_id, *counted, func.min(case((due >= now, due))))
    mine = query.join(_INCIDENT, _INCIDENT.c.id == table.c.incident_id).where(_INCIDENT.c.state == OPEN, waiting)
    return {
        incident: Pressing(open=total, due_soon=int(near), overdue=int(over), next_at=following)
        for incident, total, near, over, following in session.execute(mine.group_by(table.c.incident_id))
    }
