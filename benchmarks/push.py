"""SMS and push: `dispatch` through Apprise plugins beside other senders, all into nginx on this machine.

`python benchmarks/push.py [N]` prints two JSON lines a peer: messages a second, and the processor's time a message,
which a busy machine bends less. Each round runs everything in turn, so the machine's noise falls on all; value, peer
and ratio are medians of the rounds. All send the same short message, written anew for each person, over at most 32
connections, in the clear and over TLS (as every real provider is spoken to). Goals: 30 times Apprise with one instance
reused, 2 times aiohttp with 32 connections.

nginx (`apt-get download`) and aiohttp (PyPI) are fetched into a temporary folder and not installed; a peer that cannot
be fetched is left out, which standard error says.
"""

import asyncio
import base64
import contextlib
import datetime as dt
import hashlib
import importlib
import importlib.util
import ipaddress
import json
import os
import shutil
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pendulum
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from notifiers import plugins
from notifiers.dispatch import Engine, dispatch
from notifiers.journal import Journal
from notifiers.providers import Provider
from tocsin.delivery import Channel, Message, Outcome, Settled

ROUNDS = 3
CONNECTIONS = 32
SUBJECT = "个人信息安全事件通知"
TEXT = (
    "【示例公司】{name}，您的姓名、手机号码在2026年11月20日的安全事件中受影响，请立即改密并警惕诈骗。"
    "案件BN-2026-0001 核验码{code}，详情 https://n.example.org/{code}"
)
ACCOUNT, TOKEN = "AC" + "a" * 32, "b" * 32
ANSWER = '{"sid":"SM0123456789abcdef0123456789abcdef","id":"m-1","status":"accepted"}'

NGINX = """
worker_processes 1; pid pid; error_log error; daemon off;
events { worker_connections 1024; }
http {
  access_log off; keepalive_requests 1000000000; keepalive_timeout 600; default_type application/json;
  client_body_temp_path t; proxy_temp_path t; fastcgi_temp_path t; uwsgi_temp_path t; scgi_temp_path t;
  server {
    listen 127.0.0.1:%(clear)d; listen 127.0.0.1:%(secure)d ssl;
    ssl_certificate pair.pem; ssl_certificate_key pair.pem;
    location / { return 201 '%(answer)s'; }
  }
}
"""


@dataclass(frozen=True)
class Cost:
    """What sending took: messages a second, and microseconds of the processor a message."""

    rate: float
    cpu_us: float


@contextlib.contextmanager
def _measured(count: int) -> Iterator[list[Cost]]:
    """A list that holds, at the end, what this process took for `count` messages."""
    cost: list[Cost] = []
    began, used = time.perf_counter(), time.process_time()
    yield cost
    cost.append(Cost(count / (time.perf_counter() - began), (time.process_time() - used) / count * 1e6))


@dataclass(frozen=True)
class Sink:
    """Where messages go, and the certificates to believe: all that are usual, and the sink's own."""

    clear: int
    secure: int
    bundle: Path

    def url(self, *, tls: bool) -> str:
        return f"https://127.0.0.1:{self.secure}" if tls else f"http://127.0.0.1:{self.clear}"


def _person(number: int) -> tuple[str, str]:
    """The address and the text for one person."""
    return f"+86138{number:08}", TEXT.format(name=f"王小明{number}", code=f"{number * 2654435761 % 2**32:08x}")


def _messages(channel: Channel, count: int) -> Iterator[Message]:
    for number in range(count):
        to, text = _person(number)
        yield Message(
            key=hashlib.sha256(str(number).encode()).hexdigest(),
            channel=channel,
            language="zh",
            place="CN",
            to=to,
            subject=SUBJECT if channel is Channel.PUSH else "",
            text=text,
            html=None,
        )


def _now() -> pendulum.DateTime:
    return pendulum.from_timestamp(time.time())


def _twilio(base: str) -> None:
    """Point Apprise's Twilio plugin, which has Twilio's address built in, at the sink."""
    plugins.apprise()
    from apprise.plugins.twilio import NotifyTwilio

    NotifyTwilio.notify_sms_url = base + "/2010-04-01/Accounts/{sid}/Messages.json"


def _provider(channel: Channel, base: str, connections: int) -> Provider:
    if channel is Channel.SMS:
        url = f"twilio://{ACCOUNT}:{TOKEN}@15005550006/{{to}}"
    else:
        url = f"{base.replace('http', 'gateway')}/push/?to={{to}}".replace("://", f"://{TOKEN}@")
    values = {"name": "bench", "channel": channel, "places": "*", "url": url, "connections": connections}
    return Provider.model_validate(values)


def _sent(kind: str, base: str, count: int, connections: int) -> None:
    """Send, and say so; a process of its own."""
    channel = Channel(kind)
    _twilio(base)
    provider = _provider(channel, base, connections)
    plugins.check(provider)
    with tempfile.TemporaryDirectory() as folder, Engine() as engine, Journal(Path(folder) / "journal") as journal:
        print("ready", flush=True)
        sys.stdin.readline()
        with _measured(count) as cost:
            results = dispatch(_messages(channel, count), provider, journal=journal, now=_now, engine=engine)
            taken = sum(isinstance(result, Settled) and result.outcome is Outcome.ACCEPTED for result in results)
        print(cost[0].cpu_us, flush=True)
    assert taken == count


def ours(sink: Sink, channel: Channel, count: int, *, tls: bool, processes: int) -> Cost:
    """`dispatch`, 32 connections over so many processes."""
    each, connections = count // processes, CONNECTIONS // processes
    command = [sys.executable, __file__, "--send", channel, sink.url(tls=tls), str(each), str(connections)]
    senders = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(processes)
    ]
    pipes = [(sender.stdin, sender.stdout) for sender in senders if sender.stdin and sender.stdout]
    assert [heard.readline().strip() for _said, heard in pipes] == ["ready"] * processes
    began = time.perf_counter()
    for said, _heard in pipes:
        said.write("\n")
        said.flush()
    used = [float(heard.readline()) for _said, heard in pipes]
    seconds = time.perf_counter() - began
    for sender in senders:
        sender.communicate()
    return Cost(each * processes / seconds, statistics.mean(used))


def apprise_reused(sink: Sink, channel: Channel, count: int, *, tls: bool) -> Cost:
    """Apprise: one object kept, its target changed, its throttle off."""
    base = sink.url(tls=tls)
    _twilio(base)
    package = plugins.apprise()
    provider = _provider(channel, base, 1)
    plugin = package.Apprise.instantiate(provider.url.get_secret_value().replace("{to}", "%2B8613800138000"))
    plugin.request_rate_per_sec = 0
    one = package.Apprise()
    one.add(plugin)
    with _measured(count) as cost:
        for number in range(count):
            to, text = _person(number)
            plugin.targets = [(*plugin.targets[0][:-1], to)] if channel is Channel.SMS else [to]
            assert one.notify(title=SUBJECT if channel is Channel.PUSH else "", body=text)
    return cost[0]


def _wanted(sink: Sink, channel: Channel, number: int, *, tls: bool) -> tuple[str, dict[str, Any]]:
    """What a sender without Apprise would ask for the same message."""
    to, text = _person(number)
    if channel is Channel.SMS:
        return f"{sink.url(tls=tls)}/2010-04-01/Accounts/{ACCOUNT}/Messages.json", {
            "data": {"Body": text, "From": "+15005550006", "To": to}
        }
    headers = {"Authorization": f"Bearer {TOKEN}"}
    body = {"to": to, "title": SUBJECT, "body": text, "language": "zh", "reference": f"{number:064}"}
    return f"{sink.url(tls=tls)}/push", {"json": body, "headers": headers}


def session(sink: Sink, channel: Channel, count: int, *, tls: bool) -> Cost:
    """A `requests.Session`."""
    with requests.Session() as kept:
        if channel is Channel.SMS:
            kept.auth = (ACCOUNT, TOKEN)
        with _measured(count) as cost:
            for number in range(count):
                url, kwargs = _wanted(sink, channel, number, tls=tls)
                answer = kept.post(url, **kwargs)
                assert answer.status_code == 201
                assert answer.json()["sid"]
        return cost[0]


def _aiohttp(folder: Path) -> Callable[..., Cost]:
    """A sender with aiohttp, 32 connections, on the same event loop as ours."""
    if importlib.util.find_spec("aiohttp") is None:
        uv = shutil.which("uv") or str(Path(__file__).parent.parent / ".tools/uv/bin/uv")
        installers = ([uv, "pip", "install", "--python", sys.executable], [sys.executable, "-m", "pip", "install"])
        _first_that_works([[*installer, "--quiet", "--target", str(folder), "aiohttp"] for installer in installers])
        sys.path.append(str(folder))
    aiohttp: Any = importlib.import_module("aiohttp")
    loop: Any = importlib.import_module("uvloop" if importlib.util.find_spec("uvloop") else "asyncio")

    async def work(sink: Sink, channel: Channel, count: int, *, tls: bool) -> Cost:
        context = ssl.create_default_context(cafile=str(sink.bundle))
        basic = "Basic " + base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
        headers = {"Authorization": basic} if channel is Channel.SMS else {}
        numbers = iter(range(count))
        lines = aiohttp.TCPConnector(limit=CONNECTIONS, ssl=context)
        async with aiohttp.ClientSession(connector=lines, headers=headers) as kept:

            async def one() -> None:
                for number in numbers:
                    url, kwargs = _wanted(sink, channel, number, tls=tls)
                    async with kept.post(url, **kwargs) as answer:
                        assert answer.status == 201
                        assert (await answer.json())["sid"]

            with _measured(count) as cost:
                await asyncio.gather(*(one() for _ in range(CONNECTIONS)))
            return cost[0]

    return lambda sink, channel, count, *, tls: loop.run(work(sink, channel, count, tls=tls))


def _first_that_works(commands: list[list[str]]) -> None:
    for command in commands:
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            subprocess.run(command, check=True, capture_output=True, timeout=120)
            return
    raise FileNotFoundError("uv, pip")


@contextlib.contextmanager
def nginx(folder: Path) -> Iterator[Sink]:
    """nginx, unpacked, that takes everything."""
    folder.mkdir()
    subprocess.run(["apt-get", "download", "nginx"], cwd=folder, check=True, capture_output=True)
    [package] = folder.glob("nginx_*.deb")
    subprocess.run(["dpkg", "-x", package.name, "x"], cwd=folder, check=True, capture_output=True)
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        ports = [int(free.getsockname()[1]) for free in (one, other)]
    private, certificate = _certificate()
    (folder / "pair.pem").write_bytes(private + certificate)
    bundle = folder / "bundle.pem"
    bundle.write_bytes(Path(requests.utils.DEFAULT_CA_BUNDLE_PATH).read_bytes() + b"\n" + certificate)
    (folder / "nginx.conf").write_text(NGINX % {"clear": ports[0], "secure": ports[1], "answer": ANSWER})
    process = subprocess.Popen(
        [str(folder / "x/usr/sbin/nginx"), "-p", str(folder), "-c", "nginx.conf"], cwd=folder, stderr=subprocess.DEVNULL
    )
    try:
        _await_port(ports[0])
        yield Sink(ports[0], ports[1], bundle)
    finally:
        process.terminate()
        process.wait()


def _certificate() -> tuple[bytes, bytes]:
    """A key and its certificate, RSA of 2048 bits as most providers have."""
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    start = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + dt.timedelta(days=36500))
        .add_extension(alternative, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return private, made.public_bytes(pem)


def _await_port(port: int) -> None:
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.5):
            return
        time.sleep(0.02)
    raise SystemExit("nginx does not listen")


def _peers(folder: Path, count: int) -> dict[str, tuple[Callable[..., Cost], int]]:
    """Each peer with the number of messages that it is given: slow ones get fewer."""
    peers: dict[str, tuple[Callable[..., Cost], int]] = {}
    try:
        peers["aiohttp, 32 connections"] = (_aiohttp(folder), count)
    except (OSError, ImportError) as error:
        print(f"left out: aiohttp ({type(error).__name__})", file=sys.stderr)
    peers["requests.Session"] = (session, min(count, 2000))
    peers["Apprise, one instance reused"] = (apprise_reused, min(count, 300))
    return peers


def main(count: int) -> None:
    """Run all in turn, three times, for each channel."""
    with tempfile.TemporaryDirectory() as name:
        try:
            opened = contextlib.ExitStack()
            sink = opened.enter_context(nginx(Path(name) / "nginx"))
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            raise SystemExit(f"nginx cannot be fetched with apt-get download ({type(error).__name__}).") from None
        os.environ["REQUESTS_CA_BUNDLE"] = str(sink.bundle)
        peers = _peers(Path(name) / "aiohttp", count)
        with opened:
            for channel, tls in ((Channel.SMS, True), (Channel.SMS, False), (Channel.PUSH, False)):
                _compare(sink, channel, count, peers, tls=tls)


def _compare(
    sink: Sink, channel: Channel, count: int, peers: dict[str, tuple[Callable[..., Cost], int]], *, tls: bool
) -> None:
    own: dict[int, list[Cost]] = {1: [], 2: []}
    theirs: dict[str, list[Cost]] = {peer: [] for peer in peers}
    for _ in range(ROUNDS):
        for processes, costs in own.items():
            costs.append(ours(sink, channel, count, tls=tls, processes=processes))
        for peer, (send, messages) in peers.items():
            theirs[peer].append(send(sink, channel, messages, tls=tls))
    for processes, costs in own.items():
        for peer, against in theirs.items():
            bench = f"{channel} through dispatch, {'TLS' if tls else 'in the clear'}, processes: {processes}"
            rates = [(mine.rate, other.rate) for mine, other in zip(costs, against, strict=True)]
            _line(bench, "messages/s", rates, peer, count, better=statistics.median(a / b for a, b in rates))
            used = [(mine.cpu_us, other.cpu_us) for mine, other in zip(costs, against, strict=True)]
            _line(bench, "us CPU/message", used, peer, count, better=statistics.median(b / a for a, b in used))


def _line(bench: str, unit: str, pairs: list[tuple[float, float]], peer: str, count: int, *, better: float) -> None:
    """One JSON line; `ratio` says how many times better we are."""
    line = {
        "bench": bench,
        "value": round(statistics.median(mine for mine, _other in pairs), 1),
        "unit": unit,
        "against": peer,
        "against_value": round(statistics.median(other for _mine, other in pairs), 1),
        "ratio": round(better, 2),
        "n": count,
        "runs": ROUNDS,
    }
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--send"]:
        _sent(sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)
