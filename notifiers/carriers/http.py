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
from notifiers.carriers.gate import Gate
from notifiers.carriers.http_bridge import Bridge
from notifiers.carriers.http_client import Client
from notifiers.carriers.http_messages import Composer
from notifiers.carriers.http_sessions import Sessions
from notifiers.carriers.postings import Posting, asked
from notifiers.http_channel import Handover
from notifiers.providers import Provider
from notifiers.sharing import SharedConnections
from tocsin.delivery import Message

# A plugin whose module reaches for one of these may wait where no bridge sees it.
_BLOCKING = {"asyncio", "select", "smtplib", "socket", "subprocess", "threading"}


def open_http(
    provider: Provider, *, now: Callable[[], DateTime], shared: SharedConnections | None = None
) -> "HttpCarrier | None":
    """A carrier for a provider whose plugin speaks HTTP by `requests` and nothing else; None for any other.

    Also None where this version of requests does not reach the seam. Raises Misconfigured when the provider's URL
    cannot be used.
    """
    plugin, _address = plugins.probe(provider)
    return HttpCarrier(provider, now=now, shared=shared) if asks_by_requests(plugin) and wire.proven() else None


def asks_by_requests(plugin: Any) -> bool:
    """Whether a plugin speaks HTTP by `requests` and nothing else."""
    base = next(kind for kind in type(plugin).__mro__ if kind.__module__ == "apprise.plugins.base")
    own = [sys.modules[kind.__module__] for kind in type(plugin).__mro__ if issubclass(kind, base) and kind is not base]
    known = {value.__name__ for module in own for value in vars(module).values() if inspect.ismodule(value)}
    parting = hasattr(plugin, "__del__")  # logs out when it is dropped, wherever that is
    return "requests" in known and not known & _BLOCKING and not parting


class HttpCarrier:
    """Sends through one provider on one event loop; any number of messages at once."""

    def __init__(
        self, provider: Provider, *, now: Callable[[], DateTime], shared: SharedConnections | None = None
    ) -> None:
        self.width = provider.connections
        self._handover = Handover(provider, now=now)
        self._gate: Gate | None = None
        if shared is not None:
            self._gate = Gate(shared, most=self.width, begin=self._begin, shrink=self._keep)
        self._requests = _Requests(provider.connections, self._gate)
        self._bridge = Bridge(lambda: _Bridged(self._requests).in_place())

    async def send(self, message: Message) -> Taken:
        """Hand over one message; raises Unavailable, Refusal, Doubtful or Misconfigured."""
        return await asked(message, self.post)

    def post(self, posting: Posting) -> None:
        """Send it at once, or when there is a connection for it; everything is told to the posting."""
        if self._gate is not None:
            self._gate.post(posting)
        elif posting.cleared():
            self._begin(posting)

    def _begin(self, posting: Posting) -> bool:
        leaves = posting.leaves()
        if leaves:
            self._bridge.start(self._send, posting)
        return leaves

    def _send(self, session: "_Bridged", posting: Posting) -> None:
        try:
            answer: Taken | Exception = self._handover.send(posting.message, session, throttle=_throttle)
        except Exception as error:  # noqa: BLE001 - told as an answer
            answer = error
        posting.settle(answer)
        if self._gate is not None:
            self._gate.ended()

    async def _keep(self, left: int) -> None:
        await self._requests.keep(left)

    async def close(self) -> None:
        """Close the kept connections; called when nothing is under way."""
        await self._requests.close()
        self._bridge.close()
        if self._gate is not None:
            await self._gate.close()


def _throttle(last_io: object = None, wait: float | None = None) -> None:  # noqa: ARG001 - as Apprise's own is called
    """In place of a plugin's own: our engine paces, but where a service asked for a pause the plugin rests."""
    if wait:
        http_bridge.wait(asyncio.sleep(wait))


class _Bridged(wire.Wire):
    """The wire of one greenlet: put in place once, it serves message after message."""

    def __init__(self, session: "_Requests") -> None:  # not the base's, which makes a session of its own
        self._session: Any = session
        self._headers = {}
        self._amend = None
        self.heard = []

    @contextlib.contextmanager
    def in_place(self) -> Iterator["_Bridged"]:
        """Take all HTTP calls of this greenlet."""
        with super().listen({}):
            yield self

    def listen(
        self, headers: Mapping[str, str], amend: wire.Amend | None = None
    ) -> Any:  # lighter than the base's, for it is in place already
        """What is heard from now on, with `headers` added to each request."""
        self.heard, self._headers, self._amend = [], headers, amend
        return contextlib.nullcontext(self.heard)


class _Requests:
    """What stands under a plugin in place of a `requests.Session`: our client, and real sessions for the rest."""

    def __init__(self, most: int, gate: Gate | None) -> None:
        self._composer = Composer()
        self._gate = gate
        self._client = Client(None if gate is None else lambda: gate.mine)
        self._sessions = Sessions(most, keep=gate is None)

    def request(self, method: str, url: str, **kwargs: Any) -> requests.Response:
        """The answer to a plugin's request; called in a bridge."""
        composed = self._composer.compose(method, url, kwargs)
        if composed is None:
            if self._gate is not None:
                http_bridge.wait(self.keep(0))  # a session in a thread is not counted there, so none of these rests
            return http_bridge.wait(self._sessions.ask(method, url, kwargs))
        return self._client.ask(composed)

    async def keep(self, most: int) -> None:
        """Close connections at rest until so many are open."""
        await self._client.keep(most)

    async def close(self) -> None:
        await self._client.close()
        self._sessions.close()
        self._composer.forget()
