"""The composition root: the only place that reads the environment, the settings file and the clock.

Everything else receives what it needs. Prefect is not imported here, so the command line stays quick.
"""

import getpass
import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pendulum
from pendulum import DateTime

from tocsin.errors import Invalid, Misconfigured

if TYPE_CHECKING:
    from db.sealing import MasterKey
    from db.sessions import Database
    from flows.settings import Settings
    from notifiers.providers import Provider
    from tocsin.plan import Plan
    from tocsin.regimes import Regime

SETTINGS = "settings.yaml"
CLOCK = "clock.json"


def home() -> Path:
    """The folder of this installation: `TOCSIN_HOME`, or `.tocsin` in the current folder."""
    return Path(os.environ.get("TOCSIN_HOME", ".tocsin")).absolute()


def now() -> DateTime:
    """The present instant in UTC."""
    return pendulum.now("UTC")


def _clock_offset(folder: Path) -> float:
    try:
        return float(json.loads((folder / CLOCK).read_text())["ahead_seconds"])
    except FileNotFoundError:
        return 0.0


def set_clock(instant: DateTime, *, folder: Path | None = None) -> None:
    """Move a simulated clock so that it reads `instant` now and runs on at its normal pace."""
    target = (folder or home()) / CLOCK
    ahead = (instant - now()).total_seconds()
    draft = target.with_suffix(".new")
    draft.write_text(json.dumps({"ahead_seconds": ahead}))
    draft.replace(target)


def acting(name: str | None = None) -> str:
    """Who acts: the name given, `TOCSIN_USER`, or the login name."""
    return name or os.environ.get("TOCSIN_USER") or getpass.getuser()


@dataclass(frozen=True)
class House:
    """The parts of one installation, each made when first asked for."""

    folder: Path
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)

    def now(self) -> DateTime:
        """The present instant of this installation."""
        return now().add(seconds=_clock_offset(self.folder)) if self.settings.simulated_clock else now()

    @property
    def settings_path(self) -> Path:
        """The settings file."""
        return self.folder / SETTINGS

    @cached_property
    def settings(self) -> "Settings":
        """The settings file, checked."""
        from flows import settings

        path = self.settings_path
        document = _read_settings(path)
        url = self.environment.get("TOCSIN_DATABASE_URL")
        if url:
            document["database"] = url
        return settings.parse(document, home=self.folder, source=str(path))

    @cached_property
    def database(self) -> "Database":
        """The database, checked to be of this version."""
        from db.sessions import Database

        database = Database(self.settings.database)
        database.check()
        return database

    @cached_property
    def providers(self) -> "tuple[Provider, ...]":
        """The providers of the settings, proven usable; raises Misconfigured for the first that is not."""
        from notifiers import plugins

        for provider in self.settings.providers:
            plugins.check(provider)
        return self.settings.providers

    @cached_property
    def master_key(self) -> "MasterKey":
        """The key that wraps every incident's key."""
        from db.sealing import MasterKey

        return MasterKey.from_text(self._master_key_text())

    @cached_property
    def regimes(self) -> "tuple[Regime, ...]":
        """Every law that ships, as data, and the contracts on file here."""
        from flows import contracts, library

        return (*library.regimes(), *contracts.regimes(self.folder))

    def plan(self, identifier: str) -> "Plan":
        """The plan of that id; raises NotFound naming the plans there are."""
        from flows import plans

        return plans.get(identifier)

    def _master_key_text(self) -> str:
        source = self.settings.master_key
        if source.env is not None:
            text = self.environment.get(source.env)
            if not text:
                raise Misconfigured(
                    f"The master key is missing: set {source.env}, or run `tocsin init` to make one in a file."
                )
            return text
        if source.file is not None:
            return _read_key_file(self.folder / source.file)
        assert source.command is not None
        return _run_key_command(source.command)


def assemble(folder: Path | None = None) -> House:
    """The installation in `folder`, or in `home()`."""
    return House(folder or home())


@contextmanager
def opened(folder: Path | None = None) -> Iterator[House]:
    """The installation for the length of a block; its connections are closed at the end."""
    house = assemble(folder)
    try:
        yield house
    finally:
        if "database" in vars(house):
            house.database.close()


def _read_settings(path: Path) -> dict[str, Any]:
    import yaml

    try:
        document = yaml.safe_load(path.read_text())
    except FileNotFoundError:
        raise Misconfigured(f"No settings at {path}: run `tocsin init`, or set TOCSIN_HOME.") from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise Misconfigured(
            f"{path} is not readable as YAML: mend it, or run `tocsin init` in another folder."
        ) from None
    if not isinstance(document, dict):
        raise Misconfigured(f"{path} must hold settings as `name: value` lines; see docs/settings.md.")
    return document


def _read_key_file(path: Path) -> str:
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError):
        raise Misconfigured(f"The master key file {path} cannot be read: restore it from your safe copy.") from None


def _run_key_command(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)  # noqa: S603 - the operator's own command
    except (OSError, subprocess.SubprocessError):
        raise Misconfigured(f"The master key command `{command[0]}` failed: run it by hand to see why.") from None
    return done.stdout.strip()


def read_text(path: str, *, what: str) -> str:
    """A text file, or standard input for `-`; raises Invalid in one sentence."""
    import sys

    try:
        raw = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except OSError as error:
        raise Invalid(f"{what} {path} cannot be read ({error.strerror}): check the path.") from None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid(f"{what} {path} is not UTF-8 text (byte {error.start}): save it as UTF-8.") from None
