"""When something happens next: the watch is level-triggered, so that idle minutes can be left out."""

import math
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from pendulum import DateTime
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from db import tables, watch_tables
from flows.drill.house import DrillHouse

_LOOKED_AT = (tables.Duty, tables.Task, watch_tables.WarningMessage)


def next_look(house: DrillHouse, since: DateTime) -> DateTime | None:
    """The next instant, from `since` on, at which the watch has something to do by the record."""
    with house.database.reading() as session:
        return min(_times(house, session, since), default=None)


def next_rung(house: DrillHouse, since: DateTime) -> DateTime | None:
    """The next instant, from `since` on, at which the ladder looks at somebody."""
    with house.database.reading() as session:
        return _first(session, tables.core(tables.Person).c.next_at, since)


def _first(session: Session, column: ColumnElement[Any], since: DateTime) -> DateTime | None:
    found: DateTime | None = session.execute(select(func.min(column)).where(column >= since)).scalar()
    return found


def _times(house: DrillHouse, session: Session, since: DateTime) -> Iterator[DateTime]:
    for model in _LOOKED_AT:
        found = _first(session, tables.core(model).c.look_at, since)
        if found is not None:
            yield found
    digest = house.its_plan.watch.text.digest
    if digest is not None:
        here = since.in_timezone(digest.zone)
        hour = here.set(hour=digest.at.hour, minute=digest.at.minute, second=0, microsecond=0)
        yield (hour if hour >= here else hour.add(days=1)).in_timezone("UTC")


def whole_minute(at: DateTime) -> DateTime:
    """The first whole minute at or after an instant: the watch looks once a minute."""
    floor = at.set(second=0, microsecond=0)
    return floor if floor == at else floor.add(minutes=1)


def rounded(at: DateTime, begins: DateTime, every: timedelta) -> DateTime:
    """The first instant at or after one that lies a whole number of steps from the first look after the beginning."""
    first = whole_minute(begins)
    return first + every * math.ceil((at - first).total_seconds() / every.total_seconds())
