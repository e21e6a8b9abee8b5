"""The morning's digest: one message to each person, with what is open and theirs, where the plan asks for it."""

from collections import defaultdict
from functools import partial

from pendulum import DateTime
from sqlalchemy.orm import Session

from db import alarms as outbox
from db import duties as duty_store
from db import watch
from db.alarms import Message
from db.tables import Duty
from flows import contacts
from flows.steps import warning
from flows.steps.warning import Plans
from flows.wiring import House

WINDOW_HOURS = 6  # a morning that the watch slept through longer has no digest; what is due is said by itself
READ_AT_MOST = 2000


def digests(house: House, plans: Plans, *, now: DateTime) -> int:
    """Make today's digests of the plans in use whose hour has come; returns how many messages were made."""
    with house.database.reading() as session:
        in_use = watch.plans_in_use(session)
        said = watch.beats(session, [_beat(plan) for plan in in_use])
    due = {plan: day for plan in in_use if (day := _day_due(plans, plan, now)) and said.get(_beat(plan)) != day}
    return sum(house.database.transact(partial(_make, house, plans, plan, day, now)) for plan, day in due.items())


def _beat(plan: str) -> str:
    return f"digest:{plan}"


def _day_due(plans: Plans, plan: str, now: DateTime) -> str | None:
    """The day, on the digest's clock, whose digest is to be made now."""
    digest = plans.alarms(plan).text.digest
    if digest is None:
        return None
    here = now.in_timezone(digest.zone)
    hour = here.set(hour=digest.at.hour, minute=digest.at.minute, second=0, microsecond=0)
    return here.to_date_string() if hour <= here < hour.add(hours=WINDOW_HOURS) else None


def _make(house: House, plans: Plans, plan: str, day: str, now: DateTime, session: Session) -> int:
    if not watch.beat_once(session, _beat(plan), at=now, detail=day):
        return 0
    alarms = plans.alarms(plan)
    theirs: dict[str, list[Duty]] = defaultdict(list)
    for duty in duty_store.pressing(session, plan, READ_AT_MOST):
        behind = contacts.chain(house.settings, alarms.chain(key=duty.key, audience=duty.audience))
        if behind.people:
            theirs[behind.people[0]].append(duty)
    messages = [
        Message(
            incident_id=None,
            subject=f"{outbox.DIGEST}{plan}:{day}",
            step="digest",
            target=now,
            person=person,
            place=0,
            chain=(person,),
            escalate_seconds=None,
            title=f"Tocsin: {len(duties)} duties open this morning",
            body=warning.listed([_line(duty, now) for duty in duties]),
            made_at=now,
            look_at=now,
        )
        for person, duties in sorted(theirs.items())
    ]
    return len(outbox.put(session, messages))


def _line(duty: Duty, now: DateTime) -> str:
    assert duty.target is not None
    hours = (duty.target - now).total_seconds() / 3600
    left = f"{hours:.0f} h left" if hours >= 0 else f"OVERDUE by {-hours:.0f} h"
    return f"{duty.incident_id} {duty.key} ({duty.recipient}): {left}, by {duty.row.get('target')}"
