"""Receipts pulled from feeds: from the shipped fakes, and from feeds that misbehave."""

import time

import pytest

from notifiers import fakes, receipts
from notifiers.dispatch import dispatch
from notifiers.journal import Journal
from tocsin.delivery import Channel, Outcome
from tocsin.errors import Misconfigured, TocsinError, Unavailable

TO = {
    Channel.EMAIL: ("bounce{}@example.org", Outcome.BOUNCED, "mailbox-unknown"),
    Channel.PUSH: ("tok-{}", Outcome.DELIVERED, None),
    Channel.SMS: ("+1417{}0001", Outcome.BOUNCED, "expired"),
    Channel.PHONE: ("+1417{}1111", Outcome.DELIVERED, None),
}


@pytest.mark.parametrize("channel", list(Channel), ids=str)
def test_what_becomes_of_a_message_comes_back_by_the_feed(running, channel, a_message, tmp_path, at):
    address, outcome, reason = TO[channel]
    messages = [a_message(channel, address.format(n), seed="feed") for n in range(700, 720)]
    own, other = (
        next(each for each in fakes.providers(running, "*", suffix=suffix) if each.channel is channel)
        for suffix in ("-feed", "-other")
    )
    with Journal(tmp_path / "j") as journal:
        list(dispatch(messages, own, journal=journal, now=at))

    found, cursor = drained(own, expected=20)

    assert {receipt.key for receipt in found} == {message.key for message in messages}
    assert {(receipt.outcome, receipt.reason, receipt.provider) for receipt in found} == {(outcome, reason, own.name)}
    assert len({receipt.event_id for receipt in found}) == 20
    assert all(receipt.provider_ref for receipt in found)
    assert receipts.collect(own, cursor) == ([], cursor), "nothing twice"
    assert receipts.collect(other, None)[0] == [], "another account's receipts are not ours"


def drained(provider, *, expected):
    found, cursor = [], None
    patience_ends = time.monotonic() + 5
    while len(found) < expected and time.monotonic() < patience_ends:
        more, cursor = receipts.collect(provider, cursor)
        found += more
        time.sleep(0.05)
    return found, cursor


def test_a_message_whose_answer_was_lost_is_settled_by_its_receipt(running, a_message, tmp_path, at):
    provider = next(each for each in fakes.providers(running, "*", suffix="-lost") if each.channel is Channel.PUSH)
    url = provider.url.get_secret_value().replace("rto=3", "rto=0.2")
    hasty = provider.model_validate(provider.model_dump() | {"url": url, "receipts": None})
    message = a_message(Channel.PUSH, "slow-1", seed="lost")
    with Journal(tmp_path / "j") as journal:
        [settled] = dispatch([message], hasty, journal=journal, now=at)
    assert settled.outcome is Outcome.UNKNOWN

    [receipt] = drained(provider, expected=1)[0]

    assert (receipt.key, receipt.outcome) == (message.key, Outcome.DELIVERED)


@pytest.fixture
def feed(web, a_provider):
    return a_provider(
        "gateway://t@127.0.0.1/push/?to={to}",
        channel=Channel.PUSH,
        receipts=f"http://127.0.0.1:{web.port}/feed?token=hunter2",
    )


def an_event(number=1, **changes):
    return {
        "id": f"e{number}", "n": number, "event": "delivered", "at": "2026-11-22T10:00:00+08:00", "channel": "push",
        "reference": "ab" * 32, "provider_id": "p1",
    } | changes  # fmt: skip


def test_events_become_receipts(web, feed):
    web.will_answer(200, {"events": [an_event()], "next": 1})
    web.will_answer(200, {"events": [], "next": 1})

    [receipt], cursor = receipts.collect(feed, None)

    assert cursor == "1"
    assert (receipt.event_id, receipt.outcome, receipt.key, receipt.provider_ref) == (
        "e1", Outcome.DELIVERED, "ab" * 32, "p1",
    )  # fmt: skip
    assert receipt.at.isoformat() == "2026-11-22T02:00:00+00:00"
    assert [path for path, _headers, _body in web.asked] == [
        "/feed?token=hunter2&after=0&limit=1000",
        "/feed?token=hunter2&after=1&limit=1000",
    ]


def test_pages_are_read_to_the_end_of_the_feed(web, feed):
    for number in (1, 2, 3):
        web.will_answer(200, {"events": [an_event(number)], "next": number})
    web.will_answer(200, {"events": [], "next": 3})

    found, cursor = receipts.collect(feed, "0")

    assert [receipt.event_id for receipt in found] == ["e1", "e2", "e3"]
    assert cursor == "3"


def test_an_event_with_an_unknown_word_is_kept_as_a_doubt(web, feed):
    web.will_answer(200, {"events": [an_event(event="teleported")], "next": 0})

    assert receipts.collect(feed, None)[0][0].outcome is Outcome.UNKNOWN


def test_a_failure_has_a_closed_reason_even_when_the_code_is_free(web, feed):
    events = [an_event(1, event="failed", code="token-dead"), an_event(2, event="failed", code="+14155550100 gone")]
    web.will_answer(200, {"events": events, "next": 0})

    first, second = receipts.collect(feed, None)[0]

    assert (first.reason, second.reason) == ("token-dead", "other")
    assert "4155550100" not in repr(second)


def test_events_of_other_channels_and_foreign_references_are_told_apart(web, feed):
    events = [an_event(1, channel="sms"), an_event(2, reference="somebody@example.org"), an_event(3, channel=None)]
    web.will_answer(200, {"events": events, "next": 0})

    found, _cursor = receipts.collect(feed, None)

    assert [(receipt.event_id, receipt.key) for receipt in found] == [("e2", None), ("e3", "ab" * 32)]


def test_a_cursor_never_goes_back(web, feed):
    web.will_answer(200, {"events": [], "next": 3})

    assert receipts.collect(feed, "17") == ([], "17")


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_a_feed_that_is_busy_is_asked_again_later(web, feed, status):
    web.will_answer(status, {})

    with pytest.raises(Unavailable):
        receipts.collect(feed, None)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (401, {}),
        (302, {}),
        (200, b"<html>"),
        (200, {"events": 7}),
        (200, {"events": [{"id": "x"}], "next": 1}),
        (200, {"events": [an_event(at="yesterday")], "next": 1}),
        (200, {"events": [an_event(at="10:00")], "next": 1}),
    ],
)
def test_what_is_no_feed_is_a_setting_to_mend_without_the_secret(web, feed, status, body):
    web.will_answer(status, body, Location="/")

    with pytest.raises(Misconfigured) as error:
        receipts.collect(feed, None)

    assert "hunter2" not in str(error.value)
    assert error.value.__cause__ is None


def test_a_feed_that_is_down_is_asked_again_later(feed, a_provider):
    down = a_provider(receipts="http://127.0.0.1:9/receipts?token=hunter2")

    with pytest.raises(Unavailable) as error:
        receipts.collect(down, "4")

    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize("url", ["ftp://host/x", "receipts", "http://", "http://[::1"])
def test_a_feeds_url_that_is_none_is_one_sentence(a_provider, url):
    with pytest.raises(TocsinError) as error:
        receipts.collect(a_provider(receipts=url), None)

    assert "post" in str(error.value)


def test_a_provider_without_a_feed_has_no_receipts(a_provider):
    assert receipts.collect(a_provider(), "3") == ([], "3")
