"""Imports that are killed, that meet each other, and that others work beside: whole or not at all."""

import os
import subprocess
import sys
import threading
from pathlib import Path
from uuid import uuid4

import pendulum
import pytest

from db import incidents, ledger, people, waves
from db.sealing import MasterKey, person_aad
from db.sessions import Database
from flows.roster import importing, settled
from flows.roster.importing import import_roster
from flows.roster.intake import Intake
from tocsin.contacts import Contact
from tocsin.delivery import Channel, Verdict
from tocsin.errors import Invalid, NotAllowed
from tocsin.ledger import EventType

NOW = pendulum.datetime(2026, 11, 22, 2, 0)
INCIDENT = "2026-11-22-acme-7f3a"
IMPORTER = Path(__file__).with_name("killed_importer.py")


class Desk:
    """An incident to import into, and what a test asks about it."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder = url, folder
        self.database = Database(url)
        self.database.migrate()
        self.key, sealed = MasterKey.from_text(MasterKey.generate_text()).new_incident_key(INCIDENT)
        values = {"title": "x", "plan": "conex-easykey", "phase": "contain", "declared_by": "responder"}
        with self.database.transaction() as session:
            incidents.create(session, INCIDENT, declared_at=NOW, sealed_key=sealed, **values)

    def file(self, text: str, name: str = "people.csv") -> Path:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def take(self, path: Path, **options):
        with_database = options.pop("database", self.database)
        return import_roster(with_database, INCIDENT, path, key=self.key, by="responder", now=NOW, **options)

    def note(self, database: Database) -> None:
        """Something that anybody else writes about the incident."""
        with database.transaction() as session:
            ledger.append(session, INCIDENT, EventType.WARNING_SENT, actor="watch", data={"n": 1}, at=NOW)

    def people(self):
        with self.database.reading() as session:
            return list(people.iterate(session, INCIDENT))

    def contact(self, person) -> Contact:
        return Contact.from_bytes(self.key.open(person.sealed, person_aad(INCIDENT, person.id)))

    def everything(self) -> tuple[object, ...]:
        """All that an import changes."""
        with self.database.reading() as session:
            found = session.connection().exec_driver_sql("SELECT hash, person_id FROM identity ORDER BY hash").all()
            kept = [(wave.number, wave.people, wave.merged) for wave in waves.listed(session, INCIDENT)]
            entries = ledger.listed(session, INCIDENT, event_type=EventType.ROSTER_IMPORTED)
        return self.people(), [tuple(row) for row in found], kept, entries

    def left(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir() if not path.name.startswith("tocsin.db"))


@pytest.fixture(params=["sqlite", "postgresql"])
def desk(request, tmp_path):
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'tocsin.db'}"
    else:
        name = f"roster_{uuid4().hex}"
        request.getfixturevalue("administrate")(f"CREATE DATABASE {name}")
        url = request.getfixturevalue("postgresql")(name)
    made = Desk(url, tmp_path)
    yield made
    made.database.close()


def many(first: int, last: int) -> str:
    """Rows of which some are rejected and some are merged."""
    rows = (
        f"U{n if n % 9 else n - 1},Name {n},{'bad' if n % 7 == 3 else f'u{n}@example.org'}" for n in range(first, last)
    )
    return "account,name,email\n" + "\n".join(rows) + "\n,,nobody\n,,nobody\n"


@pytest.mark.slow
def test_an_import_that_is_killed_anywhere_before_it_is_stored_changes_nothing_and_leaves_nothing(desk, tmp_path):
    desk.take(desk.file(many(0, 30), "first.csv"))
    (desk.folder / "first.csv.rejected.csv").unlink()
    path = desk.file(many(20, 80))
    before, folder = desk.everything(), desk.left()
    environment = {
        **os.environ,
        "PYTHONPATH": str(IMPORTER.parents[2]),
        "DATABASE": desk.url,
        "INCIDENT": INCIDENT,
        "KEY": desk.key._raw.hex(),
    }
    importer = subprocess.Popen(
        [sys.executable, str(IMPORTER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )

    def status(point: str) -> int:
        importer.stdin.write(f"{point} {path}\n")
        importer.stdin.flush()
        return int(importer.stdout.readline())

    with importer:
        for point in ("reading", "matching", "sealing", "first-people", "people", "identities", "ledger", "committing"):
            assert status(point) == -9, point
            assert (desk.everything(), desk.left()) == (before, folder), point
        assert status("committed") == -9
    assert [wave.people for wave in desk_waves(desk)] == [27, 45]
    assert desk.left() == folder, "all of it was stored, and only the list of rejected rows is missing"
    with pytest.raises(Invalid, match="already imported as wave 2"):
        desk.take(path)


def desk_waves(desk: Desk):
    with desk.database.reading() as session:
        return waves.listed(session, INCIDENT)


CHAIN = [
    "A,Li Wei,a@example.org,",
    "C,Li Wei,,13800138000",
    ",Li Wei,a@example.org,13800138000",  # B shares the mailbox with A and the number with C: A was first
    ",Li Wei,,13800138000",  # the number is still C's
    "D,Li Wei,d@example.org,13900139000",
    ",Li Wei,e@example.org,13900139000",  # brings D another mailbox
    "E,Li Wei,e@example.org,",  # an account nobody has: found by that mailbox
    "E,,f@example.org,",  # and found by that account
    "a,Wei Li,,",
]


@pytest.mark.parametrize("batch", [1, 2, 1000])
def test_chains_of_duplicates_end_the_same_whatever_the_batch(desk, monkeypatch, batch):
    monkeypatch.setattr(importing, "BATCH", batch)

    done = desk.take(desk.file("account,name,email,phone\n" + "\n".join(CHAIN) + "\n"), region="CN")

    assert (done.people, done.merged) == (3, 6)
    first, second, third = map(desk.contact, desk.people())
    assert (first.account, first.addresses[Channel.EMAIL]) == ("A", ("a@example.org",))
    assert first.addresses[Channel.SMS] == ("+8613800138000",)
    assert (second.account, second.addresses[Channel.SMS]) == ("C", ("+8613800138000",))
    assert (third.account, third.addresses[Channel.EMAIL]) == ("D", ("d@example.org", "e@example.org", "f@example.org"))


@pytest.mark.parametrize("split", [1, 4, 7])
def test_people_known_from_another_wave_are_matched_as_those_of_the_same_file(desk, split):
    head = "account,name,email,phone\n"
    desk.take(desk.file(head + "\n".join(CHAIN[:split]) + "\n", "one.csv"), region="CN")
    desk.take(desk.file(head + "\n".join(CHAIN[split:]) + "\n", "two.csv"), region="CN")

    assert [desk.contact(person).account for person in desk.people()] == ["A", "C", "D"]
    assert desk.contact(desk.people()[2]).addresses[Channel.EMAIL] == (
        "d@example.org",
        "e@example.org",
        "f@example.org",
    )


def test_two_imports_at_once_both_succeed_and_nobody_is_in_twice(desk, monkeypatch):
    one, two = desk.file(many(0, 200), "one.csv"), desk.file(many(100, 300), "two.csv")
    ready = threading.Barrier(2)
    failures: list[BaseException] = []

    def bring(path: Path) -> None:
        database = Database(desk.url)
        begun = []
        try:
            desk.take(path, database=database, progress=lambda _: begun.append(1) or len(begun) > 1 or ready.wait(20))
        except BaseException as error:  # noqa: BLE001 - a thread's error must reach the test
            failures.append(error)
        finally:
            database.close()

    threads = [threading.Thread(target=bring, args=(path,)) for path in (one, two)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert failures == []
    accounts = [desk.contact(person).account for person in desk.people()]
    assert len(accounts) == len(set(accounts))
    assert [person.id for person in desk.people()] == list(range(1, len(accounts) + 1))
    assert [wave.number for wave in desk_waves(desk)] == [1, 2]
    assert {f"U{n}" for n in range(1, 300) if n % 9} <= set(accounts)


def test_an_import_that_another_overtakes_matches_its_people_again(desk, monkeypatch):
    settle, overtaken = Intake.settle, []

    def slowly(self, database, **place):
        made = settle(self, database, **place)
        if not overtaken:
            overtaken.append(place)
            desk.take(desk.file("account,email\nU2,quick@example.org\nU9,\n", "quick.csv"))
        return made

    monkeypatch.setattr(Intake, "settle", slowly)
    done = desk.take(desk.file("account,email\nU1,\nU2,slow@example.org\nU3,\n"))

    assert (done.wave, done.people, done.merged) == (2, 2, 1)
    contacts = [desk.contact(person) for person in desk.people()]
    assert [contact.account for contact in contacts] == ["U2", "U9", "U1", "U3"]
    assert contacts[0].addresses[Channel.EMAIL] == ("quick@example.org", "slow@example.org")


def test_others_write_while_a_roster_is_read_and_matched(desk, monkeypatch):
    monkeypatch.setattr(importing, "BATCH", 10)
    settle, other = Intake.settle, Database(desk.url)

    def noted(self, database, **place):
        made = settle(self, database, **place)
        desk.note(other)
        return made

    monkeypatch.setattr(Intake, "settle", noted)
    done = desk.take(desk.file(many(0, 50)), progress=lambda _: desk.note(other))

    assert done.people == 45
    with other.reading() as session:
        assert len(ledger.listed(session, INCIDENT, event_type=EventType.WARNING_SENT)) == 7
        ledger.verify(session, INCIDENT)
    other.close()


@pytest.mark.parametrize("desk", ["postgresql"], indirect=True)
def test_on_postgresql_others_write_even_while_the_people_are_stored(desk, monkeypatch):
    insert, other = people.insert_many, Database(desk.url)

    def noted(*arguments):
        insert(*arguments)
        desk.note(other)

    monkeypatch.setattr(settled.people, "insert_many", noted)

    assert desk.take(desk.file(many(0, 50))).people == 45
    other.close()


def test_an_incident_that_is_closed_while_its_roster_is_read_takes_nobody_in(desk):
    def close(_rows: int) -> None:
        with desk.database.transaction() as session:
            incidents.close(session, INCIDENT, NOW)

    before = desk.everything()
    with pytest.raises(NotAllowed, match="is closed"):
        desk.take(desk.file("account\nU1\n"), progress=close)

    assert desk.everything() == before


def test_whoever_is_told_while_a_second_wave_is_read_stays_told(desk):
    desk.take(desk.file("account,email\nU1,a@example.org\nU2,b@example.org\n", "first.csv"))

    def tell(_rows: int) -> None:
        with desk.database.transaction() as session:
            verdicts = [(1, Verdict.DELIVERED), (2, Verdict.UNREACHABLE)]
            people.settle_many(session, INCIDENT, [people.Settle(n, verdict, None, NOW) for n, verdict in verdicts])

    desk.take(desk.file("account,phone\nU1,13800138000\nU2,13900139000\n"), region="CN", progress=tell)

    told, unreached = desk.people()
    assert (told.verdict, told.next_at, told.has_sms) == (Verdict.DELIVERED, None, True)
    assert (unreached.verdict, unreached.next_at) == (None, NOW)


def test_while_it_runs_an_import_has_no_file_that_another_could_find(desk):
    seen: list[str] = []

    def look(_rows: int) -> None:
        seen.extend(desk.left())

    desk.take(desk.file("account,email\nU1,nonsense\n"), progress=look)

    assert set(seen) == {"people.csv"}
    assert desk.left() == ["people.csv", "people.csv.rejected.csv"]
