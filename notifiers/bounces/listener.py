"""A mail server that takes bounces and nothing else.

It knows the recipients that our letters went out from (`bounce+TAG@` one of our bounce domains) and refuses every other
at RCPT: it relays nothing, answers nobody, and is of no use to a stranger. A bounce is acknowledged only once it is
stored; until then the other server keeps it and comes again.
"""

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from aiosmtpd.smtp import SMTP, Envelope, Session

from notifiers import mail
from tocsin.errors import Misconfigured

MOST_BYTES = 2_000_000
_IDLE_SECONDS = 60.0
_MOST_RECIPIENTS = 10

Take = Callable[[bytes, str, str], object]  # the message, the provider it is about, whom it was handed to us for


class _Handler:
    """aiosmtpd's hooks."""

    def __init__(self, providers: Mapping[str, str], take: Take) -> None:
        self._providers, self._take = providers, take

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Let in what is for a letter of ours (RFC 5321 section 3.3)."""
        domain = address.rpartition("@")[2].rstrip(">").lower()
        if domain not in self._providers or mail.key_of_return_path(address) is None:
            return "550 5.1.1 No such mailbox"
        if len(envelope.rcpt_tos) >= _MOST_RECIPIENTS:
            return "452 4.5.3 Too many recipients"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Store, then acknowledge; whatever goes wrong here is not the other server's fault."""
        assert isinstance(envelope.content, bytes)
        try:
            for address in envelope.rcpt_tos:
                provider = self._providers[address.rpartition("@")[2].rstrip(">").lower()]
                await asyncio.to_thread(self._take, envelope.content, provider, address)
        except Exception:  # noqa: BLE001 - the last door: the report stays with who brought it
            return "451 4.3.0 Not now: come again"
        return "250 2.0.0 Stored"


@contextmanager
def listening(host: str, port: int, *, providers: Mapping[str, str], take: Take) -> Iterator[int]:
    """Take bounces for the length of a block; gives the port. `providers` are names by bounce domain.

    Raises Misconfigured when the port cannot be had.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="bounces", daemon=True)
    thread.start()
    handler = _Handler({domain.lower(): name for domain, name in providers.items()}, take)
    try:
        server = asyncio.run_coroutine_threadsafe(_serve(handler, host, port), loop).result()
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            asyncio.run_coroutine_threadsafe(_end(server), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _serve(handler: _Handler, host: str, port: int) -> asyncio.Server:
    loop = asyncio.get_running_loop()

    def connection() -> SMTP:
        return SMTP(
            handler,
            hostname="bounces",
            ident="Tocsin",
            data_size_limit=MOST_BYTES,
            enable_SMTPUTF8=True,
            timeout=_IDLE_SECONDS,
            loop=loop,
        )

    try:
        return await loop.create_server(connection, host, port)
    except OSError as error:
        raise Misconfigured(
            f"Bounces cannot be taken on {host}, port {port} ({error.strerror}): choose another bounce_listener."
        ) from None


async def _end(server: asyncio.Server) -> None:
    server.close()
    await server.wait_closed()
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
