"""Several processes on one incident: everyone is told, nobody twice, and none of them fails because of another."""

import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from db import attempts, incidents, ledger, people, receipts
from flows.roster import importing
from flows.steps import approving, collecting, enrolling, notifying, responding, sending
from tocsin.delivery import Outcome, Receipt

HERE = Path(__file__).parent
PEOPLE = 240


def a_roster(folder: Path, numbers: range) -> Path:
    path = folder / f"people-{len(numbers)}.csv"
    rows = (f"m{n},DE,en,tok-{n:016x}" for n in numbers)
    path.write_text("account,place,language,push_token\n" + "\n".join(rows) + "\n")
    return path


def keys_taken(outbox: Path) -> Counter[str]:
    lines = (line for path in outbox.glob("*.jsonl") for line in path.read_text().splitlines())
    return Counter(entry["key"] for entry in map(json.loads, lines) if entry.get("type") in {"message", "repeat"})


def at_once(*jobs: Callable[[], object]) -> None:
    """Run jobs in threads; raise the first error of any."""
    failures: list[BaseException] = []

    def run(job: Callable[[], object]) -> None:
        try:
            job()
        except BaseException as error:  # noqa: BLE001 - a thread's error must reach the test
            failures.append(error)

    threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    if failures:
        raise failures[0]


@pytest.mark.slow
@pytest.mark.parametrize("installation", ["postgresql"], indirect=True)
def test_two_processes_that_send_at_once_tell_everyone_once(
    installation, prepare: Callable[..., str], tmp_path: Path
) -> None:
    house = installation.house
    incident = prepare(house)
    enrolling.enrol(house, incident, a_roster(tmp_path, range(PEOPLE)), mapping=[], by="Lin Wei", now=house.now())
    approving.approve(house, incident, "notice", by="Zhao Min", now=house.now())  # they are more now
    command = [sys.executable, str(HERE / "forking_sender.py")]
    environment = {**os.environ, "PYTHONPATH": str(HERE.parents[1])}
    with (tmp_path / "log").open("wb") as log:
        processes = [
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, env=environment)
            for _ in range(3)
        ]
        said = [process.communicate(f"{incident} 20 10\n".encode(), timeout=60)[0] for process in processes]

    assert [int(text.split()[-1]) for text in said] == [0, 0, 0], (tmp_path / "log").read_text()[-2000:]
    taken = keys_taken(installation.outbox)
    with house.database.reading() as session:
        funnel = attempts.funnel(session, incident)
        handed = [event.data["attempts"] for event in ledger.listed(session, incident) if event.type == "sending.batch"]
        ledger.verify(session, incident)
        assert attempts.claim_owners(session) == []
        assert not people.any_due(session, incident, house.now())
    assert max(taken.values()) == 1
    assert sum(number for outcomes in funnel.values() for number in outcomes.values()) == sum(handed)
    assert len(taken) >= PEOPLE
    assert list((house.folder / "journals").iterdir()) == []


def a_second_roster(folder: Path) -> Path:
    """Twenty new people, then an e-mail address more for thirty known ones, and for one of the first wave."""
    path = folder / "second.csv"
    rows = [f"n{n},DE,en,tok-{n + 500:016x}," for n in range(20)]
    rows += [f"m{n},DE,en,tok-{n:016x},person.{n}@mail.example.com" for n in range(30)]
    rows.append("a6,DE,en,tok-aaaaaaaaaaaa0006,person.a6@mail.example.com")
    path.write_text("account,place,language,push_token,email\n" + "\n".join(rows) + "\n")
    return path


@pytest.mark.parametrize("sending_is", ["begun", "recorded"])
def test_an_import_that_meets_the_people_being_sent_to_and_the_sending_both_succeed(
    installation, prepare: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sending_is: str
) -> None:
    house = installation.house
    incident = prepare(house)
    enrolling.enrol(house, incident, a_roster(tmp_path, range(30)), mapping=[], by="Lin Wei", now=house.now())
    approving.approve(house, incident, "notice", by="Zhao Min", now=house.now())  # they are more now
    monkeypatch.setattr(importing, "BATCH", 20)
    sent, halfway = threading.Event(), threading.Event()
    real = sending._Run._send

    def send_and_wait(*arguments):
        results = list(real(*arguments))
        sent.set()
        assert halfway.wait(20)
        return results

    if sending_is == "recorded":
        monkeypatch.setattr(sending._Run, "_send", send_and_wait)
    else:
        sent.set()

    def halt(_rows: int) -> None:
        if not halfway.is_set():  # the import holds its locks now; let the sending run into them
            halfway.set()
            time.sleep(1)

    def bring_in() -> None:
        assert sent.wait(20)
        mine = installation.house
        enrolling.enrol(
            mine, incident, a_second_roster(tmp_path), mapping=[], by="Lin Wei", now=mine.now(), progress=halt
        )

    def send() -> None:
        if sending_is == "begun":
            assert halfway.wait(20)
        notifying.run(installation.house, incident)

    at_once(bring_in, send)

    with house.database.reading() as session:
        assert people.counts(session, incident).total == 7 + 30 + 20
        ledger.verify(session, incident)
    approving.approve(house, incident, "notice", by="Zhao Min", now=house.now())  # they are more now
    notifying.run(house, incident)
    taken = keys_taken(installation.outbox)
    assert max(taken.values()) == 1
    assert len(taken) >= 50


def test_two_responds_at_once_are_harmless(installation, prepare: Callable[..., str]) -> None:
    incident = prepare(installation.house)
    mine, yours = installation.house, installation.house

    at_once(lambda: responding.respond(mine, incident), lambda: responding.respond(yours, incident))

    taken = keys_taken(installation.outbox)
    with mine.database.reading() as session:
        ledger.verify(session, incident)
        assert attempts.claim_owners(session) == []
    assert taken
    assert max(taken.values()) == 1


def test_receipts_that_come_while_a_batch_is_recorded_do_not_break_it(
    installation, prepare: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    house = installation.house
    incident = prepare(house)
    recording = threading.Event()
    write = attempts.settle_many

    def slow_settle(session, *arguments):
        done = write(session, *arguments)
        if arguments[1] and not recording.is_set():  # the attempts are locked, the people are not yet
            recording.set()
            time.sleep(1.5)
        return done

    monkeypatch.setattr(attempts, "settle_many", slow_settle)

    def receive() -> None:
        assert recording.wait(20)
        mine = installation.house
        with mine.database.reading() as session:
            keys = [one.key for tried in attempts.of_people(session, incident, range(1, 8)).values() for one in tried]
        found = [
            Receipt(provider="fake-push-cn", event_id=f"e{n}", outcome=Outcome.DELIVERED, at=mine.now(), key=key)
            for n, key in enumerate(keys)
        ]

        def record(session):
            receipts.record_many(session, found, mine.now())
            incidents.lock(session, incident)

        mine.database.transact(record)

    sender = installation.house
    at_once(lambda: notifying.run(sender, incident), receive)

    with house.database.reading() as session:
        funnel = attempts.funnel(session, incident)
        assert attempts.claim_owners(session) == []
    assert sum(outcomes.get(Outcome.DELIVERED, 0) for outcomes in funnel.values()) >= 2


def test_two_collectors_of_one_feed_count_each_receipt_once(installation, prepare: Callable[..., str]) -> None:
    house = installation.house
    incident = prepare(house)
    notifying.run(house, incident)
    time.sleep(0.5)  # the fakes' receipts come later, on the real clock
    mine, yours = installation.house, installation.house

    at_once(
        lambda: collecting.collect(mine, now=mine.now()),
        lambda: collecting.collect(yours, now=yours.now()),
    )

    with house.database.reading() as session:
        batches = [event.data for event in ledger.listed(session, incident) if event.type == "receipt.batch"]
        ledger.verify(session, incident)
    assert sum(batch.get("delivered", 0) for batch in batches) == 2


@pytest.mark.parametrize("installation", ["sqlite"], indirect=True)
def test_a_run_of_hours_keeps_its_incident_and_the_next_has_it_at_once_when_it_ends(
    installation, prepare: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    house = installation.house
    incident = prepare(house, upto="declared")
    monkeypatch.setattr(responding, "RENEW_SECONDS", 0.02)

    def until() -> object:
        with house.database.reading() as session:
            return incidents.get(session, incident).lease_until

    with responding.held(house, incident) as held:
        first = until()
        installation.set_clock(house.now().add(minutes=4))
        patience_ends = time.monotonic() + 10
        while until() == first and time.monotonic() < patience_ends:
            time.sleep(0.02)
        installation.set_clock(house.now().add(minutes=4))

        assert held
        assert responding.take(installation.house, incident) is None

    assert responding.take(installation.house, incident) is not None
