"""A provider that is people with telephones: `calls://`. Nothing is sent; who is taken here is put on a list.

The list itself is in the database, which notifiers do not know: whoever records that the message was taken opens the
task (`flows/steps/calling.py`). So a message that was taken twice still makes one task, and none is ever in doubt.
"""

from notifiers.answers import Taken
from notifiers.http_channel import checked
from tocsin.delivery import Message


class CallList:
    """Takes whoever has a number that can be dialled; raises Refusal for anybody else."""

    async def send(self, message: Message) -> Taken:
        """Take one person."""
        return self.take(message)

    def take(self, message: Message) -> Taken:
        """Take one person."""
        checked(message)
        return Taken()

    async def close(self) -> None:
        """Nothing is open."""


class CallListNotifier:
    """The same, one at a time."""

    def send(self, message: Message) -> Taken:
        """Take one person; raises Refusal for a number that cannot be dialled."""
        return CallList().take(message)

    def close(self) -> None:
        """Nothing is open."""
