"""Many letters over few sessions: envelopes go ahead of their turn, texts never do."""

import asyncio
import contextlib
import re
import threading
import time
from collections import Counter

import pytest

from notifiers.channels import open_carrier
from notifiers.dispatch import STOPPED, Deferred, Engine, dispatch
from notifiers.journal import Journal, recover
from tocsin.delivery import Outcome, Settled


@pytest.fixture
def journal(tmp_path):
    with Journal(tmp_path / "claim.journal") as opened:
        opened.path = tmp_path / "claim.journal"
        yield opened


@pytest.fixture(params=["250-relay.example\r\n250 PIPELINING", "250 relay.example"], ids=["pipelining", "step by step"])
def post(request, relay, a_provider):
    relay.features = request.param

    def build(**changes):
        url = f"mailto://127.0.0.1:{relay.port}/{{to}}?from=privacy@notices.example&mode=insecure&rto=5&cto=5"
        return a_provider(url, **{"connections": 1} | changes)

    return build


@pytest.fixture
def letters(a_message):
    return lambda count: [a_message(to=f"p{number}@example.org") for number in range(count)]


def said(results):
    return Counter(result.outcome if isinstance(result, Settled) else result.code for result in results)


def told(relay):
    return [re.search(rb"^To: (.*)\r$", text, re.MULTILINE).group(1).decode() for text in relay.texts]


def test_a_hundred_letters_go_over_one_session_once_each_and_in_order(relay, post, letters, journal, at):
    results = list(dispatch(letters(100), post(), journal=journal, now=at))

    assert said(results) == {Outcome.ACCEPTED: 100}
    assert told(relay) == [f"p{number}@example.org" for number in range(100)]
    assert relay.connections == 1
    assert relay.commands[-1] == "QUIT"


def test_a_refused_recipient_costs_the_letters_around_it_nothing(relay, post, letters, journal, at):
    relay.replies["RCPT"] = ["250 ok", "550 5.1.1 no such user", "250 ok", "451 4.7.1 later", "250 ok"]
    relay.replies["DATA"] = ["354 go on"] * 5  # as some servers do though nobody is left to send to

    results = list(dispatch(letters(6), post(), journal=journal, now=at))

    assert said(results) == {Outcome.ACCEPTED: 4, Outcome.REFUSED: 1, "451 4.7.1": 1}
    assert told_with_text(relay) == [f"p{number}@example.org" for number in (0, 2, 4, 5)]
    assert relay.connections == 1


def told_with_text(relay):
    relay.texts = [text for text in relay.texts if text]
    return told(relay)


def test_a_session_that_ends_after_a_text_takes_the_next_letter_along_to_a_new_one(relay, post, letters, journal, at):
    relay.replies["."] = ["250 ok", "421 4.7.0 enough for today"]

    results = list(dispatch(letters(5), post(), journal=journal, now=at))

    assert said(results) == {Outcome.ACCEPTED: 4, "421 4.7.0": 1}
    assert relay.connections == 2
    assert recover(journal.path).not_sent == {result.key for result in results if isinstance(result, Deferred)}


def test_a_line_cut_after_a_text_leaves_one_doubt_and_the_next_letter_goes_again(relay, post, letters, journal, at):
    relay.replies["."] = ["250 ok", None]

    results = list(dispatch(letters(5), post(), journal=journal, now=at))

    assert said(results) == {Outcome.ACCEPTED: 4, Outcome.UNKNOWN: 1}
    assert (relay.connections, len(relay.texts)) == (2, 5)


def test_however_many_wait_one_text_a_session_is_on_the_wire(relay, post, letters, journal, at, monkeypatch):
    answering, usual = threading.Event(), relay.reply
    monkeypatch.setattr(relay, "reply", lambda verb: (verb != "." or answering.wait(10)) and usual(verb))
    results = []
    sending = threading.Thread(
        target=lambda: results.extend(dispatch(letters(60), post(connections=3), journal=journal, now=at))
    )
    sending.start()
    while len(relay.texts) < 3:
        time.sleep(0.005)
    time.sleep(0.05)

    assert len(recover(journal.path).in_doubt) == 3
    assert len(relay.texts) == 3
    answering.set()
    sending.join()
    assert said(results) == {Outcome.ACCEPTED: 60}
    assert not recover(journal.path).in_doubt


def test_what_is_stopped_with_its_envelope_ahead_does_not_leave(relay, post, letters, journal, at):
    stop = threading.Event()
    usual = relay.reply

    def reply(verb):
        if verb == "." and len(relay.texts) == 3:
            stop.set()
        return usual(verb)

    relay.reply = reply
    results = list(dispatch(letters(20), post(), journal=journal, now=at, stop=stop.is_set))

    assert said(results) == {Outcome.ACCEPTED: 3, STOPPED: 17}
    assert len(relay.texts) == 3
    assert not recover(journal.path).in_doubt


def test_a_server_that_takes_one_session_only_gets_all_letters_over_it(relay, post, letters, journal, at, monkeypatch):
    greeting = ["220 relay.example"]
    monkeypatch.setattr(
        type(relay), "greeting", property(lambda _self: greeting.pop() if greeting else "421 busy", lambda *_: None),
        raising=False,
    )  # fmt: skip

    results = list(dispatch(letters(200), post(connections=2), journal=journal, now=at))

    assert said(results)[Outcome.ACCEPTED] >= 195  # those whose sessions were refused first may be put off
    assert set(said(results)) <= {Outcome.ACCEPTED, "unreachable"}


def test_a_server_that_falls_silent_at_the_envelope_has_taken_nothing(relay, post, letters, journal, at, monkeypatch):
    ended, usual = threading.Event(), relay.reply
    monkeypatch.setattr(relay, "reply", lambda verb: usual(verb) if verb != "RCPT" else ended.wait(10) and None)
    quick = post().model_copy(
        update={"url": type(post().url)(post().url.get_secret_value().replace("rto=5", "rto=0.2"))}
    )

    results = list(dispatch(letters(1), quick, journal=journal, now=at))
    ended.set()

    assert said(results) == {"unreachable": 1}


def test_a_long_text_arrives_whole_though_the_other_side_reads_slowly(relay, post, a_message, journal, at):
    message = a_message(html="<p>你好</p>" * 200_000)

    results = list(dispatch([message, a_message(seed="next")], post(), journal=journal, now=at))

    assert said(results) == {Outcome.ACCEPTED: 2}
    assert [len(text) > 3_000_000 for text in relay.texts] == [True, False]


def test_an_engine_keeps_its_sessions_from_one_call_to_the_next(relay, post, letters, journal, at):
    with Engine() as engine:
        for first in (0, 10):
            batch = letters(20)[first : first + 10]
            results = list(dispatch(batch, post(), journal=journal, now=at, engine=engine))
            assert said(results) == {Outcome.ACCEPTED: 10}

    assert (relay.connections, len(relay.texts)) == (1, 20)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("sender-")]


def test_a_kept_session_that_the_server_closed_at_rest_is_opened_anew(relay, post, letters, journal, at):
    relay.replies["."] = ["250 ok\r\n421 4.4.2 idle for too long"]
    with Engine() as engine:
        for message in letters(2):
            assert said(dispatch([message], post(), journal=journal, now=at, engine=engine)) == {Outcome.ACCEPTED: 1}
            time.sleep(0.02)

    assert relay.connections == 2


def test_an_error_of_the_callers_own_stop_reaches_the_caller_and_lets_nothing_out(relay, post, letters, journal, at):
    def stop():
        raise RuntimeError("no database")

    with pytest.raises(RuntimeError, match="no database"):
        list(dispatch(letters(5), post(), journal=journal, now=at, stop=stop))

    assert relay.texts == []


def test_a_carrier_sends_for_whoever_has_an_event_loop(relay, post, letters, at):
    async def send_all():
        carrier = open_carrier(post(connections=2), now=at)
        try:
            return await asyncio.gather(*(carrier.send(message) for message in letters(10)))
        finally:
            await carrier.close()

    taken = asyncio.run(send_all())

    assert len({each.provider_ref for each in taken}) == 10
    assert sorted(told(relay)) == sorted(f"p{number}@example.org" for number in range(10))


def test_a_caller_that_walks_away_leaves_what_was_sent_in_the_journal(relay, post, letters, journal, at):
    with contextlib.closing(dispatch(iter(letters(500)), post(), journal=journal, now=at)) as results:
        next(results)

    assert len(recover(journal.path).settled) == len(relay.texts) < 500
    assert not recover(journal.path).in_doubt
