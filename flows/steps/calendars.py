"""Deadlines of duties and tasks for people's calendars, behind an address that only those who have it can read.

Everything comes from the record, so that the same record gives the same bytes. Nobody affected is in it, nor the title
of an incident: who serves the calendar (a telephone's maker) reads it, too.
"""

import hashlib
import hmac
from collections.abc import Iterator, Mapping
from typing import Any

from pendulum import DateTime
from sqlalchemy.orm import Session

from db import accounts, calendars, incidents, watch
from db import duties as duty_store
from db import tasks as task_store
from db.calendar_tables import CalendarFeed
from db.calendars import Revised
from db.tables import Duty, Incident, Task
from documents.calendars import Deadline, State, feed
from flows import contacts
from flows.steps import proving
from flows.steps.guarding import must_be_allowed
from flows.wiring import House
from tocsin import durations
from tocsin.errors import NotFound
from tocsin.plan import Plan

_USUAL_WARNINGS = ("PT24H", "PT2H")  # where the plan's `watch.before` names none
_UNSURE = {"undetermined": "Perhaps: ", "suspended": "Suspended: ", "conditional": "If it comes to that: "}
_NOBODYS = "0" * 64


def add(house: House, *, incident: str | None, person: str | None, by: str, now: DateTime) -> str:
    """Make a feed of an incident, of a person, of both, or of all open incidents; returns its secret, kept nowhere."""
    if person is not None and person not in house.settings.people:
        known = ", ".join(house.settings.people) or "nobody yet"
        raise NotFound(f"The settings have no {person!r} under `people`: there is {known}.")
    secret = proving.new_secret("calendar")
    with house.database.transaction() as session:
        must_be_allowed(session, "calendar.add", by=by, now=now, incident=incident)
        made = calendars.add(session, proving.digest(secret), incident_id=incident, person=person, by=by, at=now)
        _write_down(session, "calendar-added", made, by=by, now=now)
    return secret


def revoke(house: House, start: str, *, by: str, now: DateTime) -> CalendarFeed:
    """End a feed by the start of its id: its address is nothing from now on."""
    with house.database.transaction() as session:
        ended = calendars.end(session, start, now)
        must_be_allowed(session, "calendar.revoke", by=by, now=now, incident=ended.incident_id)
        _write_down(session, "calendar-revoked", ended, by=by, now=now)
    return ended


def _write_down(session: Session, act: str, one: CalendarFeed, *, by: str, now: DateTime) -> None:
    data = {"calendar": one.hash[: calendars.ID_DIGITS], "incident": one.incident_id, "person": one.person}
    accounts.record(session, act, by=by, account=None, data=data, at=now)


def fitting(house: House, secret: str) -> str | None:
    """The id of the calendar at a secret address; None where there is none, or not any more."""
    with house.database.reading() as session:
        found = _fitting(session, secret)
    return found.hash[: calendars.ID_DIGITS] if found is not None else None


def served(house: House, secret: str) -> bytes | None:
    """The calendar at a secret address; None where there is none, or not any more."""
    with house.database.reading() as session:
        found = _fitting(session, secret)
        if found is None:
            return None
        return _written(house, session, incident=found.incident_id, person=found.person)


def _fitting(session: Session, secret: str) -> CalendarFeed | None:
    """The feed of a secret, compared in constant time, as a hash; None where it, or who made it here, has ended."""
    wanted = proving.digest(secret)
    found = calendars.find(session, wanted)
    fits = hmac.compare_digest(wanted, found.hash if found is not None else _NOBODYS)
    if found is None or not fits or found.ended_at is not None or _maker_left(session, found):
        return None
    return found


def written(house: House, incident: str | None, *, person: str | None = None) -> bytes:
    """The calendar of an incident, or of all open ones."""
    with house.database.reading() as session:
        return _written(house, session, incident=incident, person=person)


def _maker_left(session: Session, one: CalendarFeed) -> bool:
    maker = accounts.find(session, one.made_by)
    return maker is not None and maker.ended_at is not None


def _written(house: House, session: Session, *, incident: str | None, person: str | None) -> bytes:
    meant = [incident] if incident is not None else watch.open_incidents(session)
    found = [deadline for one in meant for deadline in _deadlines(house, session, one, person)]
    found.sort(key=lambda deadline: (deadline.at, deadline.uid))
    return feed(found, title=" · ".join(("Deadlines", *(part for part in (incident, person) if part))))


def _deadlines(house: House, session: Session, incident: str, person: str | None) -> Iterator[Deadline]:
    record = incidents.get(session, incident)
    plan = house.plan(record.plan)
    revised = calendars.revisions(session, incident)
    for duty in duty_store.listed(session, incident, fallen=True):
        if duty.target is not None and (person is None or person in _asked_of_duty(house, plan, duty)):
            yield _of_duty(house, record, plan, duty, revised)
    for task in task_store.listed(session, incident):
        if task.due is not None and (person is None or person in contacts.chain(house.settings, [task.owner]).people):
            yield _of_task(house, record, plan, task, revised)


def _asked_of_duty(house: House, plan: Plan, duty: Duty) -> tuple[str, ...]:
    return contacts.chain(house.settings, plan.watch.chain(key=duty.key, audience=duty.audience)).people


def _of_duty(
    house: House, record: Incident, plan: Plan, duty: Duty, revised: Mapping[tuple[str, str], Revised]
) -> Deadline:
    assert duty.target is not None
    lines = [
        f"Incident: {record.id}",
        f"Duty: {duty.key}",
        f"Due: {duty.row.get('due') or duty.row.get('target')}",
        f"Law: {duty.row.get('citation')}",
        *([f"Find out: {', '.join(duty.unknown)}"] if duty.unknown else []),
    ]
    state = _duty_state(record, duty)
    said = revised.get(("duty", duty.key)) or revised.get(("duty", duty.id))
    return Deadline(
        **_common(record, "duty", duty.key, said or Revised(1, duty.first_seen_at)),
        at=duty.target,
        summary=f"{_word(state, duty.status, overdue=duty.overdue_at is not None)}{duty.recipient}: {duty.key}",
        description="\n".join(lines),
        state=state,
        url=_page(house, record),
        warn_before=_warnings(plan, record),
    )


def _of_task(
    house: House, record: Incident, plan: Plan, task: Task, revised: Mapping[tuple[str, str], Revised]
) -> Deadline:
    assert task.due is not None
    state: State = "open" if task.state == task_store.OPEN else "done"
    said = revised.get(("task", task.key)) or Revised(1, record.declared_at)
    return Deadline(
        **_common(record, "task", task.key, said),
        at=task.due,
        summary=f"{_word(state, '', overdue=False)}{task.title}",
        description=f"Incident: {record.id}\nTask: {task.key}\nOwner: {task.owner}",
        state=state,
        url=_page(house, record),
        warn_before=_warnings(plan, record),
    )


def _common(record: Incident, kind: str, name: str, said: Revised) -> dict[str, Any]:
    named = hashlib.sha256(f"{record.id}\x1f{kind}\x1f{name}".encode()).hexdigest()[:32]
    return {"uid": f"{named}@tocsin", "revision": said.times - 1, "revised_at": said.at}


def _duty_state(record: Incident, duty: Duty) -> State:
    if duty.fell_away_at is not None:
        return "gone"
    if duty.done_at is not None or record.state != incidents.OPEN:
        return "done"
    return "open" if duty.status == duty_store.OWED else "unsure"


def _word(state: State, status: str, *, overdue: bool) -> str:
    if state == "done":
        return "Done: "
    if state == "gone":
        return "Not owed any more: "
    if overdue:
        return "OVERDUE: "
    return _UNSURE.get(status, "") if state == "unsure" else ""


def _warnings(plan: Plan, record: Incident) -> tuple[Any, ...]:
    if record.state != incidents.OPEN:
        return ()
    return tuple(durations.parse(written) for written in plan.text.watch.before or _USUAL_WARNINGS)


def _page(house: House, record: Incident) -> str | None:
    console = house.settings.console_url
    return f"{console.rstrip('/')}/incidents/{record.id}" if console else None
