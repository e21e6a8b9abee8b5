"""Attempts and receipts: claimed once, settled by the strongest word whatever the order."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import pendulum
import pytest
from pendulum import DateTime

from db import attempts, outcomes, people, receipts
from db.attempts import NewAttempt, Retry
from db.people import NewPerson, Settle
from db.sealing import IncidentKey
from db.sessions import Database
from tocsin.delivery import Channel, Outcome, Receipt, Settled, Verdict
from tocsin.errors import Invalid

NOON = pendulum.datetime(2026, 11, 22, 12)
UNTIL = NOON.add(minutes=10)
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


def an_attempt(number: int = 1, **changes: Any) -> NewAttempt:
    values: dict[str, Any] = {
        "key": f"key-{number}",
        "person_id": number,
        "wave": 1,
        "channel": Channel.EMAIL,
        "provider": "smtp",
        "text_hash": "h",
    }
    return NewAttempt(**{**values, **changes})


def a_word(number: int = 1, outcome: Outcome = Outcome.ACCEPTED, *, at: DateTime = NOON, **changes: Any) -> Settled:
    return Settled(key=f"key-{number}", outcome=outcome, provider="smtp", at=at, **changes)


def a_receipt(event_id: str, outcome: Outcome = Outcome.DELIVERED, *, at: DateTime = NOON, **changes: Any) -> Receipt:
    return Receipt(provider="smtp", event_id=event_id, outcome=outcome, at=at, **changes)


def enrol(database: Database, *persons: NewPerson, incident: str = "leak") -> None:
    with database.transaction() as session:
        people.insert_many(session, incident, persons)


def claim(database: Database, new: Sequence[NewAttempt], *, owner: str = "one", now: DateTime = NOON) -> list[str]:
    with database.transaction() as session:
        return attempts.claim_many(session, "leak", new, owner, now.add(minutes=10), now)


def settle(database: Database, *settled: Settled) -> list[str]:
    with database.transaction() as session:
        return attempts.settle_many(session, "leak", settled)


def record(database: Database, *new: Receipt, now: DateTime = NOON) -> receipts.Recorded:
    with database.transaction() as session:
        return receipts.record_many(session, new, now)


def the_attempt(database: Database, number: int = 1) -> attempts.Attempt:
    with database.reading() as session:
        return attempts.of_people(session, "leak", [number])[number][0]


def due_ids(database: Database, now: DateTime, **options: Any) -> list[int]:
    with database.reading() as session:
        return [person.id for person in people.due(session, "leak", now, 1000, **options)]


def test_a_message_is_claimed_once(database: Database, an_incident: AnIncident) -> None:
    an_incident()
    enrol(database, *(a_person(number) for number in (1, 2, 3)))

    assert claim(database, [an_attempt(1), an_attempt(2), an_attempt(2)]) == ["key-1", "key-2"]
    assert claim(database, [an_attempt(2), an_attempt(3)], owner="two") == ["key-3"]
    assert claim(database, []) == []

    attempt = the_attempt(database, 2)
    assert (attempt.claim_owner, attempt.outcome, attempt.tries, attempt.claim_until) == (
        "one",
        Outcome.CLAIMED,
        1,
        UNTIL,
    )


def test_a_claim_that_ran_out_is_a_doubt_and_cannot_be_claimed_again(
    database: Database, an_incident: AnIncident
) -> None:
    an_incident()
    enrol(database, a_person(1), a_person(2))
    claim(database, [an_attempt(1), an_attempt(2)])
    settle(database, a_word(2))
    late = UNTIL.add(seconds=1)

    with database.reading() as session:
        assert attempts.expired(session, "leak", UNTIL) == []
        assert [attempt.key for attempt in attempts.expired(session, "leak", late)] == ["key-1"]
        assert attempts.claim_owners(session, "leak") == [("one", UNTIL)]
        assert [attempt.key for attempt in attempts.claimed_by(session, "leak", "one")] == ["key-1"]
        assert attempts.claimed_by(session, "leak", "two") == []
    assert claim(database, [an_attempt(1)], owner="two", now=late) == []

    settle(database, a_word(1, Outcome.UNKNOWN, reason="process-lost"))
    with database.reading() as session:
        assert attempts.expired(session, "leak", late) == []
        assert attempts.claim_owners(session, "leak") == []


def test_what_surely_did_not_leave_is_claimed_again_when_its_time_has_come_by_one_worker(
    database: Database, an_incident: AnIncident
) -> None:
    an_incident()
    enrol(database, a_person(1))
    claim(database, [an_attempt(1)])
    later = NOON.add(minutes=3)
    with database.transaction() as session:
        attempts.retry_later(session, "leak", [Retry(key="key-1", not_before=later)], owner="one")
        attempts.retry_later(session, "leak", [], owner="one")
        assert attempts.expired(session, "leak", NOON.add(days=1)) == []  # put off is no doubt
        assert attempts.claim_owners(session, "leak") == []

    assert claim(database, [an_attempt(1)], owner="two", now=later.subtract(seconds=1)) == []
    assert claim(database, [an_attempt(1, provider="other")], owner="two", now=later) == ["key-1"]
    assert claim(database, [an_attempt(1)], owner="three", now=later) == []
    attempt = the_attempt(database)
    assert (attempt.claim_owner, attempt.tries, attempt.provider, attempt.not_before) == ("two", 2, "other", None)


def test_a_settled_message_cannot_be_put_off(database: Database, an_incident: AnIncident) -> None:
    an_incident()
    enrol(database, a_person(1))
    claim(database, [an_attempt(1)])
    settle(database, a_word(1))

    with database.transaction() as session:
        attempts.retry_later(session, "leak", [Retry(key="key-1", not_before=NOON)], owner="one")

    assert claim(database, [an_attempt(1)], now=NOON.add(days=1)) == []
    assert the_attempt(database).outcome is Outcome.ACCEPTED


def test_settling_records_what_the_provider_said_and_frees_the_claim(
    database: Database, an_incident: AnIncident
) -> None:
    an_incident()
    enrol(database, a_person(1), a_person(2))
    claim(database, [an_attempt(1), an_attempt(2)])

    refused = a_word(2, Outcome.REFUSED, code="550", reason="mailbox-unknown")
    changed = settle(database, a_word(1, provider_ref="r1"), refused)

    assert changed == ["key-1", "key-2"]
    first, second = the_attempt(database, 1), the_attempt(database, 2)
    assert (first.outcome, first.provider_ref, first.settled_at) == (Outcome.ACCEPTED, "r1", NOON)
    assert (first.claim_owner, first.claim_until) == (None, None)
    assert (second.outcome, second.code, second.reason) == (Outcome.REFUSED, "550", "mailbox-unknown")
    with database.reading() as session:
        assert attempts.funnel(session, "leak") == {Channel.EMAIL: {Outcome.ACCEPTED: 1, Outcome.REFUSED: 1}}


def test_a_weaker_word_never_replaces_a_stronger_one(database: Database, an_incident: AnIncident) -> None:
    an_incident()
    enrol(database, a_person(1))
    claim(database, [an_attempt(1)])
    settle(database, a_word(1, Outcome.ACCEPTED))

    assert settle(database, a_word(1, Outcome.UNKNOWN, at=NOON.add(hours=1))) == []
    assert the_attempt(database).outcome is Outcome.ACCEPTED
    assert settle(database) == []


def test_a_message_that_nobody_claimed_cannot_be_settled_and_the_batch_stays_undone(
    database: Database, an_incident: AnIncident
) -> None:
    an_incident()
    enrol(database, a_person(1))
    claim(database, [an_attempt(1)])

    with pytest.raises(Invalid, match=r"1 messages .* never claimed"):
        settle(database, a_word(1), a_word(9))
    with pytest.raises(Invalid, match="settled as claimed"):
        settle(database, a_word(1, Outcome.CLAIMED))
    assert the_attempt(database).outcome is Outcome.CLAIMED


def test_a_receipt_changes_the_attempt_and_makes_its_person_due(database: Database, an_incident: AnIncident) -> None:
    an_incident()
    enrol(database, a_person(1, next_at=None), a_person(2, next_at=None))
    claim(database, [an_attempt(1), an_attempt(2)])
    settle(database, a_word(1, provider_ref="r1"), a_word(2, provider_ref="r2"))
    later = NOON.add(hours=1)

    recorded = record(
        database, a_receipt("e1", key="key-1"), a_receipt("e2", Outcome.BOUNCED, provider_ref="r2"), now=later
    )

    assert (recorded.applied, recorded.unmatched) == (2, 0)
    assert recorded.by_incident == {"leak": {Outcome.DELIVERED: 1, Outcome.BOUNCED: 1}}
    assert (the_attempt(database, 1).outcome, the_attempt(database, 2).outcome) == (Outcome.DELIVERED, Outcome.BOUNCED)
    assert due_ids(database, later) == [1, 2]


def test_a_receipt_counts_once_however_often_it_comes(database: Database, an_incident: AnIncident) -> None:
    an_incident()
    enrol(database, a_person(1, next_at=None))
    claim(database, [an_attempt(1)])
    settle(database, a_word(1))
    receipt = a_receipt("e1", key="key-1")

    assert record(database, receipt, receipt).applied == 1
    with database.transaction() as session:
        people.schedule_many(session, "leak", [(1, None)])
    assert record(database, receipt).applied == 0
    assert due_ids(database, NOON.add(days=1)) == []
    assert record(database).applied == 0


def test_the_same_event_id_of_two_providers_is_two_events(database: Database, an_incident: AnIncident) -> None:
    an_incident()
    enrol(database, a_person(1))
    claim(database, [an_attempt(1)])
    other = Receipt(provider="other", event_id="e1", outcome=Outcome.BOUNCED, at=NOON, key="key-1")

    assert record(database, a_receipt("e1", key="key-1"), other).applied == 2


def test_a_settled_person_becomes_due_again_when_a_receipt_tells_more(
    database: Database, an_incident: AnIncident
) -> None:
    an_incident()
    enrol(database, a_person(1))
    claim(database, [an_attempt(1)])
    settle(database, a_word(1))
    with database.transaction() as session:
        people.settle_many(session, "leak", [Settle(1, Verdict.UNCONFIRMED, Channel.EMAIL, NOON)])

    record(database, a_receipt("e1", key="key-1"))

    assert due_ids(database, NOON) == [1]


def test_a_receipt_that_comes_before_the_answer_was_recorded_is_not_lost(
    database: Database, an_incident: AnIncident
) -> None:
    an_incident()
    enrol(database, a_person(1, next_at=None))
    claim(database, [an_attempt(1)])

    early = record(database, a_receipt("e1", provider_ref="r1"))
    assert (early.applied, early.unmatched, early.by_incident) == (0, 1, {})
    settle(database, a_word(1, provider_ref="r1"))

    assert the_attempt(database).outcome is Outcome.DELIVERED
    assert due_ids(database, NOON) == [1]


def test_a_receipt_that_both_sides_missed_is_found_by_the_next_look(
    database: Database, an_incident: AnIncident
) -> None:
    """The settling and the receipt commit at the same time, each blind to the other: only a later look sees both."""
    an_incident()
    enrol(database, a_person(1, next_at=None))
    claim(database, [an_attempt(1)])
    record(database, a_receipt("e1", provider_ref="r1"), a_receipt("e2", provider_ref="of nobody"))
    with database.transaction() as session:
        outcomes.advance(session, [outcomes.Word(key="key-1", outcome=Outcome.ACCEPTED, at=NOON, provider_ref="r1")])

    with database.transaction() as session:
        first = receipts.rematch(session, now=NOON)
        second = receipts.rematch(session, now=NOON)

    assert (first.applied, second.applied) == (1, 0)
    assert the_attempt(database).outcome is Outcome.DELIVERED


def test_a_delivery_receipt_that_overtakes_the_answer_stands_and_the_reference_is_kept(
    database: Database, an_incident: AnIncident
) -> None:
    an_incident()
    enrol(database, a_person(1))
    claim(database, [an_attempt(1)])

    record(database, a_receipt("e1", key="key-1", at=NOON.add(seconds=1)))
    settle(database, a_word(1, provider_ref="r1"))

    attempt = the_attempt(database)
    assert (attempt.outcome, attempt.provider_ref, attempt.claim_owner) == (Outcome.DELIVERED, "r1", None)


WORDS = {
    "doubt": (Outcome.UNKNOWN, 9),
    "taken": (Outcome.ACCEPTED, 0),
    "bounced": (Outcome.BOUNCED, 2),
    "delivered": (Outcome.DELIVERED, 3),
    "bounced after all": (Outcome.BOUNCED, 4),
}


@pytest.mark.parametrize(
    ("names", "outcome"),
    [
        (("taken", "doubt"), Outcome.ACCEPTED),
        (("taken", "bounced"), Outcome.BOUNCED),
        (("taken", "bounced", "delivered"), Outcome.DELIVERED),
        (("taken", "delivered", "bounced after all"), Outcome.BOUNCED),
        (("doubt", "taken", "bounced", "delivered", "bounced after all"), Outcome.BOUNCED),
    ],
)
def test_the_outcome_does_not_depend_on_the_order_in_which_words_arrive(
    database: Database, an_incident: AnIncident, names: tuple[str, ...], outcome: Outcome
) -> None:
    an_incident()
    orders = list(itertools.permutations(names))[:24]
    enrol(database, *(a_person(number) for number in range(1, len(orders) + 1)))
    claim(database, [an_attempt(number) for number in range(1, len(orders) + 1)])

    for place in range(len(names)):
        said = [
            a_receipt(
                f"{number}-{place}",
                WORDS[order[place]][0],
                at=NOON.add(minutes=WORDS[order[place]][1]),
                key=f"key-{number}",
            )
            for number, order in enumerate(orders, start=1)
        ]
        record(database, *said)

    with database.reading() as session:
        assert attempts.funnel(session, "leak") == {Channel.EMAIL: {outcome: len(orders)}}


def test_at_the_same_instant_delivered_counts_and_not_bounced(database: Database, an_incident: AnIncident) -> None:
    an_incident()
    enrol(database, a_person(1), a_person(2))
    claim(database, [an_attempt(1), an_attempt(2)])

    record(database, a_receipt("a", key="key-1"), a_receipt("b", Outcome.BOUNCED, key="key-1"))
    record(database, a_receipt("c", Outcome.BOUNCED, key="key-2"), a_receipt("d", key="key-2"))

    assert (the_attempt(database, 1).outcome, the_attempt(database, 2).outcome) == (Outcome.DELIVERED,) * 2


def test_a_receipt_cannot_say_claimed(database: Database) -> None:
    with pytest.raises(Invalid, match="cannot say"):
        record(database, a_receipt("e1", Outcome.CLAIMED, key="key-1"))


def test_receipts_of_two_incidents_in_one_batch_find_their_own(database: Database, an_incident: AnIncident) -> None:
    an_incident()
    an_incident("other")
    enrol(database, a_person(1, next_at=None))
    enrol(database, a_person(1, next_at=None), incident="other")
    claim(database, [an_attempt(1)])
    with database.transaction() as session:
        attempts.claim_many(session, "other", [an_attempt(1, key="other-1")], "one", UNTIL, NOON)

    recorded = record(database, a_receipt("e1", key="key-1"), a_receipt("e2", Outcome.BOUNCED, key="other-1"))

    assert recorded.by_incident == {"leak": {Outcome.DELIVERED: 1}, "other": {Outcome.BOUNCED: 1}}
    with database.reading() as session:
        assert attempts.funnel(session, "other") == {Channel.EMAIL: {Outcome.BOUNCED: 1}}
        assert people.any_due(session, "other", NOON)
