"""Legal holds: nobody of a held place is told, the clock does what the statute says, and nobody forgets the review."""

from pathlib import Path

import pendulum
import pytest
import yaml

from db import holds, ledger, people
from db.hold_tables import LegalHold
from flows.steps import declaring, halting, holding, notifying, pictures, reminding
from flows.steps import evidence as evidence_step
from flows.steps.warning import Plans
from tocsin import facts as fact_parser
from tocsin.errors import Invalid, NotAllowed, NotFound
from tocsin.ledger import EventType

ON_SQLITE = pytest.mark.parametrize("installation", ["sqlite"], indirect=True)
FACTS = """
title: Customers of a shop
organisation: {role: controller, seat: US-MD}
times: {occurred_from: 2026-11-01T00:00:00Z, discovered: 2026-11-10T09:00:00-05:00, aware: 2026-11-10T09:00:00-05:00,
  determined: 2026-11-12T09:00:00-05:00}
breach: {kinds: [confidentiality], cause: attack, exfiltrated: true, encrypted: false}
risk: {to_people: high, determined_by: Zhao Min, basis: misuse was seen}
data: {elements: [name, ssn]}
people: {total: 700, by_place: {US-MD: 700}, unlocated: 0}
"""


def asked(*places: str, paper: Path | None = None, **more: object) -> holding.Request:
    document = {"by": "law-enforcement", **({"places": list(places)} if places else {}), **more}
    review_at = document.pop("review_at", None)
    return holding.request(document, authority="State Police", paper=paper, review_at=review_at)


def open_in(house, incident: str, place: str) -> list[people.Person]:
    with house.database.reading() as session:
        return [one for one in people.iterate(session, incident) if one.place == place and one.verdict is None]


def duty(house, incident: str, key: str) -> dict:
    return next(row for row in pictures.deadlines(house, incident) if row["duty"] == key)


@ON_SQLITE
def test_people_of_a_held_place_are_passed_over_until_the_hold_is_lifted(installation, prepare, tmp_path) -> None:
    house = installation.house
    incident = prepare(house)
    paper = tmp_path / "letter to Anna Becker.pdf"
    paper.write_bytes(b"please wait")
    before = notifying.prepare(house, incident, by="tocsin")
    placed = holding.place(house, incident, asked("DE", paper=paper), by="Lin Wei", now=house.now())
    with house.database.reading() as session:
        under_way = halting.why_not(before, session)
    notifying.run(house, incident)
    waiting = open_in(house, incident, "DE")
    only = tuple(one.id for one in waiting)
    sent_all_the_same = notifying.send(house, incident, by="Lin Wei", only=only).messages
    with house.database.reading() as session:
        told_elsewhere = people.counts(session, incident).by_verdict
        everything = "".join(str(entry.data) for entry in ledger.listed(session, incident))
        with pytest.raises(NotAllowed, match="asked to wait"):
            holding.must_not_stand(session, incident)
    held = pictures.summary(house, incident)["people"]["held"]
    holding.lift(house, incident, placed.number, by="Lin Wei", reason="They are done.", now=house.now())
    with house.database.reading() as session:
        due = [one.id for one in people.due(session, incident, house.now(), 10) if one.place == "DE"]

    assert (placed.people, held, under_way) == (1, 1, halting.HOLD)
    assert [(one.next_at, one.verdict_reason) for one in waiting] == [(None, holds.PARKED)]
    assert told_elsewhere
    assert sent_all_the_same == 0
    assert due == [one.id for one in waiting]
    assert "Becker" not in everything
    assert [one.trouble for one in evidence_step.verify(house, incident, by="Lin Wei", now=house.now())] == [None]


def test_the_clock_stands_still_under_a_hold_and_runs_by_the_statute_afterwards(desk) -> None:
    desk.set_clock(pendulum.datetime(2026, 11, 22, 12))
    house = desk.house
    facts = fact_parser.parse(yaml.safe_load(FACTS), source="a test")
    incident = declaring.declare(house, facts, plan="conex-easykey", by="Lin Wei", now=house.now()).incident
    ordinary = duty(house, incident, "us-md/individuals")
    held = holding.place(
        house, incident, asked("US-MD", until="2027-02-01T12:00:00Z", written=True), by="Lin Wei", now=house.now()
    )
    stayed = duty(house, incident, "us-md/individuals")
    desk.set_clock(pendulum.datetime(2027, 2, 1, 12, 1))
    later = desk.house
    said = reminding.holds(later, Plans(later), now=later.now())
    after = duty(later, incident, "us-md/individuals")
    with later.database.reading() as session:
        lifted = ledger.listed(session, incident, event_type=EventType.HOLD_LIFTED)

    assert ordinary["state"] == "owed"
    assert stayed["state"] == "suspended"
    assert "us-md/individuals" not in held.running
    assert (after["state"], after["due"][:10]) == ("owed", "2027-02-08")  # Md. Com. Law 14-3504(d)(2): 7 days after
    assert said
    assert [(entry.actor, entry.data["by_itself"]) for entry in lifted] == [("tocsin", True)]


def test_a_hold_that_makes_no_sense_is_refused_and_changes_nothing(desk, prepare, tmp_path) -> None:
    house = desk.house
    incident = prepare(house, upto="declared")
    now = house.now()
    for wrong, why in (
        ({"from": now.add(hours=1).isoformat()}, "when it begins"),
        ({"until": now.subtract(hours=1).isoformat(), "from": now.subtract(hours=2).isoformat()}, "ended already"),
        ({"review_at": now.subtract(hours=1)}, "review has passed"),
        ({"paper": tmp_path / "nowhere.pdf"}, "cannot be read"),
    ):
        with pytest.raises(Invalid, match=why):
            holding.place(house, incident, asked("DE", **wrong), by="Lin Wei", now=now)
    with pytest.raises(Invalid, match="no place"):
        asked("XX")
    with pytest.raises(NotFound, match="no hold 7"):
        holding.lift(house, incident, 7, by="Lin Wei", reason="none", now=now)
    placed = holding.place(house, incident, asked(), by="Lin Wei", now=now)
    holding.lift(house, incident, placed.number, by="Lin Wei", reason="x", now=now)
    with pytest.raises(NotAllowed, match="lifted before"):
        holding.lift(house, incident, placed.number, by="Lin Wei", reason="x", now=now)

    assert placed.number == 1
    assert holding.listed(house, incident, by="Lin Wei", now=now)[0]["state"] == "lifted"


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_the_watch_asks_for_the_review_once_a_day_until_somebody_makes_it(world) -> None:
    house, review_at = world.house, world.now.add(days=2)
    row = LegalHold(
        incident_id="one", number=0, by="law-enforcement", authority="Police", places=["DE"], from_at=world.now,
        placed_at=world.now, placed_by="ann", review_at=review_at, look_at=review_at,
    )  # fmt: skip
    with house.database.transaction() as session:
        holds.add(session, row)

    def said() -> int:
        world.watch()
        return world.entries("warning.sent").total() and sum(
            number for (_, about, _), number in world.entries("warning.sent").items() if about == "hold:1"
        )

    early = said()
    world.now = review_at
    first, again = said(), said()
    world.now = review_at.add(days=1)
    next_day = said()
    with house.database.transaction() as session:
        holds.change(session, "one", 1, review_at=world.now.add(days=9), look_at=world.now.add(days=9))
    world.now = world.now.add(days=2)
    answered = said()

    assert (early, first, again, next_day, answered) == (0, 1, 1, 2, 2)
    assert any(person == "ann" and "hold 1 (law-enforcement; DE)" in body for person, _, body in world.told)
