"""The HTTP client on real sockets, against a server that says what it is told, byte for byte."""

import asyncio
import contextlib
import importlib
import importlib.util
import os
import socket
import time

import pytest
import requests

from notifiers.carriers.http_bridge import Bridge
from notifiers.carriers.http_client import Client
from notifiers.carriers.http_messages import LIMIT, Composer
from notifiers.http_answers import NeverLeft

LOOPS = [name for name in ("asyncio", "uvloop") if importlib.util.find_spec(name)]  # the engine takes either

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.fixture(autouse=True, params=LOOPS)
def kind(request, monkeypatch):
    """Every test runs on every event loop that there is."""
    monkeypatch.setattr(asyncio, "run", importlib.import_module(request.param).run)


class Scripted:
    """Answers each request with the next thing in `script`: bytes, seconds to wait, or None to hang up."""

    def __init__(self, *script):
        self.script = list(script)
        self.asked = []
        self.connections = 0
        self._tasks = set()
        self.heard = asyncio.Event()

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks)

    async def _serve(self, reader, writer):
        self.connections += 1
        self._tasks.add(asyncio.current_task())
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
                self.asked.append(head + await reader.readexactly(length))
                self.heard.set()
                if not await self._say(writer):
                    break
        writer.transport.abort()

    async def _say(self, writer):
        for part in self.script.pop(0) if self.script else [OK]:
            if part is None:
                await writer.drain()
                writer.close()
                return False
            if isinstance(part, bytes):
                writer.write(part)
            else:
                await asyncio.sleep(part)
        await writer.drain()
        return True

    def url(self):
        return f"http://127.0.0.1:{self.port}/x"


class Bridged:
    """The client as async code uses it."""

    def __init__(self):
        self.client = Client()
        self._bridge = Bridge(contextlib.nullcontext)

    async def ask(self, composed):
        answer = asyncio.get_running_loop().create_future()
        self._bridge.start(self._ask, composed, answer)
        return await answer

    def _ask(self, _state, composed, answer):
        try:
            answer.set_result(self.client.ask(composed))
        except requests.RequestException as error:
            answer.set_exception(error)

    async def close(self):
        await self.client.close()
        await asyncio.sleep(0)
        self._bridge.close()


@contextlib.asynccontextmanager
async def client():
    opened = Bridged()
    try:
        yield opened
    finally:
        await opened.close()


async def ask(opened, url, *, seconds=(2, 2), **kwargs):
    return await opened.ask(Composer().compose("post", url, {"data": "hello", "timeout": seconds, **kwargs}))


def asked(*script, times=1, timeout=(2, 2)):
    """What the requests said after each other on one client: answers, and the error that ended them."""

    async def doing():
        said = []
        composer = Composer()
        async with Scripted(*script) as server, client() as opened:
            for _ in range(times):
                wanted = composer.compose("post", server.url(), {"data": "hello", "timeout": timeout})
                try:
                    said.append(await opened.ask(wanted))
                except requests.RequestException as error:
                    said.append(error)
        return said, server

    return asyncio.run(doing())


def test_one_line_serves_many_requests():
    said, server = asked(times=5)

    assert [answer.content for answer in said] == [b"ok"] * 5
    assert server.connections == 1
    assert all(request.endswith(b"\r\n\r\nhello") for request in server.asked)


def test_requests_at_the_same_time_have_a_line_each():
    async def doing():
        composer = Composer()
        async with Scripted(*[[0.05, OK]] * 8) as server, client() as opened:
            wanted = composer.compose("post", server.url(), {"data": "x", "timeout": 2})
            for _round in range(3):
                await asyncio.gather(*(opened.ask(wanted) for _ in range(8)))
        return server

    assert asyncio.run(doing()).connections == 8


@pytest.mark.parametrize(
    ("said", "status", "content"),
    [
        (
            [b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", b"2\r\nde\r\n0\r\n\r\n"],
            201,
            b"abcde",
        ),
        ([b"HTTP/1.1 204 No Content\r\n\r\n"], 204, b""),
        ([b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 202 Accepted\r\nContent-Length: 1\r\n\r\nx"], 202, b"x"),
        ([b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"], 200, b"x"),
        ([b"HT", 0.01, b"TP/1.1 200 OK\r\nContent-Le", 0.01, b"ngth: 4\r\n\r\nab", 0.01, b"cd"], 200, b"abcd"),
        ([b"HTTP/1.0 200 OK\r\n\r\nto the ", b"end", None], 200, b"to the end"),
        ([b"HTTP/1.1 503 No\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno", None], 503, b"no"),
        ([b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"], 302, b""),
    ],
)
def test_an_answer_is_read_in_every_form_that_http_has(said, status, content):
    [answer], server = asked(said)

    assert (answer.status_code, answer.content) == (status, content)
    assert len(server.asked) == 1


def test_a_line_that_the_server_wants_closed_is_not_used_again():
    said, server = asked([b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"], times=2)

    assert [answer.content for answer in said] == [b"ok", b"ok"]
    assert server.connections == 2


def test_a_line_that_was_closed_meanwhile_is_not_used_again():
    async def doing():
        async with Scripted([OK, None]) as server, client() as opened:
            composer = Composer()
            wanted = composer.compose("post", server.url(), {"data": "x", "timeout": 2})
            first = await opened.ask(wanted)
            await asyncio.sleep(0.05)
            return first, await opened.ask(wanted), server

    first, second, server = asyncio.run(doing())
    assert (first.status_code, second.status_code, server.connections) == (200, 200, 2)


def test_a_line_whose_end_the_loop_has_not_heard_of_yet_is_not_used_again():
    async def doing():
        async with Scripted() as server, client() as opened:
            composer = Composer()
            wanted = composer.compose("post", server.url(), {"data": "x", "timeout": 2})
            await opened.ask(wanted)
            [line] = opened.client._lines
            with socket.socket(fileno=os.dup(line._transport.get_extra_info("socket").fileno())) as same:
                same.shutdown(socket.SHUT_RD)  # as an end that has arrived
            time.sleep(0.03)  # noqa: ASYNC251 - the loop is to be held
            return await opened.ask(wanted), server

    answer, server = asyncio.run(doing())
    assert (answer.status_code, server.connections) == (200, 2)


def test_a_request_on_a_line_that_breaks_is_never_repeated():
    said, server = asked([OK], [None], times=2)

    assert isinstance(said[1], requests.ConnectionError)
    assert not isinstance(said[1], NeverLeft)
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    "said",
    [
        [None],
        [b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", None],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", None],
        [b"HTTP/1.1 200", None],
        [b"220 mail.example ESMTP\r\n"],
        [b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"],
        [b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n"],
        [b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000],
    ],
    ids=["silence", "short", "chunk", "head", "mail", "lengths", "upgrade", "endless"],
)
def test_an_answer_that_breaks_off_or_is_none_is_an_error_that_leaves_a_doubt(said):
    [error], _server = asked(said)

    assert type(error) is requests.ConnectionError
    assert "127.0.0.1" not in str(error)


def test_a_server_that_falls_silent_is_given_up_after_the_time_to_read():
    began = time.monotonic()
    [error], _server = asked([0.5, OK], timeout=(2, 0.1))

    assert isinstance(error, requests.ReadTimeout)
    assert time.monotonic() - began < 0.4


def test_an_answer_that_comes_in_parts_is_waited_for_from_part_to_part():
    slow = [OK[:5], *[part for byte in (OK[5:15], OK[15:25], OK[25:]) for part in (0.07, byte)]]
    [answer], _server = asked(slow, timeout=(2, 0.15))

    assert answer.content == b"ok"


def test_an_answer_in_drops_is_not_waited_for_without_end():
    drops = [part for _ in range(100) for part in (0.02, b"X")]
    began = time.monotonic()
    [error], _server = asked([b"HTTP/1.1 200 OK\r\nX-A: ", *drops], timeout=(2, 0.04))

    assert isinstance(error, requests.ReadTimeout)
    assert time.monotonic() - began < 1.0


def test_a_shorter_time_to_read_counts_on_a_kept_line_too():
    async def doing():
        composer = Composer()
        async with Scripted([OK], [0.5, OK]) as server, client() as opened:
            await opened.ask(composer.compose("post", server.url(), {"data": "x", "timeout": (2, 30)}))
            began = time.monotonic()
            with pytest.raises(requests.ReadTimeout):
                await opened.ask(composer.compose("post", server.url(), {"data": "x", "timeout": (2, 0.05)}))
            return time.monotonic() - began

    assert asyncio.run(doing()) < 0.4


def test_of_an_answer_without_end_only_so_much_is_read():
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n"
    [answer], _server = asked([head, b"x" * (LIMIT + 5)])

    assert answer.status_code == 200
    assert len(answer.content) == LIMIT


def test_an_answer_too_many_is_never_taken_for_the_next_request():
    first, second = OK, OK.replace(b"ok", b"no")
    said, server = asked([first + second], [OK], times=2)

    assert [answer.content for answer in said] == [b"ok", b"ok"]
    assert server.connections == 2


def test_a_refusal_that_comes_before_the_end_of_a_long_text_is_heard():
    async def doing():
        async def refuse(reader, writer):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await reader.read()
            writer.close()
            ended.set()

        ended = asyncio.Event()
        async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
            async with client() as opened:
                answer = await ask(
                    opened, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", data="x" * 8_000_000
                )
            await ended.wait()
        return answer

    assert asyncio.run(doing()).status_code == 413


def test_a_server_that_hangs_up_at_once_is_no_long_wait():
    async def doing():
        async def hang_up(_reader, writer):
            writer.transport.abort()

        async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server, client() as opened:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
            for _ in range(20):
                with pytest.raises(requests.ConnectionError):
                    await ask(opened, url, seconds=(2, 30))

    began = time.monotonic()
    asyncio.run(doing())
    assert time.monotonic() - began < 2


def test_a_line_that_ended_before_it_was_asked_has_carried_nothing():
    async def doing():
        async with Scripted() as server, client() as opened:
            await ask(opened, server.url())
            [line] = opened.client._lines
            line.end()
            with pytest.raises(NeverLeft):
                line.ask(Composer().compose("post", server.url(), {"data": "x"}))
            return server

    assert len(asyncio.run(doing()).asked) == 1


def test_nothing_left_where_nobody_listens():
    async def doing():
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            async with client() as opened:
                await ask(opened, f"http://127.0.0.1:{closed.getsockname()[1]}/")

    with pytest.raises(NeverLeft):
        asyncio.run(doing())


@pytest.mark.parametrize("host", ["[::1]:1", "localhost:1", "a..b", "x" * 80 + ".example"])
def test_nothing_left_where_a_name_leads_nowhere(host):
    async def doing():
        async with client() as opened:
            await ask(opened, f"http://{host}/")

    with pytest.raises((NeverLeft, requests.exceptions.InvalidURL)):
        asyncio.run(doing())


def test_a_connection_that_does_not_come_about_in_time_has_carried_nothing():
    async def doing():
        with socket.socket() as full:  # nobody takes what waits, so no more is let in
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            address = full.getsockname()
            waiting = [socket.socket() for _ in range(3)]
            for each in waiting:
                each.setblocking(False)
                each.connect_ex(address)
            async with client() as opened:
                try:
                    await ask(opened, f"http://127.0.0.1:{address[1]}/", seconds=(0.1, 2))
                finally:
                    for each in waiting:
                        each.close()

    with pytest.raises(requests.ConnectTimeout):
        asyncio.run(doing())


def test_closing_ends_what_waits():
    async def doing():
        async with Scripted([5, OK]) as server:
            opened = Bridged()
            waiting = asyncio.ensure_future(ask(opened, server.url()))
            await server.heard.wait()
            await opened.close()
            with pytest.raises(requests.ConnectionError):
                await waiting

    asyncio.run(doing())
