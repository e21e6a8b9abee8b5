"""E-mail: `dispatch` over kept sessions beside other senders, all into Postfix's `smtp-sink` on this machine.

`python benchmarks/mail.py [N]` prints one JSON line a peer. Each round runs everything in turn, so the machine's noise
falls on all; value, peer and ratio are medians of the rounds. All send the same letter, about 3 KB of text and HTML,
written anew for each person. Goals: 8 times a nodemailer pool of 8, 0.45 of `smtp-source` with 8 sessions.

Postfix (`apt-get download`) and nodemailer (npm) are fetched into a temporary folder and not installed; a peer that
cannot be fetched is left out, which standard error says.
"""

import contextlib
import hashlib
import json
import os
import shutil
import smtplib
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path

import pendulum

from notifiers import plugins
from notifiers.dispatch import Engine, dispatch
from notifiers.journal import Journal
from notifiers.providers import Provider
from tocsin.delivery import Channel, Message, Outcome, Settled

ROUNDS = 3
SESSIONS = 8
SUBJECT = "个人信息安全事件通知"
_LINE = "尊敬的{name}：我们依据《个人信息保护法》第五十七条通知您，您的个人信息受到影响，核验码 {code}。\n"
TEXT = _LINE * 7
HTML = "<html><body>" + "<p>" + _LINE.replace("\n", "</p>\n<p>") * 7 + "</p></body></html>"

NODEMAILER = """
const nodemailer = require('nodemailer');
const [port, n, letter] = [+process.argv[2], +process.argv[3], JSON.parse(process.argv[4])];
const transport = nodemailer.createTransport({host: '127.0.0.1', port, pool: true, maxConnections: 8,
  maxMessages: Infinity, secure: false, ignoreTLS: true});
const fill = (text, i) => text.replaceAll('{name}', 'p' + i).replaceAll('{code}', 'c' + i);
const send = i => transport.sendMail({from: 'privacy@notices.example', to: `p${i}@example.org`,
  subject: letter.subject, text: fill(letter.text, i), html: fill(letter.html, i), textEncoding: 'base64'});
(async () => {
  await send(0);
  const began = process.hrtime.bigint();
  let i = 1;
  await Promise.all(Array.from({length: 16}, async () => { while (i <= n) await send(i++); }));
  console.log(n / (Number(process.hrtime.bigint() - began) / 1e9));
  transport.close();
})();
"""


def _filled(text: str, number: int) -> str:
    return text.format(name=f"p{number}", code=f"c{number}")


def _messages(count: int, first: int = 0) -> Iterator[Message]:
    for number in range(first, first + count):
        yield Message(
            key=hashlib.sha256(str(number).encode()).hexdigest(),
            channel=Channel.EMAIL,
            language="zh",
            place="CN",
            to=f"p{number}@example.org",
            subject=SUBJECT,
            text=_filled(TEXT, number),
            html=_filled(HTML, number),
        )


def _now() -> pendulum.DateTime:
    return pendulum.from_timestamp(time.time())


def _sent(port: int, count: int, connections: int) -> None:
    """Send, and print how long it took; a process of its own."""
    url = f"mailto://127.0.0.1:{port}/{{to}}?from=privacy@notices.example&mode=insecure"
    values = {"name": "post", "channel": "email", "places": "*", "url": url, "connections": connections}
    provider = Provider.model_validate(values)
    plugins.check(provider)
    with tempfile.TemporaryDirectory() as folder, Engine() as engine, Journal(Path(folder) / "journal") as journal:
        print("ready", flush=True)
        sys.stdin.readline()
        results = dispatch(_messages(count), provider, journal=journal, now=_now, engine=engine)
        taken = sum(isinstance(result, Settled) and result.outcome is Outcome.ACCEPTED for result in results)
        print("done", flush=True)
    assert taken == count


def ours(port: int, count: int, *, processes: int) -> float:
    """Letters a second through `dispatch`, eight sessions over so many processes."""
    each, connections = count // processes, SESSIONS // processes
    command = [sys.executable, __file__, "--send", str(port), str(each), str(connections)]
    senders = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(processes)
    ]
    for word in ("ready", "done"):
        began = time.perf_counter()
        for sender in senders:
            if word == "done":
                sender.stdin.write("\n")  # type: ignore[union-attr]
                sender.stdin.flush()  # type: ignore[union-attr]
        for sender in senders:
            assert sender.stdout.readline().strip() == word  # type: ignore[union-attr]
    seconds = time.perf_counter() - began
    for sender in senders:
        sender.communicate()
    return each * processes / seconds


def smtplib_kept(port: int, count: int) -> float:
    """Letters a second with smtplib, one kept session, and the library's own MIME."""
    with smtplib.SMTP("127.0.0.1", port) as session:
        began = time.perf_counter()
        for number in range(count):
            letter = EmailMessage()
            letter["Subject"], letter["From"], letter["To"] = SUBJECT, "privacy@notices.example", f"p{number}@e.org"
            letter.set_content(_filled(TEXT, number), cte="base64")
            letter.add_alternative(_filled(HTML, number), subtype="html", cte="base64")
            session.send_message(letter)
        return count / (time.perf_counter() - began)


def apprise_loop(port: int, count: int) -> float:
    """Letters a second with a plain loop over Apprise, as its documentation writes it."""
    package = plugins.apprise()
    began = time.perf_counter()
    for number in range(count):
        one = package.Apprise()
        one.add(f"mailto://127.0.0.1:{port}/p{number}@example.org?from=privacy@notices.example&mode=insecure")
        assert one.notify(title=SUBJECT, body=_filled(HTML, number), body_format="html")
    return count / (time.perf_counter() - began)


class Postfix:
    """smtp-sink and smtp-source, unpacked."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        subprocess.run(["apt-get", "download", "postfix"], cwd=folder, check=True, capture_output=True)
        [package] = folder.glob("postfix_*.deb")
        subprocess.run(["dpkg", "-x", package.name, "x"], cwd=folder, check=True, capture_output=True)
        self._folder = folder / "x/usr/sbin"
        self._environment = {**os.environ, "LD_LIBRARY_PATH": str(folder / "x/usr/lib/postfix")}

    @contextlib.contextmanager
    def sink(self) -> Iterator[int]:
        """A sink for letters; its port."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = int(free.getsockname()[1])
        who = ["-u", "nobody"] if os.getuid() == 0 else []
        command = [str(self._folder / "smtp-sink"), *who, "-m", "2000", f"127.0.0.1:{port}", "1024"]
        process = subprocess.Popen(command, env=self._environment)
        try:
            _await_port(port)
            yield port
        finally:
            process.kill()
            process.wait()

    def source(self, port: int, count: int) -> float:
        """Letters a second from Postfix's own load generator: one constant text, nothing rendered or recorded."""
        sizes = ["-d", "-s", str(SESSIONS), "-m", str(count), "-l", "3600"]
        people = ["-f", "privacy@notices.example", "-t", "p@example.org"]
        began = time.perf_counter()
        command = [str(self._folder / "smtp-source"), *sizes, *people, f"inet:127.0.0.1:{port}"]
        subprocess.run(command, env=self._environment, check=True)
        return count / (time.perf_counter() - began)


def _await_port(port: int) -> None:
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.5):
            return
        time.sleep(0.02)
    raise SystemExit("smtp-sink does not listen")


def _nodemailer(folder: Path) -> Callable[[int, int], float]:
    folder.mkdir()
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        raise FileNotFoundError("npm")
    install = [npm, "install", "--silent", "--no-audit", "--no-fund", "nodemailer"]
    subprocess.run(install, cwd=folder, check=True, capture_output=True, timeout=120)
    (folder / "send.js").write_text(NODEMAILER)
    letter = json.dumps({"subject": SUBJECT, "text": TEXT, "html": HTML})

    def send(port: int, count: int) -> float:
        command = [node, "send.js", str(port), str(count), letter]
        return float(subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout)

    return send


def _peers(postfix: Postfix, folder: Path, count: int) -> dict[str, tuple[Callable[[int, int], float], int]]:
    """Each peer with the number of letters that it is given: slow ones get fewer."""
    peers: dict[str, tuple[Callable[[int, int], float], int]] = {"smtp-source -d, 8 sessions": (postfix.source, count)}
    try:
        peers["nodemailer, pool of 8"] = (_nodemailer(folder / "node"), min(count, 3000))
    except (OSError, subprocess.SubprocessError) as error:
        print(f"left out: nodemailer ({type(error).__name__})", file=sys.stderr)
    peers["smtplib, one kept session"] = (smtplib_kept, min(count, 500))
    peers["Apprise, plain loop"] = (apprise_loop, min(count, 30))
    return peers


def main(count: int) -> None:
    """Run all in turn, three times."""
    with tempfile.TemporaryDirectory() as name:
        try:
            postfix = Postfix(Path(name) / "postfix")
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            raise SystemExit(f"Postfix cannot be fetched with apt-get download ({type(error).__name__}).") from None
        peers = _peers(postfix, Path(name), count)
        own: dict[int, list[float]] = {1: [], 2: []}
        theirs: dict[str, list[float]] = {peer: [] for peer in peers}
        with postfix.sink() as port:
            for _ in range(ROUNDS):
                for processes, rates in own.items():
                    rates.append(ours(port, count, processes=processes))
                for peer, (send, letters) in peers.items():
                    theirs[peer].append(send(port, letters))
    for processes, rates in own.items():
        for peer, against in theirs.items():
            _line(f"e-mail through dispatch, processes: {processes}", rates, peer, against, count)


def _line(bench: str, rates: list[float], peer: str, against: list[float], count: int) -> None:
    ratio = statistics.median(mine / other for mine, other in zip(rates, against, strict=True))
    line = {
        "bench": bench,
        "value": round(statistics.median(rates)),
        "unit": "letters/s",
        "against": peer,
        "against_value": round(statistics.median(against), 1),
        "ratio": round(ratio, 2),
        "n": count,
        "runs": ROUNDS,
    }
    print(json.dumps(line))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--send"]:
        _sent(*map(int, sys.argv[2:]))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)
