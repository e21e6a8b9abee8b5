"""The laws that ship: every regime file of `playbooks/regimes`, read once and checked."""

from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from tocsin import reading, vocabulary
from tocsin import regimes as law
from tocsin.errors import Invalid, NotFound
from tocsin.regimes import Regime

_FOLDER = "regimes"
_SHARED = "definitions"


def files() -> dict[str, Traversable]:
    """Every regime file by its path within `playbooks/regimes`, such as `us/ca.yaml`."""
    return dict(sorted(_walk(resources.files("playbooks") / _FOLDER, "")))


def _walk(folder: Traversable, prefix: str) -> list[tuple[str, Traversable]]:
    found: list[tuple[str, Traversable]] = []
    for entry in folder.iterdir():
        if entry.is_dir():
            found.extend(_walk(entry, f"{prefix}{entry.name}/"))
        elif entry.name.endswith(".yaml"):
            found.append((f"{prefix}{entry.name}", entry))
    return found


@cache
def regimes_by_path() -> dict[str, Regime]:
    """Every regime by the path of its file; raises Invalid naming the file that breaks the schema."""
    found = {path: _read(path, file) for path, file in files().items()}
    seen: dict[str, str] = {}
    for path, regime in found.items():
        if regime.id in seen:
            raise Invalid(f"{path} and {seen[regime.id]} both call themselves `{regime.id}`: rename one.")
        seen[regime.id] = path
    return found


@cache
def shared() -> law.Shared:
    """The definitions that regimes share, from `playbooks/definitions`."""
    folder = resources.files("playbooks") / _SHARED
    found = sorted((entry.name, entry) for entry in folder.iterdir() if entry.name.endswith(".yaml"))
    return law.shared(
        {name.removesuffix(".yaml"): reading.document(entry.read_bytes(), source=name) for name, entry in found}
    )


def _read(path: str, file: Traversable) -> Regime:
    document: dict[str, Any] = reading.our_own(file.read_bytes(), source=path)
    return law.opened(document, source=path, borrowing=shared())


def read_file(path: Path) -> Regime:
    """One regime file from anywhere, such as a contributor's draft; raises Invalid."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise Invalid(f"{path} cannot be read ({error.strerror}): check the path.") from None
    return law.parse(reading.document(raw, source=str(path)), source=str(path), borrowing=shared())


def regimes() -> tuple[Regime, ...]:
    """Every law that ships, in the order of its path."""
    return tuple(regimes_by_path().values())


def get(identifier: str) -> Regime:
    """The regime of that id; raises NotFound naming the nearest."""
    for regime in regimes():
        if regime.id == identifier:
            return regime
    near = vocabulary.nearest(identifier, [regime.id for regime in regimes()])
    hint = f"perhaps {' or '.join(f'`{one}`' for one in near)} is meant; " if near else ""
    raise NotFound(f"There is no law `{identifier}`: {hint}`tocsin law list` shows all.")
