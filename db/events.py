"""What providers told us, stored as it came: quickly, once each, and before anything is made of it.

`waiting`, `pending` and `mark_applied` take it on from there.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from pendulum import DateTime
from sqlalchemy import bindparam, func, select, update
from sqlalchemy.orm import Session

from db import event_tables, rows, tables
from tocsin.delivery import Event, Kind

_EVENT = tables.core(event_tables.ProviderEvent)
_SAME = ("provider", "event_id", "at", "hard", "reason", "code", "recipient", "provider_ref", "word")


def store(session: Session, events: Iterable[Event], now: DateTime) -> int:
    """Take events in; how many are new. The same event of the same provider counts once, however often it comes."""
    values = {(one.provider, one.event_id): _row(one, now) for one in reversed(list(events))}
    if not values:
        return 0
    statement = rows.insert_new(session, _EVENT).returning(_EVENT.c.event_id)
    return len(list(session.execute(statement, [values[key] for key in sorted(values)])))


def waiting(session: Session) -> list[str]:
    """The providers of whose events some wait."""
    query = select(_EVENT.c.provider).where(_EVENT.c.applied_at.is_(None)).distinct().order_by(_EVENT.c.provider)
    return list(session.scalars(query))


def pending(session: Session, provider: str, limit: int) -> list[Event]:
    """Events of which nothing was made yet, those that came first before the others; nobody else's at the moment."""
    query = (
        select(_EVENT)
        .where(_EVENT.c.provider == provider, _EVENT.c.applied_at.is_(None))
        .order_by(_EVENT.c.received_at, _EVENT.c.event_id)
    )
    locked = query.limit(limit).with_for_update(skip_locked=True)
    return [_event(dict(row)) for row in session.execute(locked).mappings()]


def mark_applied(session: Session, events: Sequence[Event], now: DateTime) -> None:
    """Note that these have become what they could."""
    statement = (
        update(_EVENT)
        .where(_EVENT.c.provider == bindparam("its_provider"), _EVENT.c.event_id == bindparam("its_event"))
        .values(applied_at=now)
    )
    values = [{"its_provider": one.provider, "its_event": one.event_id} for one in events]
    if values:
        session.connection().execute(statement, values)


def tally(session: Session, provider: str) -> dict[Kind, int]:
    """How many events of each kind a provider told."""
    query = select(_EVENT.c.kind, func.count()).where(_EVENT.c.provider == provider).group_by(_EVENT.c.kind)
    counts: Counter[Kind] = Counter()
    for kind, number in session.execute(query):
        counts[Kind(kind)] += number
    return dict(counts)


def _row(event: Event, now: DateTime) -> dict[str, Any]:
    row = {name: getattr(event, name) for name in _SAME}
    return {**row, "kind": event.kind.value, "attempt_key": event.key, "received_at": now, "applied_at": None}


def _event(row: dict[str, Any]) -> Event:
    return Event(**{name: row[name] for name in _SAME}, kind=Kind(row["kind"]), key=row["attempt_key"])
