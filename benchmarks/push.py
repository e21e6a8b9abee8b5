"""SMS and push: the whole of sending through Apprise plugins beside other senders, all into nginx on this machine.

`python benchmarks/push.py [N] [--rounds R]` prints one JSON line a pair. Ours is the pipeline, from claim to recorded
result with sealed personal data, on SQLite and PostgreSQL, over at most 32 connections in one process or shared by two;
and `dispatch` alone, which only sends. Each round runs everything in turn. All send the same short message, written
anew for each person, over TLS (as every real provider is spoken to) and SMS in the clear besides.
"""

import hashlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import fetching
import pendulum
from harness import FOLDER, Absent, Contender, Cost, arguments, at_a_word, compare, present
from installation import DATABASES, Databases, Roster, databases, point_twilio
from sinks import Sink, nginx

from notifiers import plugins
from notifiers.dispatch import Engine, dispatch
from notifiers.journal import Journal
from notifiers.providers import Provider
from tocsin.delivery import Channel, Message, Outcome, Settled

CONNECTIONS = 32
ACCOUNT, TOKEN = "AC" + "a" * 32, "b" * 32
PEERS = {  # script: what it is called, the environment it runs in, and how many messages it is given at most
    "aiohttp": ("aiohttp, 32 connections", "aiohttp", 1_000_000),
    "requests": ("requests.Session", "apprise", 2000),
    "apprise": ("Apprise, one instance reused", "apprise", 400),
}


@dataclass(frozen=True)
class Way:
    """One channel to the sink, in the clear or over TLS."""

    channel: str
    tls: bool
    sink: Sink

    @property
    def base(self) -> str:
        return self.sink.url(tls=self.tls)

    @property
    def name(self) -> str:
        return f"{self.channel}, {'TLS' if self.tls else 'in the clear'}"

    def provider(self, connections: int = CONNECTIONS) -> dict[str, Any]:
        """The sink as a provider in the settings."""
        url = f"twilio://{ACCOUNT}:{TOKEN}@15005550006/{{to}}"
        if self.channel == "push":
            scheme, host = self.base.split("://")
            url = f"{scheme.replace('http', 'gateway')}://{TOKEN}@{host}/push/?to={{to}}"
        named = {"name": "bench", "channel": self.channel, "places": ["*", "CN"]}
        return {**named, "url": url, "connections": connections}


def main() -> None:
    options = arguments(__doc__).parse_args()
    with ExitStack() as opened, tempfile.TemporaryDirectory(prefix="tocsin-bench-") as name:
        folder = Path(name)
        try:
            sink = opened.enter_context(nginx(folder / "nginx"))
        except Absent as error:
            raise SystemExit(f"nginx is the sink, and {error}.") from None
        stores = {kind: opened.enter_context(databases(kind, folder)) for kind in DATABASES}
        for way in (Way("sms", True, sink), Way("sms", False, sink), Way("push", True, sink)):
            ours, letter = _ours(way, stores, folder, options.people)
            theirs = [
                present(named, min(options.people, most), partial(_peer, script, python, way, letter))
                for script, (named, python, most) in PEERS.items()
            ]
            compare(ours, theirs, unit="messages/s", rounds=options.rounds)


def _ours(
    way: Way, stores: Mapping[str, Databases], folder: Path, people: int
) -> tuple[list[Contender], dict[str, str]]:
    contenders, letter = [], {}
    trusting = {"REQUESTS_CA_BUNDLE": str(way.sink.bundle)}
    for kind, of_kind in stores.items():
        providers = [way.provider()]
        roster = Roster.make(of_kind, folder, people, providers=providers, channels=[way.channel], short=True)
        letter = letter or roster.letter()
        for processes in (1, 2):
            send = partial(
                roster.send, processes=processes, connections=CONNECTIONS, twilio=way.base, variables=trusting
            )
            name = f"{way.name}, whole pipeline, {kind}, processes: {processes}"
            contenders.append(Contender(name=name, n=people, send=_told(send)))
    for processes in (1, 2):
        name = f"{way.name}, dispatch alone, processes: {processes}"
        contenders.append(Contender(name=name, n=people, send=_dispatched(way, letter, processes)))
    return contenders, letter


def _told(send: Callable[[], Any]) -> Callable[[int], Cost]:
    return lambda _count: send().cost


def _dispatched(way: Way, letter: Mapping[str, str], processes: int) -> Callable[[int], Cost]:
    def send(count: int) -> Cost:
        each = count // processes
        job = {
            "base": way.base,
            "provider": way.provider(CONNECTIONS // processes),
            "count": each,
            "subject": letter["subject"],
            "text": letter["short"],
        }
        trusting = {**os.environ, "REQUESTS_CA_BUNDLE": str(way.sink.bundle)}
        command = [sys.executable, __file__, "--send"]
        found, seconds = at_a_word([command] * processes, [json.dumps(job)] * processes, env=trusting)
        return Cost(rate=each * processes / seconds, cpu_us=sum(one["cpu_us"] for one in found) / processes)

    return send


def _peer(script: str, python: str, way: Way, letter: Mapping[str, str]) -> Callable[[int], Cost]:
    command = [fetching.python_with(python), str(FOLDER / f"peers/push_{script}.py")]
    given = {"base": way.base, "bundle": str(way.sink.bundle), "channel": way.channel, "account": ACCOUNT}
    given |= {"token": TOKEN, "subject": letter["subject"], "text": letter["short"]}

    def send(count: int) -> Cost:
        [found], _seconds = at_a_word([command], [json.dumps({**given, "count": count})], quiet=True)
        return Cost(rate=found["rate"], cpu_us=found["cpu_us"])

    return send


def _messages(job: Mapping[str, Any]) -> Iterator[Message]:
    channel = Channel(job["provider"]["channel"])
    for number in range(job["count"]):
        yield Message(
            key=hashlib.sha256(str(number).encode()).hexdigest(),
            channel=channel,
            language="zh",
            place="CN",
            to=f"+86138{number:08}" if channel is Channel.SMS else f"{number:064x}",
            subject=job["subject"] if channel is Channel.PUSH else "",
            text=job["text"].replace("{name}", f"王伟{number}").replace("{code}", f"{number:010x}"),
            html=None,
        )


def _now() -> pendulum.DateTime:
    return pendulum.from_timestamp(time.time())


def _send() -> None:
    """`dispatch` alone, in a process of its own."""
    job = json.loads(sys.stdin.readline())
    point_twilio(job["base"])
    account = Provider.model_validate(job["provider"])
    plugins.check(account)
    with tempfile.TemporaryDirectory() as folder, Engine() as engine, Journal(Path(folder) / "journal") as journal:
        print("ready", flush=True)
        sys.stdin.readline()
        used = time.process_time()
        results = dispatch(_messages(job), account, journal=journal, now=_now, engine=engine)
        taken = sum(isinstance(result, Settled) and result.outcome is Outcome.ACCEPTED for result in results)
        cpu = time.process_time() - used
        print(json.dumps({"cpu_us": cpu / job["count"] * 1e6}), flush=True)
    assert taken == job["count"]


if __name__ == "__main__":
    if sys.argv[1:2] == ["--send"]:
        _send()
    else:
        main()
