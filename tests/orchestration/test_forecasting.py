"""The forecast from an incident's own record: shown, checked by the watch, and said once when it turns."""

import json
from collections.abc import Callable

import pytest

from db import attempts, ledger, people
from db.attempts import NewAttempt
from db.people import NewPerson
from flows.steps import forecasting, watching
from tocsin.delivery import Channel, Outcome, Settled
from tocsin.ledger import EventType

# What is tried here is the same code on either database; their differences have tests of their own.
pytestmark = pytest.mark.parametrize("installation", ["sqlite"], indirect=True)


def turns(house, incident: str) -> list[dict]:  # type: ignore[type-arg]
    with house.database.reading() as session:
        found = ledger.listed(session, incident, event_type=EventType.WARNING_SENT)
    return [event.data for event in found if "forecast" in event.data]


def enrol_many(house, incident: str, number: int) -> None:
    """People whose addresses nobody can read: a forecast needs none."""
    with house.database.transaction() as session:
        first = people.next_id(session, incident)
        crowd = [
            NewPerson(
                id=first + place,
                wave=1,
                ref=f"{place:032x}",
                place="CN",
                language="zh",
                sealed=b"sealed",
                has_push=place % 2 == 0,
                has_sms=True,
                next_at=house.now(),
            )
            for place in range(number)
        ]
        people.insert_many(session, incident, crowd)


def test_before_anything_was_sent_a_forecast_says_what_it_assumes(installation, prepare: Callable[..., str]) -> None:
    house = installation.house
    incident = prepare(house)

    seen = forecasting.look(house, incident)

    assert seen is not None
    assert (seen.open, seen.holds) == (7, True)
    assert any("assumed, for nothing was measured yet" in reason for reason in seen.reasons)
    assert not any("deadline" in text for text in watching.run(house).warned)  # nothing is under way
    json.dumps(seen.document())


def test_without_a_roster_there_is_no_forecast(installation, prepare: Callable[..., str]) -> None:
    assert forecasting.look(installation.house, prepare(installation.house, upto="declared")) is None


def test_when_all_have_a_verdict_nobody_is_left_to_tell(
    installation, prepare: Callable[..., str], settle: Callable[..., None]
) -> None:
    house = installation.house
    incident = prepare(house)
    settle(house, incident)
    seen = forecasting.look(house, incident)
    assert seen is not None
    assert seen.sentence == "Nobody is left to tell."


def test_a_forecast_that_turns_is_said_once_each_way(installation, prepare: Callable[..., str]) -> None:
    house = installation.house
    incident = prepare(house)
    enrol_many(house, incident, 3000)
    assert turns(house, incident) == []
    assert [text for text in watching.run(house).warned if "deadline" in text] == []
    with house.database.reading() as session:
        deadline = forecasting.deadline(session, incident)
    assert deadline is not None

    installation.set_clock(deadline.subtract(minutes=2))
    seen = forecasting.look(house, incident)
    first, again = watching.run(house), watching.run(house)

    assert seen is not None
    assert seen.late > 1000
    assert sum("the deadline is in danger" in text for text in first.warned) == 1
    assert not any("danger" in text for text in again.warned)
    assert [entry["forecast"] for entry in turns(house, incident)] == ["bad"]

    installation.set_clock(deadline.subtract(days=3))
    assert sum("the deadline holds again" in text for text in watching.run(house).warned) == 1
    watching.run(house)
    assert [entry["forecast"] for entry in turns(house, incident)] == ["bad", "good"]


def test_speeds_shares_and_lags_are_read_from_the_record(installation, prepare: Callable[..., str]) -> None:
    house = installation.house
    incident = prepare(house)
    enrol_many(house, incident, 2000)
    now = house.now()
    for place in range(4):
        send(house, incident, range(8 + 200 * place, 208 + 200 * place), at=now.subtract(seconds=1200 - 20 * place))
    seen = forecasting.look(house, incident)

    assert seen is not None
    installation.set_clock(now.subtract(seconds=1100))
    seen = forecasting.look(house, incident)
    assert seen is not None
    sms = next(line for line in seen.lines if line.pace.channel is Channel.SMS)
    assert (sms.pace.basis, sms.pace.per_second) == ("measured", pytest.approx(10, rel=0.1))
    installation.set_clock(now)
    seen = forecasting.look(house, incident)
    assert seen is not None
    sms = next(line for line in seen.lines if line.pace.channel is Channel.SMS)
    assert sms.pace.basis == "assumed"  # a quarter of an hour later that is no news any more
    assert sms.pace.delivered == pytest.approx(0.5, abs=0.05)
    assert sms.pace.lag(0.5) == pytest.approx(7, abs=1)


def send(house, incident: str, numbers: range, *, at) -> None:  # type: ignore[no-untyped-def]
    """Every second message gets a receipt after seven seconds."""
    new = [
        NewAttempt(
            key=f"{number:064x}", person_id=number, wave=1, channel=Channel.SMS, provider="fake-sms-cn", text_hash="t"
        )
        for number in numbers
    ]
    words = [
        Settled(
            key=one.key,
            outcome=Outcome.DELIVERED if one.person_id % 2 else Outcome.ACCEPTED,
            provider="fake-sms-cn",
            at=at.add(seconds=7),
        )
        for one in new
    ]
    with house.database.transaction() as session:
        attempts.claim_many(session, incident, new, "one", at.add(minutes=10), at)
        attempts.settle_many(session, incident, words)
        entry = {"attempts": len(new), "deferred": 0, "sms:accepted": len(new)}
        ledger.append(session, incident, EventType.SENDING_BATCH, actor="tocsin", data=entry, at=at)


@pytest.mark.slow
def test_ten_thousand_people_are_foreseen_from_a_sample(installation, prepare: Callable[..., str]) -> None:
    house = installation.house
    incident = prepare(house)
    enrol_many(house, incident, 10_000)
    seen = forecasting.look(house, incident)
    assert seen is not None
    assert seen.open == 10_007
    assert seen.lines[0].messages == pytest.approx(5_000, rel=0.05)
