"""One way to send, whatever the channel: open a notifier for a provider, send messages, close it."""

from collections.abc import Callable
from typing import Protocol

from pendulum import DateTime

from notifiers.answers import Taken
from notifiers.plugins import check
from notifiers.providers import Provider
from tocsin.delivery import Message


class Notifier(Protocol):
    """One kept connection to one provider; used by one thread at a time."""

    def send(self, message: Message) -> Taken:
        """Hand one message to the provider, which takes it or:

        raises Unavailable when surely nothing left, Refusal (a Rejected with its `reason`) when it is refused for
        good, Doubtful when it may have left, Misconfigured when the provider does not let us in.
        """

    def close(self) -> None:
        """Close the connection."""


def open_notifier(provider: Provider, *, now: Callable[[], DateTime]) -> Notifier:
    """A notifier for the provider; raises Misconfigured when its URL cannot be used. Connects at the first message."""
    from notifiers.http_channel import PluginNotifier
    from notifiers.smtp_channel import open_mail

    check(provider)
    return open_mail(provider, now=now) or PluginNotifier(provider, now=now)
