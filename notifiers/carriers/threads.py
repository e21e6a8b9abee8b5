"""The plain carrier: notifiers that block, each used by one thread at a time."""

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from notifiers.answers import Taken
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

    def _close(self) -> None:
        while self._idle:
            with contextlib.suppress(OSError):
                self._idle.pop().close()
