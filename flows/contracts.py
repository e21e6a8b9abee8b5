"""The contracts of one installation: a short file each, in the folder `contracts` of its home."""

from datetime import date
from pathlib import Path
from typing import Any

import yaml

from tocsin import contracts, reading
from tocsin.errors import Invalid, NotFound
from tocsin.regimes import Regime

FOLDER = "contracts"


def regimes(home: Path) -> tuple[Regime, ...]:
    """The contracts on file, by id; none where the folder is not there. Raises Invalid naming the file."""
    found: dict[str, Path] = {}
    read: list[Regime] = []
    for path in sorted((home / FOLDER).glob("*.yaml")):
        regime = _read(path)[1]
        if regime.id in found:
            raise Invalid(f"{path} and {found[regime.id]} both hold the contract `{regime.id}`: take one away.")
        found[regime.id] = path
        read.append(regime)
    return tuple(read)


def add(home: Path, path: Path, *, today: date) -> Regime:
    """File a contract; raises Invalid for what cannot be read, and where the id is taken."""
    document, regime = _read(path, read_on=today)
    target = home / FOLDER / f"{contracts.check_id(regime.id)}.yaml"
    if target.exists():
        raise Invalid(f"The contract `{regime.id}` is on file already: remove it first, or choose another `id`.")
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_suffix(".new")
    draft.write_text(yaml.safe_dump(document, sort_keys=False, allow_unicode=True))
    draft.replace(target)
    return regime


def remove(home: Path, identifier: str) -> None:
    """Take a contract off file; raises NotFound."""
    target = home / FOLDER / f"{contracts.check_id(identifier)}.yaml"
    if not target.exists():
        raise NotFound(f"There is no contract `{identifier}`: `tocsin law list` shows those on file.")
    target.unlink()


def _read(path: Path, *, read_on: date | None = None) -> tuple[dict[str, Any], Regime]:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise Invalid(f"{path} cannot be read ({error.strerror}): check the path.") from None
    document = reading.document(raw, source=str(path))
    if read_on is not None:
        document = {"read_on": read_on.isoformat(), **document}
    return document, contracts.parse(document, source=str(path))
