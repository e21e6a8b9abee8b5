"""Resources of these tests: running fakes, scripted servers, and builders for messages and providers."""

import contextlib
import hashlib
import http.server
import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pendulum
import pytest

from notifiers import fakes
from notifiers.providers import Provider
from tocsin.delivery import Channel, Message

RULES = """
- {match: 'blocked', do: block}
- {match: 'dropped', do: drop}
- {match: 'broken', do: error}
- {match: 'lying', do: lie}
- {match: '0404$', do: error}
- {match: '0505$', do: lie}
- {match: '0606$', do: drop}
- {match: '0707$', do: block}
- {match: 'quiet', do: accept}
"""


@pytest.fixture(scope="session")
def running(tmp_path_factory) -> Iterator[fakes.Running]:
    folder = tmp_path_factory.mktemp("fakes")
    rules = folder / "rules.yaml"
    rules.write_text(RULES)
    with fakes.start(folder / "outbox", rules=rules) as started:
        yield started


@pytest.fixture
def at() -> Callable[[], pendulum.DateTime]:
    return lambda: pendulum.datetime(2026, 11, 22, 9, 30)


@pytest.fixture
def a_message() -> Callable[..., Message]:
    def build(channel: Channel = Channel.EMAIL, to: str = "someone@example.org", **changes) -> Message:
        key = hashlib.sha256(f"{channel}{to}{changes.pop('seed', '')}".encode()).hexdigest()
        values = {
            "key": key,
            "language": "zh",
            "place": "CN",
            "subject": "您的数据被泄露",
            "text": "您好：\n您的姓名与电话被他人复制。☎\n",
            "html": "<p>您好：您的姓名与电话被他人复制。</p>" if channel is Channel.EMAIL else None,
        } | changes
        return Message(channel=channel, to=to, **values)

    return build


@pytest.fixture
def a_provider() -> Callable[..., Provider]:
    def build(url: str = "mailto://127.0.0.1:9/{to}?from=privacy@notices.example", **changes) -> Provider:
        values = {"name": "post", "channel": Channel.EMAIL, "places": "*", "url": url} | changes
        return Provider.model_validate(values)

    return build


@pytest.fixture
def outbox_of(running) -> Callable[[Channel], list[dict]]:
    def read(channel: Channel) -> list[dict]:
        path = Path(running.outbox) / f"{channel}.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    return read


@pytest.fixture
def web() -> Iterator["Web"]:
    """An HTTP server that answers as it is told and remembers what it was asked."""
    server = Web()
    with server.listening():
        yield server


class Web:
    def __init__(self):
        self.answers: list[tuple[int, dict, bytes]] = []
        self.asked: list[tuple[str, dict, bytes]] = []
        self.port = 0

    def will_answer(self, status: int, body: object = None, **headers: str) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.answers.append((status, headers, content))

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                owner.asked.append((self.path, dict(self.headers), body))
                status, headers, content = owner.answers.pop(0) if owner.answers else (200, {}, b"{}")
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST  # noqa: N815 - the library's name

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        self.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


@pytest.fixture
def relay() -> Iterator["Relay"]:
    """A mail server that answers each command as it is told; a command without an answer is a hang-up."""
    server = Relay()
    with server.listening():
        yield server


class Relay:
    """`replies` maps a verb (`MAIL`, `RCPT`, `DATA`, `.` for the end of the text) to replies used up in order."""

    def __init__(self):
        self.greeting = "220 relay.example"
        self.features = "250 relay.example"
        self.replies: dict[str, list[str | None]] = {}
        self.commands: list[str] = []
        self.texts: list[bytes] = []
        self.connections = 0
        self.port = 0

    def reply(self, verb: str) -> str | None:
        usual = {"EHLO": self.features, "DATA": "354 go on", "QUIT": "221 bye", "AUTH": "235 ok"}.get(
            verb, "250 2.0.0 ok"
        )
        told = self.replies.get(verb)
        return told.pop(0) if told else usual

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        owner = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                owner.connections += 1
                self.say(owner.greeting)
                while line := self.rfile.readline():
                    verb = line.split()[0].decode().upper()
                    owner.commands.append(line.decode().strip())
                    if not self.say(owner.reply(verb)) or verb == "QUIT":
                        return
                    if verb == "DATA" and self.last.startswith("354"):
                        text = self.text()
                        if text is None:
                            return
                        owner.texts.append(text)
                        if not self.say(owner.reply(".")):
                            return

            def text(self) -> bytes | None:
                lines = []
                while line := self.rfile.readline():
                    if line == b".\r\n":
                        return b"".join(lines)
                    lines.append(line)
                return None

            def say(self, reply: str | None) -> bool:
                self.last = reply or ""
                if reply is None:
                    return False
                self.wfile.write(reply.encode() + b"\r\n")
                return True

        with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
            server.daemon_threads = True
            self.port = server.server_address[1]
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            try:
                yield
            finally:
                server.shutdown()
                thread.join()
