import csv
from pathlib import Path
from uuid import uuid4

import pendulum
import pytest

from db import incidents, ledger, people, waves
from db.sealing import MasterKey, person_aad
from db.sessions import Database
from flows.roster import importing, intake
from flows.roster.importing import import_roster
from tocsin.contacts import Contact
from tocsin.delivery import Channel, Verdict
from tocsin.errors import Invalid, NotFound
from tocsin.ledger import EventType

NOW = pendulum.datetime(2026, 11, 22, 2, 0)
INCIDENT = "2026-11-22-acme-7f3a"


class Desk:
    """An incident to import into, and what a test asks about it."""

    def __init__(self, database, folder):
        self.database, self.folder = database, folder
        self.key, sealed = MasterKey.from_text(MasterKey.generate_text()).new_incident_key(INCIDENT)
        with database.transaction() as session:
            incidents.create(
                session,
                INCIDENT,
                title="Copied database",
                plan="conex-easykey",
                phase="contain",
                declared_at=NOW,
                declared_by="responder",
                sealed_key=sealed,
            )

    def file(self, text, name="people.csv"):
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def take(self, path, **options):
        return import_roster(
            self.database, INCIDENT, path, **{"key": self.key, "by": "responder", "now": NOW, **options}
        )

    def people(self):
        with self.database.transaction() as session:
            return list(people.iterate(session, INCIDENT))

    def contact(self, person):
        return Contact.from_bytes(self.key.open(person.sealed, person_aad(INCIDENT, person.id)))

    def contacts(self):
        return [self.contact(person) for person in self.people()]

    def waves(self):
        with self.database.transaction() as session:
            return waves.listed(session, INCIDENT)

    def entries(self):
        with self.database.transaction() as session:
            return ledger.listed(session, INCIDENT, event_type=EventType.ROSTER_IMPORTED)

    def settle(self, *verdicts):
        with self.database.transaction() as session:
            people.settle_many(
                session, INCIDENT, [people.Settle(number, verdict, None, NOW) for number, verdict in verdicts]
            )

    def left_behind(self):
        return sorted(path.name for path in self.folder.iterdir() if "people" in path.name)


@pytest.fixture(params=["sqlite", "postgresql"])
def desk(request, tmp_path):
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'tocsin.db'}"
    else:
        name = f"roster_{uuid4().hex}"
        request.getfixturevalue("administrate")(f"CREATE DATABASE {name}")
        url = request.getfixturevalue("postgresql")(name)
    database = Database(url)
    database.migrate()
    yield Desk(database, tmp_path)
    database.close()


def test_a_roster_becomes_a_wave_of_sealed_people(desk):
    done = desk.take(
        desk.file("账号,姓名,手机号,邮箱,国家\nU1,王伟,13800138000,wei@example.org,CN\nU2,Anna,,anna@example.org,DE\n")
    )

    assert (done.wave, done.rows, done.people, done.merged, done.rejected, done.rejected_path) == (1, 2, 2, 0, 0, None)
    first, second = desk.people()
    assert (first.place, first.language, second.place, second.language) == ("CN", "zh", "DE", "de")
    assert (first.has_sms, first.has_phone, first.has_email, first.has_push) == (True, True, True, False)
    assert desk.contact(first).address(Channel.SMS) == "+8613800138000"
    assert desk.contact(second) == Contact(name="Anna", account="U2", addresses={Channel.EMAIL: ("anna@example.org",)})
    assert first.next_at is None, "nobody is due before the notice is approved"
    assert first.ref != second.ref


def test_nothing_of_a_person_is_readable_in_the_database_file_or_on_the_ledger(desk):
    desk.take(desk.file("account,name,email\nSECRETACC,Secretname,secret@example.org\n"))

    (entry,) = desk.entries()
    assert "secret" not in str(entry).lower()
    assert "secret" not in repr(desk.people()).lower()
    for path in desk.folder.glob("tocsin.db*"):
        assert b"secret" not in path.read_bytes().lower()


def test_the_import_is_on_the_ledger_with_its_counts_and_the_file_s_hash(desk):
    done = desk.take(desk.file("account,email,place\nU1,a@example.org,CN\nU1,,CN\nU2,nonsense,DE\nU3,,ZZ\n"))

    (entry,) = desk.entries()
    assert (entry.actor, entry.at) == ("responder", NOW)
    assert entry.data == {
        "wave": 1,
        "rows": 4,
        "people": 2,
        "merged": 1,
        "rejected": 1,
        "flawed": 1,
        "file_sha256": desk.waves()[0].file_sha256,
        "encoding": "utf-8",
        "columns": ["account", "email", "place"],
    }
    assert (done.rows, done.people, done.merged, done.rejected, done.flawed) == (4, 2, 1, 1, 1)


def test_rejected_rows_and_dropped_values_are_listed_by_row_column_and_reason_and_never_by_value(desk):
    done = desk.take(
        desk.file("account,email,place\nU1,=cmd|' /C calc'!A0,CN\nU2,b@example.org,ZZ\nU3,c@example.org,DE\nU4,x\n")
    )

    assert done.rejected_path == desk.folder / "people.csv.rejected.csv"
    with done.rejected_path.open(encoding="utf-8") as file:
        assert list(csv.reader(file)) == [
            ["row", "column", "reason", "effect"],
            ["2", "email", "email-invalid", "person kept without this value"],
            ["3", "place", "place-unknown", "row rejected"],
            ["5", "", "column-count", "row rejected"],
        ]
    assert [contact.account for contact in desk.contacts()] == ["U1", "U3"]


def test_the_list_of_rejected_rows_goes_where_the_user_says(desk):
    place = desk.folder / "elsewhere.csv"

    assert desk.take(desk.file("account\nU1\n\0\n"), rejected=place).rejected_path == place
    assert place.exists()
    with pytest.raises(Invalid, match=r"cannot be written .* --rejected"):
        desk.take(desk.file("account\nU2\n", "people2.csv"), rejected=desk.folder / "no" / "such" / "folder.csv")


def test_rows_of_one_person_are_merged_within_a_file_across_batches_too(desk, monkeypatch):
    monkeypatch.setattr(importing, "BATCH", 2)
    rows = [
        "U1,Li Wei,a@example.org,",
        "U2,Ann,b@example.org,",
        "U1,,,13800138000",
        ",li wei,A@example.org,",
        "U3,Bo,,",
    ]

    done = desk.take(desk.file("account,name,email,phone\n" + "\n".join(rows) + "\n"), region="CN")

    assert (done.rows, done.people, done.merged) == (5, 3, 2)
    assert desk.contacts()[0] == Contact(
        name="Li Wei",
        account="U1",
        addresses={
            Channel.EMAIL: ("a@example.org", "A@example.org"),
            Channel.SMS: ("+8613800138000",),
            Channel.PHONE: ("+8613800138000",),
        },
    )
    assert (desk.people()[0].has_sms, desk.people()[0].has_email) == (True, True)


@pytest.mark.parametrize("batch", [1, 1000])
def test_a_person_found_by_a_later_merged_address_is_the_same_person(desk, monkeypatch, batch):
    monkeypatch.setattr(importing, "BATCH", batch)
    rows = ["U1,Li Wei,", "U1,Li Wei,a@example.org", ",Li Wei,a@example.org"]

    assert desk.take(desk.file("account,name,email\n" + "\n".join(rows) + "\n")).people == 1


def test_two_people_of_one_household_stay_two(desk):
    assert desk.take(desk.file("name,email\nAnn Lee,home@example.org\nBob Lee,home@example.org\n")).people == 2


def test_a_second_file_is_a_second_wave_that_adds_to_known_people_and_tells_nobody_again(desk):
    desk.take(desk.file("account,email\nU1,a@example.org\nU2,b@example.org\n"))
    desk.settle((1, Verdict.DELIVERED), (2, Verdict.UNREACHABLE))

    later = NOW.add(hours=3)
    done = desk.take(
        desk.file(
            "account,email,phone\nU1,new@example.org,13800138000\nU2,,13900139000\nU3,c@example.org,\n",
            "more people.csv",
        ),
        region="CN",
        now=later,
    )

    assert (done.wave, done.people, done.merged) == (2, 1, 2)
    told, unreached, new = desk.people()
    assert (told.verdict, told.next_at, told.has_sms, told.wave) == (Verdict.DELIVERED, None, True, 1)
    assert (unreached.verdict, unreached.next_at) == (None, later), "whoever was not reached gets a new chance"
    assert (new.wave, new.id) == (2, 3)
    assert desk.contact(told).addresses[Channel.EMAIL] == ("a@example.org", "new@example.org")
    assert [wave.number for wave in desk.waves()] == [1, 2]


def test_a_wave_that_adds_nothing_to_an_unreachable_person_gives_no_new_chance(desk):
    desk.take(desk.file("account,email\nU1,a@example.org\n"))
    desk.settle((1, Verdict.UNREACHABLE))

    desk.take(desk.file("account,email\nU1,a@example.org\nU9,z@example.org\n", "people2.csv"))

    assert (desk.people()[0].verdict, desk.people()[0].next_at) == (Verdict.UNREACHABLE, None)


def test_the_same_file_is_not_imported_twice(desk):
    desk.take(desk.file("account\nU1\n"))

    with pytest.raises(Invalid, match=r"already imported as wave 1: nothing was changed"):
        desk.take(desk.file("account\nU1\n", "people under another name.csv"))

    assert (len(desk.waves()), len(desk.entries()), len(desk.people())) == (1, 1, 1)


@pytest.mark.parametrize("fails_at", [1, 3])
def test_a_failure_in_the_middle_leaves_no_row_no_wave_no_entry_and_no_list(desk, monkeypatch, fails_at):
    monkeypatch.setattr(importing, "BATCH", 10)
    real, calls = intake.people.insert_many, []

    def failing(*arguments):
        calls.append(1)
        if len(calls) == fails_at:
            raise RuntimeError("the power went out")
        real(*arguments)

    monkeypatch.setattr(intake.people, "insert_many", failing)
    path = desk.file(
        "account,email\n" + "".join(f"U{n},{'bad' if n == 5 else f'u{n}@example.org'}\n" for n in range(45))
    )
    with pytest.raises(RuntimeError):
        desk.take(path)

    assert (desk.people(), desk.waves(), desk.entries()) == ([], [], [])
    assert desk.left_behind() == ["people.csv"]

    monkeypatch.setattr(intake.people, "insert_many", real)
    assert desk.take(path).people == 45


def test_a_broken_row_late_in_the_file_imports_nothing(desk, monkeypatch):
    monkeypatch.setattr(importing, "BATCH", 10)
    rows = "".join(f"U{n},Name\n" for n in range(50))

    with pytest.raises(Invalid, match="quotation mark is not closed"):
        desk.take(desk.file(f'account,name\n{rows}U99,"Open\nU100,Swallowed\n'))

    assert (desk.people(), desk.waves()) == ([], [])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("account,email\n", "nobody below it"),
        ("name,shoe size\nAnna,44\n", "none of its 2 columns is usable"),
        ("email\nnonsense\nrubbish\n", r"not one of its 2 rows makes a person \(.*email-invalid 2"),
    ],
)
def test_a_roster_of_nobody_is_refused_and_changes_nothing(desk, text, said):
    with pytest.raises(Invalid, match=said) as caught:
        desk.take(desk.file(text))

    assert not any(word in str(caught.value) for word in ("Anna", "nonsense"))
    assert (desk.people(), desk.waves(), desk.left_behind()) == ([], [], ["people.csv"])


def test_an_unknown_incident_and_an_unknown_region_are_refused(desk):
    path = desk.file("account\nU1\n")

    with pytest.raises(NotFound):
        import_roster(desk.database, "no-such-incident", path, key=desk.key, by="x", now=NOW)
    with pytest.raises(Invalid, match="--region Atlantis"):
        desk.take(path, region="Atlantis")


def test_progress_tells_how_many_rows_were_read(desk, monkeypatch):
    monkeypatch.setattr(importing, "BATCH", 100)
    seen = []

    desk.take(desk.file("account\n" + "".join(f"U{n}\n" for n in range(250))), progress=seen.append)

    assert seen == [100, 200, 250]


def test_what_an_import_did_is_plain_data_for_programs(desk):
    document = desk.take(desk.file("account\nU1\n\0\n")).document()

    assert document["rejected_path"] == str(desk.folder / "people.csv.rejected.csv")
    assert {document[name] for name in ("wave", "people", "rejected")} == {1}


def test_a_mapped_column_is_read_whatever_it_is_called(desk: Desk, tmp_path: Path):
    desk.take(desk.file("Kontakt;Wer\na@example.org;Anna\n"), mapping={"email": "Kontakt", "name": "Wer"})

    assert desk.contacts() == [Contact(name="Anna", addresses={Channel.EMAIL: ("a@example.org",)})]
