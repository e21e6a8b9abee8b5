"""Prefect, embedded: a server of our own in the installation's folder, quiet, offline and without telemetry.

`python -m flows.engine` serves the flows with it until stopped. Nothing of ours is kept in its database: it may be
deleted at any time.
"""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tocsin.errors import Misconfigured

START_SECONDS = 120.0
MOST_STARTS = 3
_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def environment(folder: Path, port: int) -> dict[str, str]:
    """The variables under which Prefect's server and client run here."""
    return {
        "PREFECT_HOME": str(folder),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_LOGGING_LEVEL": "WARNING",
        "PREFECT_SERVER_LOGGING_LEVEL": "ERROR",
        "PREFECT_LOGGING_TO_API_ENABLED": "true",
        # Leases in memory are lost with the server and then never freed: on disk they run out by themselves.
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
        "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",
        "PREFECT_CLIENT_METRICS_ENABLED": "false",
    }


class Server:
    """A Prefect server as a child process. `start` returns at once; `wait` until it answers."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._log = folder / "server.log"
        self.environment: Mapping[str, str] = {}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the child; on first start it migrates its database for some 20 seconds."""
        port = _free_port()
        self.environment = environment(self._folder, port)
        command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter
                command,
                env={**os.environ, **self.environment},
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509 - one call, no locks
            )

    def wait(self, *, progress: Callable[[float], None] = lambda _: None) -> None:
        """Block until the server answers; raises Misconfigured naming its log when it does not."""
        begun, starts = time.monotonic(), 1
        while time.monotonic() - begun < START_SECONDS:
            if self._process is None or self._process.poll() is not None:
                if starts == MOST_STARTS:
                    break
                # Another process may have taken the port in between: choose another one.
                self.start()
                starts += 1
            if _answers(self.environment["PREFECT_API_URL"] + "/health"):
                return
            progress(time.monotonic() - begun)
            time.sleep(0.25)
        raise Misconfigured(f"The embedded Prefect server did not start: see {self._log}.")

    def stop(self) -> None:
        """Stop the child and wait for it."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextmanager
def running(folder: Path) -> Iterator[Server]:
    """A started server (not yet waited for) that is stopped at the end."""
    server = Server(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _die_with_parent() -> None:
    """Ask Linux to end this child when its parent is killed, so that no server is left behind."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as answer:  # noqa: S310 - loopback
            return bool(answer.status == 200)
    except OSError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> None:
    """Serve the flows: with the Prefect server named by PREFECT_API_URL, or an embedded one."""
    from flows import wiring

    if os.environ.get("PREFECT_API_URL"):
        _serve()
        return
    with running(wiring.home() / "prefect") as server:
        server.wait()
        os.environ.update(server.environment)
        print(f"Prefect answers at {server.environment['PREFECT_API_URL']}", flush=True)  # noqa: T201
        _serve()


def _serve() -> None:
    from flows import deployments

    deployments.run()


if __name__ == "__main__":
    main()
