"""Calendar feeds by the hash of their secret, and when the record of a deadline was last revised."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from pendulum import DateTime
from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from db import rows, tables
from db.calendar_tables import CalendarFeed
from tocsin.errors import Invalid, NotFound

ID_DIGITS = 10
_FEED = tables.core(CalendarFeed)
_EVENT = tables.core(tables.LedgerEvent)


@dataclass(frozen=True)
class Revised:
    """How often the ledger says that something changed, and when it last did."""

    times: int
    at: DateTime


def add(
    session: Session, its_hash: str, *, incident_id: str | None, person: str | None, by: str, at: DateTime
) -> CalendarFeed:
    """Keep a new feed."""
    return rows.add(
        session, CalendarFeed(hash=its_hash, incident_id=incident_id, person=person, made_at=at, made_by=by)
    )


def find(session: Session, its_hash: str) -> CalendarFeed | None:
    """The feed with a hash, whatever has become of it."""
    return rows.one(session, select(CalendarFeed).where(_FEED.c.hash == its_hash))


def listed(session: Session) -> list[CalendarFeed]:
    """Every feed that has not ended, oldest first."""
    query = select(CalendarFeed).where(_FEED.c.ended_at.is_(None))
    return rows.every(session, query.order_by(_FEED.c.made_at, _FEED.c.hash))


def end(session: Session, start: str, at: DateTime) -> CalendarFeed:
    """End the one feed whose hash begins so; raises NotFound, or Invalid for several."""
    found = [feed for feed in listed(session) if start and feed.hash.startswith(start.casefold())]
    if not found:
        raise NotFound(f"There is no calendar {start!r}: `tocsin calendar list` shows them.")
    if len(found) > 1:
        raise Invalid(f"{start!r} fits {len(found)} calendars: write more of the id.")
    session.execute(update(_FEED).where(_FEED.c.hash == found[0].hash).values(ended_at=at))
    return found[0]


def revisions(session: Session, incident_id: str) -> Mapping[tuple[str, str], Revised]:
    """What the ledger says about each duty and task, by (`duty` or `task`, its name), in one query."""
    said = or_(_EVENT.c.type.like("duty.%"), _EVENT.c.type.like("task.%"))
    query = select(_EVENT.c.data, _EVENT.c.at).where(_EVENT.c.incident_id == incident_id, said)
    found: dict[tuple[str, str], Revised] = {}
    for written, at in session.execute(query.order_by(_EVENT.c.seq)):
        data = json.loads(written)
        for kind in ("duty", "task"):
            if isinstance(name := data.get(kind), str):
                before = found.get((kind, name))
                found[kind, name] = Revised(before.times + 1 if before else 1, at)
    return found
