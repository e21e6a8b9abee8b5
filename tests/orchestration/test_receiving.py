"""What services push: stored at once, applied later, each event once, in whatever order, and never by a stranger."""

import hashlib
import hmac
import json
import smtplib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from pendulum import DateTime

from db import attempts, events, ledger, people
from flows import settings
from flows.steps import collecting, notifying, receiving
from flows.wiring import House
from notifiers import mail
from notifiers.webhooks.proofs import Request
from tocsin.delivery import Channel, Kind, Outcome
from tocsin.errors import Misconfigured, NotAllowed


@pytest.fixture
def house(installation: Any) -> House:
    """A house where reports about its push provider are expected, and no feed is read."""
    path = installation.folder / "settings.yaml"
    document = yaml.safe_load(path.read_text())
    for provider in document["providers"]:
        provider.pop("receipts", None)
        if provider["channel"] == "email":
            provider["bounce_domain"] = "bounces.example"
    document["receivers"] = [{"provider": "fake-push-cn", "service": "own", "secrets": ["hunter2"]}]
    path.write_text(yaml.safe_dump(document, allow_unicode=True))
    return installation.house  # type: ignore[no-any-return]


def report(found: list[dict[str, Any]], now: DateTime, *, secret: str = "hunter2") -> Request:
    body, stamp = json.dumps(found).encode(), str(int(now.timestamp()))
    digest = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return Request(headers={"x-tocsin-timestamp": stamp, "x-tocsin-signature": digest}, body=body)


def push(house: House, *found: dict[str, Any], provider: str = "fake-push-cn") -> int:
    now = house.now()
    return receiving.receive(house, provider, report(list(found), now), now=now)


def accepted(house: House, incident: str, channel: Channel = Channel.PUSH) -> list[attempts.Attempt]:
    with house.database.reading() as session:
        ids = [person.id for person in people.due(session, incident, house.now().add(years=1), 1000)]
        every = [one for some in attempts.of_people(session, incident, ids).values() for one in some]
    cn = [one for one in every if one.channel is channel and one.provider.endswith("-cn")]
    return [one for one in cn if one.outcome is Outcome.ACCEPTED]


def outcome_of(house: House, incident: str, attempt: attempts.Attempt) -> Outcome:
    with house.database.reading() as session:
        found = attempts.of_people(session, incident, [attempt.person_id])[attempt.person_id]
    return next(one.outcome for one in found if one.key == attempt.key)


def words(incident: str, house: House) -> list[dict[str, Any]]:
    with house.database.reading() as session:
        return [event.data for event in ledger.listed(session, incident) if event.type == "receipt.batch"]


def test_a_pushed_report_makes_an_attempt_delivered_once(house: House, prepare: Callable[..., str]) -> None:
    incident = prepare(house)
    notifying.run(house, incident)
    attempt = accepted(house, incident)[0]
    event = {"id": "e1", "event": "delivered", "reference": attempt.key, "recipient": "tok-aaaaaaaaaaaa0001"}

    assert push(house, event) == 1
    assert outcome_of(house, incident, attempt) is Outcome.ACCEPTED, "stored first"
    assert collecting.collect(house, now=house.now()).applied == 1
    assert outcome_of(house, incident, attempt) is Outcome.DELIVERED

    assert push(house, event) == 0
    assert collecting.collect(house, now=house.now()).applied == 0
    assert sum(entry.get("delivered", 0) for entry in words(incident, house)) == 1
    with house.database.reading() as session:
        stored = str(events.tally(session, "fake-push-cn")) + str(words(incident, house))
    assert "tok-aaaa" not in stored


def test_a_late_word_of_less_never_takes_a_delivery_back_and_a_later_bounce_is_recorded(
    house: House, prepare: Callable[..., str]
) -> None:
    incident = prepare(house)
    notifying.run(house, incident)
    attempt = accepted(house, incident)[0]
    now = house.now()

    def told(number: int, word: str, seconds: int) -> None:
        at = now.subtract(seconds=60 - seconds).isoformat()
        push(house, {"id": f"e{number}", "event": word, "reference": attempt.key, "at": at})
        collecting.collect(house, now=house.now())

    told(1, "delivered", 10)
    for number, word in enumerate(("accepted", "deferred", "teleported", "unsubscribed"), start=2):
        told(number, word, 20)
        assert outcome_of(house, incident, attempt) is Outcome.DELIVERED, word
    told(6, "bounced", 5)
    assert outcome_of(house, incident, attempt) is Outcome.DELIVERED, "a bounce from before"
    told(7, "bounced", 30)
    assert outcome_of(house, incident, attempt) is Outcome.BOUNCED
    with house.database.reading() as session:
        assert sum(events.tally(session, "fake-push-cn").values()) == 7


def test_a_report_by_the_services_own_reference_finds_the_message(house: House, prepare: Callable[..., str]) -> None:
    incident = prepare(house)
    notifying.run(house, incident)
    attempt = accepted(house, incident)[0]
    assert attempt.provider_ref

    push(house, {"event": "delivered", "provider_id": attempt.provider_ref})
    collecting.collect(house, now=house.now())

    assert outcome_of(house, incident, attempt) is Outcome.DELIVERED


def test_strangers_are_told_the_same_wherever_they_knock(house: House) -> None:
    now = house.now()
    asked = (
        ("fake-push-cn", report([], now, secret="guessed")),
        ("fake-push-cn", report([], now.subtract(hours=1))),
        ("fake-mail-cn", report([], now)),
        ("nobody", report([], now)),
        ("../x", Request(headers={}, body=b"")),
    )
    said = set()
    for provider, request in asked:
        with pytest.raises(NotAllowed) as refusal:
            receiving.receive(house, provider, request, now=now)
        said.add(str(refusal.value))

    assert len(said) == 1


def test_a_thousand_events_and_more_are_applied_in_batches(house: House) -> None:
    assert push(house, *({"id": f"e{n}", "event": "delivered", "provider_id": f"r{n}"} for n in range(2300))) == 2300

    assert collecting.collect(house, now=house.now()).applied == 0

    with house.database.transaction() as session:
        assert events.waiting(session) == []


def test_a_bounce_that_comes_by_mail_finds_its_letter_without_the_recipient(
    house: House, prepare: Callable[..., str]
) -> None:
    incident = prepare(house)
    notifying.run(house, incident)
    later = house.now()
    notified = accepted(house, incident, Channel.EMAIL) or accepted(house, incident)
    attempt = notified[0]
    verp = mail._return_path(
        attempt.key, mail.Sender(address="a@b.example", name=None, bounce_domain="bounces.example")
    )
    raw = (
        b"Return-Path: <>\nFrom: MAILER-DAEMON@mx.example\nTo: x@y.example\nSubject: failure notice\n\n"
        b"Sorry, I couldn't find any host named so.\n<user.1@mail.example.cn>:\n550 5.1.1 no such user\n"
    )

    assert receiving.receive_bounce(house, raw, provider=attempt.provider, now=later, envelope_recipient=verp) == 1
    assert receiving.receive_bounce(house, raw, provider=attempt.provider, now=later, envelope_recipient=verp) == 0
    collecting.collect(house, now=house.now())

    assert outcome_of(house, incident, attempt) is Outcome.BOUNCED
    assert receiving.receive_bounce(house, b"Subject: Out of office\n\nAway", provider=attempt.provider, now=later) == 0


def test_refusals_that_are_about_us_are_said_and_blamed_on_nobody(house: House) -> None:
    refused = [{"id": f"e{n}", "event": "failed", "said": "550 5.7.1 blocked by spamhaus"} for n in range(5)]

    push(house, *refused[:4])
    assert collecting.collect(house, now=house.now()).refusing == ()
    push(house, refused[4])
    found = collecting.collect(house, now=house.now())

    assert found.refusing == ("fake-push-cn",)
    assert any("fake-push-cn came back because of us" in trouble for trouble in found.troubles)
    assert not receiving.refuses_us(house, "fake-push-cn", now=house.now().add(hours=2))


def test_receivers_of_no_provider_or_two_of_one_are_refused_in_the_settings(tmp_path: Path) -> None:
    one = {"provider": "post", "service": "own", "secrets": ["hunter2"]}
    post = {"name": "post", "channel": "email", "url": "mailto://127.0.0.1/{to}?from=a@b.example", "places": "*"}
    for receivers, word in (([one | {"provider": "nobody"}], "none of the providers"), ([one, one], "twice")):
        with pytest.raises(Misconfigured, match=word) as refusal:
            settings.parse({"providers": [post], "receivers": receivers}, home=tmp_path, source="settings.yaml")
        assert "hunter2" not in str(refusal.value)


def test_bounces_are_taken_by_smtp_where_the_settings_say_so(house: House, installation: Any) -> None:
    path = installation.folder / "settings.yaml"
    path.write_text(path.read_text() + "\nbounce_listener: 127.0.0.1:0\n")
    house = installation.house
    to = mail._return_path("5a" * 16, mail.Sender(address="a@b.example", name=None, bounce_domain="bounces.example"))

    with receiving.bounce_listener(house) as port, smtplib.SMTP("127.0.0.1", port or 0, timeout=5) as client:
        client.sendmail(
            "", [to], b"From: MAILER-DAEMON@x.example\r\nSubject: failure notice\r\n\r\n<u@x.example>:\r\n550 no\r\n"
        )

    with house.database.transaction() as session:
        [event] = events.pending(session, *events.waiting(session), 10)
    assert (event.key, event.kind) == ("5a" * 16, Kind.BOUNCED)
