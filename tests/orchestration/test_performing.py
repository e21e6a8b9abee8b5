"""One try of an automatic action: what is surely done, what surely is not, and what nobody knows."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from flows.settings import Action
from flows.steps import performing
from flows.steps.performing import Call

TASK = "stop-the-leak"
CALL = Call(incident="one", task=TASK, action="revoke-tokens", key="k")


def shell(script: str) -> list[str]:
    return ["/bin/sh", "-c", script]


class Hook(BaseHTTPRequestHandler):
    """Answers with the status that its path names."""

    def do_POST(self) -> None:
        """Take the call."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status = int(self.path.strip("/"))
        self.send_response(status)
        self.send_header("Location", "http://127.0.0.1:1/elsewhere")
        self.end_headers()
        self.wfile.write(f"{body['task']} {self.headers['Idempotency-Key']}".encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def hook() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Hook)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_how_a_try_ends_says_whether_it_may_have_been_done(
    hook: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(performing, "_TAIL_SECONDS", 0.1)
    cases = {
        "200": ("http-200", True, False), "404": ("http-404", False, False), "302": ("http-302", False, False),
        "503": ("http-503", False, True),
    }  # fmt: skip
    for path, wanted in cases.items():
        ended = performing.perform(Action(webhook=f"{hook}/{path}"), CALL, folder=tmp_path, environment={})
        assert (ended.code, ended.done, ended.doubtful) == wanted
        assert ended.output == f"{TASK} k".encode()
    commands = {
        ("/nowhere/at/all",): ("not-started", False, False),
        tuple(shell("yes | head -c 300000")): ("exit-0", True, False),
        tuple(shell("kill -9 $$")): ("signal-9", False, True),
        tuple(shell("sleep 30 & exit 0")): ("exit-0", True, False),
        tuple(shell("echo begun; sleep 30")): ("timeout", False, True),
    }
    for command, wanted in commands.items():
        action = Action(command=command).model_copy(update={"timeout_seconds": 0.3})
        ended = performing.perform(action, CALL, folder=tmp_path, environment={"PATH": "/bin:/usr/bin"})
        assert (ended.code, ended.done, ended.doubtful) == wanted
        assert len(ended.output) <= performing.MOST_BYTES
    assert ended.output == b"begun\n"
    gone = performing.perform(Action(webhook="http://127.0.0.1:1/"), CALL, folder=tmp_path, environment={})
    assert (gone.code, gone.done, gone.doubtful) == ("unreachable", False, False)
