"""One way to send, whatever the channel: open a carrier (many at once) or a notifier (one at a time) for a provider."""

from collections.abc import Callable
from typing import Protocol

from pendulum import DateTime

from notifiers import stand_ins
from notifiers.answers import Taken
from notifiers.carriers.postings import Posting
from notifiers.plugins import check
from notifiers.providers import Provider
from notifiers.sharing import SharedConnections
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


class Carrier(Protocol):
    """Kept connections to one provider, driven by one event loop."""

    async def send(self, message: Message) -> Taken:
        """As `Notifier.send`, with as many at once as the provider has connections."""

    async def close(self) -> None:
        """Close the connections; called when nothing is under way."""


class PostingCarrier(Carrier, Protocol):
    """A carrier that prepares a message before it is the next one's turn, and says when it really leaves."""

    width: int  # so many postings keep every connection busy

    def post(self, posting: Posting) -> None:
        """Send it when its turn comes; everything is told to the posting."""


def open_carrier(
    provider: Provider, *, now: Callable[[], DateTime], shared: SharedConnections | None = None
) -> Carrier | PostingCarrier:
    """A carrier for the provider; raises Misconfigured when its URL cannot be used. Connects as messages come.

    Where there are `shared` connections, none is opened that they do not allow.
    """
    from notifiers.call_list import CallList
    from notifiers.carriers.http import open_http
    from notifiers.carriers.threads import SharingThreads, ThreadCarrier
    from notifiers.smtp_channel import mail_carrier

    if stand_ins.is_one(provider.url.get_secret_value()):
        return stand_ins.StandIn(provider)
    check(provider)
    if provider.is_call_list:
        return CallList()
    quick = mail_carrier(provider, now=now, shared=shared) or open_http(provider, now=now, shared=shared)
    if quick is not None:
        return quick
    threads = ThreadCarrier(
        lambda: open_notifier(provider, now=now), connections=provider.connections, name=provider.name
    )
    return threads if shared is None else SharingThreads(threads, shared, width=provider.connections)


def open_notifier(provider: Provider, *, now: Callable[[], DateTime]) -> Notifier:
    """A notifier for the provider; raises Misconfigured when its URL cannot be used. Connects at the first message."""
    from notifiers.call_list import CallListNotifier
    from notifiers.http_channel import PluginNotifier
    from notifiers.smtp_channel import open_mail

    check(provider)
    if provider.is_call_list:
        return CallListNotifier()
    return open_mail(provider, now=now) or PluginNotifier(provider, now=now)
