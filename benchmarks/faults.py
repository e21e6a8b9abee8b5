"""What becomes of people when something breaks in the middle of a sending: each fault for real, then its end.

`python benchmarks/faults.py [--people N] [--only FAULT ...] [--json]` tells N made-up people (300) of an incident
through the shipped fakes while a provider, a disk or a database fails; the fault ends, the sending goes on, and a table
says what was said, who was lost, told twice or judged wrongly, whether the ledger verifies, and how long it took until
everybody had a verdict. Waits that are the plan's own are leapt over on a simulated clock; the faults are real. Full
disks are small tmpfs mounts, which need root.
"""

import argparse
import contextlib
import dataclasses
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flaky import Flaky
from surroundings import an_incident, database, tmpfs

BATCH = 50
MARK = 100  # the fault comes when so many were told


@dataclass
class Stage:
    """One installation on which one fault happens."""

    home: Path
    outbox: Path
    wire: Flaky
    house: Any
    incident: str = ""
    server: Any = None  # PostgreSQL, where it is the database
    said: list[str] = field(default_factory=list)
    ended: Any = None  # by the house's clock, and by the real one
    ended_really: float = 0.0

    def taken(self) -> int:
        path = self.outbox / "push.jsonl"
        return path.read_bytes().count(b'"type":"message"') if path.exists() else 0

    def run(self) -> None:
        """One run of the notify phase, as `respond` makes it."""
        from flows.steps import notifying
        from tocsin.errors import TocsinError

        try:
            done = notifying.run(self.house, self.incident)
        except TocsinError as error:
            self.said.append(str(error))
        except Exception as error:  # noqa: BLE001 - a traceback is what we look for
            self.said.append(f"TRACEBACK {type(error).__name__}: {str(error)[:200]}")
        else:
            self.said += [line for line in done.did if line.startswith(("look at", "The "))]

    def during(self, begin: Callable[[], None]) -> threading.Thread:
        """Let the fault begin once `MARK` people were told."""

        def wait() -> None:
            while self.taken() < MARK:
                time.sleep(0.002)
            begin()

        thread = threading.Thread(target=wait, daemon=True)
        thread.start()
        return thread

    def run_while(self, fault: Callable[[], None]) -> None:
        """One run with a fault in its middle."""
        thread = self.during(fault)
        self.run()
        thread.join()

    def leap(self) -> bool:
        """Move the clock to the next look; False where everybody has a verdict."""
        from db import people
        from flows import wiring

        with self.house.database.reading() as session:
            following = people.next_look(session, self.incident)
            pending = people.counts(session, self.incident).pending
        time.sleep(0.3)  # receipts of the fakes come on the real clock
        if pending and following is not None and following > self.house.now():
            wiring.set_clock(following.add(seconds=30), folder=self.home)
        return bool(pending)

    def over(self) -> None:
        """The fault has ended."""
        self.ended, self.ended_really = self.house.now(), time.monotonic()


def outage(stage: Stage) -> None:
    """The provider refuses connections for some minutes, in the middle of a batch."""
    stage.run_while(stage.wire.cut)
    for _ in range(3):
        stage.leap()
        stage.run()
    stage.wire.mend()


def throttled(stage: Stage) -> None:
    """Each second person's first two messages are answered with 429 and Retry-After."""
    for _ in range(3):
        stage.run()
        stage.leap()


def slow(stage: Stage) -> None:
    """Every answer takes five seconds, and we wait for it (ten seconds are allowed)."""
    stage.wire.delay_seconds = 5
    threading.Timer(30, lambda: setattr(stage.wire, "delay_seconds", 0.0)).start()
    stage.run()


def too_slow(stage: Stage) -> None:
    """Every answer takes five seconds, and three are allowed: each message asked of it is a doubt."""
    stage.wire.delay_seconds = 5
    stage.run()
    stage.wire.delay_seconds = 0.0


def lying(stage: Stage) -> None:
    """The provider says 200, and in the body that it failed, to every tenth person; nobody of them was told."""
    stage.run()


def broken(stage: Stage) -> None:
    """Every tenth message is answered with a 500, and every tenth connection cut; nobody of them was told."""
    stage.run()


@contextmanager
def full(stage: Stage, folder: Path) -> Iterator[threading.Thread]:
    """The disk on which a folder lies fills up once `MARK` people were told, and is full until the block ends."""
    over, filler = threading.Event(), folder / "filler"

    def fill() -> None:
        with filler.open("wb", buffering=0) as file:
            while not over.wait(0.005):
                with contextlib.suppress(OSError):
                    while True:
                        file.write(b"\0" * 512)

    thread = stage.during(fill)
    try:
        yield thread
    finally:
        over.set()
        thread.join()
        filler.unlink(missing_ok=True)


def journal_disk_full(stage: Stage) -> None:
    """The disk of the crash journals is full, in the middle of a batch, for two runs."""
    folder = stage.home / "journals"
    with tmpfs(folder, "256k"):
        with full(stage, folder):
            stage.run()
            stage.run()
        stage.over()
        finish(stage)


def database_disk_full(stage: Stage) -> None:
    """The disk of the SQLite database is full, in the middle of a batch, for four seconds."""
    running = threading.Thread(target=stage.run)
    with full(stage, stage.home):
        running.start()
        while stage.taken() < MARK:
            time.sleep(0.01)
        time.sleep(4)
    running.join()


def database_disk_full_for_long(stage: Stage) -> None:
    """The disk of the SQLite database is full for longer than a run has patience."""
    from flows.steps import enduring

    enduring.ENDURED_SECONDS = 2.0
    with full(stage, stage.home):
        stage.run()
        stage.run()
    enduring.ENDURED_SECONDS = 120.0


def backends_killed(stage: Stage) -> None:
    """Every connection to PostgreSQL is terminated again and again for three seconds, in claims and in records."""
    import psycopg

    def kill() -> None:
        with psycopg.connect(stage.server.get_uri(), autocommit=True) as connection:
            until = time.monotonic() + 3
            while time.monotonic() < until:
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
                )
                time.sleep(0.01)

    stage.run_while(kill)


def server_stopped(stage: Stage) -> None:
    """PostgreSQL is stopped in the middle of a batch, and started again after twenty seconds."""

    def restart() -> None:
        stage.server.stop()
        time.sleep(20)
        stage.server.start()

    stage.run_while(restart)


def server_stopped_for_long(stage: Stage) -> None:
    """PostgreSQL is stopped for longer than a run has patience."""
    from flows.steps import enduring

    enduring.ENDURED_SECONDS = 2.0
    stage.run_while(stage.server.stop)
    stage.run()
    stage.server.start()
    enduring.ENDURED_SECONDS = 120.0


def sqlite_locked(stage: Stage) -> None:
    """Another process keeps SQLite locked for longer than a writer waits (two seconds here, thirty by default)."""

    def lock() -> None:
        with contextlib.closing(sqlite3.connect(stage.home / "tocsin.db", isolation_level=None, timeout=30)) as other:
            other.execute("BEGIN IMMEDIATE")
            time.sleep(7)
            other.execute("ROLLBACK")

    stage.run_while(lock)


RULES = {
    "throttled": "[{match: '[0-4]$', channel: push, do: throttle, times: 2}]",
    "lying": "[{match: '[05]$', channel: push, do: lie}]",
    "broken": "[{match: '0$', channel: push, do: error}, {match: '5$', channel: push, do: drop}]",
}
ON_POSTGRESQL = (backends_killed, server_stopped, server_stopped_for_long)
NEEDS_ROOT = (journal_disk_full, database_disk_full, database_disk_full_for_long)
FAULTS: tuple[Callable[[Stage], None], ...] = (
    outage, throttled, slow, too_slow, lying, broken, journal_disk_full, database_disk_full,
    database_disk_full_for_long, backends_killed, server_stopped, server_stopped_for_long, sqlite_locked,
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=300)
    parser.add_argument("--only", nargs="+", choices=[fault.__name__ for fault in FAULTS])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--one", nargs=2, metavar=("FAULT", "HOME"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        name, folder = options.one
        print(json.dumps(suffered(next(one for one in FAULTS if one.__name__ == name), Path(folder), options.people)))
        return
    for fault in FAULTS:
        if options.only and fault.__name__ not in options.only:
            continue
        if fault in NEEDS_ROOT and os.geteuid() != 0:
            print(f"{fault.__name__}: not tried, for only root may mount a small disk")
            continue
        say(one_process(fault.__name__, options.people), as_json=options.json)


def one_process(name: str, people: int) -> dict[str, Any]:
    """Each fault in a process of its own, so that none leaves anything to the next."""
    folder = tempfile.mkdtemp(prefix="tocsin-fault-")
    try:
        command = [sys.executable, __file__, "--people", str(people), "--one", name, folder]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
        return dict(json.loads(done.stdout.splitlines()[-1]))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def say(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(found), flush=True)
        return
    print(
        f"{found['fault']:28} lost {found['lost']}  told twice {found['twice']}  dropped {found['repeated']:3}  "
        f"wrong {found['wrong']}  stuck {found['stuck']}  ledger {found['ledger']}  "
        f"recovered in {found['seconds']:.0f} s, {found['minutes']:.0f} min of the plan's waits\n"
        f"    {found['verdicts']}"
    )
    for sentence in found["said"][:4]:
        print(f"    {sentence}")
    sys.stdout.flush()


def suffered(fault: Callable[[Stage], None], folder: Path, people: int) -> dict[str, Any]:
    """Prepare, let the fault come and go, send on until everybody has a verdict, and look."""
    from db import sessions
    from flows.steps import sending

    sending.BATCH = BATCH
    sessions.BUSY_SECONDS = 2
    with prepared(fault, folder, people) as stage:
        fault(stage)
        if stage.ended is None:
            stage.over()
            finish(stage)
        return {"fault": fault.__name__, **looked_at(stage)}


def finish(stage: Stage) -> None:
    stage.run()
    while stage.leap():
        stage.run()


@contextmanager
def prepared(fault: Callable[[Stage], None], folder: Path, people: int) -> Iterator[Stage]:
    from flows import wiring
    from flows.installing import install
    from notifiers import fakes, providers

    home = folder / "home"
    home.mkdir()
    rules = folder / "rules.yaml"
    rules.write_text(RULES.get(fault.__name__, "[]"))
    disk = tmpfs(home, "6m") if fault.__name__.startswith("database_disk") else contextlib.nullcontext()
    with (
        disk,
        database(folder, wanted=fault in ON_POSTGRESQL) as server,
        fakes.start(folder / "outbox", rules=rules) as running,
        Flaky(running.http_port) as wire,
    ):
        behind = dataclasses.replace(running, http_port=wire.port)
        made = [*fakes.providers(behind, ("CN",), suffix="-cn"), *fakes.providers(behind, "*")]
        settings = [providers.as_settings(provider) for provider in made]
        if fault is slow:
            settings = [{**one, "url": one["url"].replace("rto=3", "rto=10")} for one in settings]
        install(home, providers=settings, stores_marked=["*", "CN"], simulated_clock=True)
        wire.delay_seconds = 0.03  # slow enough to break something in the middle
        with wiring.opened(home) as house:
            stage = Stage(home=home, outbox=folder / "outbox", wire=wire, house=house, server=server)
            stage.incident = an_incident(house, home, people)
            yield stage


def looked_at(stage: Stage) -> dict[str, Any]:
    """The outbox beside the record: the outbox is what people got."""
    from db import attempts, ledger, people
    from tocsin.delivery import Verdict
    from tocsin.errors import TocsinError

    lines = [json.loads(line) for line in (stage.outbox / "push.jsonl").read_text().splitlines()]
    told = Counter(line["to"] for line in lines if line["type"] == "message")
    keys = {line["key"] for line in lines if line["type"] == "message"}
    with stage.house.database.reading() as session:
        everybody = list(people.iterate(session, stage.incident))
        made = attempts.of_people(session, stage.incident, [one.id for one in everybody])
        stuck = len(attempts.claim_owners(session))
        try:
            ledger.verify(session, stage.incident)
            verifies = "verifies"
        except TocsinError as error:
            verifies = f"BROKEN: {error}"
    got = {one.id: any(attempt.key in keys for attempt in made.get(one.id, ())) for one in everybody}
    unsure = {Verdict.UNCERTAIN, Verdict.UNCONFIRMED}
    wrong = sum(
        one.verdict is None or (one.verdict not in unsure and (one.verdict is Verdict.DELIVERED) != got[one.id])
        for one in everybody
    )
    lost = sum(not got[one.id] and one.verdict is not Verdict.UNCERTAIN for one in everybody)
    return {
        "people": len(everybody),
        "lost": lost,
        "twice": sum(number > 1 for number in told.values()),
        "repeated": sum(line["type"] == "repeat" for line in lines),
        "wrong": wrong,
        "stuck": stuck,
        "ledger": verifies,
        "verdicts": dict(Counter(str(one.verdict) for one in everybody)),
        "seconds": time.monotonic() - stage.ended_really,
        "minutes": (stage.house.now() - stage.ended).total_seconds() / 60,
        "said": list(dict.fromkeys(stage.said)),
    }


if __name__ == "__main__":
    main()
