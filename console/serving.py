"""`tocsin serve`: the console over HTTP beside the flows, and an orderly end of both."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from console.options import examples
from tocsin.errors import Misconfigured

if TYPE_CHECKING:
    import socket

    from flows.settings import Settings

_END_SECONDS = 15.0
_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
_THIS_MACHINE = ("127.0.0.1", "localhost")


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command(epilog=examples("tocsin serve", "tocsin serve --port 8500"))(serve)


def serve(
    host: Annotated[
        str, typer.Option("--host", metavar="ADDRESS", help="Only this machine by default; nobody signs in yet")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", metavar="PORT", min=0, max=65535, help="Of the console; 0 chooses one")
    ] = 8400,
) -> None:
    """Serve the console, the flows and the minute's watch.

    It makes an installation where there is none, and serves until stopped. `/health` answers 503 when the watch fails.
    """
    import uvicorn

    from console.api import application
    from flows import wiring
    from flows.installing import install
    from flows.steps import receiving

    if not (wiring.home() / wiring.SETTINGS).exists():
        install(wiring.home())
    house = wiring.assemble()
    house.database.check()
    listening = _listen(host, port)
    app = application(house, hosts=_hosts(house.settings) if host in _THIS_MACHINE else ("*",))
    typer.echo(f"Console at http://{host}:{listening.getsockname()[1]}, installation {house.folder}. Ctrl-C ends.")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # uvicorn hands the signal on once it has ended
    try:
        with receiving.bounce_listener(house), _flows():
            uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listening])
    finally:
        house.database.close()


def _hosts(settings: "Settings") -> tuple[str, ...]:
    """By which names the console is called on this machine: its own, and those that services and people were told."""
    urls = (*(receiver.url for receiver in settings.receivers), settings.public_url, settings.console_url)
    told = dict.fromkeys(urlsplit(url).hostname for url in urls if url)
    return (*_THIS_MACHINE, *(name for name in told if name))


def _listen(host: str, port: int) -> "socket.socket":
    import socket

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise Misconfigured(
            f"The console cannot listen on {host}, port {port} ({error.strerror}): choose another with --host and "
            "--port, or stop what holds it."
        ) from None


@contextmanager
def _flows() -> Iterator[None]:
    """Prefect, in a process of its own: the console answers even while it is down. It ends with the block."""
    flows = subprocess.Popen(
        [sys.executable, "-m", "flows.engine"],
        stdin=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C in a terminal is for us alone: we end it in order
        preexec_fn=_end_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509 - one call, no locks
    )
    try:
        yield
    finally:
        flows.terminate()
        try:
            flows.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            flows.kill()
            flows.wait()


def _end_with_parent() -> None:
    """Ask Linux to end this child even when its parent is killed."""
    import ctypes

    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
