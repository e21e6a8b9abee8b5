"""Lists behind counts, and people in doubt whom a person decides."""

import json
from collections.abc import Callable

import pytest

from db import attempts, ledger, people, verdicts
from db.attempts import NewAttempt
from flows.steps import doubting, listing, notifying
from flows.steps.doubting import Decision
from flows.wiring import House
from tocsin.delivery import Channel, Outcome, Settled, Verdict
from tocsin.errors import Invalid, NotAllowed, NotFound

# What is tried here is the same code on either database; their differences have tests of their own.
pytestmark = pytest.mark.parametrize("installation", ["sqlite"], indirect=True)

DECIDED = "person.decided"


def entries(house: House, incident: str, kind: str) -> list[dict]:  # type: ignore[type-arg]
    with house.database.reading() as session:
        return [event.data for event in ledger.listed(session, incident) if event.type == kind]


def refs(house: House, incident: str, verdict: str) -> list[str]:
    return [row["ref"] for row in listing.listed(house, incident, verdict)]


@pytest.fixture
def doubtful(installation, prepare: Callable[..., str]) -> tuple[House, str]:
    """Everybody settled, and of two people abroad nobody knows whether the only message came through."""
    house = installation.house
    incident = prepare(house)
    with house.database.reading() as session:
        abroad = {one.place: one for one in people.iterate(session, incident) if one.place in {"DE", "FR"}}
    errand = notifying.prepare(house, incident, by="Lin Wei")
    text, now = errand.approved.hash, house.now()
    ways = ((abroad["DE"], Channel.PUSH, "fake-push"), (abroad["FR"], Channel.EMAIL, "fake-email"))
    new = [
        NewAttempt(
            key=errand.key.attempt_key(one.wave, one.id, channel, text),
            person_id=one.id, wave=1, channel=channel, provider=provider, text_hash=text,
        )
        for one, channel, provider in ways
    ]  # fmt: skip
    lost = [
        Settled(key=one.key, outcome=Outcome.UNKNOWN, provider=one.provider, at=now, reason="process-lost")
        for one in new
    ]
    with house.database.transaction() as session:
        attempts.claim_many(session, incident, new, "me", now.add(minutes=10), now)
        attempts.settle_many(session, incident, lost)
    installation.set_clock(house.now().add(hours=8))  # the wait for a word about it is over
    notifying.send(house, incident, by="tocsin")
    return house, incident


def test_the_list_behind_a_count_is_masked_until_somebody_says_why(
    doubtful: tuple[House, str], secrets: tuple[str, ...]
) -> None:
    house, incident = doubtful
    counts = {one.verdict: one for one in listing.tallies(house, incident)}

    assert set(counts) == {*Verdict, "open"}
    assert counts["uncertain"].by == {
        "channel": {"push": 1, "email": 1}, "reason": {"process-lost": 2}, "place": {"DE": 1, "FR": 1},
        "language": {"en": 2}, "wave": {"1": 2},
    }  # fmt: skip
    assert counts["no-address"].by["reason"] == {"none-given": 1}
    for verdict, tally in counts.items():
        rows = list(listing.listed(house, incident, verdict))
        assert len(rows) == tally.people
        assert not [secret for secret in secrets if secret in json.dumps(rows, ensure_ascii=False)]

    with pytest.raises(Invalid, match="Say why"):
        listing.unmask(house, incident, "uncertain", reason=None, why=" ", by="Lin Wei", now=house.now())
    listing.unmask(house, incident, "uncertain", reason=None, why="She asked", by="Lin Wei", now=house.now())
    rows = list(listing.listed(house, incident, "uncertain", masked=False))
    assert [row["name"] for row in rows] == ["Anna Becker", "Hugo Dubois"]
    assert entries(house, incident, "person.unmasked") == [
        {"verdict": "uncertain", "verdict_reason": None, "people": 2, "why": "She asked"}
    ]
    assert list(listing.listed(house, incident, "uncertain", reason="other-reason")) == []


def test_people_in_doubt_are_told_or_sent_to_once_more_as_somebody_decides(
    doubtful: tuple[House, str], installation, tmp_path
) -> None:
    house, incident = doubtful
    again, told = refs(house, incident, "uncertain")
    now = house.now()

    for wrong, error in (([told, "f" * 32], NotFound), ([told, *refs(house, incident, "no-address")], NotAllowed)):
        with pytest.raises(error):
            doubting.decide(house, incident, Decision.TOLD, wrong, why="x", by="Lin Wei", now=now)
    assert refs(house, incident, "uncertain") == [again, told]
    assert doubting.decide(house, incident, Decision.TOLD, [told], why="A call", by="Lin Wei", now=now) == 1
    assert doubting.decide(house, incident, Decision.SEND_AGAIN, None, why="None came", by="Lin Wei", now=now) == 1
    notifying.send(house, incident, by="tocsin")

    with house.database.reading() as session:
        number, _ = verdicts.of_refs(session, incident, [again])[again]
        (sent,) = attempts.of_people(session, incident, [number])[number]
    assert (sent.channel, sent.outcome) == (Channel.PUSH, Outcome.ACCEPTED)
    taken = [json.loads(line)["key"] for line in (installation.outbox / "push.jsonl").read_text().splitlines()]
    assert taken.count(sent.key) == 1, "under the key of the message that was in doubt"
    reasons = {row["ref"]: row["reason"] for row in listing.listed(house, incident, "delivered")}
    assert reasons[told] == "decided"
    said = [(one["decision"], one["people"], one["refs"], one["why"]) for one in entries(house, incident, DECIDED)]
    assert said == [("told", 1, [told], "A call"), ("send-again", 1, [again], "None came")]
    assert doubting.decide(house, incident, Decision.TOLD, None, why="x", by="Lin Wei", now=now) == 0

    path = tmp_path / "list.csv"
    assert listing.to_csv(iter([*listing.listed(house, incident, "no-address"), {"name": "=HYPERLINK(1)"}]), path) == 2
    assert path.stat().st_mode & 0o777 == 0o600, "for its owner only"
    assert path.read_text(encoding="utf-8-sig").splitlines()[2].split(",")[14] == "'=HYPERLINK(1)"
    with pytest.raises(Invalid, match="cannot be written"):
        listing.to_csv(iter([]), tmp_path / "no" / "list.csv")
    assert [entry.name for entry in tmp_path.glob("list*")] == ["list.csv"]
