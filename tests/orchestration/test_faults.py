"""A database or a disk that fails in the middle of a sending: the run waits, or stops with one sentence."""

import errno
import json
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy

from db import attempts, ledger, people
from flows.steps import approving, enduring, enrolling, halting, notifying, sending
from flows.steps.enduring import Endurance
from flows.wiring import House
from notifiers.journal import Journal
from tocsin.delivery import Outcome
from tocsin.errors import DatabaseLost, Misconfigured
from tocsin.ledger import EventType

SQLITE = pytest.mark.parametrize("installation", ["sqlite"], indirect=True)
POSTGRESQL = pytest.mark.parametrize("installation", ["postgresql"], indirect=True)
PEOPLE = 60


@pytest.fixture
def crowd(installation, prepare: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An incident whose notice may go to sixty people more, in batches of twenty."""
    monkeypatch.setattr(sending, "BATCH", 20)
    monkeypatch.setattr(halting, "LOOK_SECONDS", 60)  # its questions are no part of what is counted here
    house = installation.house
    incident = prepare(house, upto="written")
    path = tmp_path / "crowd.csv"
    rows = (f"c{n},DE,en,tok-{n:016x}" for n in range(PEOPLE))
    path.write_text("account,place,language,push_token\n" + "\n".join(rows) + "\n")
    enrolling.enrol(house, incident, path, mapping=[], by="Lin Wei", now=house.now())
    approving.approve(house, incident, "notice", by="Zhao Min", now=house.now())
    return incident


def all_told_once(installation, house: House, incident: str) -> None:
    lines = [json.loads(line) for line in (installation.outbox / "push.jsonl").read_text().splitlines()]
    assert set(Counter(line["key"] for line in lines).values()) == {1}
    with house.database.reading() as session:
        funnel = attempts.funnel(session, incident)
        handed = [entry.data for entry in ledger.listed(session, incident, event_type=EventType.SENDING_BATCH)]
        assert attempts.claim_owners(session) == []
        assert not people.any_due(session, incident, house.now())
        ledger.verify(session, incident)
    recorded = sum(number for outcomes in funnel.values() for number in outcomes.values())
    assert sum(entry["attempts"] for entry in handed) == recorded  # each batch is on the ledger once
    assert sum(funnel["push"].get(outcome, 0) for outcome in (Outcome.ACCEPTED, Outcome.DELIVERED)) >= PEOPLE
    assert not any(Outcome.UNKNOWN in outcomes for outcomes in funnel.values())
    journals = [path.read_text() for path in (house.folder / "journals").iterdir()]
    assert not any("S " in text for text in journals)  # an empty one may lie there until this process ends


def cut_in(house: House, administrate: Callable[[str], None], *, at: str) -> list[str]:
    """Terminate every connection to the database once, when a statement of this kind is met."""
    done: list[str] = []
    name = house.database.engine.url.database

    def cut(_connection, _cursor, statement, *_more) -> None:
        if not done and statement.startswith(at):
            done.append(at)
            administrate(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")

    sqlalchemy.event.listen(house.database.engine, "before_cursor_execute", cut)
    return done


def lose_answers(house: House, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Once for a claim and once for a record: what was committed is not heard to have been."""
    engine, seen, lost = house.database.engine, set(), []

    def note(_connection, _cursor, statement, *_more) -> None:
        seen.update(kind for kind in (IN_A_CLAIM, IN_A_RECORD) if statement.startswith(kind))

    def commit(connection) -> None:
        connection.commit()
        kinds = [kind for kind in seen if kind not in lost]
        seen.clear()
        if kinds:
            lost.extend(kinds)
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR
            raise error

    sqlalchemy.event.listen(engine, "before_cursor_execute", note)
    monkeypatch.setattr(engine.dialect, "do_commit", commit)
    return lost


IN_A_CLAIM, IN_A_RECORD = "INSERT INTO attempt", "UPDATE attempt"


@POSTGRESQL
@pytest.mark.parametrize("at", [IN_A_CLAIM, IN_A_RECORD])
def test_a_connection_cut_in_a_claim_or_a_record_is_had_again_at_once(
    installation, crowd: str, administrate: Callable[[str], None], at: str
) -> None:
    house = installation.houses[-1]
    done = cut_in(house, administrate, at=at)

    notifying.send(house, crowd, by="tocsin")

    assert done
    all_told_once(installation, house, crowd)


@SQLITE
def test_a_commit_whose_answer_was_lost_is_neither_done_twice_nor_forgotten(
    installation, crowd: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = installation.houses[-1]
    lost = lose_answers(house, monkeypatch)

    notifying.send(house, crowd, by="tocsin")

    assert set(lost) == {IN_A_CLAIM, IN_A_RECORD}
    all_told_once(installation, house, crowd)


def failing_record(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first batch cannot be recorded."""
    failed: list[str] = []
    real = attempts.settle_many

    def settle_many(session, incident, settled):
        if settled and not failed:
            failed.append("full")
            raise DatabaseLost("The database is full.")
        return real(session, incident, settled)

    monkeypatch.setattr(attempts, "settle_many", settle_many)


@SQLITE
def test_a_run_whose_patience_ends_says_so_and_the_next_one_records_what_its_journal_knows(
    installation, crowd: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = installation.houses[-1]
    monkeypatch.setattr(enduring, "ENDURED_SECONDS", 0.0)
    failing_record(monkeypatch)

    with pytest.raises(DatabaseLost, match="the next run goes on where it stood"):
        notifying.send(house, crowd, by="tocsin")
    assert len(list((house.folder / "journals").iterdir())) == 2  # what was answered, and what was on the wire
    told = (installation.outbox / "push.jsonl").read_text().count('"type":"message"')

    notifying.send(house, crowd, by="tocsin")

    assert told > 0
    lines = [json.loads(line) for line in (installation.outbox / "push.jsonl").read_text().splitlines()]
    assert set(Counter(line["key"] for line in lines).values()) == {1}
    with house.database.reading() as session:
        assert attempts.claim_owners(session) == []
        assert not people.any_due(session, crowd, house.now())
    assert list((house.folder / "journals").iterdir()) == []


@SQLITE
def test_a_journal_that_cannot_be_written_stops_the_run_and_is_no_fault_of_the_provider(
    installation, crowd: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = installation.houses[-1]
    real, written = Journal._write, []

    def write(self, line: str) -> None:
        if line.startswith("S"):
            written.append(line)
            if len(written) > 25:
                raise OSError(errno.ENOSPC, "No space left on device")
        real(self, line)

    monkeypatch.setattr(Journal, "_write", write)

    with pytest.raises(Misconfigured, match=r"crash journals in .* cannot be written .* make room"):
        notifying.send(house, crowd, by="tocsin")

    with house.database.reading() as session:
        assert attempts.put_off(session, crowd) == {}
        assert attempts.claim_owners(session) == []
        begun = [one for some in attempts.of_people(session, crowd, range(1, 80)).values() for one in some]
    assert max(one.tries for one in begun) == 1
    monkeypatch.setattr(Journal, "_write", real)
    notifying.send(house, crowd, by="tocsin")
    lines = [json.loads(line) for line in (installation.outbox / "push.jsonl").read_text().splitlines()]
    assert set(Counter(line["key"] for line in lines).values()) == {1}
    with house.database.reading() as session:
        assert not people.any_due(session, crowd, house.now())


def test_patience_is_shared_ends_and_begins_anew_when_the_database_answers() -> None:
    clock = [0.0]
    endurance = Endurance(monotonic=lambda: clock[0])
    told: list[bool] = []

    def work(doubtful: bool) -> str:
        told.append(doubtful)
        clock[0] += 50
        if len(told) < 3:
            raise DatabaseLost("The database is away.", doubtful=len(told) == 1)
        return "done"

    assert endurance.through(work) == "done"
    assert told == [False, True, True]

    def away(_doubtful: bool) -> None:
        clock[0] += enduring.ENDURED_SECONDS / 2
        raise DatabaseLost("The database is away.")

    with pytest.raises(DatabaseLost, match=r"The database is away; the sending has stopped"):
        endurance.through(away)
    begun = time.monotonic()
    with pytest.raises(DatabaseLost):
        endurance.through(away)  # whoever comes later has no more patience than the others
    assert time.monotonic() - begun < 0.1
