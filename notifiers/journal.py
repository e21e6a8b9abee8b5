"""The crash journal: what was on the wire when a process died. One file a claim, read once after a crash.

Before a message leaves its key is written, after the answer its outcome, each in one `write`. The page cache is the
kernel's, so both outlive a `kill -9`; a power cut may lose them, which `Recovered.rebooted` tells. A line holds no
personal data, and a write that fails stops the message from leaving.

Whoever writes a journal holds a lock on it, which the kernel takes away at death, however the process ended and
whatever its number is given to next. So `grip` can tell a dead writer from one that is slow.

Lines: `J <boot id>` once, `S <key>`, `R <key> <outcome> <provider> <time> <code> <reason> <reference>`, `N <key>` for a
message that surely did not leave after all. The last line of a key counts; a torn last line counts as unwritten.
"""

import contextlib
import fcntl
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote, unquote

import pendulum

from tocsin.delivery import Outcome, Settled
from tocsin.errors import Invalid

_PLAIN = re.compile(r"(?!-\Z)[!-$&-~]+")  # printable ASCII without the blank, which parts words, and the per cent sign
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Journal:
    """An open journal, appended to from any thread. Raises OSError when it cannot be locked or written in full."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._write(f"J {_boot()}")
        except BaseException:
            self.close()
            raise

    def sending(self, key: str) -> None:
        """This message is about to be on the wire."""
        self._write(f"S {key}")

    def settled(self, result: Settled) -> None:
        """A provider answered."""
        words = (_word(result.code), _word(result.reason), _quick_word(result.provider_ref))
        self._write(
            f"R {result.key} {result.outcome.value} {_word(result.provider)} {result.at.isoformat()} " + " ".join(words)
        )

    def not_sent(self, key: str) -> None:
        """This message surely did not leave."""
        self._write(f"N {key}")

    def close(self) -> None:
        """Close the file. It stays until whoever claimed the messages has recorded them."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def _write(self, line: str) -> None:
        # It begins with a line end too, so that a torn line before it cannot swallow it.
        data = f"\n{line}\n".encode()
        if os.write(self._file, data) != len(data):
            raise OSError("the journal could not be written in full")


class Grip(Enum):
    """Who holds a journal."""

    OURS = "ours"  # we do, until the block ends: its writer is dead
    ALIVE = "alive"  # its writer lives, or another process is reading it after a death
    MISSING = "missing"  # it was kept on another machine, was never begun, or was done with


@contextlib.contextmanager
def grip(path: Path) -> Iterator[Grip]:
    """Take hold of a dead process's journal, so that one process alone settles what it left."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        yield Grip.MISSING
        return
    try:
        yield _gripped(file)
    finally:
        os.close(file)


def _gripped(file: int) -> Grip:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return Grip.ALIVE
    return Grip.OURS


@dataclass(frozen=True, kw_only=True)
class Recovered:
    """What a journal knows. A claimed key that stands in none of the three was never sent, unless `rebooted`."""

    settled: dict[str, Settled] = field(default_factory=dict)
    in_doubt: set[str] = field(default_factory=set)
    not_sent: set[str] = field(default_factory=set)
    rebooted: bool = False  # the machine has started anew since: lines may be lost, every other claimed key is in doubt


def recover(path: Path) -> Recovered:
    """Read a journal of a process that is dead; raises Invalid when the file holds something else."""
    found = Recovered(rebooted=_rebooted(path))
    for number, words in _lines(path):
        if not _apply(found, words):
            raise Invalid(f"{path}, line {number}, is not of a crash journal: keep the file and report it.")
    return found


def _lines(path: Path) -> Iterable[tuple[int, list[str]]]:
    text = path.read_bytes().decode("ascii", "replace")
    complete = text[: text.rfind("\n") + 1]  # what follows the last line end is torn
    for number, line in enumerate(complete.split("\n"), start=1):
        if line:
            yield number, line.split(" ")


def _apply(found: Recovered, words: list[str]) -> bool:
    match words:
        case ["J", _boot_id]:
            return True
        case ["S", key]:
            _forget(found, key)
            found.in_doubt.add(key)
        case ["N", key]:
            _forget(found, key)
            found.not_sent.add(key)
        case ["R", key, outcome, provider, at, code, reason, reference]:
            _forget(found, key)
            found.settled[key] = Settled(
                key=key,
                outcome=Outcome(outcome),
                provider=unquote(provider),
                at=pendulum.parse(unquote(at)),  # type: ignore[arg-type]
                code=_unword(code),
                reason=_unword(reason),
                provider_ref=_unword(reference),
            )
        case _:
            # A line torn by a full disk and closed by the next one: its message was not sent, or stays in doubt.
            return bool(words) and words[0] in {"J", "S", "R", "N"}
    return True


def _forget(found: Recovered, key: str) -> None:
    found.settled.pop(key, None)
    found.in_doubt.discard(key)
    found.not_sent.discard(key)


def _quick_word(value: str | None) -> str:
    """As `_word`, for what is different each time."""
    return value if value is not None and _PLAIN.fullmatch(value) else _word(value)


@lru_cache(maxsize=1024)
def _word(value: str | None) -> str:
    if value is None:
        return "-"
    return "%2D" if value == "-" else quote(value, safe=":+.@") or "%00"


def _unword(word: str) -> str | None:
    return None if word == "-" else unquote(word).replace("\x00", "")


def _boot() -> str:
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return "unknown"


def _rebooted(path: Path) -> bool:
    boots = {words[1] for _number, words in _lines(path) if words[0] == "J" and len(words) == 2}
    return boots != {_boot()}
