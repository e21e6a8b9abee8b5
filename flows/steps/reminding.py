"""What the watch does beside duties and tasks: holds to be reviewed or ended, actions that wait for a person.

A hold's review is asked for each day until somebody makes it; an action that waits is told of once.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial

from pendulum import DateTime
from sqlalchemy.orm import Session

from db import actions, incidents, ledger, tasks
from db import alarms as outbox
from db import holds as store
from db.hold_tables import LegalHold
from db.ledger import Entry
from db.task_tables import ActionRun
from flows import contacts
from flows.steps import holding, warning
from flows.steps.warning import Plans, Warned
from flows.wiring import House
from tocsin.alarms import Step
from tocsin.ledger import EventType
from tocsin.roles import MACHINE

AGAIN_DAYS = 1  # a review that nobody made is asked for again


@dataclass(frozen=True, kw_only=True)
class Review(Step):
    """The review of a hold, as a step of warnings."""

    @property
    def said(self) -> str:
        """The step in words."""
        return "legal hold to be reviewed"


@dataclass(frozen=True, kw_only=True)
class Waits(Step):
    """An action that waits for a person, as a step of warnings."""

    @property
    def said(self) -> str:
        """The step in words."""
        return "automatic action waits for you"


def waiting_actions(house: House, plans: Plans, *, now: DateTime) -> list[str]:
    """Tell of every action that wants an approval, failed, or is in doubt; what was said."""
    with house.database.reading() as session:
        due = any(run.state in actions.ASKING for run, _ in actions.to_look_at(session, now))
    return house.database.transact(partial(_look_at_actions, house, plans, now)) if due else []


def _look_at_actions(house: House, plans: Plans, now: DateTime, session: Session) -> list[str]:
    _lock(session, {run.incident_id for run, _ in actions.to_look_at(session, now)})
    due = [(run, plan) for run, plan in actions.to_look_at(session, now) if run.state in actions.ASKING]
    owners = {incident: tasks.owners(session, incident) for incident in {run.incident_id for run, _ in due}}
    warned = [_of_action(house, plans, run, plan, owners[run.incident_id][run.key], now) for run, plan in due]
    for run, _ in due:
        actions.put_off(session, run.incident_id, run.key, None)
    _put(house, session, warned, now)
    return [one.line for one in warned]


def _of_action(house: House, plans: Plans, run: ActionRun, plan: str, owner: str, now: DateTime) -> Warned:
    alarms = plans.alarms(plan)
    means = "approve" if run.state == actions.UNAPPROVED else "decide"
    return Warned(
        incident=run.incident_id,
        subject=f"{actions.SUBJECT}{run.key}",
        step=Waits(name=f"{run.state}-{run.tries}", at=now, level=0),
        target=run.look_at or now,
        line=f"{run.incident_id} action {run.action} of task {run.key}: {run.state}; see `tocsin tasks actions "
        f"{run.incident_id}`, then `tocsin tasks {means} {run.incident_id} {run.key}`",
        chain=contacts.chain(house.settings, tuple(dict.fromkeys((owner, *alarms.text.people)))),
        alarms=alarms,
        zone=plans.zone(plan),
    )


def _lock(session: Session, concerned: Collection[str]) -> None:
    """Of two watches that look at once the second waits, and finds it done."""
    for incident in sorted(concerned):
        incidents.lock(session, incident)


def _put(house: House, session: Session, warned: Sequence[Warned], now: DateTime) -> None:
    outbox.put(session, warning.messages(house, warned, now=now))
    entries = [
        Entry(incident_id=one.incident, type=EventType.WARNING_SENT, data=warning.entry(one, ())) for one in warned
    ]
    ledger.append_many(session, entries, actor=MACHINE, at=now)


def holds(house: House, plans: Plans, *, now: DateTime) -> list[str]:
    """Look at every hold whose time has come; what was said of them."""
    with house.database.reading() as session:
        due = bool(store.to_look_at(session, now))
    return house.database.transact(partial(_look, house, plans, now)) if due else []


def _look(house: House, plans: Plans, now: DateTime, session: Session) -> list[str]:
    said, warned = [], []
    _lock(session, {hold.incident_id for hold, _ in store.to_look_at(session, now)})
    for hold, plan in store.to_look_at(session, now):  # asked again: another watch may have been here meanwhile
        if hold.until is not None and hold.until <= now:
            reason = "It ended by its own words."
            holding.end(
                house, session, hold.incident_id, hold.number, by=MACHINE, reason=reason, at=hold.until, now=now
            )
            said.append(f"{hold.incident_id} hold {hold.number}: ended by its own words")
            continue
        one = _warned(house, plans, hold, plan, now)
        warned.append(one)
        said.append(one.line)
        store.put_off(session, hold, now.add(days=AGAIN_DAYS))
    _put(house, session, warned, now)
    return said


def _warned(house: House, plans: Plans, hold: LegalHold, plan: str, now: DateTime) -> Warned:
    assert hold.review_at is not None
    alarms = plans.alarms(plan)
    where = "everywhere" if hold.places is None else ", ".join(hold.places)
    placer = contacts.named(house.settings, hold.placed_by)
    since = (now - hold.review_at).in_days()
    return Warned(
        incident=hold.incident_id,
        subject=f"{store.SUBJECT}{hold.number}",
        step=Review(name=f"review-{since}", at=hold.review_at, level=0),
        target=hold.review_at,
        line=f"{hold.incident_id} hold {hold.number} ({hold.by}; {where}): ask whether it still stands, then say so "
        f"(tocsin hold review {hold.incident_id} {hold.number}) or lift it",
        chain=contacts.chain(house.settings, tuple(dict.fromkeys((*placer, *alarms.text.people)))),
        alarms=alarms,
        zone=plans.zone(plan),
    )
