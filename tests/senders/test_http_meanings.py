"""What HTTP answers mean, and foreign Apprise plugins over the seam."""

import contextlib

import pendulum
import pytest
import requests

from notifiers import http_answers, plugins, wire
from notifiers.answers import Reason, Refusal, Taken
from notifiers.channels import open_notifier
from notifiers.wire import Exchange
from tocsin.delivery import Channel
from tocsin.errors import Doubtful, Misconfigured, Unavailable

NOW = pendulum.datetime(2026, 11, 22, 9, 30)
TWILIO = f"twilio://AC{'a' * 32}:{'b' * 32}@15005550006/{{to}}"


def judge(status=200, body=b"{}", said=True, channel=Channel.PUSH, **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    heard = [Exchange(status=status, headers=named, content=body)]
    return http_answers.judge(heard, plugin_said=said, provider="gate", channel=channel, now=lambda: NOW)


@pytest.mark.parametrize("status", [408, 425, 429, 503])
def test_a_provider_that_takes_no_more_has_taken_nothing(status):
    with pytest.raises(Unavailable) as unavailable:
        judge(status, said=False, Retry_After="17")

    assert unavailable.value.retry_after_seconds == 17


@pytest.mark.parametrize("status", [500, 501, 502, 504, 520])
def test_a_failure_of_the_server_is_a_doubt(status):
    with pytest.raises(Doubtful):
        judge(status, said=False)


@pytest.mark.parametrize("status", [401, 407])
def test_not_being_let_in_is_a_setting_to_mend(status):
    with pytest.raises(Misconfigured):
        judge(status, said=False)


@pytest.mark.parametrize(
    ("status", "body", "channel", "reason"),
    [
        (
            404,
            b'{"error": {"status": "NOT_FOUND", "details": [{"errorCode": "UNREGISTERED"}]}}',
            Channel.PUSH,
            "token-dead",
        ),
        (400, b'{"reason": "BadDeviceToken"}', Channel.PUSH, "token-dead"),
        (410, b"", Channel.PUSH, "token-dead"),
        (410, b"", Channel.EMAIL, "address-invalid"),
        (
            400,
            b'{"code": 21211, "message": "The To number is not a valid phone number."}',
            Channel.SMS,
            "number-invalid",
        ),
        (400, b'{"code": "content"}', Channel.SMS, "content"),
        (413, b"", Channel.PUSH, "content"),
        (403, b"<html>Forbidden</html>", Channel.SMS, "policy"),
        (302, b"", Channel.SMS, "policy"),
        (404, b"", Channel.SMS, "policy"),
        (400, b"nonsense", Channel.SMS, "other"),
        (422, b'{"errors": [{"code": "odd"}]}', Channel.SMS, "other"),
    ],
)
def test_a_refusal_says_why_in_closed_words(status, body, channel, reason):
    with pytest.raises(Refusal) as refused:
        judge(status, body, said=False, channel=channel)

    assert refused.value.reason == reason
    assert refused.value.code == str(status)


@pytest.mark.parametrize(
    ("body", "reference"),
    [
        (b'{"id": "a-1"}', "a-1"),
        (b'{"sid": "SM123"}', "SM123"),
        (b'{"name": "projects/p/messages/7"}', "projects/p/messages/7"),
        (b'{"messages": [{"message-id": "0B"}]}', "0B"),
        (b'{"id": 17}', "17"),
        (b'{"id": "two words"}', None),
        (b'{"id": true}', None),
        (b'{"id": "' + b"x" * 201 + b'"}', None),
        (b"[]", None),
        (b"not json", None),
        (b"[" * 100_000, None),
    ],
)
def test_the_providers_own_id_is_found_where_it_usually_stands(body, reference):
    assert judge(200, body) == Taken(provider_ref=reference, code="200")


def test_a_success_that_the_plugin_does_not_believe_is_a_doubt():
    with pytest.raises(Doubtful):
        judge(200, b'{"status": "refused", "code": "broken"}', said=False)


def test_a_success_with_a_dead_token_in_its_body_is_refused():
    with pytest.raises(Refusal) as refused:
        judge(200, b'{"results": [], "error": "NotRegistered"}', said=False)

    assert refused.value.reason is Reason.TOKEN_DEAD


@pytest.mark.parametrize("said", [False, None, 1, "yes"])
def test_without_an_answer_only_a_plain_yes_is_taken(said):
    with pytest.raises(Doubtful):
        http_answers.judge([], plugin_said=said, provider="gate", channel=Channel.PUSH, now=lambda: NOW)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("17", 17),
        ("Sun, 22 Nov 2026 09:31:00 GMT", 60),
        ("Sun, 22 Nov 2026 09:29:00 GMT", 0),
        ("999999999999999999999999", 86400),
        ("²", None),
        ("soon", None),
        ("", None),
        ("-5", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header, seconds):
    assert http_answers.retry_after({"retry-after": header}, now=NOW) == seconds


def test_a_read_timeout_is_a_doubt_and_a_connect_timeout_is_not():
    assert isinstance(http_answers.of_error(requests.ReadTimeout(), provider="g"), Doubtful)
    assert isinstance(http_answers.of_error(requests.ConnectTimeout(), provider="g"), Unavailable)
    assert isinstance(http_answers.of_error(requests.ConnectionError("reset"), provider="g"), Doubtful)


@pytest.fixture
def twilio(web, a_provider, at, monkeypatch):
    plugins.apprise()
    from apprise.plugins.twilio import NotifyTwilio

    monkeypatch.setattr(NotifyTwilio, "notify_sms_url", f"http://127.0.0.1:{web.port}/{{sid}}/Messages.json")
    provider = a_provider(TWILIO, channel=Channel.SMS, name="twilio", idempotent=True)
    with contextlib.closing(open_notifier(provider, now=at)) as opened:
        yield opened


def test_a_foreign_plugin_is_reached_through_the_seam(twilio, web, a_message):
    web.will_answer(201, {"sid": "SM1"})
    message = a_message(Channel.SMS, "+8613800138000")

    taken = twilio.send(message)

    assert taken == Taken(provider_ref="SM1", code="201")
    [(_path, headers, body)] = web.asked
    assert "To=%2B8613800138000" in body.decode()
    assert headers["Idempotency-Key"] == message.key


def test_each_message_of_a_foreign_plugin_goes_to_its_own_address_over_one_connection(twilio, web, a_message):
    numbers = [f"+86138001380{index:02}" for index in range(20)]
    for number in numbers:
        twilio.send(a_message(Channel.SMS, number))

    assert [body.decode().split("To=%2B")[1][:13] for _path, _headers, body in web.asked] == [n[1:] for n in numbers]


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, {"code": 21211, "message": "invalid"}, Refusal),
        (429, {"code": 20429}, Unavailable),
        (500, {}, Doubtful),
        (401, {"code": 20003}, Misconfigured),
    ],
)
def test_a_foreign_plugins_false_is_told_apart_by_the_answer(twilio, web, a_message, status, body, error):
    web.will_answer(status, body)

    with pytest.raises(error):
        twilio.send(a_message(Channel.SMS, "+8613800138000"))


def test_a_redirect_is_not_followed(twilio, web, a_message):
    web.will_answer(307, {}, Location=f"http://127.0.0.1:{web.port}/elsewhere")

    with pytest.raises(Refusal):
        twilio.send(a_message(Channel.SMS, "+8613800138000"))

    assert len(web.asked) == 1


def test_a_plugin_that_keeps_the_address_in_its_path_is_made_anew_for_each(web, a_provider, a_message, at):
    provider = a_provider(f"json://127.0.0.1:{web.port}/{{to}}", channel=Channel.SMS, name="hook")
    with contextlib.closing(open_notifier(provider, now=at)) as notifier:
        notifier.send(a_message(Channel.SMS, "+8613800138000"))
        notifier.send(a_message(Channel.SMS, "+8613800138001"))

    paths = [requests.utils.unquote(path) for path, _headers, _body in web.asked]
    assert paths == ["/+8613800138000", "/+8613800138001"]


def test_a_path_cannot_be_climbed_by_an_address(web, a_provider, a_message, at):
    provider = a_provider(f"json://127.0.0.1:{web.port}/push/{{to}}", channel=Channel.PUSH, name="hook")
    with contextlib.closing(open_notifier(provider, now=at)) as notifier, contextlib.suppress(Refusal):
        notifier.send(a_message(Channel.PUSH, "../admin?x=1#"))

    assert all(path.startswith("/push/") for path, _headers, _body in web.asked)


def test_other_peoples_requests_are_left_alone(twilio, web, a_message):
    web.will_answer(200, {"mine": True})
    heard_before = len(web.asked)

    answer = requests.post(f"http://127.0.0.1:{web.port}/own", timeout=5)

    assert answer.json() == {"mine": True}
    assert "Idempotency-Key" not in web.asked[heard_before][1]


def test_the_seam_is_proven_and_where_it_is_not_a_false_is_a_doubt(web, a_provider, a_message, at, monkeypatch):
    assert wire.proven()
    monkeypatch.setattr(wire, "proven", lambda: False)
    provider = a_provider(f"json://127.0.0.1:{web.port}/{{to}}", channel=Channel.SMS, name="hook")
    web.will_answer(200, {"id": "x"})
    web.will_answer(400, {"code": "number-invalid"})
    with contextlib.closing(open_notifier(provider, now=at)) as notifier:
        assert notifier.send(a_message(Channel.SMS, "+8613800138000")) == Taken()
        with pytest.raises(Doubtful):
            notifier.send(a_message(Channel.SMS, "+8613800138000"))


def test_the_seam_does_not_pass_when_requests_no_longer_reaches_it(monkeypatch):
    wire.install()
    monkeypatch.setattr(requests, "post", lambda *_args, **_kwargs: requests.Response())

    assert not wire.proven()


def test_cookies_of_one_persons_call_do_not_reach_the_next(twilio, web, a_message):
    web.will_answer(201, {"sid": "SM1"}, Set_Cookie="who=first")
    twilio.send(a_message(Channel.SMS, "+8613800138000"))
    twilio.send(a_message(Channel.SMS, "+8613800138001"))

    assert "Cookie" not in web.asked[1][1]


@pytest.mark.parametrize("idempotent", [True, False])
def test_a_connection_closed_just_as_it_is_used_is_tried_once_more_where_repetitions_are_dropped(
    web, a_provider, a_message, at, monkeypatch, idempotent
):
    provider = a_provider(
        f"json://127.0.0.1:{web.port}/{{to}}", channel=Channel.SMS, name="hook", idempotent=idempotent
    )
    message = a_message(Channel.SMS, "+8613800138000")
    with contextlib.closing(open_notifier(provider, now=at)) as notifier:
        real, calls = requests.Session.request, []

        def lost_once(session, method, url, **kwargs):
            calls.append(kwargs["headers"].get("Idempotency-Key"))
            if len(calls) == 1:
                raise requests.ConnectionError("reset")
            return real(session, method, url, **kwargs)

        monkeypatch.setattr(requests.Session, "request", lost_once)
        if idempotent:
            assert notifier.send(message).code == "200"
            assert calls == [message.key] * 2
        else:
            with pytest.raises(Doubtful):
                notifier.send(message)
            assert calls == [None]


@pytest.mark.parametrize("second", [503, 401])
def test_a_doubt_stays_a_doubt_when_the_second_try_leaves_nothing(web, a_provider, a_message, at, monkeypatch, second):
    url = f"json://127.0.0.1:{web.port}/{{to}}"
    provider = a_provider(url, channel=Channel.SMS, name="hook", idempotent=True)
    web.will_answer(second, {})
    with contextlib.closing(open_notifier(provider, now=at)) as notifier:
        real, calls = requests.Session.request, []

        def lost_once(session, method, url, **kwargs):
            calls.append(url)
            if len(calls) == 1:
                raise requests.ConnectionError("reset")
            return real(session, method, url, **kwargs)

        monkeypatch.setattr(requests.Session, "request", lost_once)
        with pytest.raises(Doubtful):
            notifier.send(a_message(Channel.SMS, "+8613800138000"))

    assert len(calls) == 2
