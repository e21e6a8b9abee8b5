"""Sending killed with SIGKILL again and again: nobody is lost, nobody is told twice, and a doubt is said to be one."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from db import attempts, ledger, people
from flows.steps import approving, enrolling, notifying
from flows.wiring import House
from tocsin.delivery import Outcome, Verdict
from tocsin.ledger import EventType
from tocsin.plan import Plan

HERE = Path(__file__).parent
PEOPLE = 400
BATCH = 40
KILLS = 6
CONNECTIONS = 4


class Sender:
    """A process that forks senders."""

    def __init__(self, log: Path) -> None:
        self._log = log.open("ab")
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "forking_sender.py")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, text=True,
            env={**os.environ, "PYTHONPATH": str(HERE.parents[1])},
        )  # fmt: skip

    def begin(self, incident: str, *, slow: float) -> int:
        """Start to send; the number of the process that does."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{incident} {BATCH} {slow}\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def ended(self) -> int:
        """Wait for its end; its exit status."""
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(20)
        self._process.stdout.close()
        self._log.close()


@pytest.fixture
def doubts_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """The plan holds doubts, here and in the senders."""
    monkeypatch.setattr(Plan, "doubt", "hold")
    monkeypatch.setenv("DOUBT", "hold")


@pytest.fixture
def sender(installation, tmp_path: Path) -> Iterator[Sender]:
    made = Sender(tmp_path / "senders.log")
    yield made
    made.close()


def enrol_many(house: House, incident: str, folder: Path) -> None:
    path = folder / "many.csv"
    rows = (f"m{n},{'CN' if n % 4 else 'DE'},{'zh' if n % 4 else 'en'},tok-{n:016x}" for n in range(PEOPLE))
    path.write_text("account,place,language,push_token\n" + "\n".join(rows) + "\n")
    assert enrolling.enrol(house, incident, path, mapping=[], by="Lin Wei", now=house.now()).people == PEOPLE
    approving.approve(house, incident, "notice", by="Zhao Min", now=house.now())  # they are more now


def outbox(folder: Path) -> tuple[Counter[str], Counter[str]]:
    """How often each key was taken, and how often it was repeated."""
    taken: Counter[str] = Counter()
    repeated: Counter[str] = Counter()
    for path in folder.glob("*.jsonl"):
        for line in path.read_text().splitlines():
            entry = json.loads(line)
            if entry.get("type") in {"message", "repeat"}:
                (taken if entry["type"] == "message" else repeated)[entry["key"]] += 1
    return taken, repeated


def wait_for_growth(folder: Path, before: int) -> None:
    patience_ends = time.monotonic() + 20
    while size(folder) <= before and time.monotonic() < patience_ends:
        time.sleep(0.005)


def size(folder: Path) -> int:
    path = folder / "push.jsonl"
    return path.stat().st_size if path.exists() else 0


def kill_at_random(installation, sender: Sender, incident: str, *, seed: int) -> int:
    """Send and kill, at moments that a seed chooses; how many kills met a process at work."""
    chance, met = random.Random(seed), 0
    for _ in range(KILLS):
        before = size(installation.outbox)
        child = sender.begin(incident, slow=15)
        wait_for_growth(installation.outbox, before)
        time.sleep(chance.uniform(0, 0.1))
        with contextlib.suppress(ProcessLookupError):  # it had nothing left to do, and has ended
            os.kill(child, signal.SIGKILL)
        met += sender.ended() == -signal.SIGKILL
        installation.set_clock(installation.house.now().add(minutes=1, seconds=5))  # what was given back is due again
    return met


def finish(installation, house: House, incident: str) -> None:
    """Send in peace until everyone has a verdict."""
    for number in range(40):
        notifying.run(house, incident)
        with house.database.reading() as session:
            following = people.next_look(session, incident)
            if not people.counts(session, incident).pending:
                return
        time.sleep(0.25 if number < 4 else 0.02)  # the fakes' receipts come later, on the real clock
        if following is not None and following > house.now():
            installation.set_clock(following)
    pytest.fail("not everyone got a verdict")


def everyone(house: House, incident: str) -> list[people.Due]:
    """The people of the big roster with their attempts."""
    with house.database.reading() as session:
        found = list(people.iterate(session, incident))
        made = attempts.of_people(session, incident, [person.id for person in found])
    return [people.Due(**vars(person), attempts=tuple(made.get(person.id, ()))) for person in found if person.wave == 2]


def doubts(house: House, incident: str) -> Counter[str]:
    found: Counter[str] = Counter()
    with house.database.reading() as session:
        ledger.verify(session, incident)
        for event in ledger.listed(session, incident, event_type=EventType.DELIVERY_DOUBT):
            found.update(event.data)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("installation", ["postgresql"], indirect=True)
def test_kills_lose_nobody_and_repeat_only_what_the_provider_drops(
    installation,
    prepare: Callable[..., str],
    sender: Sender,
    tmp_path: Path,
) -> None:
    house = installation.house
    incident = prepare(house)
    enrol_many(house, incident, tmp_path)

    met = kill_at_random(installation, sender, incident, seed=20261121)
    finish(installation, house, incident)

    assert met == KILLS, (tmp_path / "senders.log").read_text()[-2000:]
    many = everyone(house, incident)
    taken, repeated = outbox(installation.outbox)
    found = doubts(house, incident)
    assert {person.verdict for person in many} == {Verdict.DELIVERED}
    assert [len(person.attempts) for person in many] == [1] * PEOPLE
    assert {attempt.key for person in many for attempt in person.attempts} <= set(taken)
    assert max(taken.values()) == 1
    assert 0 < found["in_doubt"] <= CONNECTIONS * KILLS
    assert found["held"] == 0
    assert repeated.total() <= found["sent_again_with_same_key"]
    assert max(attempt.tries for person in many for attempt in person.attempts) == 1  # our deaths are not their tries
    assert list((installation.folder / "journals").iterdir()) == []


@pytest.mark.slow
@pytest.mark.usefixtures("doubts_held")  # before the sender takes its environment
@pytest.mark.parametrize("installation", ["sqlite"], indirect=True)
def test_where_the_plan_holds_doubts_nothing_is_ever_repeated_and_the_lost_are_called_uncertain(
    installation,
    prepare: Callable[..., str],
    sender: Sender,
    tmp_path: Path,
) -> None:
    house = installation.house
    incident = prepare(house)
    enrol_many(house, incident, tmp_path)

    met = kill_at_random(installation, sender, incident, seed=20261122)
    finish(installation, house, incident)

    assert met == KILLS, (tmp_path / "senders.log").read_text()[-2000:]
    many = everyone(house, incident)
    taken, repeated = outbox(installation.outbox)
    found = doubts(house, incident)
    assert repeated.total() == 0
    assert max(taken.values()) == 1
    assert [len(person.attempts) for person in many] == [1] * PEOPLE
    assert 0 < found["held"] == found["in_doubt"] <= CONNECTIONS * KILLS
    # A receipt ends a doubt. Whoever stays uncertain is one whose message had not arrived when we died.
    told = {person.attempts[0].key for person in many if person.verdict is Verdict.DELIVERED}
    unsure = {person.attempts[0].key for person in many if person.verdict is Verdict.UNCERTAIN}
    assert len(told) + len(unsure) == PEOPLE
    assert (told - set(taken), unsure & set(taken)) == (set(), set())
    assert {person.attempts[0].outcome for person in many if person.verdict is Verdict.UNCERTAIN} <= {Outcome.UNKNOWN}
