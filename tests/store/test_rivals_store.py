"""Several at once: nothing is done twice, and nobody waits for another in a ring."""

import threading
from collections.abc import Callable

import pendulum

from db import attempts, duties, ledger, people
from db.attempts import NewAttempt
from db.people import NewPerson
from db.sealing import IncidentKey
from db.sessions import Database
from tocsin.delivery import Channel
from tocsin.ledger import EventType

NOON = pendulum.datetime(2026, 11, 22, 12)
UNTIL = NOON.add(minutes=10)
AnIncident = Callable[..., IncidentKey]


def at_once(*jobs: Callable[[], object]) -> None:
    """Run jobs in threads; raise the first error of any."""
    failures: list[BaseException] = []

    def run(job: Callable[[], object]) -> None:
        try:
            job()
        except BaseException as error:  # noqa: BLE001 - a thread's error must reach the test
            failures.append(error)

    threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def test_workers_who_claim_the_same_people_share_them_without_overlap(
    database: Database, an_incident: AnIncident
) -> None:
    an_incident()
    with database.transaction() as session:
        person = {"wave": 1, "place": "DE", "language": "en", "sealed": b"x"}
        people.insert_many(session, "leak", [NewPerson(id=n, ref=f"{n:032x}", **person) for n in range(300)])  # type: ignore[arg-type]
    new = [
        NewAttempt(key=f"key-{n}", person_id=n, wave=1, channel=Channel.SMS, provider="p", text_hash="h")
        for n in range(300)
    ]
    won: dict[str, list[str]] = {}

    def work(owner: str, wanted: list[NewAttempt]) -> None:
        won[owner] = []
        for start in range(0, 300, 50):
            with database.transaction() as session:
                some = wanted[start : start + 50]
                won[owner] += attempts.claim_many(session, "leak", some, owner, UNTIL, NOON)

    at_once(lambda: work("one", new), lambda: work("two", new[::-1]), lambda: work("three", new))

    assert sorted(key for keys in won.values() for key in keys) == sorted(one.key for one in new)


def test_an_assessment_the_watch_and_the_ledger_do_not_block_each_other(
    database: Database, an_incident: AnIncident
) -> None:
    for name in ("a", "b"):
        an_incident(name)
    frozen: list[str] = []

    def assess(name: str) -> None:
        for number in range(12):
            due = NOON.add(minutes=number).isoformat()
            row = dict.fromkeys(("id", "regime", "audience", "recipient"), "x") | {"status": "owed"}
            rows = [{**row, "key": f"{name}-{key}", "due": due, "target": due} for key in range(number + 1)]
            with database.transaction() as session:
                duties.replace(session, name, rows, number, NOON.subtract(hours=1))
                ledger.append(session, name, EventType.DUTY_MOVED, actor="x", data={"n": number}, at=NOON)

    def watch() -> None:
        for _ in range(12):
            with database.transaction() as session:
                late = duties.freeze_overdue(session, NOON.add(days=1))
                for duty in late:
                    ledger.append(session, duty.incident_id, EventType.DUTY_OVERDUE, actor="x", data={}, at=NOON)
                frozen.extend(duty.key for duty in late)

    at_once(lambda: assess("a"), lambda: assess("b"), watch, watch)

    with database.reading() as session:
        entries = sum(ledger.verify(session, name).count for name in ("a", "b"))
    assert len(frozen) == len(set(frozen))
    assert entries == 24 + len(frozen)
