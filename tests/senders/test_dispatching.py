"""Sending many: one result a message, nothing lost, a sick provider does not burn people's addresses."""

import asyncio
import itertools
import threading
import time
from collections import Counter

import pytest

from notifiers import dispatch as dispatching
from notifiers import fakes
from notifiers.answers import Reason, Refusal, Taken
from notifiers.carriers.threads import ThreadCarrier
from notifiers.dispatch import Deferred, dispatch
from notifiers.journal import Journal, recover
from notifiers.rate import Bucket
from tocsin.delivery import Channel, Outcome, Settled
from tocsin.errors import Doubtful, Misconfigured, Unavailable


@pytest.fixture
def journal(tmp_path):
    with Journal(tmp_path / "claim.journal") as opened:
        opened.path = tmp_path / "claim.journal"
        yield opened


@pytest.fixture
def scripted(monkeypatch):
    """Let each message be answered by a function instead of a provider; what was tried is counted."""

    def install(answer):
        tried = []
        lock = threading.Lock()

        class Scripted:
            def send(self, message):
                with lock:
                    tried.append(message.key)
                return answer(message)

            def close(self):
                closed.append(self)

        closed = []
        monkeypatch.setattr(
            dispatching,
            "open_carrier",
            lambda provider, **_clock: ThreadCarrier(Scripted, connections=provider.connections, name=provider.name),
        )
        return tried, closed

    return install


def raising(error):
    def answer(_message):
        raise error

    return answer


def count(results):
    return Counter(result.outcome if isinstance(result, Settled) else result.code for result in results)


KINDS = {
    Channel.EMAIL: [
        "ok{}@example.org",
        "ok.{}@example.org",
        "refuse{}@example.org",
        "busy{}@example.org",
        "dropped{}@e.org",
    ],
    Channel.PUSH: ["ok-{}", "fine-{}", "dead-{}", "busy-{}", "broken-{}"],
    Channel.SMS: ["+1415{}1111", "+1415{}2222", "+1415{}0000", "+1415{}0002", "+1415{}0404"],
}


@pytest.mark.parametrize("channel", KINDS, ids=str)
def test_of_five_hundred_mixed_messages_none_is_lost_and_none_told_twice(
    running, channel, a_message, journal, at, outbox_of
):
    provider = next(each for each in fakes.providers(running, "*") if each.channel is channel)
    messages = [a_message(channel, KINDS[channel][n % 5].format(500 + n), seed="batch") for n in range(500)]

    results = list(dispatch(iter(messages), provider, journal=journal, now=at))

    assert sorted(result.key for result in results) == sorted(message.key for message in messages)
    by_key = {result.key: result for result in results}
    kinds = [[by_key[message.key] for message in messages[kind::5]] for kind in range(5)]
    assert {result.outcome for result in kinds[0] + kinds[1]} == {Outcome.ACCEPTED}
    assert {(result.outcome, result.provider) for result in kinds[2]} == {(Outcome.REFUSED, provider.name)}
    assert all(isinstance(result, Deferred) for result in kinds[3])
    assert {result.outcome for result in kinds[4]} == {Outcome.UNKNOWN}
    told = Counter(line["key"] for line in outbox_of(channel))
    assert {told[message.key] for message in messages[0::5] + messages[1::5]} == {1}
    assert {told[message.key] for message in messages[2::5] + messages[3::5] + messages[4::5]} == {0}
    known = recover(journal.path)
    assert not known.in_doubt
    assert known.settled == {result.key: result for result in results if isinstance(result, Settled)}
    assert known.not_sent == {result.key for result in results if isinstance(result, Deferred)}


def test_what_a_busy_provider_did_not_take_is_taken_when_it_is_sent_again(running, a_message, journal, at):
    provider = next(each for each in fakes.providers(running, "*") if each.channel is Channel.SMS)
    messages = [a_message(Channel.SMS, f"+1416{n}0002") for n in range(300, 308)]
    left, rounds = messages, 0
    while left:
        results = list(dispatch(left, provider, journal=journal, now=at))
        left = [message for message in left if {r.key: r for r in results}[message.key].__class__ is Deferred]
        rounds += 1

    assert rounds == 3


def test_messages_are_read_lazily_and_in_the_callers_thread(scripted, a_provider, a_message, journal, at):
    scripted(lambda _message: Taken())
    readers, taken = set(), itertools.count()

    def endless():
        for number in range(10_000):
            readers.add(threading.current_thread())
            next(taken)
            yield a_message(to=f"p{number}@example.org")

    results = dispatch(endless(), a_provider(connections=2), journal=journal, now=at)
    for _ in range(5):
        next(results)
    results.close()

    assert readers == {threading.current_thread()}
    assert next(taken) < 100


def test_each_connection_is_closed_at_the_end(scripted, a_provider, a_message, journal, at):
    _tried, closed = scripted(lambda _message: time.sleep(0.005) or Taken())

    list(dispatch([a_message(to=f"p{n}@e.org") for n in range(30)], a_provider(connections=3), journal=journal, now=at))

    assert len(closed) == 3


def test_a_run_of_policy_refusals_stops_the_batch_and_burns_nobody(scripted, a_provider, a_message, journal, at):
    tried, _closed = scripted(raising(Refusal(Reason.POLICY, code="550")))
    messages = [a_message(to=f"p{n}@example.org") for n in range(200)]

    results = list(dispatch(messages, a_provider(connections=2), journal=journal, now=at))

    assert count(results) == {dispatching.REFUSES_US: 200}
    assert len(tried) < 20
    assert recover(journal.path).settled == {}


def test_a_few_policy_refusals_among_others_are_about_the_people(scripted, a_provider, a_message, journal, at):
    def answer(message):
        if message.to.startswith("no"):
            raise Refusal(Reason.POLICY, code="550")
        return Taken()

    scripted(answer)
    messages = [a_message(to=f"{'no' if n % 4 == 0 else 'ok'}{n}@example.org") for n in range(40)]

    results = list(dispatch(messages, a_provider(connections=1), journal=journal, now=at))

    assert count(results) == {Outcome.ACCEPTED: 30, Outcome.REFUSED: 10}


def test_policy_refusals_at_the_end_of_a_batch_are_not_swallowed(scripted, a_provider, a_message, journal, at):
    scripted(raising(Refusal(Reason.POLICY, code="550")))
    messages = [a_message(to=f"p{n}@example.org") for n in range(dispatching.RUN_OF_POLICY - 1)]

    results = list(dispatch(messages, a_provider(), journal=journal, now=at))

    assert [(result.outcome, result.reason) for result in results] == [(Outcome.REFUSED, "policy")] * len(messages)


def test_credentials_that_are_refused_stop_the_batch_at_once(scripted, a_provider, a_message, journal, at):
    tried, _closed = scripted(raising(Misconfigured("no")))

    results = list(
        dispatch([a_message(to=f"p{n}@e.org") for n in range(100)], a_provider(connections=1), journal=journal, now=at)
    )

    assert count(results) == {dispatching.REFUSES_US: 100}
    assert len(tried) < 6
    assert not recover(journal.path).in_doubt


def test_a_provider_in_trouble_makes_few_doubts_and_the_rest_wait(scripted, a_provider, a_message, journal, at):
    tried, _closed = scripted(raising(Doubtful("?", code="timeout")))

    results = list(
        dispatch([a_message(to=f"p{n}@e.org") for n in range(500)], a_provider(connections=2), journal=journal, now=at)
    )

    counts = count(results)
    assert counts[Outcome.UNKNOWN] + counts[dispatching.TROUBLED] == 500
    assert counts[Outcome.UNKNOWN] == len(tried) < 20


def test_after_a_run_of_not_now_the_rest_waits_as_long_as_the_provider_says(
    scripted, a_provider, a_message, journal, at
):
    scripted(raising(Unavailable("later", code="429", retry_after_seconds=42.0)))

    results = list(
        dispatch([a_message(to=f"p{n}@e.org") for n in range(300)], a_provider(connections=1), journal=journal, now=at)
    )

    assert {result.code for result in results} == {"429", dispatching.TROUBLED}
    assert {result.retry_after_seconds for result in results} == {42.0}


def test_stop_lets_nothing_more_out(scripted, a_provider, a_message, journal, at):
    tried, _closed = scripted(lambda _message: Taken())

    results = list(
        dispatch(
            [a_message(to=f"p{n}@e.org") for n in range(200)],
            a_provider(connections=2),
            journal=journal,
            now=at,
            stop=lambda: len(tried) >= 50,
        )
    )

    assert 50 <= len(tried) <= 52
    assert count(results) == {Outcome.ACCEPTED: len(tried), dispatching.STOPPED: 200 - len(tried)}


def test_a_caller_that_walks_away_leaves_no_thread_and_a_true_journal(scripted, a_provider, a_message, journal, at):
    tried, _closed = scripted(lambda _message: Taken())
    results = dispatch((a_message(to=f"p{n}@e.org") for n in range(500)), a_provider(), journal=journal, now=at)
    next(results)
    results.close()

    assert not [thread for thread in threading.enumerate() if thread.name.startswith("sender-")]
    assert set(recover(journal.path).settled) == set(tried)


def test_an_error_of_a_plugin_itself_is_a_doubt_that_names_only_its_kind(scripted, a_provider, a_message, journal, at):
    scripted(raising(KeyError("someone@example.org")))

    [result] = dispatch([a_message()], a_provider(), journal=journal, now=at)

    assert (result.outcome, result.code) == (Outcome.UNKNOWN, "KeyError")


def test_without_a_journal_nothing_leaves(scripted, a_provider, a_message, tmp_path, at):
    tried, _closed = scripted(lambda _message: Taken())
    journal = Journal(tmp_path / "claim.journal")
    journal.close()

    results = list(dispatch([a_message(to=f"p{n}@e.org") for n in range(50)], a_provider(), journal=journal, now=at))

    assert count(results) == {dispatching.JOURNAL_FAILED: 50}
    assert tried == []


def test_a_url_that_cannot_be_used_stops_before_anything_is_read(a_provider, journal, at):
    def untouchable():
        pytest.fail("nobody asked")
        yield

    with pytest.raises(Misconfigured):
        next(dispatch(untouchable(), a_provider("nosuch://host/{to}"), journal=journal, now=at))


def test_the_rate_limit_is_shared_by_all_connections(scripted, a_provider, a_message, journal, at):
    scripted(lambda _message: Taken())
    started = time.monotonic()

    provider = a_provider(connections=8, rate_per_second=50.0)
    list(dispatch([a_message(to=f"p{n}@e.org") for n in range(26)], provider, journal=journal, now=at))

    assert 0.5 <= time.monotonic() - started < 2


def test_a_bucket_spaces_messages_evenly_and_saves_nothing_up():
    clock = [100.0]

    async def sleep(seconds):
        clock[0] += seconds

    bucket = Bucket(10, monotonic=lambda: clock[0], sleep=sleep)
    times = []
    for _ in range(4):
        asyncio.run(bucket.take())
        times.append(round(clock[0], 6))
    clock[0] += 60
    for _ in range(3):
        asyncio.run(bucket.take())
        times.append(round(clock[0], 6))

    assert times == [100.0, 100.1, 100.2, 100.3, 160.3, 160.4, 160.5]


def test_a_wait_for_the_rate_ends_when_it_is_told_to_stop():
    slept = []

    async def sleep(seconds):
        slept.append(seconds)

    bucket = Bucket(0.001, monotonic=lambda: 0.0, sleep=sleep)
    asyncio.run(bucket.take())
    asyncio.run(bucket.take(lambda: len(slept) >= 3))

    assert slept == [0.25] * 3
