"""The plain carrier: notifiers that block, each used by one thread at a time."""

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from notifiers.answers import Taken
from notifiers.carriers.gate import Gate
from notifiers.carriers.postings import Posting, asked
from notifiers.sharing import SharedConnections
from tocsin.delivery import Message


class Blocking(Protocol):
    """A notifier (`notifiers.channels.Notifier`)."""

    def send(self, message: Message) -> Taken:
        """Hand over one message."""

    def close(self) -> None:
        """Close what was kept open."""


class ThreadCarrier:
    """Up to `connections` notifiers, opened as messages ask for them."""

    def __init__(self, opened: Callable[[], Blocking], *, connections: int, name: str) -> None:
        self._opened = opened
        self._idle: list[Blocking] = []
        self._threads = ThreadPoolExecutor(connections, thread_name_prefix=f"sender-{name}")

    async def send(self, message: Message) -> Taken:
        """As the notifier's `send`, and what opening one raises."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._send, message)

    def _send(self, message: Message) -> Taken:
        notifier = self._idle.pop() if self._idle else self._opened()
        try:
            return notifier.send(message)
        finally:
            self._idle.append(notifier)

    async def close(self) -> None:
        """Close every notifier; called when nothing is under way."""
        await asyncio.get_running_loop().run_in_executor(self._threads, self._close)
        self._threads.shutdown()

    async def keep(self, most: int) -> None:
        """Close notifiers at rest until at most so many of them are left."""
        await asyncio.get_running_loop().run_in_executor(self._threads, self._close, most)

    def _close(self, most: int = 0) -> None:
        while len(self._idle) > most:
            with contextlib.suppress(OSError):
                self._idle.pop().close()


class SharingThreads:
    """A plain carrier whose notifiers are counted over all processes."""

    def __init__(self, threads: ThreadCarrier, shared: SharedConnections, *, width: int) -> None:
        self.width = width
        self._threads = threads
        self._gate = Gate(shared, most=width, begin=self._begin, shrink=self._keep)
        self._tasks: set[asyncio.Task[None]] = set()

    async def send(self, message: Message) -> Taken:
        """As the notifier's `send`, and what opening one raises."""
        return await asked(message, self.post)

    def post(self, posting: Posting) -> None:
        """Send it when there is a notifier for it; everything is told to the posting."""
        self._gate.post(posting)

    def _begin(self, posting: Posting) -> bool:
        leaves = posting.leaves()
        if leaves:
            task = asyncio.get_running_loop().create_task(self._send(posting))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return leaves

    async def _send(self, posting: Posting) -> None:
        try:
            answer: Taken | Exception = await self._threads.send(posting.message)
        except Exception as error:  # noqa: BLE001 - told as an answer
            answer = error
        posting.settle(answer)
        self._gate.ended()

    async def _keep(self, left: int) -> None:
        await self._threads.keep(max(left - len(self._tasks), 0))

    async def close(self) -> None:
        """Close every notifier; called when nothing is under way."""
        await self._threads.close()
        await self._gate.close()
