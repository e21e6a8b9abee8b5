"""Where messages go: Postfix's `smtp-sink` for letters, nginx for SMS and push. Both take everything."""

import contextlib
import datetime as dt
import ipaddress
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import fetching
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from harness import Absent, Cost, child_cost

ANSWER = '{"sid":"SM$request_id","id":"m-$request_id","status":"accepted"}'

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


class Postfix:
    """smtp-sink and smtp-source, unpacked."""

    def __init__(self) -> None:
        unpacked = fetching.debian("postfix")
        self._programs = unpacked / "usr/sbin"
        self._environment = {**os.environ, "LD_LIBRARY_PATH": str(unpacked / "usr/lib/postfix")}

    @contextlib.contextmanager
    def sink(self) -> Iterator[int]:
        """A sink for letters; its port."""
        [port] = free_ports(1)
        who = ["-u", "nobody"] if os.getuid() == 0 else []
        command = [str(self._programs / "smtp-sink"), *who, "-m", "2000", f"127.0.0.1:{port}", "1024"]
        # Postfix is unpacked under the cache folder, which its user need not be able to read: it stands there already.
        process = subprocess.Popen(command, env=self._environment)
        try:
            await_port(port, "smtp-sink")
            yield port
        finally:
            process.kill()
            process.wait()

    def source(self, port: int, count: int, *, sessions: int, size: int) -> Cost:
        """Letters from Postfix's own load generator: one constant text of `size` bytes, nothing recorded."""
        sizes = ["-d", "-s", str(sessions), "-m", str(count), "-l", str(size)]
        people = ["-f", "privacy@notices.example", "-t", "p@example.org"]
        command = [str(self._programs / "smtp-source"), *sizes, *people, f"inet:127.0.0.1:{port}"]
        return child_cost(count, lambda: subprocess.run(command, env=self._environment, check=True))


@dataclass(frozen=True)
class Sink:
    """Where SMS and push go, and the certificates to believe: all that are usual, and the sink's own."""

    clear: int
    secure: int
    bundle: Path

    def url(self, *, tls: bool) -> str:
        return f"https://127.0.0.1:{self.secure}" if tls else f"http://127.0.0.1:{self.clear}"


@contextlib.contextmanager
def nginx(folder: Path) -> Iterator[Sink]:
    """nginx, unpacked; every answer has a number of its own, as a provider's has."""
    program = fetching.debian("nginx") / "usr/sbin/nginx"
    folder.mkdir()
    clear, secure = free_ports(2)
    private, certificate = _certificate()
    (folder / "pair.pem").write_bytes(private + certificate)
    bundle = folder / "bundle.pem"
    bundle.write_bytes(Path(requests.utils.DEFAULT_CA_BUNDLE_PATH).read_bytes() + b"\n" + certificate)
    (folder / "nginx.conf").write_text(NGINX % {"clear": clear, "secure": secure, "answer": ANSWER})
    command = [str(program), "-p", str(folder), "-c", "nginx.conf"]
    process = subprocess.Popen(command, cwd=folder, stderr=subprocess.DEVNULL)
    try:
        await_port(clear, "nginx")
        yield Sink(clear, secure, bundle)
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


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody listens on now."""
    with contextlib.ExitStack() as opened:
        held = [opened.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [int(one.getsockname()[1]) for one in held]


def await_port(port: int, name: str) -> None:
    """Wait until somebody listens there."""
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.5):
            return
        time.sleep(0.02)
    raise Absent(f"{name} does not listen")
