"""Checks of what must go on by itself: the watch, and clocks."""

from collections.abc import Iterator

from db import checkups as store
from db import watch as beats
from flows.steps import health
from flows.steps.checkups.findings import Finding, Visit, fail, ok, warn
from flows.steps.checkups.services import skewed
from flows.steps.watching import HEARTBEAT


def watch(visit: Visit) -> Iterator[Finding]:
    """The watch has looked lately."""
    todo = "start `tocsin serve`, or have cron call `tocsin watch --once` every minute"
    state = health.state(visit.house)
    with visit.house.database.reading() as session:
        last = beats.last_beat(session, HEARTBEAT)
        waiting = len(beats.open_incidents(session))
    if state["ok"] and last is not None:
        yield ok(f"the watch looked {int((visit.now - last.at).total_seconds())} seconds ago")
    elif last is None and not waiting:
        yield warn("the watch has not looked yet", todo)
    else:
        said = str(state["problem"]).rstrip(".")
        yield fail(f"{said[0].lower()}{said[1:]}, and {waiting} incidents are open", todo)


def clocks(visit: Visit) -> Iterator[Finding]:
    """The database's clock and this machine's agree."""
    before = visit.clock().timestamp()
    with visit.house.database.reading() as session:
        told = store.clocks(session)
    ours = (before + visit.clock().timestamp()) / 2
    if not told.of_a_server:
        yield ok("the database has this machine's clock")
        return
    found = list(skewed("the database", told.seconds - ours))
    yield from found
    if not found:
        yield ok(f"the database's clock is {abs(told.seconds - ours):.1f} seconds from this machine's")
