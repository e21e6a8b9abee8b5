"""The contract that every notifier keeps, run over every channel against the shipped fakes."""

import contextlib
import socket
import time

import pytest
import requests

from notifiers import fakes
from notifiers.answers import Reason, Refusal
from notifiers.channels import open_notifier
from tocsin.delivery import Channel
from tocsin.errors import Doubtful, Misconfigured, TocsinError, Unavailable

ADDRESSES = {
    Channel.EMAIL: {
        "good": "wei.{}@example.org",
        "dead": "refuse.{}@example.org",
        "busy": "busy.{}@example.org",
        "slow": "slow.{}@example.org",
        "blocked": "blocked.{}@example.org",
        "dropped": "dropped.{}@example.org",
        "broken": "broken.{}@example.org",
    },
    Channel.PUSH: {
        "good": "token-{}",
        "dead": "dead-{}",
        "busy": "busy-{}",
        "slow": "slow-{}",
        "blocked": "blocked-{}",
        "dropped": "dropped-{}",
        "broken": "broken-{}",
    },
} | {
    channel: {
        "good": "+1415{}1234",
        "dead": "+1415{}0000",
        "busy": "+1415{}0002",
        "slow": "+1415{}0003",
        "blocked": "+1415{}0707",
        "dropped": "+1415{}0606",
        "broken": "+1415{}0404",
    }
    for channel in (Channel.SMS, Channel.PHONE)
}
DEAD = {
    Channel.EMAIL: Reason.MAILBOX_UNKNOWN,
    Channel.PUSH: Reason.TOKEN_DEAD,
    Channel.SMS: Reason.NUMBER_INVALID,
    Channel.PHONE: Reason.NUMBER_INVALID,
}


@pytest.fixture(params=list(Channel), ids=str)
def channel(request):
    return request.param


@pytest.fixture
def address(channel):
    return lambda kind, number=345: ADDRESSES[channel][kind].format(number)


@pytest.fixture
def provider(running, channel):
    return next(each for each in fakes.providers(running, ("*", "CN")) if each.channel is channel)


@pytest.fixture
def notifier(provider, at):
    with contextlib.closing(open_notifier(provider, now=at)) as opened:
        yield opened


def impatient(provider, seconds):
    url = provider.url.get_secret_value().replace("rto=3", f"rto={seconds}")
    return provider.model_validate(
        provider.model_dump() | {"url": url, "receipts": provider.receipts.get_secret_value()}
    )


def test_a_good_address_is_taken_with_the_providers_reference_and_code(notifier, channel, address, a_message):
    taken = notifier.send(a_message(channel, address("good")))

    assert taken.provider_ref
    assert taken.code == ("250 2.0.0" if channel is Channel.EMAIL else "202")


def test_chinese_text_arrives_as_it_was_approved(notifier, channel, address, a_message, outbox_of):
    message = a_message(
        channel, address("good", 346), subject="关于您个人信息的通知", text="您好，王芳：\n资料“泄露”。😟\n"
    )

    notifier.send(message)

    line = outbox_of(channel)[-1]
    assert line["key"] == message.key
    assert line["to"] == message.to
    assert line["title"] == message.subject
    assert line["body"].replace("\r\n", "\n").rstrip("\n") == message.text.rstrip("\n")


def test_a_dead_address_is_refused_with_its_reason(notifier, channel, address, a_message):
    with pytest.raises(Refusal) as refused:
        notifier.send(a_message(channel, address("dead")))

    assert refused.value.reason is DEAD[channel]


def test_a_block_of_the_sender_is_a_matter_of_policy(notifier, channel, address, a_message):
    with pytest.raises(Refusal) as refused:
        notifier.send(a_message(channel, address("blocked")))

    assert refused.value.reason is Reason.POLICY


def test_a_busy_provider_has_taken_nothing_and_takes_the_same_message_later(notifier, channel, address, a_message):
    message = a_message(channel, address("busy"))

    for _attempt in range(2):
        with pytest.raises(Unavailable) as busy:
            notifier.send(message)
        assert busy.value.retry_after_seconds == (None if channel is Channel.EMAIL else 1.0)

    assert notifier.send(message).provider_ref


def test_an_answer_that_never_comes_is_a_doubt(provider, channel, address, a_message, at, outbox_of):
    message = a_message(channel, address("slow"))
    with (
        contextlib.closing(open_notifier(impatient(provider, 0.3), now=at)) as notifier,
        pytest.raises(Doubtful) as doubt,
    ):
        notifier.send(message)

    assert doubt.value.code == "timeout"
    assert message.key in {line["key"] for line in outbox_of(channel)}, "the fake took it: only its answer was lost"


@pytest.mark.parametrize("kind", ["dropped", "broken"])
def test_a_failure_after_the_text_left_is_a_doubt(notifier, channel, address, a_message, kind):
    with pytest.raises(Doubtful):
        notifier.send(a_message(channel, address(kind)))


def test_after_a_failure_the_next_message_is_taken(notifier, channel, address, a_message):
    with pytest.raises(Doubtful):
        notifier.send(a_message(channel, address("dropped")))

    assert notifier.send(a_message(channel, address("good"), seed="next")).provider_ref


def test_a_server_that_is_down_has_taken_nothing(provider, channel, address, a_message, at):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = provider.url.get_secret_value()
        port = url.split("127.0.0.1:")[1].split("/")[0]
        down = url.replace(f":{port}/", f":{closed.getsockname()[1]}/")
        gone = provider.model_validate(provider.model_dump() | {"url": down, "receipts": None})
        with contextlib.closing(open_notifier(gone, now=at)) as notifier, pytest.raises(Unavailable) as unavailable:
            notifier.send(a_message(channel, address("good")))

    assert unavailable.value.code == "unreachable"


def test_one_connection_is_kept_for_many_messages(running, notifier, channel, address, a_message):
    def connections():
        with requests.get(f"http://127.0.0.1:{running.http_port}/stats", timeout=5) as answer:
            return answer.json()["smtp_connections" if channel is Channel.EMAIL else "http_connections"]

    before = connections()
    for number in range(100, 130):
        notifier.send(a_message(channel, address("good", number), seed="kept"))

    assert connections() - before == 1


def test_credentials_that_are_not_accepted_are_a_setting_to_mend(running, provider, channel, address, a_message, at):
    url = provider.url.get_secret_value().replace(f"{provider.name}:secret@", "locked-out:secret@")
    url = url.replace(f"//{provider.name}@", "//locked-out@")
    locked = provider.model_validate(provider.model_dump() | {"url": url, "receipts": None})
    with contextlib.closing(open_notifier(locked, now=at)) as notifier, pytest.raises(Misconfigured) as error:
        notifier.send(a_message(channel, address("good")))

    assert provider.name in str(error.value)
    assert "locked-out" not in str(error.value)


@pytest.mark.parametrize("kind", ["dead", "blocked", "busy", "dropped", "broken"])
def test_no_error_shows_the_person_or_the_credentials(notifier, channel, address, a_message, kind, caplog):
    caplog.set_level("DEBUG")
    message = a_message(channel, address(kind, 777), seed="secret")
    with pytest.raises(TocsinError) as error:
        notifier.send(message)

    shown = f"{error.value!r} {error.value} {error.value.__cause__} {vars(error.value)} {caplog.text} {message!r}"
    assert message.to not in shown
    assert message.to.removeprefix("+") not in shown
    assert "777" not in shown.replace(message.key, "")
    assert error.value.__cause__ is None
    assert error.value.__suppress_context__ or error.value.__context__ is None


def test_a_successful_message_leaves_nothing_in_the_logs(notifier, channel, address, a_message, caplog):
    caplog.set_level(1)
    message = a_message(channel, address("good", 778), seed="log")

    notifier.send(message)

    assert message.to not in caplog.text
    assert "778" not in caplog.text


NASTY = ["a@example.org\r\nBcc: b@example.org", "", " ", "a b", "a\x00b"]


@pytest.mark.parametrize(
    ("channel", "nasty"),
    [
        *((channel, nasty) for channel in Channel for nasty in NASTY),
        (Channel.EMAIL, "a@example.org,b@example.org"),
        (Channel.SMS, "+14155550101,+14155550102"),
        (Channel.PHONE, "+14155550101 +14155550102"),
    ],
)
def test_an_address_that_is_more_than_one_address_is_refused_before_anything_leaves(
    notifier, channel, a_message, nasty, outbox_of
):
    before = len(outbox_of(channel))
    with pytest.raises(Refusal):
        notifier.send(a_message(channel, nasty))

    assert len(outbox_of(channel)) == before


def test_a_token_with_a_comma_is_still_one_target(running, a_message, at, outbox_of):
    push = next(each for each in fakes.providers(running, "*") if each.channel is Channel.PUSH)
    with contextlib.closing(open_notifier(push, now=at)) as notifier:
        notifier.send(a_message(Channel.PUSH, "#all,token-b"))

    assert outbox_of(Channel.PUSH)[-1]["to"] == "#all,token-b"


def test_thirty_messages_take_a_moment_and_not_the_plugins_throttle(notifier, channel, address, a_message):
    started = time.monotonic()
    for number in range(200, 230):
        notifier.send(a_message(channel, address("good", number), seed="quick"))

    assert time.monotonic() - started < 3
