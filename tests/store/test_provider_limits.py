"""What processes share of a provider account: never more than the limit, whoever dies."""

import asyncio
import multiprocessing
import threading
import time
from itertools import pairwise

import pytest

from db import rates
from db.sessions import Database
from notifiers.sharing import SharedBucket, SharedConnections
from tocsin.errors import Misconfigured


def take(database, per_second):
    return database.transact(lambda session: rates.take(session, "sms", per_second=per_second))


def hold(database, owner, wanted, most):
    return database.transact(lambda session: rates.hold(session, "sms", owner, wanted=wanted, most=most))


def test_blocks_follow_each_other_and_too_early_is_told_when(database: Database) -> None:
    blocks = [take(database, 50) for _ in range(4)]
    assert [block.messages for block in blocks[:3]] == [50, 50, 50]
    assert [round(block.after_seconds) for block in blocks[:3]] == [0, 1, 2]
    assert blocks[3].messages == 0
    assert 0 < blocks[3].after_seconds <= 1


def test_an_account_slower_than_one_a_second_gives_one_at_a_time(database: Database) -> None:
    first, second, third = (take(database, 0.2) for _ in range(3))
    assert first == (1, 0)
    assert (second.messages, round(second.after_seconds)) == (1, 5)
    assert (third.messages, round(third.after_seconds)) == (0, 5)


def test_a_clock_that_was_put_back_stops_nobody(database: Database) -> None:
    take(database, 10)
    database.transact(lambda session: rates._write_until(session, "sms", time.time() + 3600))
    assert take(database, 10) == (10, 0)


def test_accounts_do_not_wait_for_each_other(database: Database) -> None:
    for name in ("a", "b"):
        block = database.transact(lambda session, name=name: rates.take(session, name, per_second=10))
        assert block == (10, 0)


def _sender(url, seconds, sent):
    database = Database(url)
    source = lambda: database.transact(lambda session: rates.take(session, "sms", per_second=80))  # noqa: E731
    bucket, end = SharedBucket(80, source), time.time() + seconds

    async def send():
        while time.time() < end:
            await bucket.take(lambda: time.time() >= end)
            if time.time() < end:
                sent.put(time.time())

    asyncio.run(send())


@pytest.mark.slow
def test_processes_together_keep_the_limit_though_one_is_killed(database_url: str) -> None:
    context = multiprocessing.get_context("spawn")
    queues = [context.SimpleQueue() for _ in range(3)]  # one each: a killed process may take the lock of its own along
    processes = [context.Process(target=_sender, args=(database_url, 30, sent), daemon=True) for sent in queues]
    times: list[float] = []
    for sent in queues:
        threading.Thread(target=lambda sent=sent: times.extend(iter(sent.get, None)), daemon=True).start()
    for process in processes:
        process.start()
    _until(lambda: len(times) > 200)
    begun = len(times)
    processes[0].kill()
    killed_at = time.time()
    _until(lambda: time.time() > killed_at + 3)
    assert len(times) > begun + 80  # the others go on
    seen = sorted(times)
    # In any second no more than a second's messages, but for what a process that was late sends within its grace.
    busiest = max(sum(1 for later in seen if at <= later < at + 2) for at in seen)
    assert busiest <= 80 * 2 * 1.25
    lasting = seen[-1] - seen[0]
    assert len(seen) <= 80 * (lasting + 2)
    for process in processes:
        process.kill()
        process.join()


def _until(true):
    end = time.monotonic() + 25
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_tasks_share_a_bucket_and_turns_are_evenly_spaced(database: Database) -> None:
    asked, times = [], []

    def source():
        asked.append(1)
        return take(database, 200)

    async def work(bucket):
        for _ in range(50):
            await bucket.take()
            times.append(time.monotonic())

    async def everybody():
        bucket = SharedBucket(200, source)
        await asyncio.gather(*(work(bucket) for _ in range(4)))

    begun = time.monotonic()
    asyncio.run(everybody())
    assert 0.9 < time.monotonic() - begun < 2
    assert len(asked) == 1
    assert max(later - earlier for earlier, later in pairwise(sorted(times))) < 0.3


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    async def sleep(self, seconds):
        self.now += seconds


def test_a_bucket_whose_source_cannot_be_asked_lets_nothing_out() -> None:
    clock, calls = Clock(), []

    def source():
        calls.append(clock.now)
        if len(calls) < 3:
            raise Misconfigured("the database is gone")
        return 1, 0.0

    bucket = SharedBucket(10, source, monotonic=clock, sleep=clock.sleep)
    asyncio.run(bucket.take(lambda: clock.now > 0.5))
    assert calls == [0.0]
    asyncio.run(bucket.take())
    assert len(calls) == 3
    assert clock.now >= 2


def test_a_turn_that_nobody_used_is_lost() -> None:
    clock, given = Clock(), iter([(10, 0.0), (10, 0.5)])
    bucket = SharedBucket(10, lambda: next(given), monotonic=clock, sleep=clock.sleep)
    asyncio.run(bucket.take())
    clock.now = 5.0
    asyncio.run(bucket.take())
    assert clock.now == pytest.approx(5.5)


def test_connections_are_shared_equally_and_never_more_than_there_are(database: Database) -> None:
    assert hold(database, "one", 8, 8) == 8
    assert hold(database, "two", 8, 8) == 0  # the first has them until it asks again
    assert hold(database, "one", 8, 8) == 4
    assert hold(database, "two", 8, 8) == 4
    assert hold(database, "three", 1, 8) == 0
    assert hold(database, "one", 8, 8) == 4
    assert hold(database, "two", 8, 8) == 3
    assert hold(database, "three", 1, 8) == 1
    assert hold(database, "one", 0, 8) == 0
    assert hold(database, "two", 8, 8) == 7


def test_a_dead_process_s_connections_are_free_once_its_minute_is_over(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rates, "HOLD_SECONDS", 0.05)
    assert hold(database, "dead", 8, 8) == 8
    time.sleep(0.06)
    assert hold(database, "alive", 8, 8) == 8


@pytest.mark.parametrize(
    ("wanted", "most", "given"),
    [
        ({"a": 4, "b": 4}, 8, {"a": 4, "b": 4}),
        ({"a": 9, "b": 1, "c": 9}, 8, {"a": 4, "b": 1, "c": 3}),
        ({"a": 1, "b": 1, "c": 1}, 2, {"a": 1, "b": 1, "c": 0}),
        ({}, 5, {}),
    ],
)
def test_shares_are_equal_and_what_one_does_not_want_goes_to_the_others(wanted, most, given) -> None:
    assert rates.shares(wanted, most) == given


def test_connections_that_are_open_stay_taken_until_they_are_closed(database: Database) -> None:
    def again(owner, open_now):
        return database.transact(lambda session: rates.hold(session, "sms", owner, wanted=8, most=8, open_now=open_now))

    assert again("one", 0) == 8
    assert again("two", 0) == 0
    assert again("one", 7) == 4  # it should close three, and has them until it did
    assert again("two", 0) == 1
    assert again("one", 4) == 4
    assert again("two", 1) == 4


def test_connections_are_taken_up_to_the_share_and_none_on_a_hold_that_runs_out() -> None:
    clock, asked = Clock(), []

    def source(wanted, open_now):
        asked.append((wanted, open_now))
        if clock.now > 5 and wanted:
            raise RuntimeError("the database is gone")
        return min(wanted, 2 if not clock.now else 1)

    async def use():
        shared = SharedConnections(4, source, good_for_seconds=60, monotonic=clock)
        assert not shared.take()  # nobody was asked yet
        shared.start(lambda: None)
        await _asked(asked, 1)
        assert (shared.take(), shared.take(), shared.take(), shared.excess) == (True, True, False, 0)
        clock.now = 4
        await _asked(asked, 2)
        assert shared.excess == 1
        shared.give_back()
        assert (shared.excess, shared.take()) == (0, False)
        clock.now = 29
        assert shared.excess == 0
        clock.now = 35
        assert shared.excess == 1  # its time is running out: what is open must be closed
        shared.give_back()
        assert not shared.take()
        await shared.end()
        return asked[-1]

    assert asyncio.run(use()) == (0, 0)


async def _asked(asked, times):
    while len(asked) < times:  # noqa: ASYNC110 - a list, filled in another thread
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.01)
