"""`tocsin serve` for real: the console answers, the minute's watch runs under Prefect, and nothing outlives it."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from db import watch
from flows import wiring
from flows.steps.watching import HEARTBEAT

ROOT = Path(__file__).parents[2]
FIRST_LOOK_SECONDS = 150  # Prefect makes its database, takes up the schedule, and starts a process for the first run


@contextlib.contextmanager
def served(home: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A running `tocsin serve`, and where its console is."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    running = subprocess.Popen(
        [sys.executable, "-m", "console.main", "serve", "--port", "0"],
        cwd=ROOT, env={**environment, "TOCSIN_HOME": str(home)}, text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert running.stdout is not None
        url = re.search(r"http://\S+:\d+", running.stdout.readline())
        assert url, running.stderr and running.stderr.read()
        yield running, url.group()
    finally:
        if running.poll() is None:
            running.kill()
        running.communicate()


def health(url: str) -> tuple[int, dict[str, Any]]:
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def until(condition: Callable[[], bool], *, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.1)
    return False


def descendants(pid: int) -> set[int]:
    """The processes below a process, however deep (Linux)."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    found, fresh = set[int](), {pid}
    while fresh:
        fresh = {child for child, parent in parents.items() if parent in fresh}
        found |= fresh
    return found


def alive(pids: set[int]) -> set[int]:
    """Those still running; one that has ended and waits to be collected is not."""
    living = set()
    for pid in pids:
        with contextlib.suppress(OSError):
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
                living.add(pid)
    return living


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_watch_looks_every_minute_and_everything_ends_with_the_service(tocsin: Any) -> None:
    with served(tocsin.home) as (running, url):
        assert health(url)[0] == 503

        assert until(lambda: health(url)[0] == 200, seconds=FIRST_LOOK_SECONDS), health(url)
        with wiring.opened(tocsin.home) as house, house.database.reading() as session:
            assert watch.last_beat(session, HEARTBEAT) is not None
        below = descendants(running.pid)
        assert len(below) >= 2  # the flows, and their Prefect server

        running.send_signal(signal.SIGTERM)
        assert running.wait(20) == 0
        assert until(lambda: not alive(below), seconds=5), alive(below)


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0), (signal.SIGKILL, -9)])
def test_an_end_while_prefect_still_starts_leaves_no_process_behind(
    tocsin: Any, number: signal.Signals, code: int
) -> None:
    with served(tocsin.home) as (running, url):
        assert health(url)[0] == 503
        assert until(lambda: len(descendants(running.pid)) >= 2, seconds=20)
        below = descendants(running.pid)

        running.send_signal(number)

        assert running.wait(20) == code
        assert until(lambda: not alive(below), seconds=10), alive(below)


def test_a_port_that_is_taken_is_said_in_one_sentence(tocsin: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = tocsin("serve", "--port", str(taken.getsockname()[1]))

    assert (done.code, done.out) == (2, "")
    assert "choose another" in done.err
    assert done.err.count("\n") == 1
