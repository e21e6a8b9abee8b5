"""Kept HTTP/1.1 lines on one event loop, a request at a time on each (RFC 9112).

What `requests` would raise is raised here. Nothing is ever repeated: a line that breaks once it was asked says so.
(libcurl would send a POST once more by itself when a kept connection ends without an answer; a person must not be told
twice for that.)
"""

import asyncio
import math
import select
import ssl
from collections.abc import Callable
from typing import Any

import httptools
import requests
import urllib3.util

from notifiers.carriers import http_messages
from notifiers.carriers.http_bridge import wait
from notifiers.carriers.http_messages import LIMIT, Asked, Origin
from notifiers.http_answers import NeverLeft

_IDLE_SECONDS = 1.5  # a line unused for longer is not trusted: servers close them after 2 s (gunicorn) and more
_LOOKED_AT_SECONDS = 0.02  # a line unused for longer is looked at before it is used again
_HEAD_LIMIT = 1 << 16  # bytes of header fields in one answer
_LONGEST = 10  # times the waiting time: the longest that one answer may take in drops

_Said = tuple[int, list[tuple[bytes, bytes]], bytes]  # status, header fields, body


class Client:
    """Lines to every origin asked so far, one request at a time on each. One event loop.

    Where `most` is given, no more lines are open than it says at the time; there are never more requests at once.
    """

    def __init__(self, most: Callable[[], int] | None = None) -> None:
        self._most = most
        self._opening = 0
        self._kept: dict[Origin, list[_Line]] = {}
        self._lines: set[_Line] = set()
        self._contexts: dict[bool | str, ssl.SSLContext] = {}

    def ask(self, asked: Asked) -> requests.Response:
        """The answer to one request, called in a bridge.

        Raises a `requests.RequestException`, NeverLeft when surely nothing was written.
        """
        origin = asked.shape.origin
        line = self._take(origin) or wait(self._open(asked) if self._most is None else self._open_in_room(asked))
        status, fields, content = wait(line.ask(asked))
        if line.usable:
            self._kept.setdefault(origin, []).append(line)
        return http_messages.response(status, fields, content, url=asked.shape.url)

    def _take(self, origin: Origin) -> "_Line | None":
        kept = self._kept.get(origin)
        while kept:
            line = kept.pop()
            if line.still_open():
                return line
            line.end()
        return None

    async def _open(self, asked: Asked) -> "_Line":
        origin = asked.shape.origin
        loop = asyncio.get_running_loop()
        # The line and TLS: each may take what a connection may.
        limit = None if asked.connect_seconds is None else 2 * asked.connect_seconds
        try:
            secure: dict[str, Any] = {}
            if origin.scheme == "https":
                secure = {"ssl": self._context(origin.verify), "server_hostname": origin.host}
            async with asyncio.timeout(limit):
                _, line = await loop.create_connection(
                    lambda: _Line(loop, self._lines), origin.host, origin.port, **secure
                )
        except TimeoutError:
            raise requests.ConnectTimeout("The provider could not be reached in time.") from None
        except ssl.SSLCertVerificationError:
            raise requests.exceptions.SSLError("CERTIFICATE_VERIFY_FAILED: the provider's is not trusted.") from None
        except (OSError, ValueError):  # ValueError: a name that is none
            raise NeverLeft("The provider could not be reached.") from None
        return line

    def _context(self, verify: bool | str) -> ssl.SSLContext:
        if verify not in self._contexts:
            self._contexts[verify] = _context(verify)
        return self._contexts[verify]

    async def _open_in_room(self, asked: Asked) -> "_Line":
        self._opening += 1
        try:
            assert self._most is not None
            await self.keep(self._most() - self._opening)
            return await self._open(asked)
        finally:
            self._opening -= 1

    async def keep(self, most: int) -> None:
        """Close lines at rest until so many are open, or none rests; those that are ending have ended then."""
        over = len(self._lines) - most
        ending = [line for line in self._lines if not line.usable]
        resting = [(kept, line) for kept in self._kept.values() for line in kept if line.usable]
        for kept, line in resting[: max(over - len(ending), 0)]:
            kept.remove(line)
            line.end()
            ending.append(line)
        if over > 0:
            await asyncio.gather(*(line.ended for line in ending))

    async def close(self) -> None:
        """Close every line; what waits on one gets an error."""
        self._kept.clear()
        ending = [line.ended for line in self._lines]
        for line in list(self._lines):
            line.end()
        await asyncio.gather(*ending)


def _context(verify: bool | str) -> ssl.SSLContext:
    """The TLS settings of requests, read once: reading a bundle of certificates takes 50 ms."""
    context = urllib3.util.create_urllib3_context()
    context.set_alpn_protocols(["http/1.1"])
    if verify is False:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    bundle = requests.utils.DEFAULT_CA_BUNDLE_PATH if verify is True else verify
    try:
        context.load_verify_locations(bundle)
    except IsADirectoryError:
        context.load_verify_locations(capath=bundle)
    return context


class _Line(asyncio.Protocol):
    """One connection, and at most one request on it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, lines: "set[_Line]") -> None:
        self._loop, self._lines = loop, lines
        self._transport: Any = None
        self._parser = httptools.HttpResponseParser(self)
        self._waiter: asyncio.Future[_Said] | None = None
        self._clock: asyncio.TimerHandle | None = None
        self._patience = math.inf  # seconds between two parts of an answer
        self._deadline = self._last_deadline = self._heard = 0.0  # on the loop's clock
        self._clear()
        self.usable = False
        self.ended = loop.create_future()

    def _clear(self) -> None:
        self._status = 0
        self._fields: list[tuple[bytes, bytes]] = []
        self._parts: list[bytes] = []
        self._read = 0

    def ask(self, asked: Asked) -> "asyncio.Future[_Said]":
        """Write the request; its answer is yet to come. Raises NeverLeft when the line has ended meanwhile."""
        if not self.usable or self._transport.is_closing():
            raise NeverLeft("The provider closed the connection before it was asked.")
        self._waiter = waiter = self._loop.create_future()
        self._transport.write(asked.content)
        self._set_the_clock(math.inf if asked.read_seconds is None else asked.read_seconds)
        return waiter

    def still_open(self) -> bool:
        """Whether it may be asked again; a line at rest has nothing to say unless it is ending."""
        rested = self._loop.time() - self._heard
        if not self.usable or rested > _IDLE_SECONDS or self._transport.is_closing():
            return False
        if rested < _LOOKED_AT_SECONDS:
            return True
        look = select.poll()
        look.register(self._transport.get_extra_info("socket").fileno(), select.POLLIN)
        return not look.poll(0)

    def end(self) -> None:
        """Close the connection at once."""
        self.usable = False
        self._transport.abort()

    # The loop calls these.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._lines.add(self)
        self._heard = self._loop.time()
        self.usable = True

    def data_received(self, data: bytes) -> None:
        if self._waiter is None:  # nobody asked
            self.end()
            return
        self._heard = self._loop.time()
        self._deadline = min(self._heard + self._patience, self._last_deadline)
        if not self._status:
            self._read += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._fail(requests.ConnectionError("The provider's answer is not HTTP."))
        if not self._status and self._read > _HEAD_LIMIT:
            self._fail(requests.ConnectionError("The provider's answer has no end of its head."))

    def connection_lost(self, exc: Exception | None) -> None:
        self._lines.discard(self)
        self.usable = False
        self.ended.set_result(None)
        if self._clock is not None:
            self._clock.cancel()
        if self._status and exc is None and self._ends_with_the_line():
            self._finish(keep=False)
        self._fail(requests.ConnectionError("The provider ended the connection without an answer."))

    # The parser calls these.

    def on_message_begin(self) -> None:
        if self._waiter is None:  # an answer too many would be taken for the next person's
            self.end()

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        self._status, self._read = self._parser.get_status_code(), 0

    def on_body(self, body: bytes) -> None:
        self._parts.append(body[: LIMIT - self._read])
        self._read += len(body)
        if self._read > LIMIT:
            self._finish(keep=False)

    def on_message_complete(self) -> None:
        if self._status < 200:  # 100 to 199 come before the answer (RFC 9110 section 15.2)
            self._clear()
        else:
            self._finish(keep=self._parser.should_keep_alive())

    def _finish(self, *, keep: bool) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is None or waiter.done():
            self.end()
            return
        waiter.set_result((self._status, self._fields, b"".join(self._parts)))
        self._clear()
        self.usable = keep and not self._transport.get_write_buffer_size()
        if not self.usable:
            self.end()

    def _fail(self, error: requests.RequestException) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_exception(error)
        self.end()

    def _ends_with_the_line(self) -> bool:
        """Whether the end of the connection is the end of the answer (RFC 9112 section 6.3)."""
        return not {name.lower() for name, _value in self._fields} & {b"content-length", b"transfer-encoding"}

    def _set_the_clock(self, patience: float) -> None:
        """One timer a line, set anew only when it is due: most answers come long before it."""
        self._heard = self._loop.time()
        self._patience = patience
        self._deadline, self._last_deadline = self._heard + patience, self._heard + _LONGEST * patience
        if self._clock is not None and self._clock.when() > self._deadline:
            self._clock.cancel()
            self._clock = None
        if self._clock is None and patience < math.inf:
            self._clock = self._loop.call_at(self._deadline, self._look_at_the_clock)

    def _look_at_the_clock(self) -> None:
        self._clock = None
        if self._waiter is None:
            return
        if self._loop.time() < self._deadline:
            self._clock = self._loop.call_at(self._deadline, self._look_at_the_clock)
        else:
            self._fail(requests.ReadTimeout("The provider did not answer in time."))
