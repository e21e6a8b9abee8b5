"""Checks of what stands on this machine: settings, private files, folders, room on the disks."""

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy.engine import make_url

from flows.steps.checkups.findings import Finding, Visit, fail, ok, warn
from flows.steps.recovering import JOURNALS

WARN_BYTES, FAIL_BYTES = 2 * 1024**3, 256 * 1024**2
_OTHERS = 0o077


def settings(visit: Visit) -> Iterator[Finding]:
    """The settings file can be read and is right."""
    house = visit.house
    if not house.settings.simulated_clock:
        yield ok(f"{house.settings_path} is read")
        return
    yield warn(
        f"{house.settings_path} is read; the clock of this installation can be moved (`simulated_clock`)",
        "leave that to demonstrations and drills: no deadline is kept by such a clock",
    )


def private_files(visit: Visit) -> Iterator[Finding]:
    """Nobody but the owner reads what holds secrets."""
    house = visit.house
    keys = [house.settings.master_key.file, *(one.dkim.key_file for one in house.settings.providers if one.dkim)]
    secret = [house.settings_path, *(house.folder / key for key in keys if key is not None)]
    open_ones = [path for path in secret if _is_open(path)]
    for path in open_ones:
        yield fail(f"{path} can be read by others on this machine", f"chmod 600 {path}")
    database = _database_file(visit)
    if database is not None and _is_open(database) and _is_open(database.parent):
        yield warn(f"the database {database} can be read by others on this machine", f"chmod 600 {database}")
    if not open_ones:
        yield ok(f"{len(secret)} files with secrets are their owner's alone")


def folders(visit: Visit) -> Iterator[Finding]:
    """Announcements, reports and crash journals can be written."""
    for name, path in _folders(visit).items():
        trouble = _unwritable(path)
        if trouble is None:
            yield ok(f"{name}: {path} can be written")
        else:
            yield fail(f"{name}: {path} cannot be written ({trouble})", "mend its owner or mode, or name another place")


def disk(visit: Visit) -> Iterator[Finding]:
    """There is room where files grow."""
    places = {"home": visit.house.folder, **_folders(visit)}
    database = _database_file(visit)
    if database is not None:
        places["database"] = database.parent
    by_device: dict[int, tuple[Path, list[str]]] = {}
    for name, path in places.items():
        there = _nearest(path)
        by_device.setdefault(there.stat().st_dev, (there, []))[1].append(name)
    for there, names in by_device.values():
        free = shutil.disk_usage(there).free
        said = f"{free / 1024**3:.1f} GiB free for {', '.join(names)} ({there})"
        if free < FAIL_BYTES:
            yield fail(said, "make room at once: without it nothing is recorded, and nothing is sent")
        elif free < WARN_BYTES:
            yield warn(said, "make room, or move what grows")
        else:
            yield ok(said)


def _folders(visit: Visit) -> dict[str, Path]:
    settings = visit.house.settings
    return {"public": settings.public, "papers": settings.papers, "journals": visit.house.folder / JOURNALS}


def _database_file(visit: Visit) -> Path | None:
    url = make_url(visit.house.settings.database)
    return Path(str(url.database)).absolute() if url.get_backend_name() == "sqlite" and url.database else None


def _is_open(path: Path) -> bool:
    try:
        return bool(stat.S_IMODE(path.stat().st_mode) & _OTHERS)
    except OSError:
        return False


def _unwritable(path: Path) -> str | None:
    """Why nothing can be written there, or None; a folder that is not there yet can be made."""
    there = _nearest(path)
    if not there.is_dir():
        return f"{there} is not a folder"
    if there != path:
        return None if os.access(there, os.W_OK | os.X_OK) else f"{there} cannot be written"
    try:
        with tempfile.TemporaryFile(dir=there):
            return None
    except OSError as error:
        return error.strerror or "no reason given"


def _nearest(path: Path) -> Path:
    """The path itself, or the nearest one above it that is there."""
    return next((one for one in (path, *path.parents) if one.exists()), Path("/"))
