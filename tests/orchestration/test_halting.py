"""A pause and a withdrawn approval stop the sending in the middle of a batch; nobody is lost and nobody told twice."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from db import attempts, ledger, people
from flows.steps import approving, enrolling, halting, notifying, pausing, sending
from flows.wiring import House
from tocsin.delivery import Outcome, Settled
from tocsin.errors import NotAllowed

PEOPLE = 300


class Slow:
    """A provider that takes its time, and writes down what it took."""

    def __init__(self) -> None:
        self.taken: Counter[str] = Counter()
        self.begun = threading.Event()
        self.seconds = 0.01

    def dispatch(self, messages, provider, *, journal, now, stop, **_):
        for message in messages:
            if stop():
                yield sending.Deferred(key=message.key, code=sending.STOPPED)
                continue
            journal.sending(message.key)
            self.taken[message.key] += 1
            self.begun.set()
            time.sleep(self.seconds)
            yield Settled(key=message.key, outcome=Outcome.ACCEPTED, provider=provider.name, at=now())


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Slow:
    made = Slow()
    monkeypatch.setattr(sending, "dispatch", made.dispatch)
    monkeypatch.setattr(halting, "LOOK_SECONDS", 0.05)
    return made


@pytest.fixture
def incident(installation, prepare: Callable[..., str], tmp_path: Path) -> str:
    house = installation.house
    made = prepare(house)
    path = tmp_path / "many.csv"
    rows = (f"m{n},DE,en,tok-{n:016x}" for n in range(PEOPLE))
    path.write_text("account,place,language,push_token\n" + "\n".join(rows) + "\n")
    enrolling.enrol(house, made, path, mapping=[], by="Lin Wei", now=house.now())
    approving.approve(house, made, "notice", by="Zhao Min", now=house.now())  # they are more now
    return made


def stop_in_the_middle(installation, slow: Slow, incident: str, act: Callable[[House], object]) -> int:
    """Send, act when the first message has left; how many had left when all was over."""
    run = threading.Thread(target=notifying.run, args=(installation.house, incident))
    run.start()
    assert slow.begun.wait(20)
    acting = installation.house
    act(acting)
    run.join(20)
    assert not run.is_alive()
    return len(slow.taken)


def claims(house: House) -> list[object]:
    with house.database.reading() as session:
        return list(attempts.claim_owners(session))


def test_a_pause_stops_a_batch_in_the_middle_and_a_resume_tells_the_others_once(
    installation, slow: Slow, incident: str
) -> None:
    left = stop_in_the_middle(
        installation, slow, incident, lambda house: pausing.pause(house, incident, by="Zhao Min", now=house.now())
    )
    house = installation.house
    slow.seconds = 0

    assert 0 < left < PEOPLE // 2
    assert claims(house) == []
    assert list((house.folder / "journals").iterdir()) == []
    assert any("paused" in one for one in notifying.run(house, incident).waiting)
    with pytest.raises(NotAllowed, match="is paused"):
        notifying.send(house, incident, by="Lin Wei")
    assert len(slow.taken) == left
    assert not pausing.pause(house, incident, by="Zhao Min", now=house.now())
    assert pausing.resume(house, incident, by="Zhao Min", now=house.now())
    assert not pausing.resume(house, incident, by="Zhao Min", now=house.now())
    notifying.run(house, incident)
    assert len(slow.taken) >= PEOPLE
    assert set(slow.taken.values()) == {1}
    with house.database.reading() as session:
        ledger.verify(session, incident)
        said = [event.type for event in ledger.listed(session, incident) if event.type.startswith("sending.")]
        assert not people.any_due(session, incident, house.now())
    assert (said.count("sending.paused"), said.count("sending.resumed")) == (1, 1)
    tried = [one.tries for some in _attempts(house, incident) for one in some]
    assert max(tried) == 1  # to be stopped is no try of the provider's


def test_a_withdrawn_approval_stops_a_batch_in_the_middle(installation, slow: Slow, incident: str) -> None:
    def withdraw(house: House) -> None:
        approving.refuse(house, incident, "notice", by="Zhao Min", reason="a wrong number in it", now=house.now())

    left = stop_in_the_middle(installation, slow, incident, withdraw)

    assert 0 < left < PEOPLE // 2
    assert claims(installation.house) == []
    assert any("approval" in one for one in notifying.run(installation.house, incident).waiting)
    assert len(slow.taken) == left


def test_no_more_are_told_than_were_asked_for(installation, slow: Slow, incident: str) -> None:
    slow.seconds = 0
    house = installation.house

    sent = notifying.send(house, incident, by="Lin Wei", most=7)

    assert (sent.messages, len(slow.taken)) == (7, 7)
    assert json.dumps(dict(sent.outcomes))
    notifying.send(house, incident, by="Lin Wei")
    assert set(slow.taken.values()) == {1}


def _attempts(house: House, incident: str) -> list[list[attempts.Attempt]]:
    with house.database.reading() as session:
        found = [person.id for person in people.iterate(session, incident)]
        return list(attempts.of_people(session, incident, found).values())
