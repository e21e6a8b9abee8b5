"""Delivery of warnings to the company's people: claimed, handed over, recorded; what fails goes to the next person.

No transaction is open while a message is on its way. A claim whose process died leaves a doubt: that message is not
sent again, for the person may have it, and the next person is told at once.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from pendulum import DateTime
from sqlalchemy.orm import Session

from db import alarms as outbox
from db import incidents, ledger
from db.alarms import Message
from db.ledger import Entry
from db.watch_tables import WarningMessage
from flows import contacts
from flows.steps.warning import Plans
from flows.wiring import House
from notifiers import pager
from tocsin.alarms import Step
from tocsin.errors import Doubtful, Unavailable
from tocsin.ledger import EventType

AT_ONCE = 20
LEASE_MINUTES = 10
TRIES = 6
BACKOFF_MINUTES = (1, 2, 5, 15, 60)


@dataclass(frozen=True, kw_only=True)
class Delivered:
    """How many warnings arrived, how many could not be handed over, and of how many nobody knows."""

    delivered: int = 0
    failed: int = 0
    doubtful: int = 0

    def __add__(self, other: "Delivered") -> "Delivered":
        return Delivered(
            delivered=self.delivered + other.delivered,
            failed=self.failed + other.failed,
            doubtful=self.doubtful + other.doubtful,
        )


@dataclass(frozen=True, kw_only=True)
class _Taken:
    """What is to be sent, by whoever claims it, and how many claims of dead processes were found."""

    waiting: list[WarningMessage]
    doubts: int


def deliver(house: House, plans: Plans) -> Delivered:
    """Hand over what is waiting, ask the next person where one has not answered, until there is nothing to do now."""
    total = Delivered()
    while True:
        now = house.now()
        with house.database.reading() as session:
            if not outbox.any_due(session, now):
                return total
        taken = house.database.transact(partial(_take, house, plans, now))
        if taken is None:
            return total
        total += Delivered(doubtful=taken.doubts)
        for message in taken.waiting:
            total += _hand_over(house, plans, message)


def _take(house: House, plans: Plans, now: DateTime, session: Session) -> _Taken | None:
    """Find what is to be sent; pass on what nobody answered, and what a dead process left in doubt.

    None: whatever there is, another process has it in hand.
    """
    waiting = outbox.due(session, now, AT_ONCE)
    if not waiting:
        return None
    live = outbox.still_open(session, waiting)
    settled = [one for one in waiting if one.key not in live]
    outbox.rest(session, [one.key for one in settled if one.state == outbox.WAITING], outbox.STOPPED, now=now)
    outbox.rest(session, [one.key for one in settled if one.state == outbox.DELIVERED], now=now)
    unsent = [one for one in waiting if one.key in live and one.state == outbox.WAITING]
    silent = [one for one in waiting if one.key in live and one.state == outbox.DELIVERED]
    doubtful = [one for one in waiting if one.state == outbox.CLAIMED]
    outbox.rest(session, [one.key for one in silent], now=now)
    outbox.rest(session, [one.key for one in doubtful], outbox.DOUBTFUL, now=now)
    entries = [_undelivered(one, incident, "doubt") for one in doubtful for incident in outbox.concerned(session, one)]
    entries += _pass_on(house, plans, session, [one for one in doubtful if one.key in live], "doubt", now=now)
    entries += _pass_on(house, plans, session, silent, "unanswered", now=now)
    ledger.append_many(session, entries, actor="tocsin", at=now)
    return _Taken(waiting=unsent, doubts=len(doubtful))


def _hand_over(house: House, plans: Plans, message: WarningMessage) -> Delivered:
    """Claim one message, send it, and record what became of it; nothing leaves when its claim has run out meanwhile."""
    owner, now = secrets.token_hex(8), house.now()
    until = now.add(minutes=LEASE_MINUTES)
    if not house.database.transact(lambda session: outbox.claim(session, message.key, owner, until, now=now)):
        return Delivered()
    if house.now() >= until:
        return Delivered()
    try:
        pager.tell(
            message.person,
            contacts.urls(house.settings, message.person),
            title=message.title,
            body=message.body,
            now=house.now,
        )
    except Doubtful:
        outcome, became = outbox.DOUBTFUL, Delivered(doubtful=1)
    except Unavailable:
        outcome, became = outbox.FAILED, Delivered(failed=1)
    else:
        outcome, became = outbox.DELIVERED, Delivered(delivered=1)
    house.database.transact(partial(_record, house, plans, message, owner, outcome, house.now()))
    return became


def _record(
    house: House,
    plans: Plans,
    message: WarningMessage,
    owner: str,
    outcome: str,
    now: DateTime,
    session: Session,
) -> None:
    state, look_at = _after(message, outcome, now)
    tried = outcome == outbox.FAILED
    mine = outbox.settle(session, message.key, owner, state=state, look_at=look_at, tried=tried, now=now)
    if not mine or outcome == outbox.DELIVERED or (tried and message.tries):
        return  # the next person was told when it first failed
    entries = [_undelivered(message, incident, outcome) for incident in outbox.concerned(session, message)]
    entries += _pass_on(house, plans, session, [message], outcome, now=now)
    ledger.append_many(session, entries, actor="tocsin", at=now)


def _after(message: WarningMessage, outcome: str, now: DateTime) -> tuple[str, DateTime | None]:
    """The state that a message is in after a try, and when to look at it again."""
    if outcome == outbox.FAILED and message.tries + 1 < TRIES:
        return outbox.WAITING, now.add(minutes=BACKOFF_MINUTES[min(message.tries, len(BACKOFF_MINUTES) - 1)])
    if outcome == outbox.DELIVERED and message.escalate_seconds is not None and _next_person(message) is not None:
        return outcome, now.add(seconds=message.escalate_seconds)
    return outcome, None


def _next_person(message: WarningMessage) -> str | None:
    place = message.place + 1
    return message.chain[place] if place < len(message.chain) else None


def _pass_on(
    house: House, plans: Plans, session: Session, messages: Sequence[WarningMessage], why: str, *, now: DateTime
) -> list[Entry]:
    """Put the same warning into the outbox for the next person, once; what the ledger says of it."""
    following = {one.key: made for one in messages if (made := _for_next(house, plans, session, one, why, now=now))}
    fresh = outbox.put(session, list(following.values()))
    return [
        Entry(
            incident_id=incident,
            type=EventType.WARNING_SENT,
            data={**_named(one), "person": following[one.key].person, "because": why},
        )
        for one in messages
        if one.key in following and following[one.key].key in fresh
        for incident in outbox.concerned(session, one)
    ]


def _for_next(
    house: House, plans: Plans, session: Session, message: WarningMessage, why: str, *, now: DateTime
) -> Message | None:
    person = _next_person(message)
    if person is None:
        return None
    said = {"unanswered": "did not acknowledge it", "doubt": "may not have it", outbox.DOUBTFUL: "may not have it"}
    return Message(
        incident_id=message.incident_id,
        subject=message.subject,
        step=message.step,
        target=message.target,
        person=person,
        place=message.place + 1,
        chain=tuple(message.chain),
        escalate_seconds=message.escalate_seconds,
        title=message.title,
        body=_original(message.body) + f"\nIt comes to you because {message.person} "
        f"{said.get(why, 'could not be reached')}.",
        made_at=now,
        look_at=_not_before(house, plans, session, message, person, now),
    )


def _original(body: str) -> str:
    """The body without what was said about an earlier person."""
    return body.partition("\nIt comes to you because ")[0]


def _not_before(
    house: House, plans: Plans, session: Session, message: WarningMessage, person: str, now: DateTime
) -> DateTime:
    """When the next person may be told: their quiet hours count as everybody's; a bundle waits for nobody's morning."""
    if message.incident_id is None:
        return now
    plan = incidents.get(session, message.incident_id).plan
    step = Step(name=message.step, at=message.target, level=0)
    zone = contacts.zone(house.settings, person, plans.zone(plan))
    return plans.alarms(plan).not_before(step, zone=zone, target=message.target, now=now)


def _undelivered(message: WarningMessage, incident: str, why: str) -> Entry:
    entry = {**_named(message), "person": message.person, "because": why, "next": _next_person(message)}
    return Entry(incident_id=incident, type=EventType.WARNING_UNDELIVERED, data=entry)


def _named(message: WarningMessage) -> dict[str, str]:
    for prefix in (outbox.TASK, outbox.BUNDLE, outbox.DIGEST):
        if message.subject.startswith(prefix):
            return {prefix.rstrip(":"): message.subject.removeprefix(prefix), "step": message.step}
    return {"duty": message.subject, "step": message.step}
