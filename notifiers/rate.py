"""One token bucket a provider account, shared by its connections. `notifiers.sharing` has one for several processes."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

LOOK_UP_SECONDS = 0.25  # how long a wait may ignore `stop`


class Limiter(Protocol):
    """Something that says when the next message may leave."""

    async def take(self, stop: Callable[[], bool] = ...) -> None:
        """Wait until one message may leave, or until `stop()` is true."""


class Bucket:
    """Lets `per_second` messages pass each second, evenly spaced; `None` lets all pass.

    Thread-safe. Times come from the monotonic clock, which is no calendar.
    """

    def __init__(
        self,
        per_second: float | None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._interval = 1.0 / per_second if per_second else 0.0
        self._monotonic = monotonic
        self._sleep = sleep
        self._lock = threading.Lock()
        self._next = monotonic()

    async def take(self, stop: Callable[[], bool] = lambda: False) -> None:
        """Wait until one message may leave, or until `stop()` is true."""
        if not self._interval:
            return
        with self._lock:
            mine = max(self._next, self._monotonic())
            self._next = mine + self._interval
        while (wait := mine - self._monotonic()) > 0 and not stop():
            await self._sleep(min(wait, LOOK_UP_SECONDS))
