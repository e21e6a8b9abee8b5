"""What a carrier is given: one message, and the two questions it must put before the message may lead to a delivery."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from notifiers.answers import Taken
from tocsin.delivery import Message


class Posting(Protocol):
    """One message on its way, seen from the carrier. Everything happens in the event loop's thread."""

    @property
    def message(self) -> Message:
        """What is to be sent."""

    def cleared(self) -> bool:
        """Whether the provider may be told of it; if not, it has been answered for and is dropped."""

    def leaves(self) -> bool:
        """Asked in the last moment before its content can lead to a delivery: it is written into the journal.

        If not, it has been answered for, and nothing of it may leave.
        """

    def settle(self, answer: Taken | Exception) -> None:
        """The provider's answer, or what `Carrier.send` would raise. Told once."""


@dataclass(frozen=True)
class Asked:
    """A posting of nobody's journal, whose answer is awaited."""

    message: Message
    answer: "asyncio.Future[Taken]"

    def cleared(self) -> bool:
        """Always."""
        return True

    def leaves(self) -> bool:
        """Always."""
        return True

    def settle(self, answer: Taken | Exception) -> None:
        """Tell whoever waits."""
        if self.answer.done():  # whoever asked has gone
            return
        if isinstance(answer, Exception):
            self.answer.set_exception(answer)
        else:
            self.answer.set_result(answer)


async def asked(message: Message, post: Callable[[Posting], None]) -> Taken:
    """Post one message and wait for its answer."""
    answer: asyncio.Future[Taken] = asyncio.get_running_loop().create_future()
    post(Asked(message, answer))
    return await answer
