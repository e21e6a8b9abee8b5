"""Blocking code on the event loop."""

import asyncio
import contextlib
import threading
from contextvars import ContextVar

import pytest

from notifiers.carriers.http_bridge import Bridge, wait

place = ContextVar("place", default="outside")


async def soon(value, seconds=0.0):
    await asyncio.sleep(seconds)
    if isinstance(value, BaseException):
        raise value
    return value


class Asked:
    """A bridge whose calls are awaited."""

    def __init__(self, setting=contextlib.nullcontext):
        self.bridge = Bridge(setting)

    async def run(self, call, *args):
        said = asyncio.get_running_loop().create_future()
        self.bridge.start(self._tell, said, call, args)
        return await said

    @staticmethod
    def _tell(state, said, call, args):
        try:
            said.set_result(call(*args) if state is None else call(state, *args))
        except Exception as error:  # noqa: BLE001 - told to who asked
            said.set_exception(error)


def run(work, *setting):
    async def inner():
        asked = Asked(*setting)
        try:
            return await work(asked)
        finally:
            asked.bridge.close()

    return asyncio.run(inner())


def test_what_is_awaited_comes_back_where_it_was_asked_for():
    def blocking(number):
        return [wait(soon(number)), wait(soon(number + 1))]

    assert run(lambda bridge: bridge.run(blocking, 1)) == [1, 2]


def test_a_call_that_waits_for_nothing_is_just_called():
    assert run(lambda bridge: bridge.run(divmod, 7, 2)) == (3, 1)


def test_many_wait_at_the_same_time_in_one_thread():
    def blocking(number):
        return wait(soon(number, 0.05)), threading.get_ident()

    async def work(bridge):
        loop = asyncio.get_running_loop()
        began = loop.time()
        said = await asyncio.gather(*(bridge.run(blocking, number) for number in range(20)))
        return said, loop.time() - began

    said, seconds = run(work)
    assert said == [(number, threading.get_ident()) for number in range(20)]
    assert seconds < 0.5


@pytest.mark.parametrize("error", [ConnectionError("lost"), asyncio.CancelledError()])
def test_an_error_of_what_is_awaited_is_the_blocking_codes_to_handle(error):
    def blocking():
        try:
            wait(soon(error))
        except type(error):
            return wait(soon("handled"))

    assert run(lambda bridge: bridge.run(blocking)) == "handled"


def test_an_error_of_the_blocking_code_has_nothing_of_the_bridge_in_it():
    def blocking(number):
        wait(soon(number))
        raise LookupError(number)

    async def work(bridge):
        for number in range(3):
            with pytest.raises(LookupError) as error:
                await bridge.run(blocking, number)
            assert error.value.args == (number,)
            assert error.value.__context__ is None

    run(work)


def test_what_one_greenlet_sets_for_itself_another_does_not_see():
    entered = []

    @contextlib.contextmanager
    def setting():
        entered.append(place.get())
        token = place.set(f"greenlet-{len(entered)}")
        try:
            yield place.get()
        finally:
            place.reset(token)
            entered.remove("outside")

    def blocking(state):
        wait(soon(None, 0.01))
        return state, place.get()

    async def work(bridge):
        said = [await asyncio.gather(*(bridge.run(blocking) for _ in range(3))) for _round in range(2)]
        return said, place.get()

    (first, second), around = run(work, setting)
    assert sorted(first) == sorted(second) == [(f"greenlet-{n}", f"greenlet-{n}") for n in (1, 2, 3)]
    assert around == "outside"
    assert entered == [], "each was entered once, and left at the end"


def test_closing_ends_what_rests_and_what_waits():
    left = []

    def blocking():
        try:
            wait(soon("late", 0.01))
        finally:
            left.append("left")

    async def work(bridge):
        await asyncio.gather(*(bridge.run(divmod, 1, 1) for _ in range(3)))
        waiting = asyncio.ensure_future(bridge.run(blocking))
        await asyncio.sleep(0)
        bridge.bridge.close()
        assert left == ["left"]
        await asyncio.sleep(0.03)  # what it waited for is there now, and nobody is woken
        waiting.cancel()

    run(work)
    assert left == ["left"]
