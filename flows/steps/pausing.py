"""Pausing the sending of an incident, and going on with it: within a second, in every process."""

from pendulum import DateTime

from db import incidents, ledger
from flows.steps.guarding import must_be_allowed, must_be_open
from flows.wiring import House
from tocsin.ledger import EventType


def pause(house: House, incident: str, *, by: str, now: DateTime) -> bool:
    """Stop the sending; what is on the wire is heard out. Returns whether it was going on."""
    return _change(house, incident, at=now, by=by, now=now)


def resume(house: House, incident: str, *, by: str, now: DateTime) -> bool:
    """Let the sending go on at the next `respond` or `notice send`. Returns whether it was paused."""
    return _change(house, incident, at=None, by=by, now=now)


def _change(house: House, incident: str, *, at: DateTime | None, by: str, now: DateTime) -> bool:
    event = EventType.SENDING_PAUSED if at is not None else EventType.SENDING_RESUMED
    with house.database.transaction() as session:
        must_be_open(session, incident)
        act = "sending.pause" if at is not None else "sending.resume"
        must_be_allowed(session, act, by=by, now=now, incident=incident)
        changed = incidents.pause_sending(session, incident, at)
        if changed:
            ledger.append(session, incident, event, actor=by, data={}, at=now)
    return changed
