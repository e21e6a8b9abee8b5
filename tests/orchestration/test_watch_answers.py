"""What people answer to the watch, and whom it asks: each once, in the plan's order."""

import json
from collections.abc import Callable

import pendulum
import pytest
import yaml

from db import alarms as outbox
from db import duties as duty_store
from db import ledger, watch
from flows import contacts, wiring
from flows.steps import answering, assessing, reporting, watching
from notifiers import pager
from tocsin.errors import Invalid, NotAllowed, NotFound, Unavailable
from tocsin.watchtext import WatchText

START = pendulum.datetime(2026, 11, 20, 12)
TARGET = START.add(hours=72)
AUTHORITY = "fr/authority"

pytestmark = pytest.mark.parametrize("kind", ["sqlite"], indirect=True)


def about(world, subject: str) -> list[tuple[str, str]]:
    """Who heard of a subject, at which step."""
    return [(person, title.split(": ")[1]) for person, title, _ in world.told if title.endswith(subject)]


def events(world, incident: str, kind: str) -> list[dict]:  # type: ignore[type-arg]
    with world.house.database.reading() as session:
        return [event.data for event in ledger.listed(session, incident) if event.type == kind]


def test_who_does_not_answer_is_followed_by_the_next_until_somebody_does(world) -> None:
    world.watch(hours=36)
    for _ in range(2):
        world.watch(minutes=31)
    asked = about(world, AUTHORITY)
    stopped = answering.acknowledge(world.house, "two", AUTHORITY, by="ben", now=world.now)
    world.watch(minutes=31)

    assert asked == [
        ("ann", "50 % of the time is gone"),
        ("ben", "50 % of the time is gone"),
        ("cai", "50 % of the time is gone"),
    ]
    assert about(world, AUTHORITY) == asked
    assert stopped == 0  # the last of the chain had been asked
    assert [
        (entry["person"], entry.get("because")) for entry in events(world, "two", "warning.sent") if "duty" in entry
    ] == [
        ("ann", None),
        ("ben", "unanswered"),
        ("cai", "unanswered"),
    ]
    assert events(world, "two", "warning.acknowledged") == [{"duty": AUTHORITY, "step": "50%"}]


def test_an_acknowledgement_holds_for_what_was_said_and_a_later_step_is_new(world) -> None:
    world.watch(hours=36)
    assert answering.acknowledge(world.house, "two", AUTHORITY, by="ann", now=world.now) == 1
    world.watch(hours=1)
    assert [row["about"] for row in answering.open_warnings(world.house, "two")] == ["task:stop"]
    world.now = START.add(hours=54)
    world.watch()
    assert about(world, AUTHORITY) == [("ann", "50 % of the time is gone"), ("ann", "75 % of the time is gone")]


def test_a_lateness_is_repeated_until_it_is_acknowledged(world) -> None:
    world.rules |= {"escalate_after": None}
    world.now = TARGET
    world.watch()
    for _ in range(2):
        world.watch(hours=6)
    answering.acknowledge(world.house, "two", AUTHORITY, by="ann", now=world.now)
    for _ in range(3):
        world.watch(hours=6)

    assert about(world, AUTHORITY) == [
        ("ann", "overdue"),
        ("ann", "overdue, said 2 times"),
        ("ann", "overdue, said 3 times"),
    ]


def test_a_bundle_stops_when_everything_in_it_is_answered(world) -> None:
    world.watch(hours=36)
    for number in range(3):
        answering.acknowledge(world.house, "one", f"de/person-{number}", by="ben", now=world.now)
    with world.house.database.transaction() as session:
        duty_store.mark_done(session, "one", "de/person-3", by="ben", at=world.now)
    world.watch(minutes=31)

    assert [person for person, title, _ in world.told if "at once" in title] == ["ben"]


def test_a_snoozed_duty_is_silent_but_for_its_due_time(world) -> None:
    world.watch(hours=36)
    until = answering.snooze(
        world.house, "two", AUTHORITY, length=pendulum.duration(days=3), reason="On it.", by="ann", now=world.now
    )
    for hours in (54, 65, 72, 80):
        world.now = START.add(hours=hours)
        world.watch()

    assert until == START.add(hours=36 + 72)
    assert [step for _, step in about(world, AUTHORITY)][:2] == ["50 % of the time is gone", "overdue"]
    assert {step for _, step in about(world, AUTHORITY)} == {"50 % of the time is gone", "overdue"}
    (entry,) = events(world, "two", "warning.snoozed")
    assert set(entry) == {"duty", "until", "reason_sha256"}


def test_what_is_done_meanwhile_is_not_said(world) -> None:
    world.mute = {"ann", "ben", "cai"}
    world.watch(hours=36)
    world.mute = set()
    assessing.finish(world.house, "two", AUTHORITY, by="ann", evidence=None, now=world.now)
    world.watch(minutes=5)

    assert about(world, AUTHORITY) == []


def test_answers_that_make_no_sense_are_refused_and_change_nothing(world) -> None:
    now, house = world.now, world.house
    with pytest.raises(NotAllowed, match="Nobody was warned"):
        answering.acknowledge(house, "two", AUTHORITY, by="ann", now=now)
    with pytest.raises(NotFound, match="no duty"):
        answering.acknowledge(house, "two", "fr/nothing", by="ann", now=now)
    with pytest.raises(NotFound, match="no incident"):
        answering.acknowledge(house, "three", AUTHORITY, by="ann", now=now)
    for length in (pendulum.duration(), pendulum.duration(days=8)):
        with pytest.raises(Invalid, match="at most seven days"):
            answering.snooze(house, "two", AUTHORITY, length=length, reason="x", by="ann", now=now)
    for reason in (" ", "a\x00b", "x" * 5000):
        with pytest.raises(Invalid, match="plain text"):
            answering.snooze(house, "two", AUTHORITY, length=pendulum.duration(hours=1), reason=reason, by="a", now=now)
    with pytest.raises(NotAllowed, match="is not late"):
        answering.explain_delay(house, "two", AUTHORITY, reason="None.", by="ann", now=now)
    assert events(world, "two", "warning.acknowledged") == events(world, "two", "warning.snoozed") == []


def test_a_role_without_a_person_goes_to_the_responders_and_says_so(world) -> None:
    world.rules |= {"owners": [{"audience": "authority", "people": ["the board"]}]}
    world.watch(hours=36)

    (body,) = [body for _, title, body in world.told if title.endswith(AUTHORITY)]
    assert about(world, AUTHORITY) == [("cai", "50 % of the time is gone")]
    assert "name nobody for the board" in body
    assert [entry["vacant"] for entry in events(world, "two", "warning.sent")] == [["the board"]]


def test_without_anybody_in_the_settings_the_warning_still_stands_on_the_ledger(world) -> None:
    path = world.folder / wiring.SETTINGS
    settings = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump({**settings, "people": {}, "on_call": {}}))
    world.houses.clear()
    seen = world.watch(hours=36)

    assert (seen.delivered, world.told) == (0, [])
    assert sum(world.entries("warning.sent").values()) == 5
    assert {row["state"] for row in answering.open_warnings(world.house, None)} == {outbox.NOBODY}


def test_at_night_people_sleep_but_for_the_due_time(world) -> None:
    world.rules |= {"quiet": {"begins": "22:00", "ends": "07:00"}, "escalate_after": None, "after": None}
    world.now = START.add(hours=36)  # midnight in UTC, eight in the morning on the organisation's clock
    world.watch()
    world.now = START.add(hours=54)  # two in the morning there
    world.watch()
    asleep = about(world, AUTHORITY)
    world.watch(hours=5)
    world.now = TARGET
    world.watch()

    assert asleep == [("ann", "50 % of the time is gone")]
    assert about(world, AUTHORITY)[1:] == [("ann", "75 % of the time is gone"), ("ann", "overdue")]


def test_a_digest_comes_once_a_morning_and_holds_what_it_gathers(world) -> None:
    world.rules |= {"digest": {"at": "08:30", "zone": "UTC", "gathers": [50]}, "escalate_after": None}
    world.now = START.add(hours=36)
    world.watch()
    before = about(world, AUTHORITY)
    world.now = START.add(hours=44, minutes=31)  # half past eight
    for _ in range(2):
        world.watch(minutes=1)
    digests = [(person, body.count("\n") + 1) for person, title, body in world.told if "this morning" in title]
    (entry,) = events(world, "two", "warning.sent")

    assert before == []
    assert digests == [("ann", 1), ("ben", 4)]
    assert (entry["step"], entry["in"]) == ("50%", "digest")


def test_a_plan_that_changes_is_applied_to_open_duties(world) -> None:
    world.watch()
    world.rules |= {"warn_at": [10]}
    world.watch(hours=8)

    assert about(world, AUTHORITY) == [("ann", "10 % of the time is gone")]


def test_a_feed_that_fails_keeps_nobody_from_being_warned(world, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise Unavailable("The feed of receipts is gone: ask its provider.")

    monkeypatch.setattr(watching.collecting, "collect", fail)
    seen = world.watch(hours=36)

    assert seen.troubles == ("The feed of receipts is gone: ask its provider.",)
    assert about(world, AUTHORITY) != []
    with world.house.database.reading() as session:
        assert watch.last_beat(session, watching.HEARTBEAT) is not None


@pytest.mark.parametrize("installation", ["sqlite"], indirect=True)
def test_why_it_was_late_is_kept_and_stands_in_the_report(installation, prepare: Callable[..., str], kind) -> None:
    house = installation.house
    incident = prepare(house, upto="declared")
    installation.set_clock(house.now().add(days=4))
    watching.run(house)
    reporting.run(house, incident)
    kept = answering.explain_delay(
        house, incident, "eu-gdpr/authority-DE", reason="The extent was unknown.", by="Lin Wei", now=house.now()
    )
    with house.database.transaction() as session:
        report, _ = reporting.draft(house, session, incident, "eu-gdpr-33", by="Lin Wei", now=house.now())
        entries = [event.data for event in ledger.listed(session, incident) if event.type == "duty.delay-explained"]
    (answer,) = [one for section in report.document["sections"] for one in section["fields"] if one["key"] == "delay"]

    assert kept.late_seconds > 0
    assert (answer["known"], answer["text"]["en"]) == (True, "The extent was unknown.")
    assert "unknown" not in json.dumps(entries)
    assert [one.reason for one in answering.late(house, [incident]) if one.duty == "eu-gdpr/authority-DE"] == [
        "The extent was unknown."
    ]


@pytest.mark.parametrize("installation", ["sqlite"], indirect=True)
def test_a_person_is_told_through_the_first_address_that_takes_it(installation, kind: str) -> None:
    port = installation.running.http_port
    good = f"gateway://oncall@127.0.0.1:{port}/push/?to=tok-aaaaaaaaaaaa0001"
    gone = "json://127.0.0.1:1/"

    def tell(*urls: str) -> None:
        pager.tell("ann", urls, title="Tocsin: due", body="A duty is due.", now=installation.house.now)

    tell(gone, good)
    with pytest.raises(Unavailable, match="No URL of ann took the message"):
        tell(gone)
    with pytest.raises(Unavailable, match="no URL for ann"):
        tell()
    with pytest.raises(Unavailable):
        tell("nonsense://x")
    taken = [line for path in installation.outbox.glob("*.jsonl") for line in path.read_text().splitlines()]
    assert sum("A duty is due." in line for line in taken) == 1


def test_names_in_a_plan_find_people_groups_and_roles(world) -> None:
    settings = world.house.settings

    assert contacts.named(settings, "Privacy Officer") == ["ann"]
    assert contacts.named(settings, "SECURITY") == ["ben", "cai"]
    assert contacts.named(settings, "cai") == ["cai"]
    found = contacts.chain(settings, ["privacy-officer", "the board", "security"])
    assert (found.people, found.vacant) == (("ann", "cai", "ben"), ("the board",))
    rules = WatchText.model_validate(
        {"people": ["security", "the board"], "owners": [{"duty": "*", "people": ["dpo"]}]}
    )
    assert contacts.vacancies(settings, rules) == ("dpo", "the board")
