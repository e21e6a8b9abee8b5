"""Services are told with each message where to report on it, and what they report is believed there."""

import base64
import contextlib
import hashlib
import hmac
import json
from urllib.parse import parse_qs, urlencode

import pytest

from flows import settings
from notifiers import plugins, webhooks
from notifiers.channels import open_notifier
from notifiers.dispatch import dispatch
from notifiers.journal import Journal
from notifiers.webhooks import callbacks
from notifiers.webhooks.proofs import Request
from tocsin.delivery import Channel, Kind
from tocsin.errors import Misconfigured, NotAllowed

HOOK = "https://notices.corp.example/hooks/receipts/sms"
TWILIO = f"twilio://AC{'a' * 32}:{'b' * 32}@15005550006/{{to}}"
TOKEN = "b" * 32
POST = {"name": "sms", "channel": "sms", "url": TWILIO, "places": "*"}
RECEIVER = {"provider": "sms", "service": "twilio", "secrets": [TOKEN]}


def parsed(tmp_path, **document):
    return settings.parse(document, home=tmp_path, source="settings.yaml")


@pytest.fixture
def house_settings(tmp_path):
    return parsed(tmp_path, public_url="https://notices.corp.example/", providers=[POST], receivers=[RECEIVER])


@pytest.fixture
def local_twilio(web, monkeypatch):
    plugins.apprise()
    from apprise.plugins.twilio import NotifyTwilio

    monkeypatch.setattr(NotifyTwilio, "notify_sms_url", f"http://127.0.0.1:{web.port}/{{sid}}/Messages.json")


def fields(web):
    return [parse_qs(body.decode()) for _path, _headers, body in web.asked]


@pytest.mark.usefixtures("local_twilio")
def test_twilio_is_told_where_to_report_and_its_report_is_believed_there(house_settings, web, a_message, at, tmp_path):
    message = a_message(Channel.SMS, "+8613800138000")
    web.will_answer(201, {"sid": "SM1"})
    with Journal(tmp_path / "journal") as journal:
        [result] = dispatch([message], house_settings.providers[0], journal=journal, now=at)
    assert result.provider_ref == "SM1"
    [asked] = fields(web)
    assert asked["StatusCallback"] == [HOOK]
    assert asked["To"] == ["+8613800138000"]

    report = {"MessageSid": "SM1", "MessageStatus": "delivered"}
    signed = asked["StatusCallback"][0] + "".join(name + value for name, value in sorted(report.items()))
    digest = hmac.new(TOKEN.encode(), signed.encode(), hashlib.sha1).digest()
    body = urlencode(report).encode()
    request = Request(headers={"x-twilio-signature": base64.b64encode(digest).decode()}, body=body)
    received = webhooks.receive(house_settings.receivers[0], request, certificates=None, now=at())
    assert [(event.kind, event.provider_ref) for event in received.events] == [(Kind.DELIVERED, "SM1")]
    elsewhere = house_settings.receivers[0].model_copy(update={"url": HOOK.replace("corp", "other")})
    with pytest.raises(NotAllowed):
        webhooks.receive(elsewhere, request, certificates=None, now=at())


@pytest.mark.usefixtures("local_twilio")
def test_without_a_receiver_nobody_is_told_anything(web, a_provider, a_message, at):
    with contextlib.closing(open_notifier(a_provider(TWILIO, channel=Channel.SMS), now=at)) as notifier:
        web.will_answer(201, {"sid": "SM1"})
        notifier.send(a_message(Channel.SMS, "+8613800138000"))
    assert "StatusCallback" not in fields(web)[0]


def test_an_address_that_is_written_counts_before_the_public_one(tmp_path):
    own = RECEIVER | {"url": "https://elsewhere.example/x"}
    found = parsed(tmp_path, public_url="https://notices.corp.example", providers=[POST], receivers=[own])
    assert found.receivers[0].url == found.providers[0].reports_to == "https://elsewhere.example/x"
    with pytest.raises(Misconfigured):
        parsed(tmp_path, providers=[POST], receivers=[RECEIVER])  # nobody knows what was signed
    for wrong in ("notices.example", "https://u:p@notices.example", "https://notices.example/?a=b", 5):
        with pytest.raises(Misconfigured):
            parsed(tmp_path, public_url=wrong, providers=[POST], receivers=[own])


@pytest.mark.parametrize(
    ("service", "address", "data", "expected"),
    [
        ("nexmo", "https://h/sms/json", {"to": "1"}, {"to": "1", "callback": HOOK}),
        ("plivo", "https://h/v1/Account/A/Message/", '{"dst": "1"}', {"dst": "1", "url": HOOK, "method": "POST"}),
        (
            "sinch",
            "https://eu.h/xms/v1/P/batches",
            b'{"to": ["1"]}',
            {"to": ["1"], "callback_url": HOOK, "delivery_report": "per_recipient"},
        ),
        ("twilio", "https://h/A/Lookups.json", {"To": "1"}, {"To": "1"}),
        ("twilio", "https://h/A/Messages.json", "not json", "not json"),
        ("twilio", "https://h/A/Messages.json", None, None),
    ],
)
def test_fields_are_added_to_forms_and_to_json_and_to_nothing_else(service, address, data, expected):
    amended = callbacks.amendment(service, HOOK)(address, data)
    assert (json.loads(amended) if service in {"plivo", "sinch"} else amended) == expected


def test_a_service_that_is_not_told_by_message_is_left_alone():
    assert callbacks.amendment("json", HOOK) is None
