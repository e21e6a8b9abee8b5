"""Is the engine alive: the database, and the watch's last heartbeat."""

from typing import Any

from pendulum import DateTime

from db import watch
from flows.steps.watching import HEARTBEAT, LATE_AFTER_MINUTES
from flows.wiring import House
from tocsin.errors import TocsinError


def state(house: House) -> dict[str, Any]:
    """What a monitor asks: `ok`, and why not. Never raises for an engine that is ill."""
    try:
        with house.database.reading() as session:
            last = watch.last_beat(session, HEARTBEAT)
    except TocsinError as error:
        return {"ok": False, "problem": str(error), "watch": None}
    if last is None:
        return {"ok": False, "problem": "The watch has not looked yet.", "watch": None}
    late = is_late(last.at, house.now())
    problem = f"The watch has not looked since {last.at.isoformat()}." if late else None
    return {"ok": not late, "problem": problem, "watch": last.at.isoformat()}


def is_late(last: DateTime | None, now: DateTime) -> bool:
    """Whether the watch, which looks every minute, has not looked for too long, or never."""
    return last is None or (now - last).total_seconds() > LATE_AFTER_MINUTES * 60
