"""Blocking code on an event loop: where it would wait, it is put aside in its greenlet and others go on.

Apprise's plugins are written for blocking `requests`. Run by a `Bridge`, a plugin stays as it is, and what its request
waits for is the loop's business (as SQLAlchemy does under its asyncio extension). No task is made for a call: greenlets
are kept, each for one call at a time, and resumed by the futures that they wait for.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from typing import Any, Generic, TypeVar

from greenlet import getcurrent, greenlet  # type: ignore[import-untyped]

T = TypeVar("T")
S = TypeVar("S")


def wait(awaited: Awaitable[T]) -> T:
    """Await from blocking code that a bridge runs: this greenlet rests until there is the result, or the error."""
    parent = getcurrent().parent
    assert parent is not None, "only code run by a bridge may wait"
    result: T = parent.switch(awaited)
    return result


class Bridge(Generic[S]):
    """Runs calls in greenlets, as many at once as wait for something. One event loop, one thread.

    `setting` is entered once in each greenlet, and what it gives is the first argument of every call there; what it
    sets in context variables only that greenlet sees.
    """

    def __init__(self, setting: Callable[[], AbstractContextManager[S]]) -> None:
        self._setting = setting
        self._idle: list[greenlet] = []
        self._all: set[greenlet] = set()

    def start(self, call: Callable[..., None], *args: Any) -> None:
        """Begin `call(S, *args)`, which ends by itself and raises nothing; come back as soon as it waits or ends."""
        if self._idle:
            worker = self._idle.pop()
        else:
            worker = greenlet(self._serve)
            self._all.add(worker)
        self._go_on(worker, worker.switch(call, args))

    def close(self) -> None:
        """End the greenlets, those that still wait too."""
        while self._all:
            self._all.pop().throw()
        self._idle.clear()

    def _serve(self, call: Callable[..., None], args: tuple[Any, ...]) -> None:
        here = getcurrent()
        with self._setting() as state:
            while True:
                call(state, *args)
                call, args = here.parent.switch(None)

    def _go_on(self, worker: greenlet, awaited: Awaitable[Any] | None) -> None:
        """Have the worker resumed by what it waits for; it waits for nothing when its call has ended."""
        if awaited is None:
            self._idle.append(worker)
        else:
            asyncio.ensure_future(awaited).add_done_callback(lambda future: self._resume(worker, future))

    def _resume(self, worker: greenlet, future: "asyncio.Future[Any]") -> None:
        if worker.dead:  # closed meanwhile
            return
        error = asyncio.CancelledError() if future.cancelled() else future.exception()
        self._go_on(worker, worker.switch(future.result()) if error is None else worker.throw(error))
