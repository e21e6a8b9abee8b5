"""Receipts come in: each counts once, a silent feed stops nobody, and a doubt is ended by what the provider says."""

import time
from collections.abc import Callable

import pytest

from db import attempts, ledger, people
from flows.steps import collecting, notifying, recovering, sending
from flows.wiring import House
from tocsin.delivery import Channel, Outcome
from tocsin.plan import Plan


def outcomes(house: House, incident: str) -> dict[Outcome, int]:
    with house.database.reading() as session:
        return attempts.funnel(session, incident)[Channel.PUSH]


def collected(house: House, wanted: int) -> int:
    """Collect until so many receipts have come, for they come on the real clock; how many changed something."""
    patience_ends, applied = time.monotonic() + 10, 0
    while applied < wanted and time.monotonic() < patience_ends:
        applied += collecting.collect(house, now=house.now()).applied
        time.sleep(0.1)
    return applied


def test_receipts_make_accepted_messages_delivered_and_count_once(installation, prepare: Callable[..., str]) -> None:
    house = installation.house
    incident = prepare(house)
    notifying.run(house, incident)

    assert collected(house, 3) == 3  # two tokens and a bounce

    assert outcomes(house, incident)[Outcome.DELIVERED] == 2
    assert collecting.collect(house, now=house.now()).applied == 0
    with house.database.reading() as session:
        entries = [event.data for event in ledger.listed(session, incident) if event.type == "receipt.batch"]
    assert sum(entry.get("delivered", 0) for entry in entries) == 2
    assert all(not {"key", "to", "provider_ref"} & entry.keys() for entry in entries)


def test_a_feed_that_cannot_be_reached_is_named_and_the_others_are_read(
    installation, prepare: Callable[..., str]
) -> None:
    house = installation.house
    incident = prepare(house)
    notifying.run(house, incident)
    path = installation.folder / "settings.yaml"
    here = f"http://127.0.0.1:{installation.running.http_port}/receipts?account=fake-sms"
    path.write_text(path.read_text().replace(f"{here}\n", "http://127.0.0.1:9/receipts?account=fake-sms\n"))
    house = installation.house

    found = collecting.collect(house, now=house.now())

    assert [trouble for trouble in found.troubles if "fake-sms " in trouble] == list(found.troubles)
    assert len(found.troubles) == 1
    assert collected(house, 3 - found.applied) + found.applied == 3
    assert outcomes(house, incident)[Outcome.DELIVERED] == 2


def test_a_doubt_ends_when_the_provider_says_that_the_message_arrived(
    installation, prepare: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Plan, "doubt", "hold")
    house = installation.house
    incident = prepare(house)
    real = sending._record

    def killed(*_: object) -> None:
        path = next((house.folder / recovering.JOURNALS).iterdir())
        lines = path.read_text().split("\n")
        path.write_text("\n".join(line for line in lines if not line.startswith("R")))  # no answer was heard
        raise KeyboardInterrupt

    monkeypatch.setattr(sending, "_record", killed)
    with pytest.raises(KeyboardInterrupt):
        notifying.run(house, incident)
    monkeypatch.setattr(sending, "_record", real)

    recovering.recover(house, incident, now=house.now())
    unknown = outcomes(house, incident)[Outcome.UNKNOWN]
    collected(house, 2)

    after = outcomes(house, incident)
    assert unknown >= 3
    assert after[Outcome.DELIVERED] == 2
    assert after[Outcome.UNKNOWN] == unknown - 2
    with house.database.reading() as session:
        assert people.any_due(session, incident, house.now())  # the ladder looks again
