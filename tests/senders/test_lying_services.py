"""Services that answer 200 and mean no: judged by the service's own word, whatever its plugin believes."""

import contextlib
import json

import pendulum
import pytest

from notifiers import http_answers, plugins, successes
from notifiers.answers import Reason, Refusal, Taken
from notifiers.channels import open_notifier
from notifiers.wire import Exchange
from tocsin.delivery import Channel
from tocsin.errors import Doubtful, Misconfigured, Unavailable

NOW = pendulum.datetime(2026, 11, 22, 9, 30)
TOKEN_DEAD, NUMBER, CONTENT, POLICY = Reason.TOKEN_DEAD, Reason.NUMBER_INVALID, Reason.CONTENT, Reason.POLICY


def judge(service, body, said=True):
    heard = [Exchange(status=200, content=json.dumps(body).encode())]
    return http_answers.judge(
        heard, plugin_said=said, provider="gate", channel=Channel.SMS, now=lambda: NOW, service=service
    )


def vonage(*states):
    return {"messages": [{"status": state, "message-id": "M1"} for state in states]}


YES = [
    ("vonage", vonage("0", "0")),
    ("nexmo", vonage("0")),
    ("tgram", {"ok": True, "result": {"message_id": 1}}),
    ("slack", {"ok": True}),
    ("slack", None),
    ("fcm", {"success": 1, "failure": 0, "results": [{"message_id": "1"}]}),
    ("fcm", {"name": "projects/p/messages/1"}),
    ("onesignal", {"id": "1"}),
    ("schan", {"code": 0}),
    ("schan", {"errno": 0}),
    ("dingtalk", {"errcode": 0, "errmsg": "ok"}),
    ("feishu", {"code": 0}),
    ("feishu", {"StatusCode": 0}),
    ("lark", {"code": 0}),
    ("wecombot", {"errcode": 0}),
    ("wechat", {"errcode": 0}),
    ("pushplus", {"code": 200}),
    ("wxpusher", {"code": 1000, "data": [{"code": 1000}]}),
    ("seven", {"success": "100"}),
    ("atalk", {"SMSMessageData": {"Message": "Sent to 1/1", "Recipients": [{"statusCode": 101}]}}),
    ("clicksend", {"data": {"messages": [{"status": "SUCCESS"}]}}),
    ("pover", {"status": 1}),
    ("bark", {"code": 200}),
    ("pushdeers", {"code": 0}),
    ("twilio", {"sid": "S"}),
    ("json", None),
]
NO = [
    ("vonage", vonage("1"), Unavailable),
    ("vonage", vonage("0", "1"), Unavailable),
    ("vonage", vonage("4"), Misconfigured),
    ("vonage", vonage("7"), NUMBER),
    ("vonage", vonage("12"), CONTENT),
    ("vonage", vonage("9"), POLICY),
    ("vonage", vonage("5"), Doubtful),
    ("vonage", {}, Doubtful),
    ("vonage", None, Doubtful),
    ("tgram", {"ok": False, "error_code": 403, "description": "bot was blocked by the user"}, Reason.ADDRESS_INVALID),
    ("tgram", {"ok": False, "error_code": 429}, Unavailable),
    ("tgram", {"ok": False}, Doubtful),
    ("slack", {"ok": False, "error": "channel_not_found"}, Reason.ADDRESS_INVALID),
    ("slack", {"ok": False, "error": "ratelimited"}, Unavailable),
    ("slack", {"ok": False, "error": "invalid_auth"}, Misconfigured),
    ("slack", {"ok": False, "error": "fatal_error"}, Doubtful),
    ("fcm", {"success": 0, "failure": 1, "results": [{"error": "NotRegistered"}]}, TOKEN_DEAD),
    ("fcm", {"success": 0, "failure": 1, "results": [{"error": "Unavailable"}]}, Unavailable),
    ("fcm", {"success": 0, "failure": 1, "results": [{"error": "MismatchSenderId"}]}, POLICY),
    ("fcm", {"success": 0, "failure": 1, "results": [{"error": "InternalServerError"}]}, Doubtful),
    ("onesignal", {"id": "", "errors": ["All included players are not subscribed"]}, TOKEN_DEAD),
    ("onesignal", {"id": "1", "errors": {"invalid_player_ids": ["x"]}}, TOKEN_DEAD),
    ("onesignal", {"errors": ["Something else"]}, Doubtful),
    ("schan", {"code": 40001}, Misconfigured),
    ("schan", {"code": 20001}, Doubtful),
    ("dingtalk", {"errcode": 130101}, Unavailable),
    ("dingtalk", {"errcode": 310000}, POLICY),
    ("feishu", {"code": 11232}, Unavailable),
    ("lark", {"code": 19024}, POLICY),
    ("wecombot", {"errcode": 45009}, Unavailable),
    ("wecombot", {"errcode": 93000}, Misconfigured),
    ("wechat", {"errcode": 81013}, Reason.ADDRESS_INVALID),
    ("pushplus", {"code": 903}, Misconfigured),
    ("pushplus", {"code": 999}, Doubtful),
    ("wxpusher", {"code": 1000, "data": [{"code": 1001}]}, Doubtful),
    ("seven", {"success": "202"}, NUMBER),
    ("atalk", {"SMSMessageData": {"Message": "x", "Recipients": [{"statusCode": 403}]}}, NUMBER),
    ("atalk", {"SMSMessageData": {"Message": "InvalidSenderId", "Recipients": []}}, POLICY),
    ("clicksend", {"data": {"messages": [{"status": "INVALID_RECIPIENT"}]}}, NUMBER),
    ("pover", {"status": 0}, Doubtful),
    ("bark", {"code": 400}, Doubtful),
    ("pushdeer", {"code": 80501}, Doubtful),
    ("anything", {"success": False, "code": "NotRegistered"}, TOKEN_DEAD),
    ("anything", {"ok": False}, Doubtful),
]


@pytest.mark.parametrize(("service", "body"), YES)
def test_a_service_that_says_yes_is_believed(service, body):
    assert isinstance(judge(service, body), Taken)


@pytest.mark.parametrize(("service", "body", "meaning"), NO)
def test_a_service_that_says_no_is_not_taken_for_a_yes(service, body, meaning):
    for said in (True, False):
        if isinstance(meaning, Reason):
            with pytest.raises(Refusal) as refused:
                judge(service, body, said)
            assert refused.value.reason is meaning
        else:
            with pytest.raises(meaning):
                judge(service, body, said)


def test_every_service_of_the_table_is_one_of_apprise_and_tried_both_ways():
    plugins.apprise()
    from apprise.manager_plugins import NotificationManager

    rules = successes._services()
    assert set(rules) <= set(NotificationManager().schemas())
    for tried in ({service for service, _ in YES}, {service for service, *_ in NO}):
        assert {id(rules[name]) for name in tried if name in rules} == {id(rule) for rule in rules.values()}


def test_a_plugin_that_believes_any_200_is_corrected(web, a_provider, a_message, at, monkeypatch):
    plugins.apprise()
    from apprise.plugins.vonage import NotifyVonage

    monkeypatch.setattr(NotifyVonage, "notify_url", f"http://127.0.0.1:{web.port}/")
    url = f"vonage://{'a' * 8}:{'b' * 16}@15005550006/{{to}}"
    with contextlib.closing(open_notifier(a_provider(url, channel=Channel.SMS), now=at)) as notifier:
        web.will_answer(200, vonage("0"))
        assert notifier.send(a_message(Channel.SMS, "+14155550101")).provider_ref == "M1"
        web.will_answer(200, vonage("1"))
        with pytest.raises(Unavailable):
            notifier.send(a_message(Channel.SMS, "+14155550102"))
