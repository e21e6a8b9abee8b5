"""Chosen people, thousands at once, and everybody counted in crowds: the same on both databases."""

from collections.abc import Callable

import pendulum
import pytest

from db import attempts, chosen, crowds, people, turns
from db.attempts import NewAttempt
from db.people import NewPerson
from db.sealing import IncidentKey
from db.sessions import Database
from tocsin.delivery import Channel, Verdict

NOON = pendulum.datetime(2026, 11, 22, 12)
MANY = 4000
TEXT, OTHER = "t" * 64, "u" * 64


def ref(number: int) -> str:
    return f"{number:032x}"


@pytest.fixture
def crowd(database: Database, an_incident: Callable[..., IncidentKey]) -> Database:
    """Of each four people: push alone, e-mail alone but not to be used, all channels in China, and none."""
    an_incident()
    has: tuple[dict[str, object], ...] = (
        {"place": "DE", "has_push": True},
        {"place": "DE", "has_email": True, "excluded_channels": ["email"]},
        {"place": "CN", "has_push": True, "has_email": True, "has_sms": True, "has_phone": True},
        {"place": ""},
    )
    new = [
        NewPerson(id=number, wave=1 + number // 3000, ref=ref(number), language="en", sealed=b"", **has[number % 4])
        for number in range(1, MANY + 1)
    ]
    with database.transaction() as session:
        people.insert_many(session, "leak", new)
    return database


def claim(database: Database, *numbers: int, text: str = TEXT) -> None:
    new = [
        NewAttempt(key=f"{text[0]}{n:063d}", person_id=n, wave=1, channel=Channel.PUSH, provider="p", text_hash=text)
        for n in numbers
    ]
    with database.transaction() as session:
        attempts.claim_many(session, "leak", new, "owner", NOON.add(minutes=10), NOON)


def test_thousands_of_refs_become_numbers_and_only_they_are_due_and_taken(crowd: Database) -> None:
    wanted = [ref(number) for number in range(1, MANY, 2)]
    with crowd.transaction() as session:
        found = chosen.numbers(session, "leak", [*wanted, "f" * 32])
        assert sorted(found) == wanted
        numbers = tuple(found.values())
        marked = chosen.mark_due(session, "leak", [1], NOON, people=numbers, most=None, text_hash=TEXT)
    with crowd.transaction() as session:
        people.schedule_many(session, "leak", [(2, NOON), (4, NOON)])  # others whose turn it is
    with crowd.transaction() as session:
        taken = turns.take(session, "leak", NOON, MANY, only=numbers)
        everybody = turns.take(session, "leak", NOON, MANY)

    assert marked == 1500  # those of the second wave are left as they are
    assert [turn.id for turn in taken] == list(range(1, 3000, 2))
    assert {turn.id for turn in everybody} - {turn.id for turn in taken} == {2, 4}


def test_the_first_so_many_are_those_with_an_address_and_one_way_who_were_sent_nothing(crowd: Database) -> None:
    claim(crowd, 1, 4)
    claim(crowd, 5, text=OTHER)
    with crowd.transaction() as session:
        people.settle_many(session, "leak", [people.Settle(8, Verdict.DELIVERED, Channel.PUSH, NOON)])
        marked = chosen.mark_due(session, "leak", [1, 2], NOON, people=None, most=6, text_hash=TEXT)
        due = [person.id for person in people.due(session, "leak", NOON, 20)]

    assert marked == 6
    assert due == [5, 9, 12, 13, 16, 17]  # 1 and 4 have this text, 8 a verdict; 2, 3, 6, 7 have several ways or none


def test_everybody_is_counted_once_in_crowds_of_people_alike(crowd: Database) -> None:
    claim(crowd, 4, 8)
    with crowd.transaction() as session:
        people.settle_many(session, "leak", [people.Settle(4, Verdict.DELIVERED, Channel.PUSH, NOON)])
        people.schedule_many(session, "leak", [(8, NOON), (12, NOON.add(hours=1))])
    question = crowds.Question(incident_id="leak", now=NOON, text_hash=TEXT, unopened=[2])
    with crowd.reading() as session:
        found = crowds.counted(session, question)
        begun = list(crowds.begun(session, question))

    assert sum(one.people for one in found) == MANY
    by_kind = {(one.open, one.due, one.fresh, one.alike.place, one.alike.channels): one.people for one in found}
    push, none = frozenset({Channel.PUSH}), frozenset[Channel]()
    assert by_kind[True, True, True, "DE", none] == 250  # the second wave: an opt-out is no way to be told
    assert by_kind[True, False, True, "DE", none] == 750
    assert by_kind[True, True, True, "DE", push] + by_kind[True, False, True, "DE", push] == 998
    assert by_kind[False, False, False, "DE", push] == 1
    assert by_kind[True, True, False, "DE", push] == 1
    assert by_kind[True, True, True, "CN", frozenset(Channel)] == 250
    assert [(turn.id, [one.text_hash for one in turn.attempts]) for turn in begun] == [(8, [TEXT])]


def test_a_question_about_chosen_people_counts_nobody_else(crowd: Database) -> None:
    question = crowds.Question(incident_id="leak", now=NOON, text_hash=TEXT, unopened=[1, 2], people=[4, 5, 3001])
    with crowd.reading() as session:
        found = crowds.counted(session, question)

    assert sum(one.people for one in found) == 3
    assert all(one.due for one in found)
