"""What people said about a channel: the latest word counts, in whatever order and however often words come."""

from collections.abc import Callable
from itertools import permutations
from typing import Any

import pendulum
import pytest
from pendulum import DateTime

from db import attempts, people, wishes
from db.attempts import NewAttempt
from db.people import NewPerson, Settle
from db.sealing import IncidentKey
from db.sessions import Database
from tocsin.delivery import Channel, Event, Kind, Outcome, Settled, Verdict

NOON = pendulum.datetime(2026, 11, 22, 12)
LATER = NOON.add(hours=1)
AnIncident = Callable[..., IncidentKey]


@pytest.fixture
def one_person(database: Database, an_incident: AnIncident) -> Database:
    """One person with three ways to be told, to whom an SMS was sent that its provider took."""
    an_incident()
    new = NewPerson(1, 1, "r1", "DE", "en", b"sealed", has_email=True, has_sms=True, has_phone=True)
    with database.transaction() as session:
        people.insert_many(session, "leak", [new])
        send(session, Channel.SMS)
    return database


def send(session: Any, channel: Channel) -> None:
    key = f"{channel}-1"
    attempt = NewAttempt(key=key, person_id=1, wave=1, channel=channel, provider="any", text_hash="h")
    attempts.claim_many(session, "leak", [attempt], "me", NOON.add(minutes=10), NOON)
    settled = Settled(key=key, outcome=Outcome.ACCEPTED, provider="any", at=NOON, provider_ref=f"ref-{channel}")
    attempts.settle_many(session, "leak", [settled])


def said(kind: Kind, *, at: DateTime = NOON, channel: Channel = Channel.SMS, **more: Any) -> Event:
    event_id = f"{kind} {channel} {at.isoformat()}"
    return Event(**{"provider": "any", "event_id": event_id, "kind": kind, "at": at, "key": f"{channel}-1", **more})


def hear(database: Database, *events: Event) -> list[dict[str, dict[str, int]]]:
    """Each event in a transaction of its own."""
    changes = []
    for event in events:
        with database.transaction() as session:
            wishes.keep(session, [event])
        with database.transaction() as session:
            changes.append({name: dict(counts) for name, counts in wishes.apply(session, LATER)[1].items() if counts})
    return changes


def excluded(database: Database) -> tuple[tuple[str, ...], DateTime | None]:
    with database.reading() as session:
        person = people.get_many(session, "leak", [1])[1]
    return person.excluded_channels, person.next_at


@pytest.mark.parametrize("kind", [Kind.UNSUBSCRIBED, Kind.COMPLAINED])
def test_a_word_against_a_channel_takes_it_from_the_person_once(one_person: Database, kind: Kind) -> None:
    assert hear(one_person, said(kind), said(kind)) == [{"leak": {"sms:opted-out": 1}}, {}]

    assert excluded(one_person) == (("sms",), LATER)


def test_the_latest_word_counts_in_whatever_order_words_come(one_person: Database) -> None:
    words = [
        said(Kind.UNSUBSCRIBED, at=NOON),
        said(Kind.SUBSCRIBED, at=NOON.add(minutes=1)),
        said(Kind.COMPLAINED, at=NOON.add(minutes=2)),
        said(Kind.SUBSCRIBED, at=NOON.add(minutes=3)),
    ]
    for number, order in enumerate(permutations(words[:3])):
        hear(one_person, *(said(one.kind, at=one.at.add(hours=number)) for one in order))
        assert excluded(one_person)[0] == ("sms",), [one.kind for one in order]
    hear(one_person, said(Kind.SUBSCRIBED, at=NOON.add(days=1)), *words)

    assert excluded(one_person)[0] == ()


def test_at_the_same_instant_the_word_against_counts(one_person: Database) -> None:
    hear(one_person, said(Kind.UNSUBSCRIBED), said(Kind.SUBSCRIBED))

    assert excluded(one_person)[0] == ("sms",)


def test_a_word_from_before_its_message_is_known_waits_for_it(one_person: Database) -> None:
    early = said(Kind.UNSUBSCRIBED, channel=Channel.EMAIL, key=None, provider_ref="ref-email")

    assert hear(one_person, early, early) == [{}, {}]
    with one_person.transaction() as session:
        send(session, Channel.EMAIL)
    assert hear(one_person, said(Kind.OPENED)) == [{"leak": {"email:opted-out": 1}}]

    assert excluded(one_person)[0] == ("email",)


def test_a_message_that_failed_for_an_earlier_stop_is_a_word_too_and_other_events_are_none(
    one_person: Database,
) -> None:
    others = (said(Kind.BOUNCED, reason="other", hard=False), said(Kind.DELIVERED), said(Kind.UNKNOWN, word="STOP"))
    assert hear(one_person, *others) == [{}, {}, {}]

    hear(one_person, said(Kind.REFUSED, reason="unsubscribed", code="21610"))

    assert excluded(one_person)[0] == ("sms",)


def test_who_is_surely_told_is_not_looked_at_again(one_person: Database) -> None:
    with one_person.transaction() as session:
        people.settle_many(session, "leak", [Settle(1, Verdict.DELIVERED, Channel.SMS, NOON)])

    hear(one_person, said(Kind.UNSUBSCRIBED))

    assert excluded(one_person) == (("sms",), None)


def test_many_words_cost_the_same_number_of_statements_as_few(database: Database, an_incident: AnIncident) -> None:
    import sqlalchemy

    an_incident()
    count = 300
    persons = [NewPerson(n, 1, f"r{n}", "DE", "en", b"s", has_sms=True, has_email=True) for n in range(1, count + 1)]
    new = [
        NewAttempt(key=f"k{n}", person_id=n, wave=1, channel=Channel.SMS, provider="any", text_hash="h")
        for n in range(1, count + 1)
    ]
    with database.transaction() as session:
        people.insert_many(session, "leak", persons)
        attempts.claim_many(session, "leak", new, "me", LATER, NOON)
    found: list[int] = []
    statements: list[str] = []

    def listen(*said: Any) -> None:
        statements.append(said[2])

    sqlalchemy.event.listen(database.engine, "before_cursor_execute", listen)
    for numbers in (range(1, 4), range(4, count + 1)):
        with database.transaction() as session:
            wishes.keep(session, [said(Kind.UNSUBSCRIBED, key=f"k{n}", event_id=f"e{n}") for n in numbers])
        before = len(statements)
        with database.transaction() as session:
            _, changed = wishes.apply(session, LATER)
        found.append(len(statements) - before)
        assert changed["leak"]["sms:opted-out"] == len(numbers)
    sqlalchemy.event.remove(database.engine, "before_cursor_execute", listen)

    assert found[0] == found[1]
