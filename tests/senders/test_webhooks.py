"""Reports that services push, as events: nothing guessed, nothing twice, and no person in them afterwards."""

import base64
import hashlib
import hmac
import json

import pendulum
import pytest

from notifiers import webhooks
from notifiers.webhooks import Receiver, Request, sns
from notifiers.webhooks.mapping import instant
from tocsin.delivery import Kind, Outcome
from tocsin.errors import Invalid

NOW = pendulum.datetime(2026, 11, 22, 12)
KEY = "5a" * 16


def a_receiver(service="own", **changes):
    return Receiver.model_validate({"provider": "post", "service": service, "secrets": ["hunter2"]} | changes)


def nobody(url):
    raise AssertionError(url)


def receive(receiver, request, *, fetch=nobody, now=NOW):
    return webhooks.receive(receiver, request, certificates=sns.Certificates(fetch), now=now)


def signed(document, *, secret="hunter2", at=NOW, body=None):
    body = json.dumps(document).encode() if body is None else body
    stamp = str(int(at.timestamp()))
    digest = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return Request(headers={"x-tocsin-timestamp": stamp, "x-tocsin-signature": f"sha256={digest}"}, body=body)


AN_EVENT = {
    "id": "e1", "event": "bounced", "at": "2026-11-22T19:00:00+08:00", "provider_id": "p1", "reference": KEY,
    "recipient": "Wang@example.org", "said": "552 5.2.2 <wang@example.org> over quota",
}  # fmt: skip


def test_a_signed_report_becomes_events_without_the_person():
    [event] = receive(a_receiver(), signed({"events": [AN_EVENT]})).events

    assert (event.event_id, event.kind, event.key, event.provider_ref) == ("e1", Kind.BOUNCED, KEY, "p1")
    assert (event.hard, event.reason, event.code, event.word) == (False, "mailbox-full", "5.2.2", "bounced")
    assert event.at == NOW.subtract(hours=1)
    assert len(event.recipient) == 32
    assert "wang" not in repr(event).lower()


def test_a_recipient_is_the_same_hash_whatever_the_case_and_another_under_another_secret():
    one, other = (
        dict(AN_EVENT, id=name, recipient=to) for name, to in (("a", "WANG@example.org"), ("b", "wang@example.org"))
    )
    [first, second] = receive(a_receiver(), signed([one, other])).events
    [third] = receive(a_receiver(secrets=["else"]), signed(one, secret="else")).events

    assert first.recipient == second.recipient != third.recipient


def test_an_unknown_word_is_kept_and_not_guessed():
    [event] = receive(a_receiver(), signed(dict(AN_EVENT, event="teleported"))).events

    assert (event.kind, event.word, event.reason, event.receipt) == (Kind.UNKNOWN, "teleported", None, None)


@pytest.mark.parametrize("word", ["wang@example.org", "call +8613800138000", "x" * 100, "<b>"])
def test_a_word_that_may_hold_a_person_is_not_kept(word):
    [event] = receive(a_receiver(), signed(dict(AN_EVENT, event=word))).events

    assert event.word is None


def test_a_code_that_may_be_a_number_is_not_kept():
    [event] = receive(a_receiver(), signed({"id": "1", "event": "failed", "code": "13800138000"})).events

    assert (event.kind, event.code, event.reason) == (Kind.REFUSED, None, "other")


def test_the_same_report_again_is_the_same_event_even_without_an_id():
    nameless = {name: value for name, value in AN_EVENT.items() if name != "id"}
    first, again = (receive(a_receiver(), signed(nameless, at=at)).events for at in (NOW, NOW.subtract(seconds=9)))
    other = receive(a_receiver(), signed(dict(nameless, provider_id="p2"))).events

    assert first[0].event_id == again[0].event_id != other[0].event_id


def test_two_recipients_of_one_report_are_two_events():
    assert len({one.event_id for one in receive(a_receiver(), signed([AN_EVENT, AN_EVENT])).events}) == 2


def test_nothing_has_happened_in_the_future():
    [event] = receive(a_receiver(), signed(dict(AN_EVENT, at="2030-01-01T00:00:00Z"))).events

    assert event.at == NOW


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        (Kind.ACCEPTED, Outcome.ACCEPTED), (Kind.DELIVERED, Outcome.DELIVERED), (Kind.OPENED, Outcome.DELIVERED),
        (Kind.COMPLAINED, Outcome.DELIVERED), (Kind.BOUNCED, Outcome.BOUNCED), (Kind.REFUSED, Outcome.REFUSED),
        (Kind.DEFERRED, None), (Kind.UNSUBSCRIBED, None), (Kind.UNKNOWN, None),
    ],
)  # fmt: skip
def test_what_an_event_makes_of_an_attempt(kind, outcome):
    assert kind.outcome is outcome


@pytest.mark.parametrize("document", [7, None, "text", [], {}, [[1]], {"events": 3}, {"events": [1, None, "x"]}])
def test_a_body_of_another_shape_holds_no_events_or_unknown_ones(document):
    assert {one.kind for one in receive(a_receiver(), signed(document)).events} <= {Kind.UNKNOWN}


def test_a_proven_body_that_is_no_json_is_one_sentence():
    for body in (b"{", b"", b"\xff", b"[" * 100_000):
        with pytest.raises(Invalid, match="provider post cannot be read"):
            receive(a_receiver(), signed(None, body=body))


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        (1520363423000, "2018-03-06T19:10:23"), (1498093527, "2017-06-22T01:05:27"),
        ("1464824548", "2016-06-01T23:42:28"), ("2026-11-22 11:00:00.123456 UTC", "2026-11-22T11:00:00"),
        ("2016-04-27T16:28:50.3963933-04:00", "2016-04-27T20:28:50"), ("2024-09-06 23:14:19", "2024-09-06T23:14:19"),
        ("yesterday", None), (None, None), (True, None), ("nan", None), (-5, None), ("12:00", None), (1e300, None),
    ],
)  # fmt: skip
def test_times_are_read_as_services_write_them(written, read_as):
    found = instant(written)

    assert (found.format("YYYY-MM-DDTHH:mm:ss") if found else None) == read_as


def test_a_mapping_in_the_settings_takes_any_service():
    receiver = a_receiver(
        proof={"kind": "hmac", "header": "X-Sig", "signed": "{body}"},
        mapping={
            "events": "reports",
            "word": ["state", "sub"],
            "words": {
                "ok": "delivered", "ko": "bounced",
                "ko/gone": {"kind": "bounced", "hard": True, "reason": "number-invalid"},
            },
            "id": "nr", "at": "ts", "message": "msg.id", "recipient": "tel",
        },
    )  # fmt: skip
    body = json.dumps(
        {"reports": [
            {"nr": 1, "state": "OK", "ts": 1770000000, "msg": {"id": "m1"}, "tel": "+8613800138000"},
            {"nr": 2, "state": "ko", "sub": "gone", "msg": {"id": "m2"}},
            {"nr": 3, "state": "ko", "sub": "new word"},
        ]}
    ).encode()  # fmt: skip
    digest = hmac.new(b"hunter2", body, hashlib.sha256).digest()

    found = receive(receiver, Request(headers={"x-sig": base64.b64encode(digest).decode()}, body=body)).events

    assert [(one.kind, one.hard, one.reason, one.provider_ref) for one in found] == [
        (Kind.DELIVERED, None, None, "m1"), (Kind.BOUNCED, True, "number-invalid", "m2"),
        (Kind.BOUNCED, False, "other", None),
    ]  # fmt: skip
    assert "138001" not in repr(found)
