"""An installation of one's own for each test: SQLite or PostgreSQL, fake providers on loopback, a clock to move."""

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import pendulum
import pytest
import yaml
from pendulum import DateTime

from flows import wiring
from flows.installing import install
from flows.wiring import House
from notifiers import fakes, providers


@dataclass
class Installation:
    """A house with its fakes, and the folder that `TOCSIN_HOME` names."""

    folder: Path
    running: fakes.Running
    houses: list[House] = field(default_factory=list)

    @property
    def house(self) -> House:
        """A fresh look at the installation, as a new process would take."""
        self.houses.append(wiring.assemble(self.folder))
        return self.houses[-1]

    def set_clock(self, instant: DateTime) -> None:
        """Let the installation's clock read `instant`."""
        wiring.set_clock(instant, folder=self.folder)

    @property
    def outbox(self) -> Path:
        """Where the fakes write down what they took."""
        return self.folder / "outbox"


@pytest.fixture(params=["sqlite", "postgresql"])
def installation(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Installation]:
    """An installation on each database."""
    folder = tmp_path / "home"
    monkeypatch.setenv("TOCSIN_HOME", str(folder))
    monkeypatch.delenv("TOCSIN_DATABASE_URL", raising=False)
    if request.param == "postgresql":
        name = f"flows_{uuid4().hex}"
        request.getfixturevalue("administrate")(f"CREATE DATABASE {name}")
        monkeypatch.setenv("TOCSIN_DATABASE_URL", request.getfixturevalue("postgresql")(name))
    with fakes.start(tmp_path / "home" / "outbox") as running:
        made = [*fakes.providers(running, ("CN",), suffix="-cn"), *fakes.providers(running, "*")]
        settings = [providers.as_settings(provider) for provider in made]
        install(folder, providers=settings, stores_marked=["*", "CN"], simulated_clock=True)
        wiring.set_clock(pendulum.datetime(2026, 11, 21, 2, tz="Asia/Shanghai"), folder=folder)
        made_here = Installation(folder=folder, running=running)
        yield made_here
        for house in made_here.houses:
            house.database.close()
        running.process.kill()  # at once: what they would still write is of no interest any more


@pytest.fixture
def master_key_text() -> str:
    """A master key like any other."""
    return base64.b64encode(bytes(range(32))).decode()


@pytest.fixture
def settings_of() -> Callable[[Path], dict]:  # type: ignore[type-arg]
    """Reads the settings of an installation."""
    return lambda folder: yaml.safe_load((folder / wiring.SETTINGS).read_text())


PEOPLE = """account,name,place,language,push_token,email,phone
a1,王伟,CN,zh,tok-aaaaaaaaaaaa0001,user.1@mail.example.cn,+8613800000001
a2,李敏,CN,zh,dead-0000000002,user.2@mail.example.cn,+8613800000002
a3,张静,CN,zh,dead-0000000003,bounce.3@mail.example.cn,+8613800000003
a4,刘丽,CN,zh,,refuse.4@mail.example.cn,+8613900040000
a5,陈强,CN,zh,,,
a6,Anna Becker,DE,en,tok-aaaaaaaaaaaa0006,,
a7,Hugo Dubois,FR,en,,user.7@mail.example.com,
"""
SECRETS = ("王伟", "李敏", "Becker", "mail.example", "13800000001", "tok-aaaa")


@pytest.fixture
def roster(tmp_path: Path) -> Path:
    """Seven people: reached by push, by e-mail, after a bounce by SMS, unreachable, without address, and abroad."""
    path = tmp_path / "people.csv"
    path.write_text(PEOPLE, encoding="utf-8")
    return path


@pytest.fixture
def secrets() -> tuple[str, ...]:
    """Pieces of the people's data that must never be seen outside the sealed columns and the messages."""
    return SECRETS


@pytest.fixture
def prepare(roster: Path) -> Callable[..., str]:
    """Takes an incident as far as asked: declared, enrolled, written, approved."""
    from flows.demo import words
    from flows.steps import approving, declaring, drafting, enrolling
    from tocsin import facts as fact_parser

    def prepared(house: House, *, upto: str = "approved", plan: str = "conex-easykey") -> str:
        now = house.now().replace(microsecond=0)
        document = words.later_facts(now.subtract(hours=2), {"CN": 5, "DE": 1, "FR": 1})
        facts = fact_parser.parse(document, source="a test")
        incident = declaring.declare(house, facts, plan=plan, by="Lin Wei", now=house.now()).incident
        if upto == "declared":
            return incident
        enrolling.enrol(house, incident, roster, mapping=[], by="Lin Wei", now=house.now())
        if upto == "enrolled":
            return incident
        drafting.draft_notice(house, incident, by="Chen Yu", now=house.now())
        folder = house.folder / "texts"
        for path in drafting.write_files(house, incident, folder):
            drafting.fill_gaps(path, words.FILLED[path.stem])
        drafting.put_files(house, incident, sorted(folder.glob("*.yaml")), by="Chen Yu", now=house.now())
        if upto == "written":
            return incident
        approving.approve(house, incident, "notice", by="Zhao Min", now=house.now())
        return incident

    return prepared


@pytest.fixture
def announced() -> Callable[[House, str], None]:
    """Fills the proposed announcement, has it approved, and lets `respond` publish it."""
    from flows.demo import words
    from flows.steps import approving, drafting, responding

    def done(house: House, incident: str) -> None:
        folder = house.folder / "announcement"
        for path in drafting.write_files(house, incident, folder, kind="announcement"):
            drafting.fill_gaps(path, words.FILLED[path.stem])
        paths = sorted(folder.glob("*.yaml"))
        drafting.put_files(house, incident, paths, by="Chen Yu", now=house.now(), kind="announcement")
        approving.approve(house, incident, "announcement", by="Zhao Min", now=house.now())
        responding.respond(house, incident)

    return done


@pytest.fixture
def settle(installation: Installation) -> Callable[[House, str], None]:
    """Runs `respond` and moves the clock to the next rung until everyone has a verdict."""
    import time

    from db import people
    from flows.steps import responding

    def settled(house: House, incident: str) -> None:
        for _ in range(60):
            responding.respond(house, incident)
            with house.database.reading() as session:
                counts = people.counts(session, incident)
                following = people.next_look(session, incident)
            if not counts.pending:
                return
            time.sleep(0.3)  # the fakes' receipts come later, on the real clock
            if following is not None and following > house.now():
                installation.set_clock(following)
        message = "not everyone got a verdict"
        raise AssertionError(message)

    return settled
