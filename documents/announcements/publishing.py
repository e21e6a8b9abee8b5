"""Putting the public notice where a web server finds it: whole or not at all, and never over somebody else's files."""

import ctypes
import hashlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from documents.announcements import feed
from documents.announcements.pages import Files, sealed
from tocsin.errors import Invalid, NotAllowed

_AT_FDCWD: Final = -100
_RENAME_EXCHANGE: Final = 2


@dataclass(frozen=True, kw_only=True)
class Published:
    """Where the files are, and the SHA-256 of their checksum file."""

    path: Path
    hash: str


def publish(files: Mapping[str, bytes], folder: Path) -> Published:
    """Put the files of `page` into the folder in one step; a reader sees the old pages or the new ones, never a mix.

    Entries of earlier publications stay in the feed. The same words again change nothing. Raises NotAllowed for a
    folder that holds other things, Invalid where the folder holds another incident's announcement or cannot be written.
    """
    try:
        return _publish(files, folder)
    except OSError as error:
        reason = (error.strerror or "it cannot be written").lower()
        raise Invalid(f"The public folder {folder} cannot be written ({reason}): check its path and rights.") from None


def _publish(files: Mapping[str, bytes], folder: Path) -> Published:
    _recover(folder)
    new, earlier = feed.read(files["feed.json"]), _earlier(folder)
    together = feed.merged(new, earlier)
    if earlier is not None and new.current == earlier.current and intact(folder):
        return _published(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        _write(sealed({**files, **feed.files(together)}), fresh)
        _replace(fresh, folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    _sync(folder.parent)
    return _published(folder)


def intact(folder: Path) -> bool:
    """Whether every published file is there, unchanged."""
    try:
        lines = (folder / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
        wanted = {name: digest for digest, name in (line.split("  ", 1) for line in lines)}
        return all(hashlib.sha256((folder / name).read_bytes()).hexdigest() == wanted[name] for name in wanted)
    except (OSError, ValueError):
        return False


def _published(folder: Path) -> Published:
    return Published(path=folder, hash=hashlib.sha256((folder / "SHA256SUMS").read_bytes()).hexdigest())


def _earlier(folder: Path) -> feed.Feed | None:
    if not folder.exists():
        return None
    if not folder.is_dir():
        raise NotAllowed(f"{folder} is a file: name a folder for the announcement.")
    record = folder / "feed.json"
    if record.exists():
        return feed.read(record.read_bytes())
    if any(folder.iterdir()):
        raise NotAllowed(f"The folder {folder} holds other files: publish into an empty folder or a new one.")
    return None


def _write(files: Files, folder: Path) -> None:
    for name, content in files.items():
        with (folder / name).open("wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        (folder / name).chmod(0o644)
    folder.chmod(0o755)
    _sync(folder)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _replace(fresh: Path, folder: Path) -> None:
    """Put `fresh` in the place of `folder`; what stood there is left where `fresh` was."""
    if not folder.exists():
        fresh.rename(folder)
    elif not _exchange(fresh, folder):
        aside = _aside(folder)
        folder.rename(aside)
        fresh.rename(folder)
        shutil.rmtree(aside)


def _exchange(one: Path, other: Path) -> bool:
    """Swap two folders in one system call, where the system can (Linux, most file systems)."""
    call = getattr(ctypes.CDLL(None), "renameat2", None)
    if call is None:
        return False
    return bool(call(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0)


def _aside(folder: Path) -> Path:
    return folder.parent / f".{folder.name}.previous"


def _recover(folder: Path) -> None:
    """Where two renames were needed and the second never came, the pages that stood there come back."""
    aside = _aside(folder)
    if aside.exists() and not folder.exists():
        aside.rename(folder)
    elif aside.exists():
        shutil.rmtree(aside)
