"""Duties as last assessed. An assessment replaces the rows, but never what happened: done and late stay."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pendulum import DateTime
from sqlalchemy import ColumnElement, and_, bindparam, func, or_, select, update
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
    frozen: tuple[Duty, ...] = ()  # found late on this occasion, before anything moved


def replace(
    session: Session, incident_id: str, duty_rows: Sequence[Mapping[str, Any]], facts_version: int, now: DateTime
) -> Changes:
    """Take over a whole assessment: each row as `tocsin duties` prints it, plus a `key` that is unique in the incident.

    A row whose `due` had passed at `now` while it was owed is frozen as overdue before anything moves.
    """
    rows.lock_incident(session, incident_id)
    frozen = freeze_overdue(session, now, incident_id=incident_id)
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
        frozen=tuple(frozen),
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


def to_look_at(session: Session, now: DateTime, limit: int) -> list[tuple[Duty, str]]:
    """Duties whose `look_at` has come, longest waiting first, with the plan of their incident.

    Their incidents are locked, so that two who look at once take turns. Duties of closed incidents, and those that are
    settled, are not looked at any more. Nothing is read of duties whose time has not come.
    """
    waiting = select(_DUTY.c.incident_id).where(_DUTY.c.look_at <= now).order_by(_DUTY.c.look_at).limit(limit)
    wanted = sorted(set(session.scalars(waiting)))
    if not wanted:
        return []
    locking = select(_INCIDENT.c.id, _INCIDENT.c.plan, _INCIDENT.c.state).where(_INCIDENT.c.id.in_(wanted))
    found = session.execute(locking.order_by(_INCIDENT.c.id).with_for_update(key_share=True)).all()
    plans = {row.id: row.plan for row in found if row.state == OPEN}
    mine = and_(_DUTY.c.look_at <= now, _DUTY.c.incident_id.in_(wanted))
    query = select(Duty).where(mine).order_by(_DUTY.c.look_at, _DUTY.c.incident_id, _DUTY.c.key)
    listed_now = rows.every(session, query.limit(limit))
    live = [one for one in listed_now if one.incident_id in plans and _presses(one)]
    settled = {(one.incident_id, one.key) for one in listed_now} - {(one.incident_id, one.key) for one in live}
    schedule_looks(session, [(incident_id, key, None) for incident_id, key in sorted(settled)])
    return [(one, plans[one.incident_id]) for one in live]


def any_to_look_at(session: Session, now: DateTime) -> bool:
    """Whether the time of any duty has come."""
    return session.execute(select(_DUTY.c.key).where(_DUTY.c.look_at <= now).limit(1)).first() is not None


def pressing(session: Session, plan: str, limit: int) -> list[Duty]:
    """Dated duties of one plan's open incidents that are owed or may be, not done, earliest first.

    An undetermined duty with a date is among them: unknown never means no.
    """
    mine = and_(_INCIDENT.c.state == OPEN, _INCIDENT.c.plan == plan, _pressing(), _DUTY.c.target.is_not(None))
    query = select(Duty).join(_INCIDENT, _INCIDENT.c.id == _DUTY.c.incident_id).where(mine)
    return rows.every(session, query.order_by(_DUTY.c.target, _DUTY.c.incident_id, _DUTY.c.key).limit(limit))


def schedule_looks(session: Session, schedule: Sequence[tuple[str, str, DateTime | None]]) -> None:
    """Set when the watch looks again at duties (incident, key, time); None for never."""
    where = (_DUTY.c.incident_id == bindparam("its_incident"), _DUTY.c.key == bindparam("its_key"))
    values = [{"its_incident": incident, "its_key": key, "then": at} for incident, key, at in schedule]
    if values:
        session.connection().execute(update(_DUTY).where(*where).values(look_at=bindparam("then")), values)


def look_at_all(session: Session, now: DateTime) -> None:
    """Look at every pressing duty with a date again: a plan, or the clock, is another one than before."""
    session.execute(update(_DUTY).where(_pressing(), _DUTY.c.target.is_not(None)).values(look_at=now))


def freeze_many(session: Session, late: Sequence[Duty]) -> list[Duty]:
    """Mark owed duties whose `due` has passed as overdue; whoever calls has locked their incidents (`to_look_at`)."""
    if not late:
        return []
    where = (_DUTY.c.incident_id == bindparam("its_incident"), _DUTY.c.key == bindparam("its_key"))
    statement = update(_DUTY).where(*where, _owed(), _DUTY.c.overdue_at.is_(None)).values(overdue_at=_DUTY.c.due)
    session.connection().execute(statement, [{"its_incident": one.incident_id, "its_key": one.key} for one in late])
    return [Duty(**{**one.model_dump(), "overdue_at": one.due}) for one in late]


def mark_done(session: Session, incident_id: str, key: str, *, by: str, at: DateTime) -> Duty:
    """Note that a duty was done; a `due` that had passed freezes as overdue. Raises NotFound, or NotAllowed if done."""
    rows.lock_incident(session, incident_id)  # an assessment that is under way would write over what we say
    duty = get(session, incident_id, key)
    if duty.done_at is not None:
        raise NotAllowed(f"Duty {key!r} of incident {incident_id!r} was done before: an act is recorded once.")
    late = duty.due if duty.status == OWED and duty.due is not None and duty.due < at else None
    where = (_DUTY.c.incident_id == incident_id, _DUTY.c.key == key)
    done = {"status": DONE, "done_at": at, "done_by": by, "look_at": None}
    session.execute(
        update(_DUTY).where(*where).values(**done, overdue_at=func.coalesce(_DUTY.c.overdue_at, _DUTY.c.due))
        if late
        else update(_DUTY).where(*where).values(**done)
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
    named: dict[str, Any] = {column: str(row[column]) for column in ("key", "id", "regime", "audience", "recipient")}
    duty = Duty(
        incident_id=incident_id,
        **named,
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
    duty.look_at = _look_at(duty, before, now)
    return duty


def _look_at(duty: Duty, before: Duty | None, now: DateTime) -> DateTime | None:
    """The watch looks soon at whatever is new or moved; never at what is settled or has no date."""
    if not _presses(duty) or duty.target is None:
        return None
    same = before is not None and before.fell_away_at is None
    unmoved = (
        same
        and before is not None
        and (before.status, before.due, before.target)
        == (
            duty.status,
            duty.due,
            duty.target,
        )
    )
    return before.look_at if unmoved and before is not None else now


def _presses(duty: Duty) -> bool:
    return duty.status in {OWED, UNDETERMINED} and duty.done_at is None and duty.fell_away_at is None


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
            update(_DUTY)
            .where(_DUTY.c.incident_id == incident_id, _DUTY.c.key.in_(keys))
            .values(fell_away_at=now, look_at=None)
        )


def _is_new(before: Duty | None) -> bool:
    return before is None or before.fell_away_at is not None


def _view(duty: Duty) -> tuple[object, ...]:
    return duty.status, duty.due, duty.target, duty.row.get("people"), duty.row.get("unknown")
