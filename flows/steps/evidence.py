"""Files that show what was done: taken in, checked, handed out. Each of these stands on the ledger, by the file's hash.

The chain of custody is what the ledger says of a file's number: who added it, who checked it, who took a copy.
"""

import hashlib
import json
import os
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pendulum import DateTime
from sqlalchemy.orm import Session

from db import evidence as store
from db import incidents, ledger, tasks
from db.hold_tables import Evidence
from db.sealing import IncidentKey
from flows.steps.guarding import must_be_allowed, must_be_open
from flows.wiring import House
from tocsin.errors import Invalid, NotAllowed, TocsinError
from tocsin.ledger import EventType

LARGEST_BYTES = 256 << 20
HOLD = "hold"
_CUSTODY = (EventType.EVIDENCE_ADDED, EventType.EVIDENCE_VERIFIED, EventType.EVIDENCE_EXPORTED)


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A file as it was taken in; not `new` where the same file was there already."""

    number: int
    sha256: str
    size: int
    new: bool


@dataclass(frozen=True, kw_only=True)
class Checked:
    """One file looked at again: whole, or what is wrong with it."""

    number: int
    sha256: str
    trouble: str | None


def of_task(key: str) -> str:
    """What a task's evidence is about."""
    return f"task:{key}"


def add_to_task(
    house: House, incident: str, task: str, paths: Sequence[Path], *, note: str, by: str, now: DateTime
) -> list[Kept]:
    """Take in files that show that a task was done, all of them or none. A finished task may be given more."""
    with house.database.transaction() as session:
        must_be_open(session, incident)
        must_be_allowed(session, "evidence.add", by=by, now=now, incident=incident)
        tasks.get(session, incident, task)
        return [keep(house, session, incident, of_task(task), path, note=note, by=by, now=now) for path in paths]


def keep(
    house: House, session: Session, incident: str, about: str, path: Path, *, note: str, by: str, now: DateTime
) -> Kept:
    """Take in one file, in the caller's transaction. Its name and the note are sealed: they may name people."""
    key = _key(house, session, incident)
    written = json.dumps({"name": path.name, "note": note}, ensure_ascii=False).encode()
    try:
        with path.open("rb") as source:
            size = os.fstat(source.fileno()).st_size
            if size > LARGEST_BYTES:
                most = LARGEST_BYTES >> 20
                raise Invalid(f"{path} has {size >> 20} MiB, and evidence {most} at most: add a file with its hash.")
            sha256, size = store.digest(source)
            source.seek(0)
            row, new = store.add(
                session, key, incident, about, source, label=written, sha256=sha256, size=size, by=by, at=now
            )
    except OSError as error:
        raise Invalid(f"{path} cannot be read ({error.strerror}): check the path.") from None
    if new:
        entry = {"evidence": row.number, "about": about, "sha256": sha256, "bytes": size}
        ledger.append(session, incident, EventType.EVIDENCE_ADDED, actor=by, data=entry, at=now)
    return Kept(number=row.number, sha256=sha256, size=row.size, new=new)


def listed(house: House, incident: str, *, by: str, now: DateTime, about: str | None = None) -> list[dict[str, Any]]:
    """Every file with its name, its hash, and its chain of custody; names are gone where the key was destroyed."""
    with house.database.reading() as session:
        must_be_allowed(session, "see", by=by, now=now, incident=incident)
        found = store.listed(session, incident, about=about)
        sealed_key = incidents.get(session, incident).sealed_key
        key = house.master_key.incident_key(sealed_key, incident) if found and sealed_key else None
        acts = {
            number: [one for one in _custody(session, incident) if one["evidence"] == number]
            for number in {row.number for row in found}
        }
        return [{**_line(row), **_named(key, row), "custody": acts[row.number]} for row in found]


def _line(row: Evidence) -> dict[str, Any]:
    return {"evidence": row.number, "about": row.about, "sha256": row.sha256, "bytes": row.size}


def _named(key: IncidentKey | None, row: Evidence) -> dict[str, Any]:
    if key is None:
        return {"file": None, "note": None}
    label = json.loads(store.label(key, row))
    return {"file": label["name"], "note": label["note"] or None}


def _custody(session: Session, incident: str) -> list[dict[str, Any]]:
    return [
        {"evidence": entry.data["evidence"], "act": entry.type, "by": entry.actor, "at": entry.at.isoformat()}
        for kind in _CUSTODY
        for entry in ledger.listed(session, incident, event_type=kind)
    ]


def verify(house: House, incident: str, *, by: str, now: DateTime) -> list[Checked]:
    """Read every file again and hash it, against the hash that was put on the ledger when it was added."""
    with house.database.reading() as session:
        must_be_allowed(session, "see", by=by, now=now, incident=incident)
        key = _key(house, session, incident)
        added = ledger.listed(session, incident, event_type=EventType.EVIDENCE_ADDED)
        stored = {row.number: row for row in store.listed(session, incident)}
        checked = [_check(session, key, entry.data, stored) for entry in added]
        numbers = {int(entry.data["evidence"]) for entry in added}
        unsaid = [
            Checked(number=number, sha256=row.sha256, trouble="it is not on the ledger")
            for number, row in stored.items()
            if number not in numbers
        ]
    checked = [*checked, *unsaid]
    with house.database.transaction() as session:
        for one in checked:
            entry = {"evidence": one.number, "sha256": one.sha256, "whole": one.trouble is None}
            ledger.append(session, incident, EventType.EVIDENCE_VERIFIED, actor=by, data=entry, at=now)
    return checked


def _check(session: Session, key: IncidentKey, said: Any, stored: dict[int, Evidence]) -> Checked:
    number, sha256 = int(said["evidence"]), str(said["sha256"])
    row = stored.get(number)
    if row is None:
        return Checked(number=number, sha256=sha256, trouble="it is gone")
    if (row.sha256, row.about, row.size) != (sha256, said["about"], said["bytes"]):
        return Checked(number=number, sha256=sha256, trouble="its record says something else than the ledger")
    try:
        store.label(key, row)
        running = hashlib.sha256()
        for some in store.read(session, key, row):
            running.update(some)
    except TocsinError as error:
        return Checked(number=number, sha256=sha256, trouble=str(error))
    return Checked(number=number, sha256=sha256, trouble=None)


def export(house: House, incident: str, number: int, to: Path, *, by: str, now: DateTime) -> Kept:
    """Write a copy of a file where it can be handed on, readable by its owner only; says on the ledger who took it.

    `to` is a file that there is not yet, or a folder, where it gets its own name. Nothing is written but the whole.
    """
    with house.database.transaction() as session:
        must_be_allowed(session, "evidence.export", by=by, now=now, incident=incident)
        key = _key(house, session, incident)
        row = store.get(session, incident, number)
        target = to / Path(json.loads(store.label(key, row))["name"]).name if to.is_dir() else to
        if target.exists():
            raise NotAllowed(f"{target} is there already: name a file that is not.")
        entry = {"evidence": number, "sha256": row.sha256}  # before the copy is made: none goes unsaid
        ledger.append(session, incident, EventType.EVIDENCE_EXPORTED, actor=by, data=entry, at=now)
    with house.database.reading() as session:
        _write(target, store.read(session, key, row))
    return Kept(number=number, sha256=row.sha256, size=row.size, new=False)


def _write(target: Path, pieces: Iterator[bytes]) -> None:
    """Write a file whole or not at all, and over no other one."""
    part = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        descriptor = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as out:
                out.writelines(pieces)
            os.link(part, target)  # unlike a renaming, it puts nothing in the place of another file
        finally:
            part.unlink(missing_ok=True)
    except FileExistsError:
        raise NotAllowed(f"{target} is there already: name a file that is not.") from None
    except OSError as error:
        raise Invalid(f"{target} cannot be written ({error.strerror}): choose another place.") from None


def _key(house: House, session: Session, incident: str) -> IncidentKey:
    return house.master_key.incident_key(incidents.get(session, incident).sealed_key, incident)
