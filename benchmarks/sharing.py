"""Several senders on one roster and one PostgreSQL: is anybody told twice, and how much faster is it?

`python benchmarks/sharing.py [N] [--rounds R] [--only WAY ...]` tells N made-up people (40,000) through the null sender
(see `null_sender.py`): by one process, by two, by two Prefect workers, by a Dask cluster of two workers. Each way sends
to a copy of the same roster. The rate counts from the first claim to the last answer, by the database, so that starting
Prefect and Dask is left out, but not that one of the two begins later. Prints one JSON line a way, beside one process.
On a machine with two cores the database server needs a part of one.
"""

import asyncio
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import harness
import installation
import yaml
from installation import Roster

SENDERS = 2
WAIT_SECONDS = 600.0
_HERE = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class Shared:
    """What one sending by several took."""

    rate: float
    people: int
    told: int
    twice: int
    senders: int  # processes that sent anything


def main() -> None:
    parser = harness.arguments(__doc__, people=40_000)
    parser.add_argument("--only", choices=sorted(WAYS), action="append", help="this way beside one process")
    options = parser.parse_args()
    os.environ["PYTHONPATH"] = os.pathsep.join([str(_HERE.parent), str(_HERE)])
    sys.path.insert(0, str(_HERE.parent))
    folder = Path(tempfile.mkdtemp(prefix="tocsin-sharing-"))
    ways = ["one process", *(options.only or [way for way in WAYS if way != "one process"])]
    try:
        with installation.databases("postgresql", folder) as stores, ExitStack() as closing:
            prefect = closing.enter_context(_prefect(folder / "prefect"))
            roster = _roster(stores, folder, options.people)
            found: dict[str, list[Shared]] = {way: [] for way in ways}
            for _ in range(options.rounds):
                for way in ways:
                    found[way].append(_measure(roster, way, prefect))
        _say(found, options.people)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _roster(stores: installation.Databases, folder: Path, people: int) -> Roster:
    from notifiers import fakes, providers

    with fakes.start(folder / "outbox") as running:
        made = [providers.as_settings(one) for one in fakes.providers(running, ("*", "CN"))]
    made = [{name: value for name, value in one.items() if name != "receipts"} for one in made]  # nobody answers there
    return Roster.make(stores, folder, people, providers=made, channels=["email"], short=False)


@contextmanager
def _prefect(folder: Path) -> Iterator[dict[str, str]]:
    """A Prefect server; the variables by which its clients find it."""
    from flows import engine

    with engine.running(folder) as server:
        server.wait()
        yield {**server.environment, "PREFECT_WORKER_QUERY_SECONDS": "2"}


def _measure(roster: Roster, way: str, prefect: dict[str, str]) -> Shared:
    """Have a copy of the roster told in one way."""
    home, url = roster.home.with_name(f"shared-{time.monotonic_ns()}"), roster.stores.new(roster.url)
    shutil.copytree(roster.home, home)
    sink = home / "sink"
    sink.mkdir()
    variables = {**prefect, "TOCSIN_SINK": str(sink), "TOCSIN_HOME": str(home), "TOCSIN_DATABASE_URL": str(url)}
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        WAYS[way](home)
        return _audit(home, sink)
    finally:
        os.environ.clear()
        os.environ.update(before)
        shutil.rmtree(home, ignore_errors=True)
        roster.stores.drop(url)


def _processes(number: int) -> Callable[[Path], None]:
    def run(home: Path) -> None:
        command = [sys.executable, str(_HERE / "null_sender.py"), _incident(home)]
        with ExitStack() as ending:
            started = [ending.enter_context(_process(command, stdin=subprocess.PIPE)) for _ in range(number)]
            if any(process.wait(WAIT_SECONDS) for process in started):
                raise RuntimeError("a sender failed; its error stands above")

    return run


def _by_workers(home: Path) -> None:
    """`respond` would ask as this does: so many runs of `send/send`, which the workers of the pool take."""
    from flows import deployments, send, wiring
    from flows.steps import notifying

    _settle_on(home, {"work_pool": "many", "runs": SENDERS})
    asyncio.run(deployments.deploy("many", entrypoint="null_sender.send"))
    command = [
        sys.executable,
        "-m",
        "prefect",
        "worker",
        "start",
        "--pool",
        "many",
        "--type",
        "process",
        "--limit",
        "1",
    ]
    with ExitStack() as ending:
        for number in range(SENDERS):
            ending.enter_context(_process([*command, "--name", f"worker-{number}"], stdout=subprocess.DEVNULL))
        time.sleep(8)  # both are up, so that one does not begin long before the other
        with wiring.opened(home) as house:
            notifying.run(house, _incident(home), crew=send.elsewhere)
        _await_end(home)


def _by_dask(home: Path) -> None:
    """Two workers that share nothing but the database."""
    from flows import send, wiring
    from flows.steps import notifying

    dask, found = [sys.executable, "-m", "dask"], home / "scheduler.json"
    worker = [*dask, "worker", "--scheduler-file", str(found), "--nworkers", "1", "--nthreads", "1", "--no-dashboard"]
    with ExitStack() as ending:
        scheduler = [*dask, "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        ending.enter_context(_process([*scheduler, "--scheduler-file", str(found)], **quiet))
        while not found.exists() or not found.read_text().strip():
            time.sleep(0.1)
        for _ in range(SENDERS):
            ending.enter_context(_process([*worker, "--preload", "null_sender"], **quiet))
        time.sleep(5)
        _settle_on(home, {"dask": yaml.safe_load(found.read_text())["address"], "tasks": SENDERS})
        with wiring.opened(home) as house:
            done = notifying.run(house, _incident(home), crew=send.elsewhere)
        print(*done.did, file=sys.stderr)


WAYS: dict[str, Callable[[Path], None]] = {
    "one process": _processes(1),
    "two processes": _processes(SENDERS),
    "two Prefect workers": _by_workers,
    "two Dask workers": _by_dask,
}


@contextmanager
def _process(command: Sequence[str], **how: Any) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that has ended when the block has."""
    with subprocess.Popen(list(command), **how) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
                with suppress(subprocess.TimeoutExpired):  # a worker begun where interrupts are ignored stays
                    process.wait(10)
                process.kill()


def _settle_on(home: Path, senders: dict[str, Any]) -> None:
    path = home / "settings.yaml"
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), "senders": senders}, allow_unicode=True))


def _incident(home: Path) -> str:
    from db import incidents
    from flows import wiring

    with wiring.opened(home) as house, house.database.reading() as session:
        [one] = incidents.listed(session)
        return one.id


def _await_end(home: Path) -> None:
    """Until it is nobody's turn and nobody holds a claim."""
    from db import attempts, people
    from flows import wiring

    incident, ends = _incident(home), time.monotonic() + WAIT_SECONDS
    with wiring.opened(home) as house:
        while time.monotonic() < ends:
            time.sleep(1)
            with house.database.reading() as session:
                at_work = people.any_due(session, incident, house.now()) or attempts.claim_owners(session, incident)
            if not at_work:
                return
    raise RuntimeError("the senders did not come to an end")


def _audit(home: Path, sink: Path) -> Shared:
    from sqlalchemy import func, select

    from db import ledger, people, tables
    from flows import wiring

    written = {path: path.read_text().splitlines() for path in sink.glob("*.keys")}
    keys = Counter(key for lines in written.values() for key in lines)
    incident = _incident(home)
    with wiring.opened(home) as house, house.database.reading() as session:
        ledger.verify(session, incident)
        first, last, attempts = session.execute(
            select(func.min(tables.Attempt.claimed_at), func.max(tables.Attempt.settled_at), func.count())
        ).one()
        everybody = people.counts(session, incident).total
    if attempts != len(keys):
        raise RuntimeError(f"{attempts} messages are on record and {len(keys)} were taken")
    seconds = (last - first).total_seconds()
    twice = sum(count - 1 for count in keys.values())
    return Shared(rate=len(keys) / seconds, people=everybody, told=len(keys), twice=twice, senders=len(written))


def _say(found: dict[str, list[Shared]], people: int) -> None:
    alone = found["one process"]
    for way, runs in found.items():
        ratios = [one.rate / beside.rate for one, beside in zip(runs, alone, strict=True)]
        harness.say(
            f"sharing: {way}",
            statistics.median(one.rate for one in runs),
            "notices/s",
            n=people,
            runs=len(runs),
            against="one process",
            against_value=statistics.median(one.rate for one in alone),
            ratio=statistics.median(ratios),
            ratio_range=[round(min(ratios), 2), round(max(ratios), 2)],
            untold=sum(one.people - one.told for one in runs),
            told_twice=sum(one.twice for one in runs),
            senders=[one.senders for one in runs],
        )


if __name__ == "__main__":
    main()
