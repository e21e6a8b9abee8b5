"""Duties as last assessed. An assessment replaces the rows, but never what happened: done and late stay."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pendulum import DateTime
from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.orm import Session

from db import rows, tables
from db.columns import utc
from db.incidents import OPEN
from db.tables import Duty
from tocsin.errors import Invalid, NotAllowed, NotFound

OWED, DONE = "owed", "done"
UNDETERMINED = "undetermined"
_DUTY = tables.core(Duty)
_INCIDENT = tables.core(tables.Incident)


@dataclass(frozen=True, kw_only=True)
class Moved:
    """A duty whose status or times changed."""

    before: Duty
    after: Duty


@dataclass(frozen=True, kw_only=True)
class Changes:
    """What an assessment changed. A duty that comes back after it fell away has appeared."""

    appeared: tuple[Duty, ...]
    moved: tuple[Moved, ...]
    fell_away: tuple[Duty, ...]


def replace(
    session: Session, incident_id: str, duty_rows: Sequence[Mapping[str, Any]], facts_version: int, now: DateTime
) -> Changes:
    """Take over a whole assessment: each row as `tocsin duties` prints it, plus a `key` that is unique in the incident.

    A row whose `due` had passed at `now` while it was owed is frozen as overdue before anything moves.
    """
    rows.lock_incident(session, incident_id)
    freeze_overdue(session, now, incident_id=incident_id)
    before = {duty.key: duty for duty in listed(session, incident_id, fallen=True)}
    after = [_duty(incident_id, row, facts_version, now, before.get(row["key"])) for row in duty_rows]
    by_key = {duty.key: duty for duty in after}
    if len(by_key) < len(after):
        raise Invalid("An assessment names one duty twice: each row needs a key of its own.")
    _store(session, after, before)
    fallen = [
        duty for key, duty in before.items() if key not in by_key and duty.fell_away_at is None and duty.done_at is None
    ]
    _let_fall(session, incident_id, fallen, now)
    return Changes(
        appeared=tuple(duty for duty in after if _is_new(before.get(duty.key))),
        moved=tuple(
            Moved(before=before[duty.key], after=duty)
            for duty in after
            if not _is_new(before.get(duty.key)) and _view(before[duty.key]) != _view(duty)
        ),
        fell_away=tuple(fallen),
    )


def listed(session: Session, incident_id: str, *, fallen: bool = False) -> list[Duty]:
    """Duties by target, undated ones last; those that fell away only if asked for, or if they were missed before."""
    query = select(Duty).where(_DUTY.c.incident_id == incident_id)
    if not fallen:
        query = query.where(or_(_DUTY.c.fell_away_at.is_(None), _DUTY.c.overdue_at.is_not(None)))
    return rows.every(session, query.order_by(_DUTY.c.target.is_(None), _DUTY.c.target, _DUTY.c.key))


def get(session: Session, incident_id: str, key: str) -> Duty:
    """One duty; raises NotFound."""
    found = rows.one(session, select(Duty).where(_DUTY.c.incident_id == incident_id, _DUTY.c.key == key))
    if found is None:
        raise NotFound(f"Incident {incident_id!r} has no duty {key!r}: `tocsin status {incident_id}` lists them.")
    return found


def open_due(session: Session, before: DateTime | None = None) -> list[Duty]:
    """Dated duties of open incidents that are owed or may be, not done, earliest first; `before` limits the target.

    An undetermined duty with a date is among them: unknown never means no.
    """
    query = (
        select(Duty)
        .join(_INCIDENT, _INCIDENT.c.id == _DUTY.c.incident_id)
        .where(_INCIDENT.c.state == OPEN, _pressing(), _DUTY.c.target.is_not(None))
    )
    if before is not None:
        query = query.where(_DUTY.c.target < before)
    return rows.every(session, query.order_by(_DUTY.c.target, _DUTY.c.incident_id, _DUTY.c.key))


def mark_done(session: Session, incident_id: str, key: str, *, by: str, at: DateTime) -> Duty:
    """Note that a duty was done; a `due` that had passed freezes as overdue. Raises NotFound, or NotAllowed if done."""
    rows.lock_incident(session, incident_id)  # an assessment that is under way would write over what we say
    duty = get(session, incident_id, key)
    if duty.done_at is not None:
        raise NotAllowed(f"Duty {key!r} of incident {incident_id!r} was done before: an act is recorded once.")
    late = duty.due if duty.status == OWED and duty.due is not None and duty.due < at else None
    where = (_DUTY.c.incident_id == incident_id, _DUTY.c.key == key)
    session.execute(
        update(_DUTY)
        .where(*where)
        .values(status=DONE, done_at=at, done_by=by, overdue_at=func.coalesce(_DUTY.c.overdue_at, _DUTY.c.due))
        if late
        else update(_DUTY).where(*where).values(status=DONE, done_at=at, done_by=by)
    )
    return get(session, incident_id, key)


def freeze_overdue(session: Session, now: DateTime, *, incident_id: str | None = None) -> list[Duty]:
    """Mark every owed duty of an open incident whose `due` has passed; returns those that were not marked before."""
    late = and_(_owed(), _DUTY.c.overdue_at.is_(None), _DUTY.c.due < now)
    if incident_id is not None:
        late = and_(late, _DUTY.c.incident_id == incident_id)
    # The incidents are locked first, as an assessment does, so that the two never wait for each other in a ring.
    concerned = select(_INCIDENT.c.id).where(
        _INCIDENT.c.state == OPEN, _INCIDENT.c.id.in_(select(_DUTY.c.incident_id).where(late))
    )
    incident_ids = session.scalars(concerned.order_by(_INCIDENT.c.id).with_for_update(key_share=True)).all()
    mine = and_(late, _DUTY.c.incident_id.in_(incident_ids))
    statement = update(_DUTY).where(mine).values(overdue_at=_DUTY.c.due).returning(*_DUTY.c)
    frozen = rows.returned(session, Duty, statement)
    return sorted(frozen, key=lambda duty: (str(duty.due), duty.incident_id, duty.key))


def _pressing() -> ColumnElement[bool]:
    waiting = _DUTY.c.status.in_((OWED, UNDETERMINED))
    return and_(waiting, _DUTY.c.done_at.is_(None), _DUTY.c.fell_away_at.is_(None))


def _owed() -> ColumnElement[bool]:
    return and_(_DUTY.c.status == OWED, _DUTY.c.done_at.is_(None), _DUTY.c.fell_away_at.is_(None))


def _duty(incident_id: str, row: Mapping[str, Any], facts_version: int, now: DateTime, before: Duty | None) -> Duty:
    """A printed row as a table row that keeps what happened before."""
    done = before is not None and before.done_at is not None
    return Duty(
        incident_id=incident_id,
        **{column: str(row[column]) for column in ("key", "id", "regime", "audience", "recipient")},
        status=DONE if done else str(row["status"]),
        due=_instant(row["due"]),
        target=_instant(row["target"]),
        row={name: value for name, value in row.items() if name != "key"},
        facts_version=facts_version,
        first_seen_at=now if before is None else before.first_seen_at,
        overdue_at=before.overdue_at if before else None,
        done_at=before.done_at if before else None,
        done_by=before.done_by if before else None,
        fell_away_at=None,
    )


def _instant(written: str | datetime | None) -> DateTime | None:
    if written is None:
        return None
    at = written if isinstance(written, datetime) else datetime.fromisoformat(written)
    if at.tzinfo is None:
        raise Invalid("An assessment gives a time without offset: every due time needs one.")
    return utc(at)


def _store(session: Session, after: list[Duty], before: Mapping[str, Duty]) -> None:
    rows.insert_many(session, _DUTY, [duty.model_dump() for duty in after if duty.key not in before])
    for duty in after:
        if duty.key in before:
            where = (_DUTY.c.incident_id == duty.incident_id, _DUTY.c.key == duty.key)
            session.execute(update(_DUTY).where(*where).values(**duty.model_dump(exclude={"incident_id", "key"})))


def _let_fall(session: Session, incident_id: str, fallen: list[Duty], now: DateTime) -> None:
    if fallen:
        keys = [duty.key for duty in fallen]
        session.execute(
            update(_DUTY).where(_DUTY.c.incident_id == incident_id, _DUTY.c.key.in_(keys)).values(fell_away_at=now)
        )


def _is_new(before: Duty | None) -> bool:
    return before is None or before.fell_away_at is not None


def _view(duty: Duty) -> tuple[object, ...]:
    return duty.status, duty.due, duty.target, duty.row.get("people"), duty.row.get("unknown")
