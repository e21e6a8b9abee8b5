"""Postings begin as connections are free for them, where processes share the connections of an account."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from notifiers.carriers.postings import Posting
from notifiers.sharing import SharedConnections


class Gate:
    """Lets as many begin at once as this process may have connections, `most` at most. Of one event loop.

    `begin` starts one that is cleared and says whether it did; whoever started it calls `ended` when it is over.
    `shrink` closes connections at rest until so many are left.
    """

    def __init__(
        self,
        shared: SharedConnections,
        *,
        most: int,
        begin: Callable[[Posting], bool],
        shrink: Callable[[int], Awaitable[None]],
    ) -> None:
        self._shared, self._most, self._begin, self._shrink = shared, most, begin, shrink
        self._waiting: deque[Posting] = deque()
        self._mine = self._busy = 0
        self._shrinking: asyncio.Task[None] | None = None

    @property
    def mine(self) -> int:
        """So many connections may be open here."""
        return self._mine

    def post(self, posting: Posting) -> None:
        """Begin with this one as soon as there is a connection for it."""
        self._waiting.append(posting)
        self._shared.start(self._look_round)
        self._advance()

    def ended(self) -> None:
        """One that had begun is over."""
        self._busy -= 1
        asyncio.get_running_loop().call_soon(self._advance)  # never from within what has just ended

    async def close(self) -> None:
        """Give all back; called when nothing is under way and every connection is closed."""
        if self._shrinking is not None:
            await self._shrinking
        self._shared.give_back(self._mine)
        self._mine = 0
        await self._shared.end()

    def _look_round(self) -> None:
        if not self._mine:  # those that nobody may send any more
            waiting, self._waiting = self._waiting, deque()
            self._waiting.extend(posting for posting in waiting if posting.cleared())
        self._advance()

    def _advance(self) -> None:
        if self._shared.excess and self._busy < self._mine and self._shrinking is None:
            self._shrinking = asyncio.get_running_loop().create_task(self._make_smaller())
        while self._waiting and self._has_room():
            posting = self._waiting.popleft()
            if posting.cleared() and self._begin(posting):
                self._busy += 1

    def _has_room(self) -> bool:
        if self._busy < self._mine:
            return self._busy < self._mine - self._shared.excess
        if self._mine < self._most and self._shared.take():
            self._mine += 1
            return True
        return False

    async def _make_smaller(self) -> None:
        while (fewer := min(self._shared.excess, self._mine - self._busy)) > 0:
            self._mine -= fewer
            await self._shrink(self._mine)
            self._shared.give_back(fewer)
        self._shrinking = None
