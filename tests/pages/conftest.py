"""The command line called in this process, on an installation of one's own; fakes and a clock to move where asked."""

import contextlib
import io
import json
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pendulum
import pytest
import yaml
from pendulum import DateTime

from console import main as command_line
from flows import wiring
from flows.demo import words
from flows.installing import install
from flows.steps import drafting
from flows.wiring import House
from notifiers import fakes, providers


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed for programs; nothing else may stand beside it."""
        return json.loads(self.out)


@dataclass(frozen=True)
class Tocsin:
    """`tocsin` in one installation: call it with the words of a command line."""

    home: Path

    def __call__(self, *words: str, stdin: str = "") -> Done:
        """Run one command, whatever its exit code."""
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            patch.setenv("TOCSIN_HOME", str(self.home))
            patch.setenv("TOCSIN_USER", "tester")
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
            code = command_line.run(words)
        return Done(code, out.getvalue(), err.getvalue())

    def ok(self, *words: str, stdin: str = "") -> Done:
        """Run one command that must succeed in silence on stderr."""
        done = self(*words, stdin=stdin)
        assert (done.code, done.err) == (0, ""), done
        return done

    @property
    def settings(self) -> dict[str, Any]:
        """The settings as they stand in the file."""
        return yaml.safe_load((self.home / wiring.SETTINGS).read_text())  # type: ignore[no-any-return]

    def change_settings(self, **values: Any) -> None:
        """Write settings over those that stand."""
        (self.home / wiring.SETTINGS).write_text(yaml.safe_dump({**self.settings, **values}))

    def set_clock(self, instant: DateTime) -> None:
        """Let the installation's clock read `instant`."""
        wiring.set_clock(instant, folder=self.home)

    def record(self) -> dict[str, list[str]]:
        """Everything the installation holds: its database as SQL, and its files by name and content."""
        with contextlib.closing(sqlite3.connect(self.home / "tocsin.db")) as connection:
            dump = list(connection.iterdump())
        files = sorted(path for path in self.home.rglob("*") if path.is_file() and "tocsin.db" not in path.name)
        return {"database": dump, "files": [f"{path}: {path.read_bytes().hex()}" for path in files]}


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation to copy: made once, because a migration takes longer than any command."""
    folder = tmp_path_factory.mktemp("pristine") / "home"
    install(folder, stores_marked=["*", "CN"])
    return folder


AN_INCIDENT = """
title: Secret leak at Example Bank
times: {aware: 2026-11-20T10:00:00+08:00}
organisation: {seat: CN}
people: {total: 7, by_place: {CN: 5, DE: 2}}
"""


@pytest.fixture(scope="session")
def with_an_incident(pristine: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, str]:
    """The database of `pristine` with one incident declared in it, and the incident: made once, to write over."""
    home = tmp_path_factory.mktemp("declared") / "home"
    shutil.copytree(pristine, home)
    made = Tocsin(home).ok("declare", "-", "--plan", "conex-easykey", "--json", stdin=AN_INCIDENT).json["incident"]
    with contextlib.closing(sqlite3.connect(home / "tocsin.db")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return (home / "tocsin.db").read_bytes(), str(made)


@pytest.fixture
def declare(with_an_incident: tuple[bytes, str]) -> Callable[[Tocsin], str]:
    """Puts that incident into an installation."""

    def declared(tocsin: Tocsin) -> str:
        (tocsin.home / "tocsin.db").write_bytes(with_an_incident[0])
        return with_an_incident[1]

    return declared


@pytest.fixture(autouse=True)
def houses_are_closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Close the databases that commands open and leave to the end of their process."""
    opened: list[House] = []
    assemble = wiring.assemble

    def remembered(folder: Path | None = None) -> House:
        opened.append(assemble(folder))
        return opened[-1]

    monkeypatch.setattr(wiring, "assemble", remembered)
    monkeypatch.delenv("TOCSIN_DATABASE_URL", raising=False)
    yield
    for house in opened:
        if "database" in vars(house):
            house.database.close()


@pytest.fixture
def tocsin(pristine: Path, tmp_path: Path) -> Tocsin:
    """The command line on a fresh installation without providers."""
    shutil.copytree(pristine, tmp_path / "home")
    return Tocsin(tmp_path / "home")


@pytest.fixture
def elsewhere() -> Callable[[Path], Tocsin]:
    """The command line on whatever is, or is not, in a folder."""
    return Tocsin


@pytest.fixture
def supplied(tocsin: Tocsin) -> Iterator[Tocsin]:
    """The command line on an installation with real fake providers on loopback, and a clock of its own."""
    with fakes.start(tocsin.home / "outbox") as running:
        made = [*fakes.providers(running, ("CN",), suffix="-cn"), *fakes.providers(running, "*")]
        tocsin.change_settings(providers=[providers.as_settings(one) for one in made], simulated_clock=True)
        tocsin.set_clock(pendulum.datetime(2026, 11, 21, 2, tz="Asia/Shanghai"))
        yield tocsin


PEOPLE = """account,name,place,language,push_token,email,phone
a1,王伟,CN,zh,tok-aaaaaaaaaaaa0001,user.1@mail.example.cn,+8613800000001
a2,李敏,CN,zh,dead-0000000002,user.2@mail.example.cn,+8613800000002
a3,张静,CN,zh,dead-0000000003,bounce.3@mail.example.cn,+8613800000003
a4,刘丽,CN,zh,,refuse.4@mail.example.cn,+8613900040000
a5,陈强,CN,zh,,,
a6,Anna Becker,DE,en,tok-aaaaaaaaaaaa0006,,
a7,Hugo Dubois,FR,en,,user.7@mail.example.com,
"""


@pytest.fixture
def roster(tmp_path: Path) -> Path:
    """Seven people: reached by push, by e-mail, after a bounce by SMS, unreachable, without address, and abroad."""
    path = tmp_path / "people.csv"
    path.write_text(PEOPLE, encoding="utf-8")
    return path


@pytest.fixture
def secrets() -> tuple[str, ...]:
    """Pieces of the people's data that must be seen nowhere but in the messages to them."""
    return ("王伟", "李敏", "Becker", "Dubois", "mail.example", "1380000", "1390004", "tok-aaaa", "dead-000")


@pytest.fixture
def facts_files(tmp_path: Path) -> Callable[[DateTime], tuple[Path, Path]]:
    """Writes what is known at the first hour and what is known later, counted from a moment."""

    def written(now: DateTime) -> tuple[Path, Path]:
        first, later = tmp_path / "first.yaml", tmp_path / "later.yaml"
        first.write_text(yaml.safe_dump(words.first_facts(now), allow_unicode=True), encoding="utf-8")
        counts = {"CN": 5, "DE": 1, "FR": 1}
        later.write_text(yaml.safe_dump(words.later_facts(now, counts), allow_unicode=True), encoding="utf-8")
        return first, later

    return written


@pytest.fixture
def approved(
    tmp_path: Path, roster: Path, facts_files: Callable[[DateTime], tuple[Path, Path]]
) -> Callable[[Tocsin], str]:
    """Takes an incident, by the command line, to an approved notice."""

    def done(tocsin: Tocsin) -> str:
        now = wiring.assemble(tocsin.home).now().replace(microsecond=0)
        _, later = facts_files(now.subtract(hours=2))
        incident: str = tocsin.ok("declare", str(later), "--plan", "conex-easykey", "--json").json["incident"]
        tocsin.ok("roster", "import", incident, str(roster))
        folder = tmp_path / "notice"
        tocsin.ok("notice", "draft", incident, "--folder", str(folder), "--as", "Chen Yu")
        for path in folder.glob("*.yaml"):
            drafting.fill_gaps(path, words.FILLED[path.stem])
        tocsin.ok("notice", "put", incident, *map(str, sorted(folder.glob("*.yaml"))), "--as", "Chen Yu")
        tocsin.ok("approve", incident, "notice", "--as", "Zhao Min")
        return incident

    return done
