"""The event loop that sends: one thread, and the carriers it drives, kept open from one `dispatch` to the next.

Not shared with a child process: whoever forks opens an engine afterwards.
"""

import asyncio
import importlib
import importlib.util
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Self

from pendulum import DateTime

from notifiers import channels
from notifiers.providers import Provider


def _loop() -> asyncio.AbstractEventLoop:
    """The quick loop where it is installed."""
    if importlib.util.find_spec("uvloop") is None:
        return asyncio.new_event_loop()
    made: asyncio.AbstractEventLoop = importlib.import_module("uvloop").new_event_loop()
    return made


class Engine:
    """A context: the thread runs inside it, and every connection is closed at its end."""

    def __init__(self) -> None:
        self._carriers: dict[Provider, channels.Carrier | channels.PostingCarrier] = {}
        self._loop = _loop()
        self._thread = threading.Thread(target=self._run, name="sender-engine", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def soon(self, call: Callable[[], object]) -> None:
        """Have the loop call this."""
        self._loop.call_soon_threadsafe(call)

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Have the loop do this in the background."""
        asyncio.run_coroutine_threadsafe(work, self._loop)

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Have the loop do this, and wait for its end."""
        asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def carrier(
        self,
        provider: Provider,
        opened: Callable[..., channels.Carrier | channels.PostingCarrier],
        *,
        now: Callable[[], DateTime],
    ) -> channels.Carrier | channels.PostingCarrier:
        """The provider's carrier, opened at the first time. Called by the loop."""
        carrier = self._carriers.get(provider)
        if carrier is None:
            carrier = self._carriers[provider] = opened(provider, now=now)
        return carrier

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            self._loop.close()

    async def _close(self) -> None:
        carriers, self._carriers = tuple(self._carriers.values()), {}
        await asyncio.gather(*(carrier.close() for carrier in carriers), return_exceptions=True)
