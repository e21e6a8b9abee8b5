"""How fast an account may be used by all processes together: messages a second, and connections.

Each process asks a source that all of them ask (`db.rates` behind a transaction), seldom: about once a second for
messages, every few seconds for connections, and in a thread of its own, so that nobody's sending waits for a database.
A source that cannot be asked gives nothing: a limit fails towards silence. Times come from the monotonic clock.
"""

import asyncio
import contextlib
import math
import threading
import time
from collections.abc import Awaitable, Callable

from notifiers.rate import LOOK_UP_SECONDS
from tocsin.errors import TocsinError

LATE_SECONDS = 1.0  # a message may leave so much later than its turn; after that its turn is lost
RENEW_SECONDS = 3.0  # connections that are held are asked for again so often
LAST_START_SECONDS = 30.0  # so long before a hold runs out nothing begins on it: an answer may take its time
_ASK_AGAIN_SECONDS = 1.0  # after a source that could not be asked, or had nothing
_NAP_SECONDS = 0.005  # while another task asks the source


class _Asking:
    """Asks a source in a thread, one task at a time; `_ask` does it and `_ask_at` says when it is due again."""

    def __init__(self, *, monotonic: Callable[[], float], sleep: Callable[[float], Awaitable[None]]) -> None:
        self._monotonic = monotonic
        self._sleep = sleep
        self._lock = threading.Lock()
        self._busy = False
        self._ask_at = monotonic()

    def _ask(self) -> None:
        raise NotImplementedError

    async def _ask_if_due(self) -> bool:
        """Ask, if nobody else does and it is time."""
        with self._lock:
            if self._busy or self._monotonic() < self._ask_at:
                return False
            self._busy = True
        try:
            await asyncio.to_thread(self._ask)
        finally:
            with self._lock:
                self._busy = False
        return True

    async def _ask_or_nap(self) -> None:
        if not await self._ask_if_due():
            wait = _NAP_SECONDS if self._busy else self._ask_at - self._monotonic()
            await self._sleep(min(max(wait, _NAP_SECONDS), LOOK_UP_SECONDS))


class SharedBucket(_Asking):
    """Lets `per_second` messages of an account pass each second, over all processes together. Thread-safe.

    `source` gives the next block: how many messages, and after how many seconds the first may leave. A turn that was
    not used within `LATE_SECONDS` is lost, so that no process saves turns up and then sends them all at once.
    """

    def __init__(
        self,
        per_second: float,
        source: Callable[[], tuple[int, float]],
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        super().__init__(monotonic=monotonic, sleep=sleep)
        self._interval = 1.0 / per_second
        self._source = source
        self._next, self._left = monotonic(), 0

    async def take(self, stop: Callable[[], bool] = lambda: False) -> None:
        """Wait until one message may leave, or until `stop()` is true."""
        while not stop():
            turn = self._turn()
            if turn is None:
                await self._ask_or_nap()
                continue
            while (wait := turn - self._monotonic()) > 0 and not stop():
                await self._sleep(min(wait, LOOK_UP_SECONDS))
            if self._monotonic() <= turn + LATE_SECONDS:
                return

    def _turn(self) -> float | None:
        """The next turn of this block; None where there is none left."""
        with self._lock:
            late = math.ceil((self._monotonic() - LATE_SECONDS - self._next) / self._interval)
            lost = min(max(late, 0), self._left)
            turn = self._next + lost * self._interval
            self._left -= lost
            self._next = turn
            if not self._left:
                return None
            self._left -= 1
            self._next = turn + self._interval
            return turn

    def _ask(self) -> None:
        try:
            messages, after_seconds = self._source()
        except TocsinError:
            messages, after_seconds = 0, _ASK_AGAIN_SECONDS
        with self._lock:
            # Counted from after the answer, which is later than the source's own look at its clock: never too early.
            now = self._monotonic()
            self._ask_at = now if messages else now + after_seconds
            self._left, self._next = messages, now + after_seconds


class SharedConnections:
    """At most so many connections of an account open at once, over all processes together. Of one event loop.

    `source(wanted, open)` says how many this process may have open, for `good_for_seconds` from before it was asked;
    those that are open already are its own until it has said that they are closed. Nothing is opened while it is asked.
    """

    def __init__(
        self,
        wanted: int,
        source: Callable[[int, int], int],
        *,
        good_for_seconds: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wanted, self._source = wanted, source
        self._good_for, self._monotonic = good_for_seconds, monotonic
        self._may = self._open = 0
        self._asking = False
        self._good_until = self._ask_at = monotonic()
        self._keeping: asyncio.Task[None] | None = None
        self._ending = asyncio.Event()

    def start(self, changed: Callable[[], None]) -> None:
        """Begin to ask, and call `changed` four times a second from now on: there may be room, or too many open."""
        if self._keeping is None:
            self._keeping = asyncio.get_running_loop().create_task(self._keep(changed))

    def take(self) -> bool:
        """Whether one more may be opened; then it counts as open."""
        mine = not self._asking and self._open < self._may and self._in_time()
        self._open += mine
        return mine

    def give_back(self, count: int = 1) -> None:
        """So many are closed."""
        self._open -= count

    @property
    def excess(self) -> int:
        """So many should be closed as soon as nothing is under way on them."""
        return max(self._open - (self._may if self._in_time() else 0), 0)

    async def end(self) -> None:
        """Ask no more, and give all back."""
        self._ending.set()
        if self._keeping is not None:
            await self._keeping
            self._wanted = 0
            await self._ask()

    async def _keep(self, changed: Callable[[], None]) -> None:
        while not self._ending.is_set():
            if self._monotonic() >= self._ask_at:
                await self._ask()
            changed()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), LOOK_UP_SECONDS)

    def _in_time(self) -> bool:
        return self._monotonic() < self._good_until - LAST_START_SECONDS

    async def _ask(self) -> None:
        before = self._monotonic()
        self._asking, self._ask_at = True, before + _ASK_AGAIN_SECONDS
        try:
            may = await asyncio.to_thread(self._source, self._wanted, self._open)
        except Exception:  # noqa: BLE001 - whatever a source raises, what was given before holds until its time is over
            return
        finally:
            self._asking = False
        self._may, self._good_until = may, before + self._good_for
        if may and not self.excess:
            self._ask_at = before + RENEW_SECONDS
