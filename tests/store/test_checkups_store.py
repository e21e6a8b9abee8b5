"""What a doctor, and a monitoring system, ask of the database, on both."""

from collections.abc import Callable

import pendulum
import pytest
from sqlalchemy import text

from db import checkups, duties, facts, gauges, ledger, signing, tasks, watch
from db.sealing import IncidentKey, MasterKey
from db.sessions import Database
from tocsin.errors import Misconfigured
from tocsin.ledger import EventType

NOON = pendulum.datetime(2026, 11, 22, 12)


def test_writing_nothing_leaves_nothing(database: Database) -> None:
    checkups.write_nothing(database, NOON)

    with database.reading() as session:
        assert watch.last_beat(session, "doctor") is None


def test_the_database_s_clock_is_read(database: Database, kind: str) -> None:
    with database.reading() as session:
        told = checkups.clocks(session)

    assert told.of_a_server == (kind == "postgresql")
    assert abs(told.seconds - pendulum.now("UTC").timestamp()) < 60  # noqa: TID251 - a real clock is what is read


def test_keys_facts_claims_and_the_end_of_a_ledger(
    database: Database, an_incident: Callable[..., IncidentKey], master_key: MasterKey
) -> None:
    an_incident("i1")
    with database.transaction() as session:
        signer = signing.signer(session, master_key, NOON)
        for number in range(3):
            ledger.append(session, "i1", EventType.WATCH_MISSED, actor="tocsin", data={"minutes": number}, at=NOON)
        ledger.checkpoint(session, "i1", signer, NOON)
        ledger.append(session, "i1", EventType.WATCH_MISSED, actor="tocsin", data={"minutes": 9}, at=NOON)
        facts.put(session, "i1", {"title": "A test"}, by="x", at=NOON)

    with database.reading() as session:
        assert checkups.open_newest_keys(session, master_key) == ("i1", True)
        checkups.verify_end(session, "i1")
        assert checkups.newest_incidents(session, 5) == ["i1"]
        assert checkups.unassessed(session) == ["i1"]
        assert checkups.stale_claims(session, NOON) == 0
        with pytest.raises(Misconfigured, match="does not open incident i1"):
            checkups.open_newest_keys(session, MasterKey(bytes(32)))
        assert session.execute(text("SELECT count(*) FROM ledger_event")).scalar() == 4


def test_what_presses_is_counted(database: Database, an_incident: Callable[..., IncidentKey]) -> None:
    an_incident("i1")
    an_incident("i2")
    due = {"late": NOON.subtract(hours=1), "soon": NOON.add(hours=5), "far": NOON.add(days=9), "undated": None}
    common = {"id": "x", "regime": "r", "audience": "authority", "recipient": "A", "status": "owed"}
    rows = [
        {"key": key, "due": at and at.isoformat(), "target": at and at.isoformat(), **common} for key, at in due.items()
    ]
    with database.transaction() as session:
        duties.replace(session, "i1", rows, 1, NOON.subtract(days=1))
        duties.mark_done(session, "i1", "far", by="x", at=NOON)
        tasks.open_many(session, "i2", [tasks.NewTask(key="t", phase="contain", title="T", owner="o", due=due["soon"])])
    with database.reading() as session:
        seen = gauges.read(session, NOON)

    assert seen.incidents == {"i1": False, "i2": False}
    assert seen.duties == {"i1": gauges.Pressing(open=3, due_soon=1, overdue=1, next_at=due["soon"])}
    assert seen.tasks == {"i2": gauges.Pressing(open=1, due_soon=1, overdue=0, next_at=due["soon"])}
    assert (seen.people, seen.messages, seen.warnings) == ({}, {}, {})
