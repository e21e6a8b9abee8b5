"""The carrier of push, SMS and calls: many messages at once through one Apprise plugin, on one event loop.

Each message has a copy of the plugin and a greenlet. The plugin's `requests.post` ends in our client, which keeps its
connections; what the client does not do (files, proxies, client certificates) a `requests.Session` does in a thread.
"""

import asyncio
import contextlib
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import requests
from pendulum import DateTime

from notifiers import plugins, wire
from notifiers.answers import Taken
from notifiers.carriers import http_bridge
from notifiers.carriers.http_bridge import Bridge
from notifiers.carriers.http_client import Client
from notifiers.carriers.http_messages import Composer
from notifiers.carriers.http_sessions import Sessions
from notifiers.carriers.postings import Posting, asked
from notifiers.http_channel import Handover
from notifiers.providers import Provider
from tocsin.delivery import Message

# A plugin whose module reaches for one of these may wait where no bridge sees it.
_BLOCKING = {"asyncio", "select", "smtplib", "socket", "subprocess", "threading"}


def open_http(provider: Provider, *, now: Callable[[], DateTime]) -> "HttpCarrier | None":
    """A carrier for a provider whose plugin speaks HTTP by `requests` and nothing else; None for any other.

    Also None where this version of requests does not reach the seam. Raises Misconfigured when the provider's URL
    cannot be used.
    """
    plugin, _address = plugins.probe(provider)
    return HttpCarrier(provider, now=now) if _asks_by_requests(plugin) and wire.proven() else None


def _asks_by_requests(plugin: Any) -> bool:
    base = next(kind for kind in type(plugin).__mro__ if kind.__module__ == "apprise.plugins.base")
    own = [sys.modules[kind.__module__] for kind in type(plugin).__mro__ if issubclass(kind, base) and kind is not base]
    known = {value.__name__ for module in own for value in vars(module).values() if inspect.ismodule(value)}
    parting = hasattr(plugin, "__del__")  # logs out when it is dropped, wherever that is
    return "requests" in known and not known & _BLOCKING and not parting


class HttpCarrier:
    """Sends through one provider on one event loop; any number of messages at once."""

    def __init__(self, provider: Provider, *, now: Callable[[], DateTime]) -> None:
        self.width = provider.connections
        self._handover = Handover(provider, now=now)
        self._requests = _Requests(provider.connections)
        self._bridge = Bridge(lambda: _Bridged(self._requests).in_place())

    async def send(self, message: Message) -> Taken:
        """Hand over one message; raises Unavailable, Refusal, Doubtful or Misconfigured."""
        return await asked(message, self.post)

    def post(self, posting: Posting) -> None:
        """Send it at once; everything is told to the posting."""
        if posting.cleared() and posting.leaves():
            self._bridge.start(self._send, posting)

    def _send(self, session: "_Bridged", posting: Posting) -> None:
        try:
            answer: Taken | Exception = self._handover.send(posting.message, session, throttle=_throttle)
        except Exception as error:  # noqa: BLE001 - told as an answer
            answer = error
        posting.settle(answer)

    async def close(self) -> None:
        """Close the kept connections; called when nothing is under way."""
        await self._requests.close()
        self._bridge.close()


def _throttle(last_io: object = None, wait: float | None = None) -> None:  # noqa: ARG001 - as Apprise's own is called
    """In place of a plugin's own: our engine paces, but where a service asked for a pause the plugin rests."""
    if wait:
        http_bridge.wait(asyncio.sleep(wait))


class _Bridged(wire.Wire):
    """The wire of one greenlet: put in place once, it serves message after message."""

    def __init__(self, session: "_Requests") -> None:  # not the base's, which makes a session of its own
        self._session: Any = session
        self._headers = {}
        self.heard = []

    @contextlib.contextmanager
    def in_place(self) -> Iterator["_Bridged"]:
        """Take all HTTP calls of this greenlet."""
        with super().listen({}):
            yield self

    def listen(self, headers: Mapping[str, str]) -> Any:  # lighter than the base's, for it is in place already
        """What is heard from now on, with `headers` added to each request."""
        self.heard, self._headers = [], headers
        return contextlib.nullcontext(self.heard)


class _Requests:
    """What stands under a plugin in place of a `requests.Session`: our client, and real sessions for the rest."""

    def __init__(self, most: int) -> None:
        self._composer = Composer()
        self._client = Client()
        self._sessions = Sessions(most)

    def request(self, method: str, url: str, **kwargs: Any) -> requests.Response:
        """The answer to a plugin's request; called in a bridge."""
        composed = self._composer.compose(method, url, kwargs)
        if composed is None:
            return http_bridge.wait(self._sessions.ask(method, url, kwargs))
        return self._client.ask(composed)

    async def close(self) -> None:
        await self._client.close()
        self._sessions.close()
        self._composer.forget()
