"""One automatic action, carried out: a command without a shell, or one POST. Bounded in time and in what it may say.

It knows neither database nor plan. What it says is whether the thing was done, surely failed, or may have been done.
"""

import contextlib
import json
import os
import signal
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import requests

from flows.settings import Action
from tocsin.ledger import fingerprint

MOST_BYTES = 64 << 10  # of output that are kept
_SHORTEST_SECRET = 4
_TAIL_SECONDS = 1.0  # for what was said last
_HANDED_ON = ("PATH", "LANG", "TZ")  # and nothing else of our environment: the master key may be in it


@dataclass(frozen=True, kw_only=True)
class Call:
    """For whom an action is run; `key` is the same for each of its tries."""

    incident: str
    task: str
    action: str
    key: str


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How one try ended, in a word (`exit-0`, `http-503`, `timeout`), and what it said.

    `done`: it says that it did it; `doubtful`: it may have.
    """

    done: bool
    doubtful: bool
    code: str
    output: bytes = b""


def spec(action: Action) -> str:
    """The hash of what an action is: an approval is for exactly this."""
    url = action.webhook.get_secret_value() if action.webhook else None
    return fingerprint({"command": list(action.command or ()), "webhook": url, "environment": list(action.environment)})


def told(action: Action) -> str:
    """An action in a few words, without what may be secret in it."""
    if action.command is not None:
        return f"the command {Path(action.command[0]).name} with {len(action.command) - 1} arguments"
    return "a webhook"


def perform(action: Action, call: Call, *, folder: Path, environment: Mapping[str, str]) -> Ended:
    """Do it once."""
    if action.command is not None:
        ended = _run(action, call, folder=folder, environment=environment)
    else:
        ended = _post(action, call)
    return Ended(
        done=ended.done,
        doubtful=ended.doubtful,
        code=ended.code,
        output=_without_secrets(ended.output, action, environment)[:MOST_BYTES],
    )


def _run(action: Action, call: Call, *, folder: Path, environment: Mapping[str, str]) -> Ended:
    given = {name: environment[name] for name in (*_HANDED_ON, *action.environment) if name in environment}
    names = {f"TOCSIN_{name.upper()}": value for name, value in vars(call).items()}
    try:
        process = subprocess.Popen(  # noqa: S603 - the operator's own command, from the settings
            list(action.command or ()),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env={**given, **names},
            start_new_session=True,
        )
    except OSError as error:
        return Ended(done=False, doubtful=False, code="not-started", output=str(error.strerror).encode())
    assert process.stdout is not None
    heard = bytearray()
    reader = threading.Thread(target=_hear, args=(process.stdout, heard), name="action", daemon=True)
    reader.start()
    try:
        code = process.wait(action.timeout_seconds)
        reader.join(_TAIL_SECONDS)
    except subprocess.TimeoutExpired:
        return Ended(done=False, doubtful=True, code="timeout", output=bytes(heard))
    finally:
        if process.poll() is None or reader.is_alive():  # it, or what it left behind, still speaks
            _end(process)
            reader.join(_TAIL_SECONDS)
        if not reader.is_alive():
            process.stdout.close()
    if code < 0:
        return Ended(done=False, doubtful=True, code=f"signal-{-code}", output=bytes(heard))
    return Ended(done=code == 0, doubtful=False, code=f"exit-{code}", output=bytes(heard))


def _hear(stream: IO[bytes], heard: bytearray) -> None:
    """Keep the first of what is said, and listen to the rest, so that nobody waits for us."""
    with contextlib.suppress(OSError, ValueError):
        while some := os.read(stream.fileno(), 1 << 16):
            heard += some[: max(0, 2 * MOST_BYTES - len(heard))]


def _end(process: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _post(action: Action, call: Call) -> Ended:
    assert action.webhook is not None
    body = json.dumps(vars(call)).encode()
    headers = {"Content-Type": "application/json", "Idempotency-Key": call.key}
    seconds = float(action.timeout_seconds)
    try:
        with requests.Session() as session:
            session.trust_env = False
            with session.post(
                action.webhook.get_secret_value(),
                data=body,
                headers=headers,
                timeout=(min(seconds, 10), seconds),
                allow_redirects=False,
                stream=True,
            ) as answer:
                output = next(answer.iter_content(2 * MOST_BYTES), b"")
                status = answer.status_code
    except requests.exceptions.ConnectTimeout:
        return Ended(done=False, doubtful=False, code="unreachable")
    except requests.exceptions.ConnectionError as error:
        refused = "NewConnectionError" in str(error) or "NameResolutionError" in str(error)
        return Ended(done=False, doubtful=not refused, code="unreachable" if refused else "cut-off")
    except requests.exceptions.RequestException:
        return Ended(done=False, doubtful=True, code="no-answer")
    return Ended(done=200 <= status < 300, doubtful=status >= 500, code=f"http-{status}", output=output)


def _without_secrets(output: bytes, action: Action, environment: Mapping[str, str]) -> bytes:
    """What was said, without the values that the command was given, and without the address of the webhook."""
    secrets = [environment.get(name, "") for name in action.environment]
    if action.webhook is not None:
        secrets.append(action.webhook.get_secret_value())
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST_SECRET:
            output = output.replace(secret.encode(), b"***")
    return output
