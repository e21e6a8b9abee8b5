"""A process that imports rosters in children of its own and kills each at a given point, with SIGKILL.

It reads `POINT PATH` lines from standard input and writes the exit status of the child that was forked for each. The
database, the incident and its key stand in the environment.
"""

import os
import signal
import sys
from pathlib import Path

import pendulum
from sqlalchemy import event

from db import ledger, people
from db.sealing import IncidentKey
from db.sessions import Database
from flows.roster import importing, matching
from flows.roster.rejects import RejectList
from flows.roster.settled import Settled


def die(*_arguments: object, **_options: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def on_call(owner: object, name: str, number: int) -> None:
    """Die at the n-th call of a function, before it does anything."""
    real, calls = getattr(owner, name), []

    def counted(*arguments, **options):
        calls.append(1)
        return die() if len(calls) == number else real(*arguments, **options)

    setattr(owner, name, counted)


def arm(point: str, database: Database) -> None:
    places = {
        "reading": (importing._Run, "_reject", 2),
        "matching": (matching, "_judge", 1),
        "sealing": (Settled, "add", 3),
        "first-people": (people, "insert_many", 1),
        "people": (people, "insert_many", 3),
        "identities": (people, "load_identities", 2),
        "ledger": (ledger, "append", 1),
        "committed": (RejectList, "keep", 1),
    }
    if point == "committing":  # everything is written; the entry on the ledger was the last
        append = ledger.append
        ledger.append = lambda *said, **more: (append(*said, **more), event.listen(database.engine, "commit", die))
    elif point != "never":
        on_call(*places[point])


def work(point: str, path: Path) -> None:
    importing.BATCH = 10
    database = Database(os.environ["DATABASE"])
    arm(point, database)
    key = IncidentKey(bytes.fromhex(os.environ["KEY"]))
    now = pendulum.datetime(2026, 11, 22, 2)
    importing.import_roster(database, os.environ["INCIDENT"], path, key=key, by="responder", now=now)
    database.close()


for line in sys.stdin:
    asked, _, named = line.strip().partition(" ")
    child = os.fork()
    if child == 0:
        try:
            work(asked, Path(named))
        except BaseException as error:  # noqa: BLE001 - the parent reads how it ended
            sys.stderr.write(f"{error}\n")
            os._exit(1)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)  # noqa: T201
