"""Watch: what is due and not done.

It is level-triggered: a run that was missed, doubled or killed loses nothing and repeats nothing. Deadlines come first;
what may fail beside them (feeds, forecasts) is told of and keeps nobody from being warned. It costs what is due, not
what there is.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from pendulum import DateTime
from sqlalchemy.orm import Session

from db import actions, incidents, ledger, receipts, watch
from db import alarms as outbox
from db import duties as duty_store
from db.ledger import Entry
from flows import contacts
from flows.steps import alerting, collecting, digesting, forecasting, minding, recovering, reminding, warning
from flows.steps.warning import Plans, Warned
from flows.wiring import House
from tocsin.alarms import Step
from tocsin.errors import TocsinError
from tocsin.forecast import Forecast
from tocsin.ledger import EventType, fingerprint

HEARTBEAT = "watch"
LATE_AFTER_MINUTES = 5
PLANS = "watch:plans"


@dataclass(frozen=True, kw_only=True)
class Watched:
    """What one run of the watch saw. `troubles` are sentences about what could not be done, and must be mended."""

    at: DateTime
    warned: tuple[str, ...]
    overdue: tuple[str, ...]
    ready: tuple[str, ...]  # incidents where respond has something to do
    missed_minutes: int
    delivered: int = 0
    undelivered: int = 0
    troubles: tuple[str, ...] = ()


def run(house: House) -> Watched:
    """Look once at everything that is due."""
    now, plans, troubles = house.now(), Plans(house), list[str]()
    _clock_and_plans(house, plans, now)
    tasks = minding.tasks(house, plans, now=now)
    held: list[str] = []
    troubles += _enduring(lambda: held.extend(reminding.holds(house, plans, now=now)))
    troubles += _enduring(lambda: held.extend(reminding.waiting_actions(house, plans, now=now)))
    duties = minding.duties(house, plans, now=now)
    digesting.digests(house, plans, now=now)
    told = alerting.deliver(house, plans)
    for sideline in (_collect, _recover):
        troubles += _enduring(partial(sideline, house, now))
    turned: list[str] = []
    troubles += _enduring(lambda: turned.extend(_forecasts(house, plans, now)))
    if turned:
        told += alerting.deliver(house, plans)
    missed, ready = house.database.transact(partial(_beat, now, house.now()))
    return Watched(
        at=now,
        warned=(*held, *duties.warned, *turned),
        overdue=(*duties.overdue, *tasks.overdue),
        ready=ready,
        missed_minutes=missed,
        delivered=told.delivered,
        undelivered=told.failed + told.doubtful,
        troubles=(*plans.troubles, *troubles),
    )


def _enduring(sideline: Callable[[], object]) -> list[str]:
    """Do something that no deadline hangs on; what goes wrong with it is said and ends nothing else."""
    try:
        sideline()
    except TocsinError as error:
        return [str(error)]
    return []


def _collect(house: House, now: DateTime) -> None:
    collecting.collect(house, now=now)
    with house.database.reading() as session:
        unmatched = watch.any_unmatched_receipt(session)
    if unmatched:
        house.database.transact(partial(receipts.rematch, now=now))


def _recover(house: House, now: DateTime) -> None:
    """What a process that died had in its hands is free at once."""
    with house.database.reading() as session:
        held = watch.with_claims(session)
    for incident in held:
        recovering.recover(house, incident, now=now)
    if not held:
        recovering.sweep(house, now=now)


def _clock_and_plans(house: House, plans: Plans, now: DateTime) -> None:
    """Look at everything again where a plan is another one than before, or the clock has gone back."""
    with house.database.reading() as session:
        last = watch.last_beat(session, HEARTBEAT)
        known = watch.last_beat(session, PLANS)
        in_use = watch.plans_in_use(session)
    rules = {name: plans.alarms(name).text.model_dump(mode="json") for name in in_use}
    seen = fingerprint(rules)
    if known is None or known.detail != seen:
        house.database.transact(partial(_plans_changed, seen, now, known is None))
    if last is not None and last.at > now.add(minutes=LATE_AFTER_MINUTES):
        house.database.transact(partial(_clock_went_back, now))


def _plans_changed(seen: str, now: DateTime, first: bool, session: Session) -> None:
    if watch.beat_once(session, PLANS, at=now, detail=seen) and not first:
        duty_store.look_at_all(session, now)


def _clock_went_back(now: DateTime, session: Session) -> None:
    """The clock ran ahead before, or is behind now: what was put off by it is brought nearer, and it is written down.

    What was frozen as overdue stays so: a person decides which of the two clocks was right.
    """
    last = watch.last_beat(session, HEARTBEAT, lock=True)
    if last is None or last.at <= now.add(minutes=LATE_AFTER_MINUTES):
        return
    back = last.at - now
    outbox.shift(session, now=now, back=back)
    duty_store.look_at_all(session, now)
    watch.beat(session, HEARTBEAT, at=now)
    data = {"back_seconds": int(back.total_seconds())}
    entries = [Entry(incident_id=one, type=EventType.WATCH_CLOCK, data=data) for one in watch.open_incidents(session)]
    ledger.append_many(session, entries, actor="tocsin", at=now)


def _forecasts(house: House, plans: Plans, now: DateTime) -> list[str]:
    """Foresee again where people wait for a message, or bad news is to be taken back; what has turned is told."""
    with house.database.reading() as session:
        wanted = {*watch.with_people_waiting(session), *watch.turned_forecasts(session, forecasting.SUBJECT)}
    foreseen = {one: seen for one in sorted(wanted) if (seen := forecasting.look(house, one)) is not None}
    return house.database.transact(partial(_say_turned, house, plans, foreseen, now)) if foreseen else []


def _say_turned(
    house: House, plans: Plans, foreseen: Mapping[str, Forecast], now: DateTime, session: Session
) -> list[str]:
    said, warned = [], []
    for incident, seen in foreseen.items():
        if sentence := forecasting.say_if_turned(session, incident, seen, now=now):
            said.append(f"{incident}: {sentence}")
            warned.append(_turned(house, plans, session, incident, sentence, now))
    outbox.put(session, warning.messages(house, warned, now=now))
    return said


def _turned(house: House, plans: Plans, session: Session, incident: str, sentence: str, now: DateTime) -> Warned:
    plan = incidents.get(session, incident).plan
    alarms = plans.alarms(plan)
    return Warned(
        incident=incident,
        subject=outbox.FORECAST,
        step=Step(name="turned", at=now, level=0),
        target=now,
        line=f"{incident}: {sentence}",
        chain=contacts.chain(house.settings, alarms.chain(key=outbox.FORECAST, audience="individuals")),
        alarms=alarms,
        zone=plans.zone(plan),
    )


def _beat(now: DateTime, said_at: DateTime, session: Session) -> tuple[int, tuple[str, ...]]:
    """Leave the heartbeat, say for how long there was none, and find the incidents where respond has work."""
    waiting = watch.with_people_waiting(session, until=now)
    ready = tuple(dict.fromkeys((*waiting, *actions.ready(session, now))))
    last = watch.last_beat(session, HEARTBEAT, lock=True)
    gap = int((now - last.at).total_seconds() // 60) if last else 0
    missed = gap if gap >= LATE_AFTER_MINUTES else 0
    if missed:
        said = {"minutes": missed}
        opened = watch.open_incidents(session)
        entries = [Entry(incident_id=one, type=EventType.WATCH_MISSED, data=said) for one in opened]
        ledger.append_many(session, entries, actor="tocsin", at=said_at)
    if last is None or last.at < now:  # of two that look at once, the later look counts
        watch.beat(session, HEARTBEAT, at=now)
    return missed, ready
