"""A connected socket on the event loop: what is written leaves at once, what arrives is told, an end is told once.

asyncio's transports cannot take over a TLS socket that smtplib has opened and logged in on, and cost twice as much.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable

_CHUNK = 65536
_QUICK: int | None = getattr(socket, "TCP_QUICKACK", None)


class Line:
    """Takes the socket over. `heard` and `lost` are called by the loop, never from within `write`."""

    def __init__(self, connected: socket.socket, *, heard: Callable[[bytes], None], lost: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._socket = connected
        self._heard, self._lost = heard, lost
        self._unsent = b""
        self._open = True
        self._number = connected.fileno()
        self.moved = self._loop.time()  # when something was last sent or heard
        connected.setblocking(False)
        with contextlib.suppress(OSError):  # else the end of a long text waits for an acknowledgement that is delayed
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._acknowledge()
        self._loop.add_reader(self._number, self._readable)

    def write(self, data: bytes) -> None:
        """Send, now as far as the kernel takes it, the rest when it can."""
        if self._unsent:
            self._unsent += data
        elif self._open:
            self._unsent = data
            self.moved = self._loop.time()
            self._send()

    def close(self) -> None:
        """Close at once; nothing is told any more."""
        if self._open:
            self._open = False
            self._loop.remove_reader(self._number)
            self._loop.remove_writer(self._number)
            self._socket.close()

    def _send(self) -> None:
        try:
            count = self._socket.send(self._unsent)
        except (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            count = 0
        except OSError:
            self._unsent = b""
            self._loop.call_soon(self._end)
            return
        whole = count == len(self._unsent)
        self.moved = self._loop.time()
        self._unsent = b"" if whole else self._unsent[count:]
        if not whole:
            self._loop.add_writer(self._number, self._writable)

    def _writable(self) -> None:
        self._loop.remove_writer(self._number)
        if self._unsent:
            self._send()

    def _readable(self) -> None:
        more = True
        while more and self._open:
            try:
                data = self._socket.recv(_CHUNK)
            except (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return
            except OSError:
                data = b""
            if not data:
                self._end()
                return
            # What TLS has decrypted already does not make the socket readable once more.
            more = isinstance(self._socket, ssl.SSLSocket) and self._socket.pending() > 0
            self.moved = self._loop.time()
            self._acknowledge()
            self._heard(data)

    def _acknowledge(self) -> None:
        """Acknowledge what comes next at once: a server that writes its replies one by one waits 40 ms for it else.

        Linux forgets the option by itself (tcp(7)), hence each time.
        """
        if _QUICK is not None:
            with contextlib.suppress(OSError):
                self._socket.setsockopt(socket.IPPROTO_TCP, _QUICK, 1)

    def _end(self) -> None:
        if self._open:
            self.close()
            self._lost()
