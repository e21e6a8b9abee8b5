"""Two processes and one account: what its server sees is never more connections than the account allows."""

import asyncio
import contextlib
import itertools
import multiprocessing
import threading
import time
from collections import Counter
from pathlib import Path

import pendulum
import pytest

from db import rates
from db.sessions import Database
from notifiers import sharing
from notifiers.dispatch import dispatch
from notifiers.journal import Journal
from notifiers.providers import Provider
from notifiers.sharing import SharedConnections
from tocsin.delivery import Channel, Message, Outcome

TOTAL = 3
URLS = {
    Channel.EMAIL: "mailto://127.0.0.1:{port}/{{to}}?from=privacy@notices.example&mode=insecure",
    Channel.PUSH: "gateway://token@127.0.0.1:{port}/push/?to={{to}}",
}


class Sink:
    """A mail server and a gateway on one port each, which count who is connected."""

    def __init__(self):
        self.now: set[object] = set()
        self.most = self.taken = 0
        self.ports: dict[Channel, int] = {}
        self._servers: list[asyncio.Server] = []

    def __enter__(self):
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        for channel, served in ((Channel.EMAIL, self._mail), (Channel.PUSH, self._push)):
            server = asyncio.run_coroutine_threadsafe(self._listen(served), self._loop).result()
            self.ports[channel] = server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_):
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self):
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for server in self._servers:
            server.close()
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _listen(self, served):
        async def counted(reader, writer):
            me = object()
            self.now.add(me)
            self.most = max(self.most, len(self.now))
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await served(reader, writer)
            self.now.discard(me)
            writer.close()

        self._servers.append(await asyncio.start_server(counted, "127.0.0.1", 0))
        return self._servers[-1]

    async def _mail(self, reader, writer):
        writer.write(b"220 sink\r\n")
        while line := await reader.readline():
            verb = line[:4].upper()
            if verb == b"QUIT":
                writer.write(b"221 bye\r\n")
                return
            writer.write(b"354 go on\r\n" if verb == b"DATA" else b"250 ok\r\n")
            if verb == b"DATA":
                await reader.readuntil(b"\r\n.\r\n")
                await asyncio.sleep(0.02)
                self.taken += 1
                writer.write(b"250 taken\r\n")

    async def _push(self, reader, writer):
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
            await reader.readexactly(length)
            await asyncio.sleep(0.02)
            self.taken += 1
            body = b'{"status": "accepted", "id": "%d"}' % self.taken
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))


def _provider(port, channel):
    url = URLS[channel].format(port=port)
    return Provider(name="post", channel=channel, url=url, places="*", connections=TOTAL, connections_total=TOTAL)


def _messages(name, channel, enough):
    for number in itertools.takewhile(lambda _: not enough(), itertools.count()):
        to = f"{name}{number}@example.org" if channel is Channel.EMAIL else f"token-{name}-{number}"
        key = f"{name}{number}".encode().hex().ljust(64, "0")
        yield Message(key=key, channel=channel, language="en", place="DE", to=to, subject="s", text="t", html=None)


def _send(url, port, channel, enough, said, name, journal):
    sharing.RENEW_SECONDS = sharing._ASK_AGAIN_SECONDS = 0.1
    database = Database(url)
    shared = SharedConnections(
        TOTAL,
        lambda wanted, open_now: database.transact(
            lambda session: rates.hold(session, "post", name, wanted=wanted, most=TOTAL, open_now=open_now)
        ),
        good_for_seconds=rates.HOLD_SECONDS,
    )
    with Journal(Path(journal)) as opened:
        results = dispatch(
            _messages(name, channel, enough.is_set),
            _provider(port, channel),
            journal=opened,
            now=lambda: pendulum.datetime(2026, 11, 22),
            shared=shared,
        )
        for result in results:
            said.put(name if result.outcome is Outcome.ACCEPTED else result)
    said.put("end")


@pytest.mark.slow
def test_two_processes_never_have_more_connections_than_the_account_allows(
    database_url: str, kind: str, tmp_path: Path
) -> None:
    channel = Channel.PUSH if kind == "sqlite" else Channel.EMAIL  # the one has nothing to do with the other
    context = multiprocessing.get_context("spawn")
    said, enough = context.Queue(), context.Event()
    heard: Counter[str] = Counter()
    with Sink() as sink:
        given = (database_url, sink.ports[channel], channel, enough, said)
        processes = [
            context.Process(target=_send, args=(*given, name, str(tmp_path / name)), daemon=True)
            for name in ("one", "two")
        ]
        for process in processes:
            process.start()
        while heard["end"] < 2:
            heard[said.get(timeout=60)] += 1
            if heard["one"] >= 30 and heard["two"] >= 30:  # both send, and neither waits for the other's end
                enough.set()
        for process in processes:
            process.join()
        assert set(heard) == {"one", "two", "end"}
        assert sink.taken == heard["one"] + heard["two"]
        assert 1 < sink.most <= TOTAL
    database = Database(database_url)
    assert database.transact(lambda session: rates.hold(session, "post", "new", wanted=9, most=TOTAL)) == TOTAL
    database.close()


def test_a_letter_whose_turn_never_comes_is_let_go_when_the_sending_stops(tmp_path: Path) -> None:
    ended = time.monotonic() + 0.6
    with Journal(tmp_path / "journal") as journal:
        results = list(
            dispatch(
                itertools.islice(_messages("x", Channel.EMAIL, lambda: False), 20),
                _provider(9, Channel.EMAIL),
                journal=journal,
                now=lambda: pendulum.datetime(2026, 11, 22),
                stop=lambda: time.monotonic() > ended,
                shared=SharedConnections(TOTAL, lambda _wanted, _open: 0, good_for_seconds=60),
            )
        )
    assert len(results) == 20
    assert {result.code for result in results} == {"stopped"}
