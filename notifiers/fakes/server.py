"""Both fakes in one process and one event loop, until they are told to end."""

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import uvicorn

from notifiers.fakes import READY, mailserver, rules
from notifiers.fakes.gateway import Gateway
from notifiers.fakes.outbox import Outbox
from tocsin.errors import Misconfigured


def run(
    outbox: Path,
    *,
    smtp: int,
    http: int,
    rules_file: Path | None = None,
    with_parent: bool = False,
    on_ready: Callable[[int, int], None] = lambda _smtp, _http: None,
) -> None:
    """Serve until SIGTERM or SIGINT, or with `with_parent` until standard input ends.

    `outbox/ready.json` says the ports once both listen. Raises Invalid for bad rules, Misconfigured for a taken port.
    """
    treatment = rules.treatment(rules_file)
    logging.getLogger("mail.log").setLevel(logging.CRITICAL)  # aiosmtpd talks of its own deprecations, and of addresses
    box = Outbox(outbox)
    try:
        asyncio.run(_serve(box, outbox, treatment, smtp=smtp, http=http, with_parent=with_parent, on_ready=on_ready))
    finally:
        box.close()


async def _serve(
    box: Outbox,
    folder: Path,
    treatment: rules.Treatment,
    *,
    smtp: int,
    http: int,
    with_parent: bool,
    on_ready: Callable[[int, int], None],
) -> None:
    ended = asyncio.Event()
    _end_by(ended, with_parent=with_parent)
    listener = _listen(http)
    try:
        mail = await mailserver.serve(smtp, box, treatment)
    except OSError:
        listener.close()
        raise Misconfigured(f"Port {smtp} is taken: give --smtp another, or 0 to let the fakes choose.") from None
    web = _Web(
        uvicorn.Config(
            Gateway(box, treatment).app(),
            log_level="critical",
            access_log=False,
            lifespan="off",
            timeout_keep_alive=600,
            timeout_graceful_shutdown=1,
        )
    )
    serving = asyncio.create_task(web.serve(sockets=[listener]))
    while not web.started:  # noqa: ASYNC110 - uvicorn offers a flag, no event
        await asyncio.sleep(0.005)
    ports = (mail.sockets[0].getsockname()[1], listener.getsockname()[1])
    _announce(folder, *ports)
    on_ready(*ports)
    await ended.wait()
    (folder / READY).unlink(missing_ok=True)
    mail.close()
    web.should_exit = True
    await serving


class _Web(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to us: they end both servers."""
        yield


def _listen(port: int) -> socket.socket:
    # With the protocol named asyncio switches Nagle's delay off, which costs 40 ms an answer.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError:
        listener.close()
        raise Misconfigured(f"Port {port} is taken: give --http another, or 0 to let the fakes choose.") from None
    return listener


def _end_by(ended: asyncio.Event, *, with_parent: bool) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    if with_parent:  # the parent's end of the pipe closes however it dies
        loop.add_reader(sys.stdin.fileno(), ended.set)


def _announce(folder: Path, smtp: int, http: int) -> None:
    draft = folder / f"{READY}.new"
    draft.write_text(json.dumps({"smtp": smtp, "http": http, "pid": os.getpid()}))
    draft.replace(folder / READY)
