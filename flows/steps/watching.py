"""Watch: what is due and not done.

It is level-triggered: a run that was missed, doubled or killed loses nothing and repeats nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from pendulum import DateTime
from sqlalchemy.orm import Session

from db import duties, incidents, ledger, people, receipts, watch
from db.tables import Duty
from flows.steps import collecting, forecasting, recovering
from flows.wiring import House
from tocsin.forecast import Forecast
from tocsin.ledger import EventType
from tocsin.plan import OVERDUE

HEARTBEAT = "watch"
LATE_AFTER_MINUTES = 5
RESPONDERS = "responders"


@dataclass(frozen=True, kw_only=True)
class Watched:
    """What one run of the watch saw."""

    at: DateTime
    warned: tuple[str, ...]
    overdue: tuple[str, ...]
    ready: tuple[str, ...]  # incidents where respond has something to do
    missed_minutes: int


def run(house: House) -> Watched:
    """Look once over every open incident."""
    now = house.now()
    collecting.collect(house, now=now)
    with house.database.reading() as session:
        open_incidents = [row.id for row in incidents.listed(session, state="open")]
    for incident in open_incidents:
        recovering.recover(house, incident, now=now)  # what a process that died had in its hands is free at once
    foreseen = {incident: seen for incident in open_incidents if (seen := _foresee(house, incident))}
    # One transaction over all incidents; it is run again where another writer got in its way.
    return house.database.transact(lambda session: _look(house, session, now, foreseen))


def _foresee(house: House, incident: str) -> Forecast | None:
    with house.database.reading() as session:
        wanted = forecasting.wanted(session, incident)
    return forecasting.look(house, incident) if wanted else None


def _look(house: House, session: Session, now: DateTime, foreseen: Mapping[str, Forecast]) -> Watched:
    receipts.rematch(session, now=now)
    missed = _missed(session, now)
    overdue = _freeze_overdue(session, now)
    turned = [
        f"{incident}: {said}"
        for incident, seen in sorted(foreseen.items())
        if (said := forecasting.say_if_turned(session, incident, seen, now=now))
    ]
    warned = (*_warn(house, session, now), *turned)
    ready = tuple(row.id for row in incidents.listed(session, state="open") if _has_work(session, row.id, now))
    watch.beat(session, HEARTBEAT, at=now)
    return Watched(at=now, warned=warned, overdue=overdue, ready=ready, missed_minutes=missed)


def _missed(session: Session, now: DateTime) -> int:
    """Whole minutes since the last heartbeat, where the watch was late; it is said on every open incident's ledger."""
    last = watch.last_beat(session, HEARTBEAT)
    gap = int((now - last.at).total_seconds() // 60) if last else 0
    if gap < LATE_AFTER_MINUTES:
        return 0
    for row in incidents.listed(session, state="open"):
        ledger.append(session, row.id, EventType.WATCH_MISSED, actor="tocsin", data={"minutes": gap}, at=now)
    return gap


def _freeze_overdue(session: Session, now: DateTime) -> tuple[str, ...]:
    frozen = duties.freeze_overdue(session, now)
    for duty in frozen:
        entry = {"duty": duty.key, "due": duty.due.isoformat() if duty.due else None}
        ledger.append(session, duty.incident_id, EventType.DUTY_OVERDUE, actor="tocsin", data=entry, at=now)
    return tuple(f"{duty.incident_id} {duty.key}" for duty in frozen)


def _warn(house: House, session: Session, now: DateTime) -> tuple[str, ...]:
    """Warn once at each share of time left that the plan names, and once when overdue."""
    warned = []
    for duty in duties.open_due(session):
        if duty.target is None:
            continue
        plan = house.plan(incidents.get(session, duty.incident_id).plan)
        level = plan.watch.level(
            starts=min(duty.starts or duty.first_seen_at, duty.target), target=duty.target, now=now
        )
        if level and watch.warn_once(session, duty.incident_id, subject=duty.key, level=level, to=RESPONDERS, at=now):
            entry = {"duty": duty.key, "level": level}
            ledger.append(session, duty.incident_id, EventType.WARNING_SENT, actor="tocsin", data=entry, at=now)
            warned.append(f"{duty.incident_id} {duty.key}: {_said(level)}{_open_question(duty)}")
    return tuple(warned)


def _said(level: int) -> str:
    return "overdue" if level == OVERDUE else f"{level} % of the time is gone"


def _open_question(duty: Duty) -> str:
    if duty.status != "undetermined":
        return ""
    return f"; it may be owed, find out {', '.join(duty.unknown)}"


def _has_work(session: Session, incident: str, now: DateTime) -> bool:
    return people.any_due(session, incident, now)
