"""E-mail: the whole of sending beside other senders, all into Postfix's `smtp-sink` on this machine.

`python benchmarks/mail.py [N] [--rounds R]` prints one JSON line a pair. Ours is the pipeline, from claim to recorded
result with sealed personal data, on SQLite and PostgreSQL, over eight sessions in one process or shared by two; and
`dispatch` alone, which only sends. Each round runs everything in turn. All send the same letter, about 3 KB of text and
HTML (4.7 KB on the wire), written anew for each person; `smtp-source` sends one constant text of that size.
"""

import hashlib
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import fetching
import pendulum
from harness import FOLDER, Absent, Contender, Cost, arguments, at_a_word, compare, present
from installation import DATABASES, Roster, databases
from sinks import Postfix

from notifiers import mail, plugins
from notifiers.dispatch import Engine, dispatch
from notifiers.journal import Journal
from notifiers.providers import Provider
from tocsin.delivery import Channel, Message, Outcome, Settled

SESSIONS = 8
FEWER = {"aiosmtplib": 2000, "post_office": 1000, "apprise": 40, "prefect": 60}  # slow ones: their rate is what counts
NAMES = {
    "aiosmtplib": "aiosmtplib, 8 sessions, uvloop",
    "post_office": "django-post_office, SQLite queue, 8 threads",
    "apprise": "Apprise, plain loop",
    "prefect": "Prefect, one task run a recipient",
}


def main() -> None:
    options = arguments(__doc__).parse_args()
    with ExitStack() as opened, tempfile.TemporaryDirectory(prefix="tocsin-bench-") as name:
        try:
            postfix = Postfix()
        except Absent as error:
            raise SystemExit(f"Postfix is the sink, and {error}.") from None
        port = opened.enter_context(postfix.sink())
        ours, letter = _ours(opened, Path(name), port, options.people)
        theirs = [
            _smtp_source(postfix, port, 2 * options.people, size=_size(letter)),
            present("nodemailer, pool of 8", min(options.people, 4000), lambda: _nodemailer(port, letter)),
            *(
                present(NAMES[peer], min(options.people, most), lambda peer=peer: _python(peer, port, letter))
                for peer, most in FEWER.items()
            ),
        ]
        compare(ours, theirs, unit="letters/s", rounds=options.rounds)


def provider(port: int, connections: int = SESSIONS) -> dict[str, Any]:
    """The sink as a provider in the settings."""
    url = f"mailto://127.0.0.1:{port}/{{to}}?from=privacy@notices.example&mode=insecure"
    return {"name": "post", "channel": "email", "places": ["*", "CN"], "url": url, "connections": connections}


def _ours(opened: ExitStack, folder: Path, port: int, people: int) -> tuple[list[Contender], dict[str, str]]:
    contenders, letter = [], {}
    for kind in DATABASES:
        stores = opened.enter_context(databases(kind, folder))
        roster = Roster.make(stores, folder, people, providers=[provider(port)], channels=["email"], short=True)
        letter = letter or roster.letter()
        for processes in (1, 2):
            name = f"e-mail, whole pipeline, {kind}, processes: {processes}"
            contenders.append(Contender(name=name, n=people, send=_told(roster, processes)))
    for processes in (1, 2):
        name = f"e-mail, dispatch alone, processes: {processes}"
        contenders.append(Contender(name=name, n=people, send=_dispatched(port, letter, processes)))
    return contenders, letter


def _told(roster: Roster, processes: int) -> Callable[[int], Cost]:
    return lambda _count: roster.send(processes=processes, connections=SESSIONS).cost


def _dispatched(port: int, letter: Mapping[str, str], processes: int) -> Callable[[int], Cost]:
    def send(count: int) -> Cost:
        each = count // processes
        jobs = [
            json.dumps({"port": port, "count": each, "connections": SESSIONS // processes, "letter": letter})
        ] * processes
        found, seconds = at_a_word([[sys.executable, __file__, "--send"]] * processes, jobs)
        return Cost(rate=each * processes / seconds, cpu_us=sum(one["cpu_us"] for one in found) / processes)

    return send


def _messages(letter: Mapping[str, str], count: int) -> Iterator[Message]:
    for number in range(count):
        own = {"{name}": f"王伟{number}", "{code}": f"{number:010x}"}
        text, html = letter["text"], letter["html"]
        for place, word in own.items():
            text, html = text.replace(place, word), html.replace(place, word)
        yield Message(
            key=hashlib.sha256(str(number).encode()).hexdigest(),
            channel=Channel.EMAIL,
            language="zh",
            place="CN",
            to=f"user.{number}@mail.example.cn",
            subject=letter["subject"],
            text=text,
            html=html,
        )


def _size(letter: Mapping[str, str]) -> int:
    """How many bytes of a letter are on the wire."""
    [message] = _messages(letter, 1)
    sender = mail.Sender(name="", address="privacy@notices.example")
    return len(mail.compose(message, sender, now=_now()).content)


def _now() -> pendulum.DateTime:
    return pendulum.from_timestamp(time.time())


def _send() -> None:
    """`dispatch` alone, in a process of its own: no database, nothing sealed, texts filled in as peers do."""
    job = json.loads(sys.stdin.readline())
    account = Provider.model_validate(provider(job["port"], job["connections"]))
    plugins.check(account)
    with tempfile.TemporaryDirectory() as folder, Engine() as engine, Journal(Path(folder) / "journal") as journal:
        print("ready", flush=True)
        sys.stdin.readline()
        used = time.process_time()
        messages = _messages(job["letter"], job["count"])
        results = dispatch(messages, account, journal=journal, now=_now, engine=engine)
        taken = sum(isinstance(result, Settled) and result.outcome is Outcome.ACCEPTED for result in results)
        cpu = time.process_time() - used
        print(json.dumps({"cpu_us": cpu / job["count"] * 1e6}), flush=True)
    assert taken == job["count"]


def _smtp_source(postfix: Postfix, port: int, count: int, *, size: int) -> Contender:
    def send(count: int) -> Cost:
        return postfix.source(port, count, sessions=SESSIONS, size=size)

    return Contender(name="smtp-source -d, 8 sessions", n=count, send=send)


def _nodemailer(port: int, letter: Mapping[str, str]) -> Callable[[int], Cost]:
    node, folder = fetching.node_with("nodemailer")
    environment = {"NODE_PATH": str(folder / "node_modules"), "PATH": str(Path(node).parent)}
    return _peer([node, str(FOLDER / "peers/mail_nodemailer.js")], port, letter, env=environment)


def _python(peer: str, port: int, letter: Mapping[str, str]) -> Callable[[int], Cost]:
    return _peer([fetching.python_with(peer), str(FOLDER / f"peers/mail_{peer}.py")], port, letter)


def _peer(command: list[str], port: int, letter: Mapping[str, str], **more: Any) -> Callable[[int], Cost]:
    def send(count: int) -> Cost:
        with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as folder:
            job = {"port": port, "count": count, "letter": letter, "folder": folder}
            [found], _seconds = at_a_word([command], [json.dumps(job)], quiet=True, **more)
        return Cost(rate=found["rate"], cpu_us=found["cpu_us"])

    return send


if __name__ == "__main__":
    if sys.argv[1:2] == ["--send"]:
        _send()
    else:
        main()
