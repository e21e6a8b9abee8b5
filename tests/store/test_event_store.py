"""Events as providers pushed them: stored once, taken on once, and a run of refusals seen for what it is."""

import threading
from collections.abc import Callable
from typing import Any

import pendulum
import pytest

from db import events, receipts
from db.sealing import IncidentKey
from db.sessions import Database
from tocsin.delivery import Event, Kind, Outcome, Receipt

NOON = pendulum.datetime(2026, 11, 22, 12)
AnIncident = Callable[..., IncidentKey]


def an_event(event_id: str = "e1", kind: Kind = Kind.BOUNCED, **changes: Any) -> Event:
    values = {
        "provider": "smtp",
        "at": NOON,
        "hard": True,
        "reason": "mailbox-unknown",
        "code": "5.1.1",
        "key": "key-1",
    }
    return Event(**{**values, "event_id": event_id, "kind": kind, **changes})


def store(database: Database, *found: Event) -> int:
    with database.transaction() as session:
        return events.store(session, found, NOON)


def pending(database: Database) -> list[Event]:
    with database.transaction() as session:
        return [one for provider in events.waiting(session) for one in events.pending(session, provider, 100)]


def test_an_event_comes_out_as_it_went_in(database: Database) -> None:
    event = an_event(recipient="ab" * 16, provider_ref="r1", word="hard_bounce")

    assert store(database, event) == 1

    assert pending(database) == [event]


def test_an_event_counts_once_and_the_first_telling_stands(database: Database) -> None:
    assert store(database, an_event(), an_event(kind=Kind.DELIVERED), an_event(provider="other")) == 2
    assert store(database, an_event(kind=Kind.DELIVERED)) == 0
    assert store(database) == 0

    assert {(event.provider, event.kind) for event in pending(database)} == {
        ("smtp", Kind.BOUNCED),
        ("other", Kind.BOUNCED),
    }


def test_what_was_applied_is_not_pending_any_more(database: Database) -> None:
    store(database, an_event("e1"), an_event("e2"))
    with database.transaction() as session:
        events.mark_applied(session, events.pending(session, "smtp", 1), NOON)

    assert [event.event_id for event in pending(database)] == ["e2"]
    assert store(database, an_event("e1")) == 0


def test_events_of_words_that_we_do_not_know_are_kept(database: Database) -> None:
    store(database, an_event(kind=Kind.UNKNOWN, word="teleported", hard=None, reason=None))

    assert [(event.kind, event.word) for event in pending(database)] == [(Kind.UNKNOWN, "teleported")]
    with database.reading() as session:
        assert events.tally(session, "smtp") == {Kind.UNKNOWN: 1}


def test_one_report_that_comes_by_many_doors_at_once_counts_once(database: Database) -> None:
    report = [an_event(f"e{number}") for number in range(50)]
    new: list[int] = []
    threads = [
        threading.Thread(
            target=lambda: new.append(database.transact(lambda session: events.store(session, report, NOON)))
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(new) == 50
    assert len(pending(database)) == 50


@pytest.mark.parametrize(
    ("words", "run"),
    [
        (["policy"] * 5, 5),
        (["policy"] * 9, 5),
        (["policy", "policy", None, "policy"], 1),  # a delivery in between
        (["policy", "mailbox-unknown"], 0),
        ([], 0),
    ],
)
def test_a_run_of_refusals_is_counted_back_from_now(database: Database, words: list[str | None], run: int) -> None:
    with database.transaction() as session:
        for number, reason in enumerate(words):
            outcome = Outcome.BOUNCED if reason else Outcome.DELIVERED
            at = NOON.add(minutes=number)
            receipt = Receipt(provider="smtp", event_id=f"e{number}", outcome=outcome, at=at, reason=reason)
            receipts.record_many(session, [receipt], at)

        found = receipts.refusals_in_a_row(session, "smtp", reason="policy", since=NOON, limit=5)

    assert found == run
