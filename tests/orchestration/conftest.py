"""An installation of one's own for each test: SQLite or PostgreSQL, fake providers on loopback, a clock to move."""

import base64
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import pendulum
import pytest
import yaml
from pendulum import DateTime

from db import duties as duty_store
from db import incidents, ledger
from db import tasks as task_store
from flows import plans, wiring
from flows.installing import install
from flows.steps import watching
from flows.wiring import House
from notifiers import fakes, pager, providers
from tocsin.errors import Doubtful, Unavailable
from tocsin.plan import Plan
from tocsin.watchtext import WatchText


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


@pytest.fixture(scope="session")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an installation without providers, on SQLite, to be copied."""
    folder = tmp_path_factory.mktemp("furnished") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("TOCSIN_DATABASE_URL", raising=False)
        install(folder, providers=[], stores_marked=["*", "CN"], simulated_clock=True)
    return folder


@pytest.fixture
def desk(furnished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    """An installation without providers, on SQLite: for what is done before anybody is sent anything."""
    folder = tmp_path / "home"
    monkeypatch.setenv("TOCSIN_HOME", str(folder))
    monkeypatch.delenv("TOCSIN_DATABASE_URL", raising=False)
    shutil.copytree(furnished, folder)
    made = Installation(folder=folder, running=None)  # type: ignore[arg-type]
    made.set_clock(pendulum.datetime(2026, 11, 21, 2, tz="Asia/Shanghai"))
    yield made
    for house in made.houses:
        house.database.close()


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


START = pendulum.datetime(2026, 11, 20, 12)
TARGET = START.add(hours=72)
WATCHED = {
    "warn_at": [50, 75, 90],
    "before": ["PT2H"],
    "after": {"every": "PT6H"},
    "people": ["security", "responders"],
    "owners": [{"audience": "authority", "people": ["privacy officer"]}],
    "escalate_after": "PT30M",
}
STAFF = {
    name: {"name": name.title(), "urls": [f"json://127.0.0.1:9/{name}"], "groups": groups}
    for name, groups in {"ann": ["privacy officer"], "ben": [], "cai": ["responders"]}.items()
}


@dataclass
class World:
    """An installation with a clock and people of its own; `told` is who heard what, as they would count it."""

    folder: Path
    now: DateTime = START
    told: list[tuple[str, str, str]] = field(default_factory=list)
    mute: set[str] = field(default_factory=set)  # whom no message reaches, surely
    unsure: set[str] = field(default_factory=set)  # whose service gives no answer
    rules: dict[str, object] = field(default_factory=lambda: dict(WATCHED))  # the `watch` part of the plan
    houses: list[House] = field(default_factory=list)

    def a_row(self, key: str, **changes: object) -> dict[str, object]:
        """A duty as an assessment gives it, due after three days."""
        return a_row(key, **changes)

    def plan(self) -> Plan:
        """A plan that ships, with these rules."""
        shipped = plans.get("conex-easykey")
        text = shipped.text.model_copy(update={"watch": WatchText.model_validate(self.rules)})
        return Plan(text=text, promises=shipped.promises, every_task=shipped.every_task, document=shipped.document)

    @property
    def house(self) -> House:
        """The installation, as its first process sees it."""
        return self.houses[0] if self.houses else self.another()

    def another(self) -> House:
        """The installation as another process sees it."""
        self.houses.append(wiring.assemble(self.folder))
        return self.houses[-1]

    def watch(self, **later: int) -> watching.Watched:
        """One run of the watch, so much later."""
        self.now = self.now.add(**later)
        return watching.run(self.house)

    def tell(self, person: str, _urls: object, *, title: str, body: str, **_: object) -> None:
        if person in self.mute:
            raise Unavailable("gone")
        self.told.append((person, title, body.partition("\nIt comes to you because ")[0]))
        if person in self.unsure:
            raise Doubtful("no answer")

    def twice(self) -> list[tuple[str, str, str]]:
        """What somebody heard more than once."""
        return [heard for heard, times in Counter(self.told).items() if times > 1]

    def heard(self) -> set[tuple[str, str]]:
        """What anybody heard."""
        return {(title, body) for _, title, body in self.told}

    def entries(self, kind: str) -> Counter[tuple[str, str, str]]:
        """The entries of the ledgers of one kind, without those that say that the next person was asked."""
        found: Counter[tuple[str, str, str]] = Counter()
        with self.house.database.reading() as session:
            for incident in ("one", "two"):
                ledger.verify(session, incident)
                for entry in ledger.listed(session, incident):
                    if entry.type == kind and "because" not in entry.data:
                        about = entry.data.get("duty") or entry.data.get("task")
                        found[incident, str(about), str(entry.data.get("step"))] += 1
        return found


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation on SQLite to copy: made once, because a migration takes longer than a run of the watch."""
    folder = tmp_path_factory.mktemp("bare") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("TOCSIN_DATABASE_URL", raising=False)
        install(folder, providers=[], stores_marked=["*", "CN"])
    path = folder / wiring.SETTINGS
    settings = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump({**settings, "people": STAFF, "on_call": {"security": ["ben", "cai"]}}))
    return folder


@pytest.fixture
def world(
    kind: str, bare: Path, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    folder = Path(shutil.copytree(bare, tmp_path / "home"))
    monkeypatch.delenv("TOCSIN_DATABASE_URL", raising=False)
    if kind == "postgresql":
        name = f"watch_{uuid4().hex}"
        request.getfixturevalue("administrate")(f"CREATE DATABASE {name}")
        monkeypatch.setenv("TOCSIN_DATABASE_URL", request.getfixturevalue("postgresql")(name))
        install(folder)
    made = World(folder=folder)
    monkeypatch.setattr(House, "plan", lambda _self, _name: made.plan())
    monkeypatch.setattr(House, "now", lambda _self: made.now)
    monkeypatch.setattr(pager, "tell", made.tell)
    fill(made)
    yield made
    for house in made.houses:
        if "database" in vars(house):
            house.database.close()


def fill(world: World) -> None:
    """Two incidents: four duties to people, which are one message together; one to an authority; a task."""
    house = world.house
    with house.database.transaction() as session:
        for incident in ("one", "two"):
            _, sealed = house.master_key.new_incident_key(incident)
            incidents.create(
                session,
                incident,
                title=incident,
                plan="conex-easykey",
                phase="contain",
                declared_at=START,
                declared_by="ann",
                sealed_key=sealed,
            )
        duty_store.replace(session, "one", [a_row(f"de/person-{n}") for n in range(4)], 1, START)
        duty_store.replace(session, "two", [a_row("fr/authority", audience="authority")], 1, START)
        task = task_store.NewTask(key="stop", phase="contain", title="Stop it", owner="ann", due=START.add(hours=30))
        task_store.open_many(session, "two", [task])


def a_row(key: str, **changes: object) -> dict[str, object]:
    written = TARGET.isoformat()
    row = {"key": key, "id": key, "regime": key.partition("/")[0], "audience": "individuals", "recipient": "someone"}
    clock = {"status": "owed", "due": written, "target": written, "starts": START.isoformat(), "unknown": []}
    return {**row, **clock, **changes}
