"""People move: to another channel when they do not want one, and by a clock of their own when they are found late."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from db import attempts, events, ledger, people
from flows.steps import approving, collecting, enrolling, listing, notifying
from flows.wiring import House
from tocsin.delivery import Channel, Event, Kind, Outcome

# What is tried here is the same code on either database; their differences have tests of their own.
pytestmark = pytest.mark.parametrize("installation", ["sqlite"], indirect=True)


def tried(house: House, incident: str) -> dict[int, list[tuple[Channel, Outcome]]]:
    with house.database.reading() as session:
        ids = [person.id for person in people.iterate(session, incident)]
        made = attempts.of_people(session, incident, ids)
    return {number: [(one.channel, one.outcome) for one in some] for number, some in made.items()}


def hear(house: House, kind: Kind, attempt: attempts.Attempt, *, minutes: int = 0) -> None:
    now = house.now()
    event = Event(
        provider=attempt.provider, event_id=f"{kind}-{minutes}", kind=kind, at=now.add(minutes=minutes), key=attempt.key
    )
    for _ in range(2):  # services tell things twice
        house.database.transact(lambda session: events.store(session, [event, event], now))
        collecting.collect(house, now=now)


def test_a_stop_moves_a_person_to_another_channel_and_who_was_reached_is_left_alone(
    installation: Any, prepare: Callable[..., str]
) -> None:
    path = installation.folder / "settings.yaml"
    path.write_text("\n".join(line for line in path.read_text().splitlines() if "receipts:" not in line))
    house = installation.house
    incident = prepare(house)
    notifying.send(house, incident, by="Lin Wei")
    before = tried(house, incident)
    with house.database.reading() as session:
        (first,) = [one for one in people.iterate(session, incident) if before.get(one.id) == [
            (Channel.PUSH, Outcome.ACCEPTED)] and len(one.channels) > 1]  # fmt: skip
        (sent,) = attempts.of_people(session, incident, [first.id])[first.id]

    hear(house, Kind.SUBSCRIBED, sent, minutes=-9)  # from before the word that counts
    hear(house, Kind.UNSUBSCRIBED, sent, minutes=-2)
    hear(house, Kind.SUBSCRIBED, sent, minutes=-5)
    notifying.send(house, incident, by="Lin Wei")

    after = tried(house, incident)
    assert [channel for channel, _ in after[first.id]] == [Channel.PUSH, Channel.EMAIL]
    assert {number: found for number, found in after.items() if number != first.id} == {
        number: found for number, found in before.items() if number != first.id
    }
    hear(house, Kind.COMPLAINED, sent, minutes=-1)  # nobody complains of what did not arrive
    notifying.send(house, incident, by="Lin Wei")
    assert [row["channel"] for row in listing.listed(house, incident, "delivered")] == ["push"]
    assert len(tried(house, incident)[first.id]) == 2
    with house.database.reading() as session:
        said = [event.data for event in ledger.listed(session, incident) if event.type == "person.wishes"]
    assert said == [{"channels": {"push:opted-out": 1}}]


def test_people_who_are_found_after_the_deadline_have_their_own_clock(
    installation: Any, prepare: Callable[..., str], tmp_path: Path
) -> None:
    house = installation.house
    incident = prepare(house)
    notifying.send(house, incident, by="Lin Wei")
    installation.set_clock(house.now().add(days=30))
    before = tried(house, incident)
    more = tmp_path / "more.csv"
    more.write_text(
        "account,name,place,language,push_token,email\n"
        "a1,王伟,CN,zh,tok-aaaaaaaaaaaa0001,user.1@mail.example.cn\n"
        "b1,赵磊,CN,zh,quiet-000000001,user.8@mail.example.cn\n"
    )
    path = installation.folder / "settings.yaml"
    path.write_text("\n".join(line for line in path.read_text().splitlines() if "receipts:" not in line))
    house = installation.house

    enrolling.enrol(house, incident, more, mapping=[], by="Lin Wei", now=house.now())
    approving.approve(house, incident, "notice", by="Zhao Min", now=house.now())
    notifying.send(house, incident, by="Lin Wei")
    installation.set_clock(house.now().add(minutes=20))
    notifying.send(house, incident, by="Lin Wei")

    after = tried(house, incident)
    (new,) = after.keys() - before.keys()
    assert [channel for channel, _ in after[new]] == [Channel.PUSH], "no hurry: the deadline is not theirs"
    assert max(len(found) for found in after.values()) > 1, "the deadline hurries the others"
    installation.set_clock(house.now().add(days=1))
    notifying.send(house, incident, by="Lin Wei")
    assert [channel for channel, _ in tried(house, incident)[new]] == [Channel.PUSH, Channel.EMAIL]
