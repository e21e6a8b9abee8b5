"""The fake providers that ship: a mail server and an HTTP service for push, SMS and voice, on loopback.

They speak what real ones speak, misbehave by rules, and keep an outbox in which one can count who was told how often.
`python -m notifiers.fakes --outbox FOLDER` runs them; `start` runs them in a process of their own.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self

from notifiers.providers import Provider
from tocsin.delivery import Channel
from tocsin.errors import Misconfigured

READY = "ready.json"
_START_SECONDS = 30.0
_SERVICES = {Channel.PUSH: "push", Channel.SMS: "sms", Channel.PHONE: "voice"}


@dataclass(frozen=True, kw_only=True)
class Running:
    """Fake providers in a process of their own; they end with `stop`, and with the process that started them."""

    smtp_port: int
    http_port: int
    outbox: Path
    process: "subprocess.Popen[bytes]" = field(repr=False)

    def stop(self) -> None:
        """End them and wait until they have ended."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def start(outbox: Path, *, smtp: int = 0, http: int = 0, rules: Path | None = None) -> Running:
    """Start the fakes and wait until they listen. Port 0 lets them choose.

    They go on from the outbox as it is. Raises Misconfigured when they do not come up.
    """
    outbox.mkdir(parents=True, exist_ok=True)
    ready = outbox / READY
    ready.unlink(missing_ok=True)
    command = [sys.executable, "-m", "notifiers.fakes", "--with-parent", "--outbox", str(outbox)]
    command += ["--smtp", str(smtp), "--http", str(http), *(["--rules", str(rules)] if rules else [])]
    root = Path(__file__).parents[2]
    log = outbox / "fakes.log"
    with log.open("ab") as errors:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            command,
            stdin=subprocess.PIPE,
            stdout=errors,
            stderr=errors,
            env={**os.environ, "PYTHONPATH": str(root)},
            start_new_session=True,
        )
    patience_ends = time.monotonic() + _START_SECONDS
    while not ready.exists():
        if process.poll() is not None or time.monotonic() > patience_ends:
            process.kill()
            process.wait()
            if process.stdin is not None:
                process.stdin.close()
            raise Misconfigured(f"The fake providers did not start: see {log}.")
        time.sleep(0.02)
    ports = json.loads(ready.read_text())
    return Running(smtp_port=ports["smtp"], http_port=ports["http"], outbox=outbox, process=process)


def providers(
    running: Running, places: Iterable[str] | Literal["*"], *, suffix: str = "", rate_per_second: float | None = None
) -> list[Provider]:
    """One provider a channel on these fakes, for the settings; `suffix` tells several sets of accounts apart.

    They answer within three seconds or not at all.
    """
    marks: tuple[str, ...] | Literal["*"] = "*" if places == "*" else tuple(places)
    feed = f"http://127.0.0.1:{running.http_port}/receipts?account="
    common = {"places": marks, "rate_per_second": rate_per_second, "processor_contract": "fake", "deletes_at_end": True}
    post = f"fake-email{suffix}"
    mail_url = (
        f"mailto://{post}:secret@127.0.0.1:{running.smtp_port}/{{to}}"
        "?from=privacy@notices.example&name=Privacy%20Office&mode=insecure&rto=3&cto=3"
    )
    made = [
        Provider.model_validate(
            {"name": post, "channel": Channel.EMAIL, "url": mail_url, "receipts": feed + post,
             "idempotent": True, "bounce_domain": "notices.example", **common}
        )
    ]  # fmt: skip
    for channel, service in _SERVICES.items():
        name = f"fake-{channel}{suffix}"
        url = f"gateway://{name}@127.0.0.1:{running.http_port}/{service}/?to={{to}}&rto=3&cto=3"
        made.append(
            Provider.model_validate(
                {"name": name, "channel": channel, "url": url, "receipts": feed + name, "idempotent": True, **common}
            )
        )
    return made
