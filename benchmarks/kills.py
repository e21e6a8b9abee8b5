"""Sending killed again and again: is anybody lost, is anybody told twice, is every doubt on record?

`python benchmarks/kills.py [N] [--database sqlite|postgresql] [--doubt hold|resend-if-idempotent] [--seed S]` kills at
N random instants (200) while an incident is told to made-up people through the shipped fakes: real SMTP and HTTP on
loopback, whose outbox is the sink's log. Each time a sender dies by SIGKILL; on PostgreSQL, where two senders share the
roster, one instant in six kills the database server instead (its postmaster, by SIGKILL), which then starts again. A
quarter of the instants falls anywhere in a sender's life (recovering, claiming, starting), the others while messages
leave. Afterwards one sender goes on until everyone has a verdict, and the log is compared with the ledger and the
verdicts. Prints a table, then one JSON line a row.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import killed
from killed import Found

PEOPLE_A_KILL = 60
BATCH = 80
SLOW_MS = 15.0
DATABASE_SHARE = 1 / 6
ANYWHERE_SHARE = 1 / 4
PATIENCE_SECONDS = 30.0
MOST_UNDER_WAY = 4  # messages a connection that an account may have on the wire or behind it
POLICIES = ("hold", "resend-if-idempotent")
CLOCK_STEP_SECONDS = 65  # what was given back is due again


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table."""

    database: str
    policy: str
    instants: Counter[str]
    found: Found
    seconds: float
    senders: int

    @property
    def clean(self) -> bool:
        """Whether every promise held."""
        found = self.found
        bound = MOST_UNDER_WAY * killed.CONNECTIONS
        kept = found.lost == found.pending == found.wrong == found.beyond == 0 and found.on_ledger == found.recorded
        return kept and found.largest <= bound and (self.policy != "hold" or found.repeated == 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kills", nargs="?", type=int, default=200, metavar="N")
    parser.add_argument("--database", choices=["sqlite", "postgresql"], action="append")
    parser.add_argument("--doubt", choices=POLICIES, action="append")
    parser.add_argument("--seed", type=int, default=20261122)
    parser.add_argument("--senders", type=int, help="at once; 1 on SQLite, 2 on PostgreSQL")
    parser.add_argument("--keep", action="store_true", help="leave the folder for a look")
    options = parser.parse_args()
    _load()
    rows = []
    for kind in options.database or ["sqlite", "postgresql"]:
        for policy in options.doubt or POLICIES:
            senders = options.senders or (1 if kind == "sqlite" else 2)
            rows.append(run(kind, policy, options.kills, senders=senders, seed=options.seed, keep=options.keep))
    show(rows)
    if not all(row.clean for row in rows):
        sys.exit("A promise was broken: see the table.")


def _load() -> None:
    """Import here, once, what every forked sender needs."""
    from flows import wiring  # noqa: F401
    from flows.steps import notifying  # noqa: F401
    from notifiers import plugins

    plugins.apprise()


def run(kind: str, policy: str, kills: int, *, senders: int, seed: int, keep: bool) -> Row:
    """One installation, killed at so many instants, then told to the end and looked at."""
    folder, began = Path(tempfile.mkdtemp(prefix="tocsin-kills-")), time.monotonic()
    killed.treat_doubts(policy)
    try:
        people = PEOPLE_A_KILL * kills + 200
        with killed.database(kind, folder) as server, killed.installation(folder, server, people) as home:
            incident = killed.the_incident(home)
            met = Killing(home, incident, folder, server, Random(seed), senders).run(kills)
            killed.tell_the_rest(home, incident)
            found = killed.audit(home, incident, folder / "outbox")
            _no_journals_left(home)
        seconds = time.monotonic() - began
        return Row(database=kind, policy=policy, instants=met, found=found, seconds=seconds, senders=senders)
    finally:
        if keep:
            print(f"kept: {folder}", file=sys.stderr)
        else:
            shutil.rmtree(folder, ignore_errors=True)


def _no_journals_left(home: Path) -> None:
    left = list((home / "journals").glob("*"))
    if left:
        raise RuntimeError(f"{len(left)} crash journals lie there after everyone was told")


class Killing:
    """The instants of one run. Senders are kept going; one of them, or the database, is killed again and again."""

    def __init__(self, home: Path, incident: str, folder: Path, server: Any, chance: Random, senders: int) -> None:
        self._home, self._incident, self._server, self._chance = home, incident, server, chance
        self._outbox, self._log = folder / "outbox", folder / "senders.log"
        self._wanted = senders
        self._children: list[int] = []
        self._began = 0

    def run(self, kills: int) -> Counter[str]:
        """Kill so many times; how often whom."""
        met: Counter[str] = Counter()
        missed = 0
        while met.total() < kills:
            self._keep_going()
            self._wait()
            victim = self._kill()
            met.update([victim] if victim else [])
            missed = 0 if victim else missed + 1
            if victim and met.total() % 20 == 0:
                print(f"{met.total()} instants", file=sys.stderr, flush=True)
            if missed > 20:
                raise RuntimeError(f"nobody is left to tell after {met.total()} instants: see {self._log}")
            self._move_clock()
        for child in self._children:
            killed.kill(child)
        return met

    def _keep_going(self) -> None:
        self._children = [child for child in self._children if killed.alive(child)]
        while len(self._children) < self._wanted:
            self._began += 1
            seed = self._began
            self._children.append(
                killed.sender(self._home, self._incident, batch=BATCH, slow_ms=SLOW_MS, log=self._log, seed=seed)
            )

    def _wait(self) -> None:
        """Until the instant: anywhere, or while messages leave."""
        if self._chance.random() < ANYWHERE_SHARE:
            time.sleep(self._chance.uniform(0, 0.8))
            return
        before, ends = self._taken(), time.monotonic() + PATIENCE_SECONDS
        while self._taken() <= before and time.monotonic() < ends and killed.running(self._children):
            time.sleep(0.003)
        time.sleep(self._chance.uniform(0, 0.15))

    def _taken(self) -> int:
        return sum(path.stat().st_size for path in self._outbox.glob("*.jsonl") if path.name != "events.jsonl")

    def _kill(self) -> str | None:
        if self._server is not None and self._chance.random() < DATABASE_SHARE:
            killed.kill_server(self._server)
            return "database"
        victim = self._children.pop(self._chance.randrange(len(self._children)))
        return "sender" if killed.kill(victim) else None

    def _move_clock(self) -> None:
        from flows import wiring

        now = wiring.assemble(self._home).now()
        wiring.set_clock(now.add(seconds=CLOCK_STEP_SECONDS), folder=self._home)


def show(rows: list[Row]) -> None:
    """The table, then the JSON lines."""
    head = ("database", "doubts are", "instants", "(database)", "senders", "people", "lost", "false", "repeated",
            "beyond doubts", "doubts", "resent", "held", "in flight (largest)", "uncertain", "seconds")  # fmt: skip
    lines = [head, *map(_cells, rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(head))]
    for line in lines:
        print("  ".join(word.rjust(width) for word, width in zip(line, widths, strict=True)))
    for row in rows:
        print(json.dumps(_line(row)), flush=True)


def _cells(row: Row) -> tuple[str, ...]:
    found = row.found
    counts = (row.instants.total(), row.instants["database"], row.senders, found.people, found.lost, found.wrong,
              found.repeated, found.beyond, found.doubts, found.resent, found.held, found.largest, found.uncertain,
              round(row.seconds))  # fmt: skip
    return (row.database, row.policy, *map(str, counts))


def _line(row: Row) -> dict[str, Any]:
    found = row.found
    return {
        "bench": f"kills-{row.database}-{row.policy}",
        "value": found.lost + found.wrong + found.beyond,
        "unit": "people lost or told twice beyond doubts",
        "against": "promised",
        "against_value": 0,
        "ratio": None,
        "n": row.instants.total(),
        "runs": 1,
        "clean": row.clean,
        "instants": dict(row.instants),
        "lost": found.lost,
        "repeated": found.repeated,
        "beyond_doubts": found.beyond,
        "in_flight": found.largest,
        "doubts": found.doubts,
        "held": found.held,
        "uncertain_untold": found.untold_uncertain,
        "emails_on_ledger_and_recorded": [found.on_ledger, found.recorded],
        "without_verdict": found.pending,
        "verdicts": found.verdicts,
    }


if __name__ == "__main__":
    main()
