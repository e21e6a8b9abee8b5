"""The ledger in the database: appended in a row, closed to every change, proved by strangers."""

import importlib.util
import io
import random
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pendulum
import pytest
from cryptography.exceptions import InvalidSignature
from sqlalchemy import delete, text, update
from sqlalchemy.exc import DatabaseError

from db import incidents, ledger, signing, tables
from db.sealing import IncidentKey, MasterKey
from db.sessions import Database
from tocsin.errors import Invalid, NotFound, Unverified
from tocsin.ledger import EventType, genesis

NOON = pendulum.datetime(2026, 11, 22, 12, 0, 0, 250)
AnIncident = Callable[..., IncidentKey]
VERIFIER = Path(__file__).parents[1] / "ledger_verifier.py"
EVENT, CHECKPOINT = tables.core(tables.LedgerEvent), tables.core(tables.LedgerCheckpoint)


@pytest.fixture(scope="module")
def verifier() -> ModuleType:
    spec = importlib.util.spec_from_file_location("a_strangers_verifier", VERIFIER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def fill(database: Database, master_key: MasterKey, *, entries: int = 20, every: int = 7) -> None:
    for number in range(1, entries + 1):
        with database.transaction() as session:
            data = {"version": number, "note": "数据 “quoted” \\ \n", "nested": {"b": [1, None, True], "a": "é𝄞"}}
            at = NOON.add(seconds=number)
            ledger.append(session, "leak", EventType.FACTS_CHANGED, actor="anna", data=data, at=at)
            if number % every == 0:
                ledger.checkpoint(session, "leak", signing.signer(session, master_key, at), at)


def exported(database: Database, master_key: MasterKey) -> bytes:
    out = io.StringIO()
    with database.transaction() as session:
        ledger.export(session, "leak", out, signer=signing.signer(session, master_key, NOON), at=NOON.add(days=1))
    return out.getvalue().encode()


def rejected(verifier: ModuleType, raw: bytes) -> bool:
    try:
        verifier.verify(raw)
    except (InvalidSignature, ValueError, KeyError, TypeError, AttributeError):  # what its command line takes for a no
        return True
    return False


def test_entries_are_linked_numbered_and_read_back_as_written(database: Database, an_incident: AnIncident) -> None:
    an_incident()

    with database.transaction() as session:
        data = {"plan": "x", "phase": EventType.DUTY_DONE, "at": NOON}
        first = ledger.append(session, "leak", EventType.INCIDENT_DECLARED, actor="anna", data=data, at=NOON)
        second = ledger.append(session, "leak", EventType.FACTS_CHANGED, actor="ben", data={}, at=NOON)
    with database.reading() as session:
        read = ledger.listed(session, "leak")

    assert read == [first, second]
    assert (first.seq, first.prev, second.seq, second.prev) == (1, genesis("leak"), 2, first.hash)
    assert first.data == {"plan": "x", "phase": "duty.done", "at": "2026-11-22T12:00:00.000250Z"}


def test_what_is_on_the_ledger_can_be_asked_for(database: Database, an_incident: AnIncident) -> None:
    an_incident()

    with database.transaction() as session:
        assert (ledger.length(session, "leak"), ledger.last_at(session, "leak")) == (0, NOON.set(microsecond=0))
        data = {"text": "abc", "people": 5}
        ledger.append(session, "leak", EventType.SENDING_STARTED, actor="a", data=data, at=NOON.add(hours=1))

        assert ledger.has(session, "leak", EventType.SENDING_STARTED, {"text": "abc"})
        assert not ledger.has(session, "leak", EventType.SENDING_STARTED, {"text": "abd"})
        assert not ledger.has(session, "leak", EventType.SENDING_FINISHED, {"text": "abc"})
        assert (ledger.length(session, "leak"), ledger.last_at(session, "leak")) == (1, NOON.add(hours=1))
        assert ledger.listed(session, "leak", event_type=EventType.FACTS_CHANGED) == []
        with pytest.raises(NotFound):
            ledger.last_at(session, "nowhere")


@pytest.mark.parametrize("table", ["ledger_event", "ledger_checkpoint"])
@pytest.mark.parametrize("act", ["UPDATE {table} SET hash = 'x'", "DELETE FROM {table}", "TRUNCATE {table} CASCADE"])
def test_the_database_itself_refuses_to_change_or_remove_entries(
    database: Database, an_incident: AnIncident, master_key: MasterKey, kind: str, table: str, act: str
) -> None:
    if kind == "sqlite" and act.startswith("TRUNCATE"):
        act = "REPLACE INTO {table} SELECT * FROM {table}"  # SQLite's own way to overwrite; it has no TRUNCATE
    an_incident()
    fill(database, master_key, entries=7)

    with pytest.raises(DatabaseError, match="append-only"), database.transaction() as session:
        session.execute(text(act.format(table=table)))

    with database.reading() as session:
        assert ledger.verify(session, "leak").count == 7


def test_a_foreign_connection_cannot_replace_an_entry_either(
    kind: str, database: Database, database_url: str, an_incident: AnIncident, master_key: MasterKey
) -> None:
    """Without our pragmas SQLite's REPLACE deletes silently; the trigger must not depend on them."""
    an_incident()
    fill(database, master_key, entries=2)
    if kind == "postgresql":
        with pytest.raises(DatabaseError, match="append-only"), database.transaction() as session:
            session.execute(text("INSERT INTO ledger_event SELECT * FROM ledger_event ON CONFLICT DO NOTHING"))
        return
    import sqlite3

    connection = sqlite3.connect(database_url.removeprefix("sqlite:///"))
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute("REPLACE INTO ledger_event SELECT * FROM ledger_event WHERE seq = 1")
    connection.close()


def test_an_entry_out_of_turn_is_refused_by_the_database(
    database: Database, an_incident: AnIncident, master_key: MasterKey
) -> None:
    an_incident()
    fill(database, master_key, entries=2)
    row = {"incident_id": "leak", "seq": 4, "at": NOON, "type": "x", "actor": "x", "data": "{}", "prev": "", "hash": ""}

    with pytest.raises(DatabaseError, match="append-only"), database.transaction() as session:
        session.execute(EVENT.insert(), row)


def test_many_writers_at_once_never_fork_the_chain(database: Database, an_incident: AnIncident) -> None:
    an_incident()
    failures: list[BaseException] = []

    def write(name: str) -> None:
        try:
            for number in range(15):
                with database.transaction() as session:
                    ledger.append(session, "leak", EventType.TASK_DONE, actor=name, data={"n": number}, at=NOON)
        except BaseException as error:  # noqa: BLE001 - a thread's error must reach the assertion
            failures.append(error)

    threads = [threading.Thread(target=write, args=(f"writer-{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    with database.reading() as session:
        assert ledger.verify(session, "leak").count == 60
        for number in range(4):
            own = [event.data["n"] for event in ledger.listed(session, "leak") if event.actor == f"writer-{number}"]
            assert own == list(range(15))


_PROCESS = """
import sys, pendulum
from db import ledger
from db.sessions import Database
from tocsin.ledger import EventType
database = Database(sys.argv[1])
for number in range(10):
    with database.transaction() as session:
        ledger.append(session, "leak", EventType.TASK_DONE, actor=sys.argv[2], data={"n": number},
                      at=pendulum.datetime(2026, 11, 22))
"""


def test_several_processes_at_once_never_fork_the_chain(
    database: Database, database_url: str, an_incident: AnIncident
) -> None:
    an_incident()

    writers = [
        subprocess.Popen(
            [sys.executable, "-c", _PROCESS, database_url, f"process-{number}"],
            cwd=VERIFIER.parents[1],
            stderr=subprocess.PIPE,
        )
        for number in range(3)
    ]
    errors = [writer.communicate(timeout=120)[1] for writer in writers]

    assert [writer.returncode for writer in writers] == [0, 0, 0], errors
    with database.reading() as session:
        assert ledger.verify(session, "leak").count == 30


@pytest.mark.parametrize(
    "data",
    [
        {"who": "carol@example.org"},
        {"list": ["fine", {"deep": "call +49 151 2345 6789"}]},
        {"phone_of": "13812345678"},
        {"name": "Carol"},
        {"email": ["c"]},
        {"score": 2.5},
        {"ключ": 1},
        {"carol@example.org": 1},
        {"big": 2**53},
    ],
)
def test_personal_data_and_inexact_values_are_refused_and_never_quoted(
    database: Database, an_incident: AnIncident, data: dict[str, object]
) -> None:
    an_incident()

    with pytest.raises(Invalid) as refusal, database.transaction() as session:
        ledger.append(session, "leak", EventType.FACTS_CHANGED, actor="anna", data=data, at=NOON)

    assert not any(word in str(refusal.value) for word in ("carol", "Carol", "151 2345", "13812345678"))
    with database.reading() as session:
        assert ledger.length(session, "leak") == 0


def test_an_unknown_incident_has_no_ledger(database: Database, master_key: MasterKey) -> None:
    with database.transaction() as session:
        signer = signing.signer(session, master_key, NOON)
        with pytest.raises(NotFound):
            ledger.append(session, "nowhere", EventType.FACTS_CHANGED, actor="anna", data={}, at=NOON)
        with pytest.raises(NotFound):
            ledger.verify(session, "nowhere")
        with pytest.raises(NotFound):
            ledger.export(session, "nowhere", io.StringIO(), signer=signer, at=NOON)


def test_a_type_outside_the_vocabulary_is_refused(database: Database, an_incident: AnIncident) -> None:
    an_incident()

    with pytest.raises(ValueError, match="gossip"), database.transaction() as session:
        ledger.append(session, "leak", "gossip", actor="anna", data={}, at=NOON)  # type: ignore[arg-type]


def test_signing_the_same_entry_again_gives_back_the_first_signature(
    database: Database, an_incident: AnIncident, master_key: MasterKey
) -> None:
    an_incident()
    fill(database, master_key, entries=3, every=3)

    with database.transaction() as session:
        signer = signing.signer(session, master_key, NOON)
        again = ledger.checkpoint(session, "leak", signer, NOON.add(days=3))
        assert (again.seq, again.at) == (3, NOON.add(seconds=3))
        assert ledger.verify(session, "leak").checkpoints == 1


def test_an_installation_keeps_one_signing_key(database: Database, master_key: MasterKey) -> None:
    with database.transaction() as session:
        first = signing.signer(session, master_key, NOON)
    with database.transaction() as session:
        second = signing.signer(session, master_key, NOON.add(days=1))

    assert (first.id, first.public_key) == (second.id, second.public_key)


def tamper(database: Database, kind: str, statement: object) -> None:
    """Change the ledger as somebody would who owns the database and has put the triggers out of the way."""
    with database.transaction() as session:
        if kind == "sqlite":
            for table in ("ledger_event", "ledger_checkpoint"):
                for act in ("update", "delete"):
                    session.execute(text(f"DROP TRIGGER {table}_refuses_{act}"))
        else:
            session.execute(text("SET session_replication_role = replica"))
        session.execute(statement)  # type: ignore[call-overload]
        if kind == "postgresql":
            session.execute(text("SET session_replication_role = DEFAULT"))


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (update(EVENT).where(EVENT.c.seq == 5).values(actor="mallory"), "Entry 5 .* changed"),
        (update(EVENT).where(EVENT.c.seq == 5).values(data='{"version":6}'), "Entry 5 .* changed"),
        (update(EVENT).where(EVENT.c.seq == 5).values(data='{"version": 5}'), "Entry 5 .* changed"),
        (update(EVENT).where(EVENT.c.seq == 5).values(data="nonsense"), "Entry 5 .* changed"),
        (update(EVENT).where(EVENT.c.seq == 5).values(at=NOON), "Entry 5 .* changed"),
        (update(EVENT).where(EVENT.c.seq == 5).values(prev=genesis("leak")), "Entry 5 .* does not follow"),
        (delete(EVENT).where(EVENT.c.seq == 5), "in the place of entry 5"),
        (delete(EVENT).where(EVENT.c.seq >= 19), "cut off"),
        (update(CHECKPOINT).where(CHECKPOINT.c.seq == 7).values(signature="00" * 64), "entry 7 .* does not match"),
        (update(CHECKPOINT).where(CHECKPOINT.c.seq == 7).values(at=NOON), "entry 7 .* does not match"),
        (update(CHECKPOINT).where(CHECKPOINT.c.seq == 7).values(hash="00" * 32), "another history"),
    ],
)
def test_an_owner_of_the_database_who_changes_it_behind_our_back_is_found(
    database: Database, an_incident: AnIncident, master_key: MasterKey, kind: str, statement: object, said: str
) -> None:
    an_incident()
    fill(database, master_key, entries=21)

    tamper(database, kind, statement)

    with database.reading() as session, pytest.raises(Unverified, match=said):
        ledger.verify(session, "leak")
    with pytest.raises(Unverified):
        exported(database, master_key)


def test_a_stranger_accepts_an_export(
    database: Database, an_incident: AnIncident, master_key: MasterKey, verifier: ModuleType, tmp_path: Path
) -> None:
    an_incident()
    fill(database, master_key)
    raw = exported(database, master_key)
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(raw)

    done = subprocess.run([sys.executable, "-I", str(VERIFIER), str(path)], capture_output=True, text=True, check=False)

    assert verifier.verify(raw) == 20
    assert (done.returncode, done.stderr) == (0, "")
    assert "20 entries" in done.stdout
    with pytest.raises(ValueError, match="another key"):
        verifier.verify(raw, "0" * 16)


def test_a_stranger_accepts_an_empty_ledger(
    database: Database, an_incident: AnIncident, master_key: MasterKey, verifier: ModuleType
) -> None:
    an_incident()

    assert verifier.verify(exported(database, master_key)) == 0


def test_a_stranger_finds_each_of_100_changed_bytes(
    database: Database, an_incident: AnIncident, master_key: MasterKey, verifier: ModuleType
) -> None:
    an_incident()
    fill(database, master_key)
    raw = exported(database, master_key)
    chance = random.Random(20261122)

    for _ in range(100):
        place = chance.randrange(len(raw))
        changed = bytearray(raw)
        changed[place] ^= 1 << chance.randrange(8)
        assert rejected(verifier, bytes(changed)), f"byte {place} became {changed[place]:#x}"


def test_a_stranger_finds_lines_that_were_dropped_doubled_swapped_or_cut_off(
    database: Database, an_incident: AnIncident, master_key: MasterKey, verifier: ModuleType, tmp_path: Path
) -> None:
    an_incident()
    fill(database, master_key)
    raw = exported(database, master_key)
    lines = raw.splitlines(keepends=True)
    spoiled = [b"", raw[:-1], raw + raw]
    for place in range(len(lines)):
        spoiled.append(b"".join(lines[:place] + lines[place + 1 :]))
        spoiled.append(b"".join(lines[: place + 1] + lines[place:]))
        if place:
            spoiled.append(b"".join([*lines[: place - 1], lines[place], lines[place - 1], *lines[place + 1 :]]))
            spoiled.append(b"".join(lines[:place]))
            spoiled.append(b"".join([*lines[:place], lines[-1]]) if place < len(lines) - 1 else b"\n")

    for variant in spoiled:
        assert rejected(verifier, variant)
    path = tmp_path / "cut.jsonl"
    path.write_bytes(b"".join(lines[:10]))
    done = subprocess.run([sys.executable, "-I", str(VERIFIER), str(path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("This ledger does not hold: ")


def test_the_verifier_is_short_and_imports_nothing_of_ours() -> None:
    source = VERIFIER.read_text()
    imported = {line.split()[1].split(".")[0] for line in source.splitlines() if line.startswith(("import ", "from "))}

    assert imported == {"cryptography", "hashlib", "json", "pathlib", "sys"}


def test_the_proof_survives_the_destruction_of_the_data(
    database: Database, an_incident: AnIncident, master_key: MasterKey, verifier: ModuleType
) -> None:
    an_incident()
    fill(database, master_key, entries=5)

    with database.transaction() as session:
        incidents.destroy_key(session, "leak", by="anna", at=NOON.add(days=90))

    with database.reading() as session:
        assert incidents.get(session, "leak").sealed_key is None
        assert ledger.listed(session, "leak")[-1].type == EventType.KEY_DESTROYED
        assert ledger.verify(session, "leak").count == 6
    assert verifier.verify(exported(database, master_key)) == 6
