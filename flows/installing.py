"""Making a new installation: its folder, master key, settings file and database."""

import base64
import secrets
from dataclasses import dataclass
from pathlib import Path

import yaml

from db.sessions import Database
from flows import wiring

KEY_FILE = "master.key"


@dataclass(frozen=True, kw_only=True)
class Installed:
    """What was made, and where."""

    folder: Path
    database: str
    key_file: Path | None


def install(
    folder: Path,
    *,
    providers: list[dict[str, object]] | None = None,
    stores_marked: list[str] | None = None,
    simulated_clock: bool = False,
) -> Installed:
    """Make what is missing in `folder`; what exists stays as it is."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    key_file = _key_file(folder)
    settings = folder / wiring.SETTINGS
    if not settings.exists():
        document: dict[str, object] = {"master_key": {"file": KEY_FILE}, "providers": providers or []}
        if stores_marked:
            document["stores_marked"] = stores_marked
        if simulated_clock:
            document["simulated_clock"] = True
        settings.write_text(_HEAD + yaml.safe_dump(document, sort_keys=False, allow_unicode=True))
        settings.chmod(0o600)
    database = Database(wiring.assemble(folder).settings.database)
    database.migrate()
    database.close()
    return Installed(folder=folder, database=database.url_shown, key_file=key_file)


def _key_file(folder: Path) -> Path | None:
    """Write a new random master key of 256 bits; None when there is one already."""
    path = folder / KEY_FILE
    if path.exists() or (folder / wiring.SETTINGS).exists():
        return None
    path.touch(mode=0o600)
    path.write_text(base64.b64encode(secrets.token_bytes(32)).decode() + "\n")
    return path


_HEAD = """\
# Settings of this Tocsin installation; docs/settings.md describes each. It may hold provider secrets: keep it private.
"""
