"""The HTTP carrier against the shipped fakes and scripted servers: what a notifier promises, for many at once."""

import asyncio
import contextlib
import socket
import time

import pytest
import requests

from notifiers import fakes, plugins, wire
from notifiers.answers import Reason, Refusal, Taken
from notifiers.carriers.http import HttpCarrier, open_http
from notifiers.http_channel import PluginNotifier
from tocsin.delivery import Channel
from tocsin.errors import Doubtful, Misconfigured, TocsinError, Unavailable

CHANNELS = (Channel.PUSH, Channel.SMS, Channel.PHONE)
NUMBERS = {"good": "1234", "dead": "0000", "busy": "0002", "slow": "0003", "blocked": "0707", "dropped": "0606"}
NUMBERS |= {"broken": "0404", "lying": "0505"}


@pytest.fixture(params=CHANNELS, ids=str)
def channel(request):
    return request.param


@pytest.fixture
def address(channel):
    def of(kind, number=555):
        if channel is Channel.PUSH:
            return f"{'token' if kind == 'good' else kind}-{number}-carried"
        return f"+1416{number}{NUMBERS[kind]}"

    return of


@pytest.fixture
def provider(running, channel):
    return next(each for each in fakes.providers(running, ("*", "CN")) if each.channel is channel)


def changed(provider, **changes):
    known = provider.model_dump() | {"url": provider.url.get_secret_value(), "receipts": None}
    return provider.model_validate(known | changes)


def sent(provider, messages, *, now, at_once=8):
    """What became of each message: Taken, or the error."""

    async def work():
        carrier = open_http(provider, now=now)
        turn = asyncio.Semaphore(at_once)

        async def send(message):
            async with turn:
                try:
                    return await carrier.send(message)
                except TocsinError as error:
                    return error

        try:
            return await asyncio.gather(*(send(message) for message in messages))
        finally:
            await carrier.close()

    return asyncio.run(work())


def test_many_at_once_are_each_taken_with_their_own_reference(provider, channel, address, a_message, at, outbox_of):
    messages = [a_message(channel, address("good", number), seed="many") for number in range(100, 200)]

    said = sent(provider, messages, now=at, at_once=8)

    assert all(taken.code == "202" for taken in said)
    written = {line["key"]: line for line in outbox_of(channel) if line["type"] == "message"}
    for message, taken in zip(messages, said, strict=True):
        assert written[message.key]["to"] == message.to
        assert written[message.key]["id"] == taken.provider_ref


def test_as_many_connections_are_made_as_messages_are_under_way(running, provider, channel, address, a_message, at):
    def connections():
        with requests.get(f"http://127.0.0.1:{running.http_port}/stats", timeout=5) as answer:
            return answer.json()["http_connections"]

    before = connections()
    sent(provider, [a_message(channel, address("good", n), seed="kept") for n in range(100, 160)], now=at, at_once=4)

    assert connections() - before <= 4 + 1  # and the one that asks


@pytest.mark.parametrize(
    ("kind", "error", "code"),
    [
        ("dead", Refusal, None),
        ("blocked", Refusal, "403"),
        ("busy", Unavailable, "429"),
        ("dropped", Doubtful, "connection-lost"),
        ("broken", Doubtful, "500"),
        ("lying", Doubtful, "200-odd"),
    ],
)
def test_every_answer_means_what_it_means_to_a_notifier(provider, channel, address, a_message, at, kind, error, code):
    plain = changed(provider, idempotent=False)
    [said] = sent(plain, [a_message(channel, address(kind), seed=f"{channel}{kind}")], now=at)

    with contextlib.closing(PluginNotifier(plain, now=at)) as notifier, pytest.raises(error) as other:
        notifier.send(a_message(channel, address(kind), seed=f"{channel}{kind}"))

    assert type(said) is type(other.value) is error
    assert said.code == other.value.code
    assert code in {None, said.code}
    assert getattr(said, "reason", None) == getattr(other.value, "reason", None)
    assert getattr(said, "retry_after_seconds", None) == getattr(other.value, "retry_after_seconds", None)


def test_an_answer_that_never_comes_is_a_doubt_and_holds_up_nobody(provider, channel, address, a_message, at):
    url = provider.url.get_secret_value().replace("rto=3", "rto=0.4")
    messages = [a_message(channel, address("slow" if n == 105 else "good", n), seed="slow") for n in range(100, 130)]

    said = sent(changed(provider, url=url), messages, now=at)

    assert [isinstance(each, Doubtful) for each in said].count(True) == 1
    assert said[5].code == "timeout"


def test_a_server_that_is_down_has_taken_nothing(provider, channel, address, a_message, at):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = provider.url.get_secret_value()
        port = url.split("127.0.0.1:")[1].split("/")[0]
        down = changed(provider, url=url.replace(f":{port}/", f":{closed.getsockname()[1]}/"))
        [said] = sent(down, [a_message(channel, address("good"))], now=at)

    assert isinstance(said, Unavailable)
    assert said.code == "unreachable"


def test_credentials_that_are_not_accepted_are_a_setting_to_mend(provider, channel, address, a_message, at):
    url = provider.url.get_secret_value().replace(f"//{provider.name}@", "//locked-out@")

    [said] = sent(changed(provider, url=url), [a_message(channel, address("good"))], now=at)

    assert isinstance(said, Misconfigured)
    assert "locked-out" not in str(said)


@pytest.mark.parametrize("kind", ["good", "dead", "blocked", "busy", "dropped", "broken"])
def test_nothing_shows_the_person(provider, channel, address, a_message, at, kind, caplog):
    caplog.set_level(1)
    message = a_message(channel, address(kind, 777), seed="shown")

    [said] = sent(provider, [message], now=at)

    shown = f"{said!r} {said} {vars(said) if isinstance(said, Exception) else ''} {caplog.text}"
    assert message.to not in shown
    assert "777" not in shown.replace(message.key, "")
    if isinstance(said, Exception):
        assert said.__cause__ is None
        assert said.__suppress_context__ or said.__context__ is None


def test_an_address_that_is_none_is_refused_before_anything_leaves(provider, channel, a_message, at, outbox_of):
    before = len(outbox_of(channel))

    said = sent(provider, [a_message(channel, nasty) for nasty in ("", " ", "a b", "+1\r\nTo: x")], now=at)

    assert all(isinstance(each, Refusal) for each in said)
    assert len(outbox_of(channel)) == before


@pytest.fixture
def twilio(web, a_provider, monkeypatch):
    plugins.apprise()
    from apprise.plugins.twilio import NotifyTwilio

    monkeypatch.setattr(NotifyTwilio, "notify_sms_url", f"http://127.0.0.1:{web.port}/{{sid}}/Messages.json")
    url = f"twilio://AC{'a' * 32}:{'b' * 32}@15005550006/{{to}}"
    return a_provider(url, channel=Channel.SMS, name="twilio", idempotent=True)


def test_a_foreign_plugin_sends_the_same_through_a_carrier_and_through_a_session(twilio, web, a_message, at):
    message = a_message(Channel.SMS, "+8613800138000", text="您好：R&D + 100%\n")
    web.will_answer(201, {"sid": "SM1"})
    web.will_answer(201, {"sid": "SM2"})
    with contextlib.closing(PluginNotifier(twilio, now=at)) as notifier:
        notifier.send(message)

    assert sent(twilio, [message], now=at) == [Taken(provider_ref="SM2", code="201")]

    (path, headers, body), (same_path, same_headers, same_body) = web.asked
    assert (path, body) == (same_path, same_body)
    own = {"Accept-Encoding", "Connection"}  # a session's
    assert {k: v for k, v in headers.items() if k not in own} == {k: v for k, v in same_headers.items() if k not in own}


def test_a_plugin_that_keeps_the_address_in_its_path_is_made_anew_for_each(web, a_provider, a_message, at):
    provider = a_provider(f"json://127.0.0.1:{web.port}/{{to}}", channel=Channel.SMS, name="hook")

    sent(provider, [a_message(Channel.SMS, f"+861380013800{n}") for n in range(3)], now=at)

    paths = sorted(requests.utils.unquote(path) for path, _headers, _body in web.asked)
    assert paths == [f"/+861380013800{n}" for n in range(3)]


def test_a_path_cannot_be_climbed_by_an_address(web, a_provider, a_message, at):
    provider = a_provider(f"json://127.0.0.1:{web.port}/push/{{to}}", channel=Channel.PUSH, name="hook")

    sent(provider, [a_message(Channel.PUSH, "../admin?x=1#"), a_message(Channel.PUSH, "%2e%2e/admin")], now=at)

    assert all(path.startswith("/push/") for path, _headers, _body in web.asked)


def test_a_redirect_is_not_followed(twilio, web, a_message, at):
    web.will_answer(307, {}, Location=f"http://127.0.0.1:{web.port}/elsewhere")

    [said] = sent(twilio, [a_message(Channel.SMS, "+8613800138000")], now=at)

    assert isinstance(said, Refusal)
    assert len(web.asked) == 1


def test_cookies_of_one_persons_call_do_not_reach_the_next(twilio, web, a_message, at):
    web.will_answer(201, {"sid": "SM1"}, Set_Cookie="who=first")

    sent(twilio, [a_message(Channel.SMS, f"+861380013800{n}") for n in range(2)], now=at, at_once=1)

    assert "Cookie" not in web.asked[1][1]


def test_a_title_in_a_header_cannot_add_another(web, a_provider, a_message, at):
    provider = a_provider(f"ntfy://127.0.0.1:{web.port}/{{to}}", channel=Channel.PUSH, name="hook")

    sent(provider, [a_message(Channel.PUSH, "topic", subject="one\r\nX-Evil: two")], now=at)

    assert not any("X-Evil" in headers for _path, headers, _body in web.asked)


@pytest.mark.parametrize("idempotent", [True, False])
def test_a_line_that_breaks_is_asked_again_only_where_repetitions_are_dropped(a_provider, a_message, at, idempotent):
    asked = []

    async def work():
        async def serve(reader, writer):
            asked.append(await reader.readuntil(b"\r\n\r\n"))
            if len(asked) > 1:
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
            writer.close()

        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            url = f"json://127.0.0.1:{server.sockets[0].getsockname()[1]}/{{to}}"
            provider = a_provider(url, channel=Channel.SMS, name="hook", idempotent=idempotent)
            carrier = open_http(provider, now=at)
            try:
                return await carrier.send(message)
            except Doubtful as doubt:
                return doubt
            finally:
                await carrier.close()

    message = a_message(Channel.SMS, "+8613800138000")
    said = asyncio.run(work())

    if idempotent:
        assert said == Taken(code="200")
        assert [head.count(f"Idempotency-Key: {message.key}".encode()) for head in asked] == [1, 1]
    else:
        assert said.code == "connection-lost"
        assert len(asked) == 1


def test_requests_of_others_are_left_alone_meanwhile(twilio, web, a_message, at):
    seen = []

    async def work():
        carrier = open_http(twilio, now=at)

        async def others():
            for _ in range(5):
                answer = await asyncio.to_thread(requests.post, f"http://127.0.0.1:{web.port}/own", timeout=5)
                seen.append((answer.raw is not None, wire._current.get()))

        messages = [a_message(Channel.SMS, f"+86138001380{n:02}") for n in range(20)]
        await asyncio.gather(others(), *(carrier.send(message) for message in messages))
        await carrier.close()

    asyncio.run(work())
    own = [headers for path, headers, _body in web.asked if path == "/own"]
    assert len(own) == 5
    assert not any("Idempotency-Key" in headers or "Authorization" in headers for headers in own)
    assert seen == [(True, None)] * 5


def test_through_a_proxy_of_the_environment_messages_go_by_a_session(web, a_provider, a_message, at, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{web.port}")
    provider = a_provider("json://service.example/{to}", channel=Channel.SMS, name="hook")
    web.will_answer(200, {"id": "by-proxy"})

    [said] = sent(provider, [a_message(Channel.SMS, "+8613800138000")], now=at)

    assert said == Taken(provider_ref="by-proxy", code="200")
    assert web.asked[0][0].startswith("http://service.example/")


def test_a_pause_that_a_service_asks_for_holds_up_nobody_else(twilio, web, a_message, at, monkeypatch):
    from apprise.plugins.twilio import NotifyTwilio

    real = NotifyTwilio.send

    def pausing(self, *args, **kwargs):
        self.throttle(wait=0.4)
        return real(self, *args, **kwargs)

    monkeypatch.setattr(NotifyTwilio, "send", pausing)
    began = time.monotonic()
    said = sent(twilio, [a_message(Channel.SMS, f"+861380013800{n}") for n in range(9)], now=at, at_once=9)

    assert all(taken.code == "200" for taken in said)
    assert 0.4 <= time.monotonic() - began < 2.5


@pytest.mark.parametrize(
    ("url", "channel"),
    [
        ("gateway://token@127.0.0.1:9/sms/?to={to}", Channel.SMS),
        (f"twilio://AC{'a' * 32}:{'b' * 32}@15005550006/{{to}}?method=call", Channel.PHONE),
        (f"fcm://{'k' * 32}/{{to}}", Channel.PUSH),
        (f"vonage://{'a' * 8}:{'b' * 16}@15005550006/{{to}}", Channel.SMS),
        ("sns://AHIAJGNT76XIMXDBIJYA/bu1dHSdO22pfaaVy/wmNsdjJ4C07D3GFKAPBE/us-east-1/{to}", Channel.SMS),
    ],
)
def test_services_of_http_have_a_carrier(a_provider, at, url, channel):
    assert isinstance(open_http(a_provider(url, channel=channel, name="p"), now=at), HttpCarrier)


def test_what_is_not_only_http_has_none(a_provider, at):
    mail = a_provider("mailto://127.0.0.1:9/{to}?from=privacy@notices.example")

    assert open_http(mail, now=at) is None


def test_where_the_seam_does_not_hold_there_is_no_carrier(a_provider, at, monkeypatch):
    monkeypatch.setattr(wire, "proven", lambda: False)

    assert open_http(a_provider("gateway://t@127.0.0.1:9/sms/?to={to}", channel=Channel.SMS), now=at) is None


def test_a_url_that_nobody_can_read_is_a_setting_to_mend(a_provider, at):
    with pytest.raises(Misconfigured):
        open_http(a_provider("nonsense://{to}", channel=Channel.SMS), now=at)


def test_a_foreign_plugins_no_is_told_apart_by_the_answer(twilio, web, a_message, at):
    web.will_answer(400, {"code": 21211, "message": "The To number is not a valid phone number."})

    [said] = sent(twilio, [a_message(Channel.SMS, "+8613800138000")], now=at)

    assert said.reason is Reason.NUMBER_INVALID
