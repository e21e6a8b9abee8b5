"""Several senders of one notice: they share the roster, and what one leaves the others send."""

import json
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from db import attempts, ledger, people
from flows.settings import Senders
from flows.steps import approving, enrolling, notifying, senders, sending
from tocsin.ledger import EventType

PEOPLE = 120


def prepared_for_many(installation: Any, prepare: Callable[..., str], folder: Path) -> str:
    """An incident with an approved notice to many people."""
    house = installation.house
    incident = prepare(house)
    path = folder / "many.csv"
    rows = (f"m{n},DE,en,tok-{n:016x}" for n in range(PEOPLE))
    path.write_text("account,place,language,push_token\n" + "\n".join(rows) + "\n")
    enrolling.enrol(house, incident, path, mapping=[], by="Lin Wei", now=house.now())
    approving.approve(house, incident, "notice", by="Zhao Min", now=house.now())  # they are more now
    return incident


def taken(outbox: Path) -> Counter[str]:
    lines = (line for path in outbox.glob("*.jsonl") for line in path.read_text().splitlines())
    return Counter(entry["key"] for entry in map(json.loads, lines) if entry.get("type") in {"message", "repeat"})


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Batches of ten, here and in senders that we start: then several have something to do."""
    monkeypatch.setattr(sending, "BATCH", 10)
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "if 'flows.sender' in ' '.join(sys.orig_argv):\n"
        "    from flows.steps import sending\n"
        "    sending.BATCH = 10\n"
    )
    root = Path(__file__).parents[2]
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{root}")


@pytest.mark.slow
@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("installation", ["postgresql"], indirect=True)
def test_two_senders_share_a_roster_and_tell_nobody_twice(
    installation, prepare: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    incident = prepared_for_many(installation, prepare, tmp_path)
    house = installation.house
    errand = notifying.prepare(house, incident, by="Lin Wei")
    began = sending.send_due

    def wait_for_the_other(*arguments: Any, **more: Any) -> sending.Sent:
        while not taken(installation.outbox):  # it has sent something before we begin
            time.sleep(0.01)
        return began(*arguments, **more)

    monkeypatch.setattr(sending, "send_due", wait_for_the_other)

    crew = senders.together(errand, 2)

    found = taken(installation.outbox)
    with house.database.reading() as session:
        funnel = attempts.funnel(session, incident)
        batches = ledger.listed(session, incident, event_type=EventType.SENDING_BATCH)
        assert attempts.claim_owners(session) == []
        assert not people.any_due(session, incident, house.now())
        ledger.verify(session, incident)
    assert crew.notes == ()
    assert max(found.values()) == 1
    assert len(found) >= PEOPLE
    messages = sum(sum(outcomes.values()) for outcomes in funnel.values())
    assert messages == crew.sent.messages == sum(batch.data["attempts"] for batch in batches)
    assert list((house.folder / "journals").iterdir()) == []


@pytest.mark.slow
@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("installation", ["sqlite"], indirect=True)
def test_a_sender_that_dies_stops_nobody_and_its_people_are_told_by_the_others(
    installation, prepare: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    incident = prepared_for_many(installation, prepare, tmp_path)
    started = subprocess.Popen

    def start_and_kill(command: list[str], **how: Any) -> Any:
        process = started(command, **how)
        if "flows.sender" in command:
            while not taken(installation.outbox) and process.poll() is None:
                time.sleep(0.01)
            process.kill()
        return process

    monkeypatch.setattr(senders.subprocess, "Popen", start_and_kill)

    crew = senders.together(notifying.prepare(installation.house, incident, by="Lin Wei"), 2)

    found = taken(installation.outbox)
    assert crew.notes == ("1 of 2 senders ended early (exit -9); the rest was sent",)
    assert len(found) >= PEOPLE
    with installation.house.database.reading() as session:
        assert attempts.claim_owners(session) == []
        doubts = [one.data for one in ledger.listed(session, incident, event_type=EventType.DELIVERY_DOUBT)]
    assert found.total() - len(found) <= sum(one["sent_again_with_same_key"] for one in doubts)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"processes": 0},
        {"processes": 2, "work_pool": "many", "runs": 2},
        {"work_pool": "many"},
        {"dask": "scheduler:8786", "tasks": 2},
        {"dask": "tcp://scheduler:8786"},
    ],
)
def test_senders_are_of_exactly_one_place(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Senders.model_validate(wrong)
