"""Opening, migrating, refusing; transactions; and times that keep their instant."""

import threading
from collections.abc import Callable
from pathlib import Path

import pendulum
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError, IntegrityError, ProgrammingError

import db.sessions
from db import facts, incidents, tables, watch
from db.sealing import IncidentKey
from db.sessions import Database
from db.tables import Row
from tocsin.errors import Invalid, Misconfigured, NotAllowed, NotFound

NOON = pendulum.datetime(2026, 11, 22, 12)
AnIncident = Callable[..., IncidentKey]


def test_an_empty_database_is_migrated_to_a_state_that_passes_the_check(empty_url: str) -> None:
    database = Database(empty_url)

    database.migrate()
    database.check()
    database.migrate()  # a second time does nothing

    with database.reading() as session:
        assert watch.last_beat(session, "watch") is None
    database.close()


def test_the_migrated_tables_are_the_tables_of_the_models(database: Database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        differences = compare_metadata(context, Row.metadata)

    assert differences == []


def test_the_version_we_look_for_is_the_head_that_alembic_sees() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(db.sessions.__file__).parent / "migrations"))

    assert ScriptDirectory.from_config(config).get_heads() == [db.sessions._newest()]


def test_a_downgrade_is_not_offered() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(db.sessions.__file__).parent / "migrations"))
    first = ScriptDirectory.from_config(config).get_revision("0001")

    with pytest.raises(NotImplementedError, match="restore a copy"):
        first.module.downgrade()


def test_two_processes_that_migrate_at_once_both_succeed(empty_url: str) -> None:
    failures: list[BaseException] = []

    def migrate() -> None:
        database = Database(empty_url)
        try:
            database.migrate()
        except BaseException as error:  # noqa: BLE001 - a thread's error must reach the assertion
            failures.append(error)
        finally:
            database.close()

    threads = [threading.Thread(target=migrate) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []


def test_a_database_without_tables_is_refused(empty_url: str, kind: str) -> None:
    database = Database(empty_url)

    with pytest.raises(Misconfigured, match=r"There is no database|has no tables yet") as refusal:
        database.check()

    assert "tocsin init" in str(refusal.value)
    if kind == "sqlite":
        assert not Path(empty_url.removeprefix("sqlite:///")).exists()
    database.close()


def test_a_database_of_a_newer_version_is_refused_and_not_migrated(database: Database) -> None:
    with database.transaction() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(Misconfigured, match="newer Tocsin"):
        database.check()
    with pytest.raises(Misconfigured, match="newer Tocsin"):
        database.migrate()


@pytest.mark.parametrize(
    "url",
    ["", "nonsense", "mysql://root:secret@127.0.0.1/x", "sqlite://", "sqlite:///:memory:", "oracle://u:secret@h/x"],
)
def test_an_unusable_url_is_one_sentence_that_quotes_no_password(url: str) -> None:
    with pytest.raises(Misconfigured) as refusal:
        Database(url)

    assert "secret" not in str(refusal.value)


def test_an_unreachable_server_is_one_sentence_without_its_password() -> None:
    database = Database("postgresql://tocsin:very-secret@127.0.0.1:1/none?connect_timeout=2")

    with pytest.raises(Misconfigured, match=r"postgresql\+psycopg://tocsin:\*\*\*@127\.0\.0\.1:1/none") as refusal:
        database.check()

    assert "very-secret" not in f"{refusal.value}{database!r}{database.url_shown}"


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("these are notes, and no database at all; " * 100)

    with pytest.raises(Misconfigured, match="not a database"):
        Database(f"sqlite:///{path}").check()


def test_sqlite_is_durable_and_strict(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'tocsin.db'}")
    database.migrate()

    with database.engine.connect() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout", "secure_delete")
        }

    assert pragmas == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": 30_000,
        "secure_delete": 1,
    }
    database.close()


def test_a_failed_transaction_changes_nothing(database: Database, an_incident: AnIncident) -> None:
    an_incident()

    def fail_halfway() -> None:
        with database.transaction() as session:
            facts.put(session, "leak", {"title": "x"}, by="anna", at=NOON)
            raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        fail_halfway()

    with database.reading() as session:
        assert facts.latest(session, "leak") is None


def test_a_reader_cannot_write(database: Database, an_incident: AnIncident) -> None:
    an_incident()

    with pytest.raises((Misconfigured, DatabaseError)), database.reading() as session:
        incidents.set_phase(session, "leak", "assess")

    with database.transaction() as session:  # and the connection can write again afterwards
        incidents.set_phase(session, "leak", "assess")
    with database.reading() as session:
        assert incidents.get(session, "leak").phase == "assess"


def test_a_reader_sees_one_snapshot_while_a_writer_commits(database: Database, an_incident: AnIncident) -> None:
    an_incident()

    with database.reading() as reader:
        before = incidents.get(reader, "leak").phase
        with database.transaction() as writer:
            incidents.set_phase(writer, "leak", "assess")
        during = incidents.get(reader, "leak").phase

    assert (before, during) == ("contain", "contain")


def test_a_reference_to_an_unknown_incident_is_refused_by_the_database(database: Database) -> None:
    row = {"incident_id": "nowhere", "subject": "x", "level": 1, "to": "dpo", "at": NOON}

    with pytest.raises(IntegrityError), database.transaction() as session:
        session.execute(tables.core(tables.WarningSent).insert(), row)


def test_a_database_error_does_not_quote_values(database: Database) -> None:
    row = {"incident_id": "nowhere", "subject": "carol@example.org", "level": 1, "to": "dpo", "at": NOON}

    with pytest.raises(IntegrityError) as refusal, database.transaction() as session:
        session.execute(tables.core(tables.WarningSent).insert(), row)

    assert "carol@example.org" not in str(refusal.value)


def test_times_come_back_as_the_same_instant_in_utc_to_the_microsecond(database: Database) -> None:
    written = pendulum.datetime(2026, 11, 22, 13, 30, 15, 123456, tz="Asia/Shanghai")

    with database.transaction() as session:
        watch.beat(session, "watch", written)
    with database.reading() as session:
        beat = watch.last_beat(session, "watch")

    assert beat is not None
    assert isinstance(beat.at, pendulum.DateTime)
    assert beat.at == written
    assert (beat.at.timezone_name, beat.at.microsecond) == ("UTC", 123456)


def test_a_time_without_offset_is_never_stored(database: Database) -> None:
    with pytest.raises(Exception, match="without offset"), database.transaction() as session:
        watch.beat(session, "watch", pendulum.naive(2026, 11, 22))


def test_times_compare_as_time_does_and_not_as_text_with_offsets(database: Database, an_incident: AnIncident) -> None:
    an_incident()
    late = pendulum.datetime(2026, 11, 22, 13, tz="Asia/Shanghai")  # 05:00 UTC, though its text is greater

    with database.transaction() as session:
        assert incidents.lease(session, "leak", "one", until=late, now=pendulum.datetime(2026, 11, 22, 4))
        assert not incidents.lease(session, "leak", "two", until=NOON, now=pendulum.datetime(2026, 11, 22, 4, 59))
        assert incidents.lease(session, "leak", "two", until=NOON, now=pendulum.datetime(2026, 11, 22, 5, 0, 1))


def test_rows_that_were_read_are_values(database: Database, an_incident: AnIncident) -> None:
    an_incident()

    with database.transaction() as session:
        read = incidents.get(session, "leak")
        read.phase = "spoiled"
    with database.reading() as session:
        assert incidents.get(session, "leak").phase == "contain"


def test_an_incident_is_opened_once_found_listed_and_closed_once(database: Database, an_incident: AnIncident) -> None:
    an_incident("first")
    an_incident("second")

    with pytest.raises(Invalid, match="already"):
        an_incident("first")
    with database.transaction() as session:
        incidents.close(session, "first", NOON)
    with pytest.raises(NotAllowed, match="closed already"), database.transaction() as session:
        incidents.close(session, "first", NOON)
    with database.reading() as session:
        assert [one.id for one in incidents.listed(session, "open")] == ["second"]
        assert [one.id for one in incidents.listed(session, "closed")] == ["first"]
        assert len(incidents.listed(session)) == 2


@pytest.mark.parametrize("act", [incidents.get, lambda s, i: incidents.set_phase(s, i, "x")])
def test_an_unknown_incident_is_not_found_and_the_error_says_what_to_do(
    database: Database, act: Callable[..., object]
) -> None:
    with pytest.raises(NotFound, match="tocsin status"), database.transaction() as session:
        act(session, "nowhere")


def test_a_lease_is_held_by_one_driver_prolonged_by_it_and_given_back(
    database: Database, an_incident: AnIncident
) -> None:
    an_incident()
    until = NOON.add(minutes=5)

    with database.transaction() as session:
        assert incidents.lease(session, "leak", "one", until, NOON)
        assert not incidents.lease(session, "leak", "two", until, NOON)
        assert incidents.lease(session, "leak", "one", until.add(minutes=5), NOON)
        incidents.release(session, "leak", "two")  # not theirs: nothing happens
        assert not incidents.lease(session, "leak", "two", until, NOON.add(minutes=6))
        incidents.release(session, "leak", "one")
        assert incidents.lease(session, "leak", "two", until, NOON)
        incidents.close(session, "leak", NOON)
        assert not incidents.lease(session, "leak", "two", until, NOON.add(hours=1))


def test_facts_get_a_new_version_only_when_they_change(database: Database, an_incident: AnIncident) -> None:
    an_incident()

    with database.transaction() as session:
        first = facts.put(session, "leak", {"title": "数据", "people": {"total": 5}}, by="anna", at=NOON)
        same = facts.put(session, "leak", {"people": {"total": 5}, "title": "数据"}, by="ben", at=NOON)
        second = facts.put(session, "leak", {"title": "数据", "people": {"total": 6}}, by="ben", at=NOON)

    assert (first, same, second) == (1, 1, 2)
    with database.reading() as session:
        latest = facts.latest(session, "leak")
        assert latest is not None
        assert latest.document == {"title": "数据", "people": {"total": 6}}
        assert [version.by for version in facts.history(session, "leak")] == ["anna", "ben"]
        assert facts.get(session, "leak", 1).document["people"] == {"total": 5}
        with pytest.raises(NotFound, match="no facts version 3"):
            facts.get(session, "leak", 3)


def test_facts_of_an_unknown_incident_are_refused(database: Database) -> None:
    with pytest.raises(NotFound), database.transaction() as session:
        facts.put(session, "nowhere", {"title": "x"}, by="anna", at=NOON)


def test_a_statement_error_of_ours_is_not_dressed_up_as_a_setting(database: Database) -> None:
    with pytest.raises((ProgrammingError, Misconfigured)), database.transaction() as session:
        session.execute(text("SELECT nothing FROM nowhere"))
