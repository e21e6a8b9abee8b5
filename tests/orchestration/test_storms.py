"""Providers that throttle, refuse us or are down: the run ends, says why, and people are told when they are back."""

import json
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy

from db import attempts, people
from flows.steps import approving, enrolling, halting, notifying, sending
from flows.wiring import House
from tocsin.delivery import Channel, Verdict

# What is tried here is the same code on either database; their differences have tests of their own.
pytestmark = pytest.mark.parametrize("installation", ["sqlite"], indirect=True)

JITTER_MINUTES = 2  # people put off together are due again at times of their own


def enrol(house: House, incident: str, folder: Path, count: int, *, token: str = "tok-") -> None:
    path = folder / f"storm-{count}.csv"
    rows = (f"s{n},DE,en,{token}{n:016x}" for n in range(count))
    path.write_text("account,place,language,push_token\n" + "\n".join(rows) + "\n")
    enrolling.enrol(house, incident, path, mapping=[], by="Lin Wei", now=house.now())
    approving.approve(house, incident, "notice", by="Zhao Min", now=house.now())  # they are more now


def taken(outbox: Path) -> Counter[str]:
    path = outbox / "push.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return Counter(json.loads(line)["key"] for line in lines)


def rounds(installation, house: House, incident: str, number: int) -> list[str]:
    """Run, and move the clock to the next look, some times; what the first run said."""
    said: list[str] = []
    for _ in range(number):
        begun = house.now()
        progress = notifying.run(house, incident)
        said = said or list(progress.did)
        with house.database.reading() as session:
            following = people.next_look(session, incident)
            assert not people.any_due(session, incident, begun)
        time.sleep(0.25)  # the fakes' receipts come later, on the real clock
        if following is not None and following > house.now():
            installation.set_clock(following.add(minutes=2))  # retries are spread over half their back-off
    return said


@pytest.fixture
def change_url(installation) -> Callable[[str, str], None]:
    """Replaces a piece of the settings."""

    def changed(old: str, new: str) -> None:
        path = installation.folder / "settings.yaml"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    return changed


@pytest.mark.parametrize(
    ("good", "bad", "reason"),
    [
        ("gateway://fake-push@127.0.0.1:{http}/", "gateway://fake-push@127.0.0.1:9/", "unreachable"),
        ("gateway://fake-push@", "gateway://locked-out@", "provider-refuses-us"),
    ],
)
def test_a_provider_that_is_down_or_refuses_us_is_named_and_everyone_is_told_when_it_is_back(
    installation,
    prepare: Callable[..., str],
    tmp_path: Path,
    change_url: Callable[[str, str], None],
    good: str,
    bad: str,
    reason: str,
) -> None:
    good = good.format(http=installation.running.http_port)
    change_url(good, bad)
    house = installation.house
    incident = prepare(house)
    enrol(house, incident, tmp_path, 40)

    said = rounds(installation, house, incident, 2)
    again = notifying.run(house, incident)

    assert any("look at provider fake-push:" in line and reason in line for line in said)
    assert any("look at provider fake-push:" in line for line in again.did)
    change_url(bad, good)
    rounds(installation, installation.house, incident, 8)
    with house.database.reading() as session:
        verdicts = people.counts(session, incident).by_verdict
        assert attempts.put_off(session, incident) == {}
    assert verdicts[Verdict.DELIVERED] >= 40
    assert max(taken(installation.outbox).values()) == 1


def test_a_provider_that_throttles_everyone_gets_everyone_in_the_end(
    installation, prepare: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "BATCH", 10)
    house = installation.house
    incident = prepare(house)
    enrol(house, incident, tmp_path, 40, token="busy-")  # the fakes answer 429, twice for each

    said = rounds(installation, house, incident, 14)

    assert any("look at provider fake-push: " in line for line in said)
    with house.database.reading() as session:
        counts = people.counts(session, incident)
    assert counts.by_verdict[Verdict.DELIVERED] >= 40 - 1
    assert max(taken(installation.outbox).values()) == 1


def test_a_run_asks_a_provider_that_is_down_for_one_batch_and_not_for_all(
    installation,
    prepare: Callable[..., str],
    tmp_path: Path,
    change_url: Callable[[str, str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    change_url("gateway://fake-push@", "gateway://locked-out@")
    house = installation.house
    incident = prepare(house)
    enrol(house, incident, tmp_path, 60)
    monkeypatch.setattr(sending, "BATCH", 10)
    asked: list[str] = []
    real = sending.dispatch

    def dispatch(messages, provider, **options):
        asked.append(provider.name)
        return real(messages, provider, **options)

    monkeypatch.setattr(sending, "dispatch", dispatch)

    notifying.run(house, incident)

    assert asked.count("fake-push") == 1
    with house.database.reading() as session:
        assert attempts.put_off(session, incident)["fake-push", "provider-refuses-us"] >= 60


def statements_of_a_batch(house: House, incident: str) -> Counter[str]:
    found: Counter[str] = Counter()

    def count(_connection, _cursor, statement, _parameters, _context, _many):
        found[statement.split(maxsplit=1)[0]] += 1

    sqlalchemy.event.listen(house.database.engine, "before_cursor_execute", count)
    try:
        notifying.send(house, incident, by="tocsin")
    finally:
        sqlalchemy.event.remove(house.database.engine, "before_cursor_execute", count)
    return found


def test_a_batch_costs_the_same_number_of_statements_however_many_people_are_in_it(
    installation, prepare: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(halting, "LOOK_SECONDS", 60)  # it asks by the clock, not by the batch
    house = installation.house
    incident = prepare(house)
    notifying.run(house, incident)
    costs = []
    for size in (20, 200):
        enrol(house, incident, tmp_path, size, token=f"tok{size}-")
        costs.append(statements_of_a_batch(house, incident))

    # SQLite and PostgreSQL take rows that give something back in pages of a fixed size: those may grow a little.
    few, many = costs
    assert many.total() <= few.total() + 4
    with house.database.reading() as session:
        assert sum(attempts.funnel(session, incident)[Channel.PUSH].values()) >= 200
