"""People: stored sealed, found again by keyed hashes, due when their turn comes, counted by what became of them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pendulum
import pytest
from alembic import command
from alembic.config import Config
from pendulum import DateTime
from sqlalchemy import event, inspect
from sqlalchemy.exc import IntegrityError

from db import attempts, migrations, people
from db.attempts import NewAttempt
from db.people import NewPerson, Resealed, Settle
from db.sealing import IncidentKey, person_aad
from db.sessions import Database
from tocsin.delivery import Channel, Verdict

NOON = pendulum.datetime(2026, 11, 22, 12)
AnIncident = Callable[..., IncidentKey]


def a_person(number: int, **changes: Any) -> NewPerson:
    values: dict[str, Any] = {
        "id": number,
        "wave": 1,
        "ref": f"{number:032x}",
        "place": "DE",
        "language": "en",
        "sealed": b"sealed",
        "has_email": True,
        "next_at": NOON,
    }
    return NewPerson(**{**values, **changes})


def enrol(database: Database, *persons: NewPerson, incident: str = "leak") -> None:
    with database.transaction() as session:
        people.insert_many(session, incident, persons)


def due_ids(database: Database, now: DateTime, **options: Any) -> list[int]:
    with database.reading() as session:
        return [person.id for person in people.due(session, "leak", now, 1000, **options)]


def claim(database: Database, channel: Channel, *numbers: int, now: DateTime) -> None:
    new = [
        NewAttempt(key=f"{channel}-{number}", person_id=number, wave=1, channel=channel, provider="any", text_hash="h")
        for number in numbers
    ]
    with database.transaction() as session:
        assert len(attempts.claim_many(session, "leak", new, "one", now.add(minutes=10), now)) == len(new)


def test_people_are_stored_as_they_were_given_and_numbered_on(database: Database, an_incident: AnIncident) -> None:
    key = an_incident()
    sealed = key.seal("李雷".encode(), person_aad("leak", 1))
    with database.transaction() as session:
        assert people.next_id(session, "leak") == 1
        new = a_person(1, sealed=sealed, has_push=True, has_sms=True, excluded_channels=["push"], next_at=None)
        people.insert_many(session, "leak", [new])
        people.insert_many(session, "leak", [])
        assert people.next_id(session, "leak") == 2

        (person,) = people.get_many(session, "leak", [1, 99]).values()

    assert person.channels == {Channel.EMAIL, Channel.SMS}
    assert (person.verdict, person.next_at, person.excluded_channels) == (None, None, ("push",))
    assert key.open(person.sealed, person_aad("leak", 1)) == "李雷".encode()


def test_identities_find_a_person_again_and_the_first_owner_keeps_one(
    database: Database, an_incident: AnIncident
) -> None:
    an_incident()
    an_incident("other")
    enrol(database, a_person(1), a_person(2))
    with database.transaction() as session:
        assert people.add_identities(session, "leak", [("a", 1), ("b", 1), ("c", 2)]) == 3
        assert people.add_identities(session, "leak", [("a", 2), ("d", 2), ("d", 1)]) == 1
        assert people.add_identities(session, "leak", []) == 0
        assert people.known(session, "leak", ["a", "c", "d", "x"]) == {"a": 1, "c": 2, "d": 2}
        assert people.known(session, "other", ["a"]) == {}
        assert people.known(session, "leak", []) == {}


def test_more_identities_than_one_statement_takes_can_be_asked_for(database: Database, an_incident: AnIncident) -> None:
    an_incident()
    enrol(database, a_person(1))
    with database.transaction() as session:
        people.add_identities(session, "leak", [(f"h{number}", 1) for number in range(25_000)])

        assert len(people.known(session, "leak", [f"h{number}" for number in range(40_000)])) == 25_000


def test_an_identity_of_nobody_is_refused(database: Database, an_incident: AnIncident) -> None:
    an_incident()

    with pytest.raises(IntegrityError), database.transaction() as session:
        people.add_identities(session, "leak", [("a", 1)])


def test_a_merged_address_changes_what_is_sealed_and_which_channels_there_are(
    database: Database, an_incident: AnIncident
) -> None:
    an_incident()
    enrol(database, a_person(1), a_person(2))
    with database.transaction() as session:
        again = Resealed(id=2, sealed=b"new", has_push=False, has_email=True, has_sms=True, has_phone=True)
        people.update_sealed_many(session, "leak", [again])
        people.update_sealed_many(session, "leak", [])
        first, second = people.get_many(session, "leak", [1, 2]).values()

    assert (first.sealed, first.channels) == (b"sealed", {Channel.EMAIL})
    assert (second.sealed, second.channels) == (b"new", {Channel.EMAIL, Channel.SMS, Channel.PHONE})


def test_those_whose_turn_it_is_come_longest_waiting_first_with_their_attempts_in_two_queries(
    database: Database, an_incident: AnIncident
) -> None:
    an_incident()
    enrol(
        database,
        *(a_person(number, next_at=NOON.subtract(minutes=number)) for number in range(1, 31)),
        a_person(31, next_at=NOON.add(seconds=1)),
        a_person(32, next_at=None),
    )
    claim(database, Channel.EMAIL, *range(1, 31), now=NOON)
    claim(database, Channel.SMS, 1, now=NOON.add(seconds=5))
    statements: list[str] = []

    with database.reading() as session:
        event.listen(database.engine, "before_cursor_execute", lambda *seen: statements.append(seen[2]))
        due = people.due(session, "leak", NOON, 1000)

    assert [person.id for person in due] == list(range(30, 0, -1))
    assert [attempt.channel for attempt in due[-1].attempts] == [Channel.EMAIL, Channel.SMS]
    assert len([statement for statement in statements if statement.startswith("SELECT")]) == 2
    assert due_ids(database, NOON, between=(5, 7)) == [7, 6, 5]


def test_a_settled_person_is_due_no_more_until_somebody_asks(database: Database, an_incident: AnIncident) -> None:
    an_incident()
    enrol(database, a_person(1), a_person(2), a_person(3))
    later = NOON.add(hours=4)
    with database.transaction() as session:
        people.settle_many(session, "leak", [Settle(2, Verdict.DELIVERED, Channel.EMAIL, NOON)])
        people.settle_many(session, "leak", [])
        people.schedule_many(session, "leak", [(3, later), (1, None)])
        assert people.next_look(session, "leak") == later
        assert not people.any_due(session, "leak", NOON)
        assert people.any_due(session, "leak", later)
        assert people.mark_all_due(session, "leak", 1, NOON) == 2
        assert people.mark_all_due(session, "leak", 2, NOON) == 0
        assert people.mark_all_due(session, "leak", None, NOON) == 2

    assert due_ids(database, NOON) == [1, 3]


def test_a_verdict_taken_back_leaves_the_person_open(database: Database, an_incident: AnIncident) -> None:
    an_incident()
    enrol(database, a_person(1), a_person(2))
    later = NOON.add(hours=1)
    with database.transaction() as session:
        people.settle_many(session, "leak", [Settle(n, Verdict.UNCONFIRMED, Channel.EMAIL, NOON) for n in (1, 2)])
        people.reopen_many(session, "leak", [(2, later)])
        people.reopen_many(session, "leak", [])
        first, second = people.get_many(session, "leak", [1, 2]).values()

    assert (first.verdict, first.next_at) == (Verdict.UNCONFIRMED, None)
    assert (second.verdict, second.verdict_channel, second.verdict_at, second.next_at) == (None, None, None, later)


def test_people_are_counted_by_what_became_of_them(database: Database, an_incident: AnIncident) -> None:
    an_incident()
    an_incident("other")
    enrol(database, a_person(1), incident="other")
    enrol(
        database,
        a_person(1, place="CN", language="zh"),
        a_person(2, place="CN", language="zh"),
        a_person(3),
        a_person(4, place="FR"),
    )
    later = NOON.add(hours=1)
    with database.transaction() as session:
        assert people.counts(session, "nobody").total == 0
        verdicts = [
            Settle(1, Verdict.DELIVERED, Channel.PUSH, NOON),
            Settle(2, Verdict.NO_ADDRESS, None, later),
            Settle(3, Verdict.UNCONFIRMED, Channel.EMAIL, NOON),
        ]
        people.settle_many(session, "leak", verdicts)
        counts = people.counts(session, "leak")
        places = people.by_place_settled(session, "leak")

    assert (counts.total, counts.pending) == (4, 1)
    assert counts.by_verdict == {Verdict.DELIVERED: 1, Verdict.NO_ADDRESS: 1, Verdict.UNCONFIRMED: 1}
    assert counts.by_channel == {Channel.PUSH: 1, Channel.EMAIL: 1}
    assert (counts.by_language, counts.by_place) == ({"en": 2, "zh": 2}, {"CN": 2, "DE": 1, "FR": 1})
    assert [(place.place, place.open, place.not_reached, place.settled_at) for place in places] == [
        ("CN", 0, 1, later),
        ("DE", 0, 0, NOON),
        ("FR", 1, 0, None),
    ]


def test_everybody_comes_once_in_order_whatever_the_batch(database: Database, an_incident: AnIncident) -> None:
    an_incident()
    enrol(database, *(a_person(number, wave=1 + number % 2) for number in range(1, 24)))
    with database.reading() as session:
        for batch in (1, 5, 23, 1000):
            assert [person.id for person in people.iterate(session, "leak", batch=batch)] == list(range(1, 24))
        assert [person.id for person in people.iterate(session, "leak", wave=1, batch=4)] == list(range(2, 24, 2))


def test_the_hash_of_verdicts_changes_with_any_verdict_and_not_with_the_order_of_storing(
    database: Database, an_incident: AnIncident
) -> None:
    an_incident("one")
    an_incident("two")
    enrol(database, a_person(1), a_person(2), incident="one")
    enrol(database, a_person(1, ref=a_person(2).ref), a_person(2, ref=a_person(1).ref), incident="two")
    with database.transaction() as session:
        people.settle_many(session, "one", [Settle(1, Verdict.HELD, None, NOON)])
        people.settle_many(session, "two", [Settle(2, Verdict.HELD, None, NOON)])
        before = people.verdict_hash(session, "one")
        assert before == people.verdict_hash(session, "two")
        later = NOON.add(microseconds=1)
        people.settle_many(session, "one", [Settle(1, Verdict.HELD, None, later)])
        assert people.verdict_hash(session, "one") == before, "a verdict that is the same again keeps its time"
        people.reopen_many(session, "one", [(1, later)])
        people.settle_many(session, "one", [Settle(1, Verdict.HELD, None, later)])
        assert people.verdict_hash(session, "one") != before


@pytest.mark.parametrize("count", [1, 24, 25, 301])
def test_identities_of_people_just_stored_are_loaded_whatever_their_number(
    database: Database, an_incident: AnIncident, count: int
) -> None:
    an_incident()
    enrol(database, *(a_person(number) for number in range(1, count + 1)))
    hashes = [f"{number:032x}" for number in range(count)]
    with database.transaction() as session:
        people.load_identities(session, "leak", hashes, range(1, count + 1))
        people.load_identities(session, "leak", [], [])

        assert people.known(session, "leak", hashes) == dict(zip(hashes, range(1, count + 1), strict=True))
    with pytest.raises(IntegrityError), database.transaction() as session:
        people.load_identities(session, "leak", hashes[:1], [1])


def test_a_person_who_is_there_already_is_refused_without_quoting_anything(
    database: Database, an_incident: AnIncident
) -> None:
    an_incident()
    enrol(database, a_person(1))

    with pytest.raises(IntegrityError) as caught:
        enrol(database, a_person(1, ref="f" * 32, sealed=b"never quoted"))

    assert "never quoted" not in str(caught.value)


@pytest.mark.parametrize("there", [0, 5])
def test_the_index_of_refs_is_there_and_unique_after_a_wave_and_after_one_that_failed(
    database: Database, an_incident: AnIncident, there: int
) -> None:
    an_incident()
    enrol(database, *(a_person(number) for number in range(101, 101 + there)))
    with database.transaction() as session, people.enrolling(session, "leak", new=3):
        people.insert_many(session, "leak", [a_person(1), a_person(2), a_person(3)])

    def fail() -> None:
        with database.transaction() as session, people.enrolling(session, "leak", new=50):
            people.insert_many(session, "leak", [a_person(4)])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    names = {index["name"] for index in inspect(database.engine).get_indexes("person")}
    assert "ix_person_incident_id_ref" in names
    with pytest.raises(IntegrityError):
        enrol(database, a_person(4, ref=a_person(1).ref))


def test_a_new_chance_is_for_those_who_have_one_of_the_verdicts_at_that_time(
    database: Database, an_incident: AnIncident
) -> None:
    an_incident()
    enrol(database, *(a_person(number, next_at=None) for number in range(1, 5)))
    later = NOON.add(hours=1)
    with database.transaction() as session:
        verdicts = [(1, Verdict.UNREACHABLE), (2, Verdict.DELIVERED), (4, Verdict.UNREACHABLE)]
        people.settle_many(session, "leak", [Settle(number, verdict, None, NOON) for number, verdict in verdicts])
        people.give_new_chance(session, "leak", [3, 2, 1], {Verdict.UNREACHABLE}, later)
        people.give_new_chance(session, "leak", [], {Verdict.UNREACHABLE}, later)
        found = people.get_many(session, "leak", [1, 2, 3, 4])

    assert [(found[n].verdict, found[n].next_at) for n in (1, 2, 3, 4)] == [
        (None, later),
        (Verdict.DELIVERED, None),
        (None, None),
        (Verdict.UNREACHABLE, None),
    ]


def test_identities_of_an_older_database_survive_the_migration_to_the_order_of_hashes(empty_url: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    database = Database(empty_url)
    with database.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")
        for statement in (
            (
                "INSERT INTO incident (id, title, plan, phase, phases, state, declared_at, declared_by) "
                "VALUES ('leak', 't', 'p', 'contain', '[]', 'open', '2026-11-22T12:00:00.000000Z', 'anna')"
            ),
            (
                "INSERT INTO person (incident_id, id, wave, ref, place, language, sealed, has_push, has_email, "
                "has_sms, has_phone, excluded_channels) VALUES "
                "('leak', 7, 1, 'r', 'DE', 'de', '', '0', '1', '0', '0', '[]')"
            ),
            "INSERT INTO identity (incident_id, hash, person_id) VALUES ('leak', 'b', 7), ('leak', 'a', 7)",
        ):
            connection.exec_driver_sql(statement)
    database.migrate()

    with database.transaction() as session:
        assert people.known(session, "leak", ["a", "b", "c"]) == {"a": 7, "b": 7}
        assert people.add_identities(session, "leak", [("a", 7), ("c", 7)]) == 1
    database.close()
