"""Mail over TLS, from the first byte and by STARTTLS, with certificates that hold and that do not."""

import asyncio
import contextlib
import ssl
import threading

import pytest
from aiosmtpd.smtp import SMTP

from notifiers import smtp_account
from notifiers.channels import open_notifier
from tocsin.errors import Unavailable


class Sink:
    def __init__(self):
        self.letters = []

    async def handle_DATA(self, server, _session, envelope):  # noqa: N802 - aiosmtpd's name
        self.letters.append((server.transport.get_extra_info("cipher") is not None, envelope.content))
        return "250 2.0.0 ok"


@pytest.fixture(params=["ssl", "starttls"])
def server(request, certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    at_once = context if request.param == "ssl" else None
    options = {} if at_once else {"tls_context": context, "require_starttls": True}
    loop, sink = asyncio.new_event_loop(), Sink()
    listening = loop.run_until_complete(
        loop.create_server(
            lambda: SMTP(sink, hostname="sink.example", loop=loop, **options), "127.0.0.1", 0, ssl=at_once
        )
    )
    port = listening.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield f"mailtos://127.0.0.1:{port}/{{to}}?from=privacy@notices.example&mode={request.param}&cto=5&rto=5", sink
    loop.call_soon_threadsafe(listening.close)
    asyncio.run_coroutine_threadsafe(_ended(), loop).result(5)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


async def _ended():
    """Wait until every connection has been closed on this side too."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    if others:
        await asyncio.wait(others, timeout=5)
    await asyncio.sleep(0.05)


def test_a_letter_goes_out_encrypted(server, a_provider, a_message, at, certificate, monkeypatch):
    url, sink = server
    trusting = ssl.create_default_context(cafile=str(certificate))
    monkeypatch.setattr(smtp_account, "_tls", lambda verify: trusting if verify else None)
    with contextlib.closing(open_notifier(a_provider(url), now=at)) as notifier:
        for number in range(3):
            assert notifier.send(a_message(seed=number)).code == "250 2.0.0"

    assert [encrypted for encrypted, _letter in sink.letters] == [True] * 3


def test_a_certificate_that_does_not_hold_lets_nothing_out(server, a_provider, a_message, at):
    url, sink = server
    with contextlib.closing(open_notifier(a_provider(url), now=at)) as notifier, pytest.raises(Unavailable) as error:
        notifier.send(a_message())

    assert error.value.code == "tls"
    assert sink.letters == []


def test_a_url_may_forgo_the_check(server, a_provider, a_message, at):
    url, sink = server
    with contextlib.closing(open_notifier(a_provider(f"{url}&verify=no"), now=at)) as notifier:
        notifier.send(a_message())

    assert len(sink.letters) == 1


def test_a_server_without_starttls_gets_nothing_in_the_clear(relay, a_provider, a_message, at):
    url = f"mailtos://me:secret@127.0.0.1:{relay.port}/{{to}}?from=privacy@notices.example&cto=5&rto=5"
    with contextlib.closing(open_notifier(a_provider(url), now=at)) as notifier, pytest.raises(Unavailable):
        notifier.send(a_message())

    assert {line.split()[0].upper() for line in relay.commands} <= {"EHLO", "QUIT"}
