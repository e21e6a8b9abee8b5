"""Checks of the record: the database, the keys, the ledgers, and what is left lying in it."""

from collections.abc import Iterator

from db import checkups as store
from flows.steps.checkups.findings import Finding, Visit, fail, ok, warn
from tocsin.errors import Unverified

LEDGERS = 100  # the ends of so many are proven: of open incidents, then the newest
STALE_MINUTES = 5  # the watch frees what a dead process held each minute


def database(visit: Visit) -> Iterator[Finding]:
    """The database answers, and its tables are of this version (`Database.check` says which of the two is wrong)."""
    yield ok(f"{visit.house.database.url_shown} answers, and its tables are of this version")


def write(visit: Visit) -> Iterator[Finding]:
    """It takes a record."""
    store.write_nothing(visit.house.database, visit.now)
    yield ok("a record was written and taken back")


def keys(visit: Visit) -> Iterator[Finding]:
    """The master key is there, and opens what it closed."""
    master_key = visit.house.master_key
    with visit.house.database.reading() as session:
        incident, signs = store.open_newest_keys(session, master_key)
    if incident is None:
        yield ok("the master key is there" + (" and opens the signing key" if signs else "; it has closed nothing yet"))
    else:
        yield ok(f"the master key opens the key of {incident}" + (" and the signing key" if signs else ""))


def ledgers(visit: Visit) -> Iterator[Finding]:
    """The ends of the ledgers hold."""
    held = 0
    with visit.house.database.reading() as session:
        for incident in store.newest_incidents(session, LEDGERS):
            try:
                store.verify_end(session, incident)
                held += 1
            except Unverified as error:
                yield fail(
                    str(error).rstrip("."),
                    "keep the database as it is, compare it with a copy, and find out who wrote to it",
                )
    yield ok(f"the last {store.ENTRIES} entries and the last signature of {held} ledgers hold")


def assessed(visit: Visit) -> Iterator[Finding]:
    """No facts wait to be assessed."""
    with visit.house.database.reading() as session:
        waiting = store.unassessed(session)
    for incident in waiting:
        yield warn(f"the duties of {incident} do not rest on its latest facts", f"tocsin respond {incident}")
    if not waiting:
        yield ok("the duties of every open incident rest on its latest facts")


def claims(visit: Visit) -> Iterator[Finding]:
    """No message is held by a process that has ended."""
    with visit.house.database.reading() as session:
        stale = store.stale_claims(session, visit.now.subtract(minutes=STALE_MINUTES))
    if stale:
        yield warn(f"{stale} messages are held by a process that has ended", "tocsin watch --once")
    else:
        yield ok("no message is held by a process that has ended")
