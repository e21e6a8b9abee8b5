"""The reports of drills: two files each in the home's folder `drills`, named by when the drill was held.

They are the whole record that a drill was held; the incidents and ledgers of the installation are not touched.
"""

import json
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pendulum
from pendulum import DateTime

from documents import drills
from tocsin.errors import Invalid, NotFound

FOLDER = "drills"
_NAME = re.compile(r"(?P<at>\d{8}T\d{6}Z)-(?P<scenario>[a-z0-9-]+)\.json")
_STAMP = "YYYYMMDD[T]HHmmss[Z]"


@dataclass(frozen=True, kw_only=True)
class Held:
    """A drill that was held, as its report says."""

    name: str
    held_at: DateTime
    plan: str
    scenario: str
    percent: int | None
    path: Path


def keep(home: Path, report: dict[str, Any], *, at: DateTime) -> Path:
    """File a report, compared with the last drill of its plan; returns the path of the JSON file."""
    before = last(home, report["drill"]["plan"])
    compared = drills.compare(read(before.path), report, name=before.name) if before else None
    folder = home / FOLDER
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.mkdir(exist_ok=True, mode=0o700)
    stem = f"{at.in_timezone('UTC').format(_STAMP)}-{report['drill']['scenario']}"
    path = folder / f"{stem}.json"
    _write(path.with_suffix(".md"), drills.as_markdown(report, compared).encode())
    _write(path, drills.as_json(report))  # last: what has this file is whole
    return path


def _write(path: Path, content: bytes) -> None:
    """Whole, or not there at all."""
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    part.write_bytes(content)
    part.replace(path)


def listed(home: Path) -> list[Held]:
    """Every drill that was held, the oldest first; a file that is no report is passed over."""
    folder = home / FOLDER
    found = (
        [one for path in sorted(folder.glob("*.json")) if (one := _held(path)) is not None] if folder.is_dir() else []
    )
    return sorted(found, key=lambda one: one.name)


def _held(path: Path) -> Held | None:
    match = _NAME.fullmatch(path.name)
    if match is None:
        return None
    try:
        report = read(path)
        drill, percent = report["drill"], report["score"]["percent"]
        at = pendulum.from_format(match["at"], _STAMP, tz="UTC")
        return Held(
            name=path.stem, held_at=at, plan=drill["plan"], scenario=drill["scenario"], percent=percent, path=path
        )
    except (Invalid, KeyError, TypeError, ValueError):
        return None


def last(home: Path, plan: str) -> Held | None:
    """The latest drill of a plan."""
    return next((one for one in reversed(listed(home)) if one.plan == plan), None)


def find(home: Path, name: str) -> Held:
    """A drill by its name, the start of it, or `last`; raises NotFound."""
    held = listed(home)
    if name == "last" and held:
        return held[-1]
    found = [one for one in held if one.name.startswith(name)] if name else []
    if len(found) != 1:
        said = "several drills begin" if found else "no drill begins"
        raise NotFound(f"{said.capitalize()} with {name[:60]!r}: `tocsin drill list` shows them all.")
    return found[0]


def read(path: Path) -> dict[str, Any]:
    """A report from its JSON file; raises Invalid in one sentence."""
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise Invalid(f"The drill's report {path} cannot be read: hold the drill again, or restore the file.") from None
    if not isinstance(report, dict) or report.get("format") != 1:
        raise Invalid(f"{path} is no report of a drill that this version writes: hold the drill again.")
    return report
