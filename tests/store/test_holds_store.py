"""Who is held, and whose turn it is: the database answers for all of them at once, as the law of residence does."""

from collections.abc import Callable

import pendulum
import pytest

from db import holds, people, turns, waves
from db.holds import Held
from db.people import NewPerson
from db.sealing import IncidentKey
from db.sessions import Database
from tocsin import residency

NOON = pendulum.datetime(2026, 11, 22, 12)
PLACES = ("US-MD", "US", "US-MDX", "CN", "CN-44", "CN-HK", "HK", "CN-91", "DE", "")
AnIncident = Callable[..., IncidentKey]


@pytest.fixture
def enrolled(database: Database, an_incident: AnIncident) -> Database:
    an_incident()
    with database.transaction() as session:
        waves.open_wave(session, "leak", file_sha256="0" * 64, by="anna", at=NOON)
        made = [
            NewPerson(number, 1, f"r{number}", place, "en", b"x", has_email=True, next_at=NOON)
            for number, place in enumerate(PLACES, 1)
        ]
        people.insert_many(session, "leak", made)
    return database


def test_a_hold_holds_exactly_the_people_who_live_there(enrolled: Database) -> None:
    for area in ("US-MD", "US", "CN", "HK", "CN-HK", "CN-44"):
        those = Held(places=(area,))
        with enrolled.transaction() as session:
            taken = {turn.place for turn in turns.take(session, "leak", NOON, 100, held=those)}
            count = holds.people_held(session, "leak", those)

        living = {place for place in PLACES if place and residency.within(place, area)}
        assert taken == set(PLACES) - living
        assert count == len(living)


def test_parked_people_come_back_once_no_hold_is_left_for_them(enrolled: Database) -> None:
    both, one = Held(places=("DE", "US")), Held(places=("DE",))
    with enrolled.transaction() as session:
        parked = holds.park(session, "leak", both, NOON), holds.park(session, "leak", both, NOON)
        unknown = holds.people_elsewhere_unknown(session, "leak", Held(places=("US-MD",)))
        back = holds.release(session, "leak", one, NOON)
        due = {person.place for person in people.due(session, "leak", NOON, 100)}
        last = holds.release(session, "leak", Held(), NOON)
        everybody = holds.park(session, "leak", Held(everywhere=True), NOON)

    assert parked == (4, 0)
    assert unknown == 2  # `US`, and whose place is not known
    assert (back, last, everybody) == (3, 1, len(PLACES))
    assert due == set(PLACES) - {"DE"}
