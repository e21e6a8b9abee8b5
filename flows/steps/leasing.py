"""Who holds a piece of work, and whether that process is still alive.

An owner is `place:pid:start:nonce`. In its place a dead process is known at once; elsewhere the lease must run out.
"""

import os
import secrets
import socket
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_PROCESS_NUMBERS = Path("/proc/self/ns/pid")


def new_owner() -> str:
    """A name for this process's next piece of work."""
    pid = os.getpid()
    return f"{_place()}:{pid}:{_started(pid)}:{secrets.token_hex(4)}"


def surely_dead(owner: str) -> bool:
    """Whether the owner was a process of this place that is no longer there (or is another process by now)."""
    place, pid, started, _ = owner.rsplit(":", 3)
    if place != _place():
        return False
    return _started(int(pid)) != started


def is_of_this_machine(owner: str) -> bool:
    """Whether the owner was a process of this machine, be it before its last start: then its lock means what it says.

    On a folder that several machines share, a lock that one holds may not be seen by the others.
    """
    theirs, ours = (place.rsplit("~", 2) for place in (owner.rsplit(":", 3)[0], _place()))
    return theirs[0] == ours[0] or (theirs[1] == ours[1] != "")


def process_of(owner: str) -> str:
    """The process that an owner is a piece of work of."""
    return owner.rpartition(":")[0]


def _place() -> str:
    """Where process numbers mean what they mean here: this machine since it started, and on it this container.

    The name alone would not do: two containers may share it, and each has a process number 1.
    """
    return f"{socket.gethostname()}~{_boot()}~{_namespace()}"


def _boot() -> str:
    try:
        return _BOOT_ID.read_text().strip()[:8]
    except OSError:
        return ""


def _namespace() -> str:
    try:
        return "".join(character for character in str(_PROCESS_NUMBERS.readlink()) if character.isdigit())
    except OSError:
        return ""


def _started(pid: int) -> str:
    """The start time of a process in clock ticks since boot, from Linux; elsewhere only whether it runs."""
    try:
        # The command name may hold spaces and parentheses; the fields after it do not.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return "gone" if fields[0] in {"Z", "X"} else fields[19]
    except (FileNotFoundError, ProcessLookupError):
        return "gone" if Path("/proc").is_dir() else _runs(pid)


def _runs(pid: int) -> str:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return "gone"
    except PermissionError:
        return "runs"
    return "runs"
