"""The watch and what befalls it: killed anywhere, doubled, asleep, on a wrong clock, without database or providers.

After each: duties missed 0, warnings doubled 0.
"""

import contextlib
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pendulum
import psycopg
import pytest
from sqlalchemy import Engine, event

from db import alarms as outbox
from db import duties as duty_store
from db import ledger
from flows.steps import alerting, watching
from flows.wiring import House
from notifiers import pager
from tocsin.errors import Misconfigured

START = pendulum.datetime(2026, 11, 20, 12)
TARGET = START.add(hours=72)
DUTIES = ("de/person-0", "de/person-1", "de/person-2", "de/person-3", "fr/authority")
SQLITE = pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
POSTGRESQL = pytest.mark.parametrize("kind", ["postgresql"], indirect=True)


class Killed(BaseException):
    """The process is gone: nothing of ours may catch it."""


@contextmanager
def at_statement(number: int, then: Callable[[], None]) -> Iterator[list[int]]:
    """Do something when the database is sent its so manyth statement or commit; counts them."""
    count = [0]

    def listen(*given: object) -> None:
        if len(given) > 2 and str(given[2]).startswith(("PRAGMA", "BEGIN")):
            return  # nothing has happened since the commit before
        count[0] += 1
        if count[0] == number:
            then()

    for kind in ("before_cursor_execute", "commit"):
        event.listen(Engine, kind, listen)
    try:
        yield count
    finally:
        for kind in ("before_cursor_execute", "commit"):
            event.remove(Engine, kind, listen)


def die() -> None:
    raise Killed


def killed_at(world, number: int) -> bool:
    """Run the watch until its process dies at a statement; whether it came that far."""
    with at_statement(number, die) as count, contextlib.suppress(Killed):
        world.watch()
    return count[0] >= number


@contextmanager
def restorable(world) -> Iterator[Callable[[], None]]:
    """Brings an SQLite installation back to where it is now."""
    house = world.house
    house.database.close()
    path = world.folder / "tocsin.db"
    kept, before = path.read_bytes(), world.now

    def restore() -> None:
        house.database.close()
        for suffix in ("-wal", "-shm"):
            Path(f"{path}{suffix}").unlink(missing_ok=True)
        path.write_bytes(kept)
        world.now = before
        world.told.clear()

    yield restore


@SQLITE
def test_killed_at_any_statement_it_misses_nothing_and_doubles_nothing(world) -> None:
    """At every ninth statement, for the sake of time; with EVERY_STATEMENT in the environment at each."""
    world.watch()
    world.now = TARGET.add(minutes=1)
    with restorable(world) as restore:
        world.watch()
        heard = world.heard()
        said = {kind: world.entries(kind) for kind in ("warning.sent", "duty.overdue", "task.overdue")}
        assert (len(heard), [sum(entries.values()) for entries in said.values()]) == (3, [5, 5, 1])
        number, step = 1, 1 if "EVERY_STATEMENT" in os.environ else 9
        while restore() or killed_at(world, number):
            world.watch(minutes=11)  # what the dead process had claimed is free by now
            assert (world.twice(), heard - world.heard()) == ([], set()), f"killed at statement {number}"
            assert {kind: world.entries(kind) for kind in said} == said, f"killed at statement {number}"
            number += step
    assert number > 40


@POSTGRESQL
def test_killed_again_and_again_on_a_server_it_misses_nothing_and_doubles_nothing(world) -> None:
    world.now = TARGET.subtract(hours=5)
    for number in range(3, 60, 11):
        world.now = world.now.add(hours=6)  # a repetition of every duty is due
        assert killed_at(world, number)
        world.watch(minutes=11)
        steps = {step for _, duty, step in world.entries("warning.sent") if duty == "fr/authority"}
        assert (world.twice(), len(steps)) == ([], 1 + (number - 3) // 11), f"killed at statement {number}"
    assert set(world.entries("warning.sent").values()) == {1}
    assert set(world.entries("duty.overdue").values()) == {1}


@SQLITE
def test_a_process_killed_for_good_while_a_message_leaves_makes_a_doubt_and_the_next_is_told(
    world, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.now = START.add(hours=37)
    pager_tell = world.tell

    def tell_and_die(*given: object, **more: object) -> None:
        pager_tell(*given, **more)  # type: ignore[arg-type]
        os.write(out, str(given[0]).encode())
        os.kill(os.getpid(), signal.SIGKILL)

    incoming, out = os.pipe()
    world.house.database.close()  # a database is opened after forking, never before
    child = os.fork()
    if child == 0:
        monkeypatch.setattr(pager, "tell", tell_and_die)
        watching.run(world.another())
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    first = os.read(incoming, 100).decode()

    world.watch(minutes=1)
    during = {person for person, *_ in world.told}
    world.watch(minutes=alerting.LEASE_MINUTES)
    with world.house.database.reading() as session:
        states = Counter((one.person, one.state) for one in outbox.listed(session) if one.person and not one.within)

    assert first in {"ann", "ben"}
    assert during == {"ann", "ben"}  # the rest of the batch was never claimed by the living, and its lease runs
    assert states[first, outbox.DOUBTFUL] == 1
    assert world.twice() == []


def test_two_at_once_warn_once(world) -> None:
    failures: list[BaseException] = []

    def look(house: House, start: threading.Barrier) -> None:
        start.wait(10)
        try:
            watching.run(house)
        except BaseException as error:  # noqa: BLE001 - a thread's error must reach the test
            failures.append(error)

    mine, yours = world.another(), world.another()
    for hours in (37, 55, 73):
        world.now = START.add(hours=hours)
        start = threading.Barrier(2)
        threads = [threading.Thread(target=look, args=(house, start)) for house in (mine, yours)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    entries = world.entries("warning.sent")

    assert failures == []
    assert world.twice() == []
    assert set(entries.values()) == {1}
    assert len(entries) == 3 * 5  # 50 %, 75 %, and the due time of five duties
    assert {duty: times for (_, duty, _), times in world.entries("duty.overdue").items()} == dict.fromkeys(DUTIES, 1)


@SQLITE
def test_after_three_days_away_it_says_what_it_missed_in_one_message(world) -> None:
    world.watch()
    seen = world.watch(days=6)
    again = world.watch(minutes=1)
    with world.house.database.reading() as session:
        (said,) = [e.data for e in ledger.listed(session, "two") if e.type == "warning.sent"]
        (late, *_) = [e.data for e in ledger.listed(session, "one") if e.type == "duty.overdue"]
        away = [e.data for e in ledger.listed(session, "one") if e.type == "watch.missed"]

    assert said["step"] == "after-12"
    assert said["missed"] == ["50%", "75%", "90%", "before-PT2H", "due"]
    assert (late["late_seconds"], late["owner"]) == (3 * 86400, "ben")
    assert (seen.missed_minutes, away) == (6 * 1440, [{"minutes": 6 * 1440}])
    assert sorted(person for person, *_ in world.told) == ["ann", "ann", "ben"]  # an authority, the task; four together
    assert (again.warned, again.overdue, again.delivered) == ((), (), 0)


@SQLITE
@pytest.mark.parametrize("jump", [{"hours": 1}, {"hours": -1}, {"days": 1}, {"days": -1}], ids=str)
def test_a_clock_that_jumps_and_comes_back_neither_hides_nor_repeats_a_warning(world, jump: dict[str, int]) -> None:
    world.watch()
    for hours in (37, 60):
        world.now = START.add(hours=hours)
        world.watch()
        world.watch(**jump)
        world.now = START.add(hours=hours, minutes=10)
        world.watch()
    for minutes in (1, 40, 80):  # the real due time, and time for two more people to be asked
        world.now = TARGET.add(minutes=minutes)
        world.watch()
    with world.house.database.reading() as session:
        turned = [e.data["back_seconds"] for e in ledger.listed(session, "one") if e.type == "watch.clock"]

    steps = world.entries("warning.sent")
    assert world.twice() == []
    assert set(steps.values()) == {1}
    assert {step for _, _, step in steps} >= {"50%", "75%", "due"}
    assert set(world.entries("duty.overdue").values()) == {1}
    assert {person for person, title, _ in world.told if "authority" in title and "overdue" in title} >= {"ann", "ben"}
    assert len(turned) == 2


@SQLITE
def test_a_message_about_many_is_not_given_again_about_fewer_when_a_clock_went_back(world) -> None:
    with world.house.database.transaction() as session:
        rows = [world.a_row(f"de/person-{number}") for number in range(5)]
        duty_store.replace(session, "one", rows, 2, START)
    world.watch(hours=36)
    world.watch(hours=-3)
    with world.house.database.transaction() as session:
        duty_store.mark_done(session, "one", "de/person-4", by="ben", at=world.now)
    world.watch(hours=3)

    bundles = [title for person, title, _ in world.told if person == "ben" and "at once" in title]
    assert bundles == ["Tocsin: 5 warnings at once"]


def test_a_database_that_is_gone_and_comes_back_costs_nothing_but_time(world, kind: str) -> None:
    world.now = START.add(hours=37)
    with contextlib.suppress(Misconfigured), lost_database(world, kind):
        world.watch()

    world.watch(minutes=10)

    assert len(world.told) == 2 + 1  # an authority and the four; the task
    assert world.twice() == []
    assert set(world.entries("warning.sent").values()) == {1}


@contextmanager
def lost_database(world, kind: str) -> Iterator[None]:
    """Take the database away: the file, or every connection in the middle of a transaction."""
    if kind == "sqlite":
        world.houses.clear()
        path, away = world.folder / "tocsin.db", world.folder / "away.db"
        path.rename(away)
        try:
            yield
        finally:
            away.rename(path)
        return

    def cut() -> None:
        with psycopg.connect(os.environ["TOCSIN_DATABASE_URL"], autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )

    with at_statement(9, cut):
        yield


@SQLITE
def test_when_the_service_of_one_person_is_gone_the_next_is_told_at_once_and_they_once_it_is_back(
    world,
) -> None:
    world.mute = {"ben"}
    first = world.watch(hours=37)
    told = [person for person, title, _ in world.told if "at once" in title]
    for minutes in (1, 2):
        world.watch(minutes=minutes)
    world.mute = set()
    world.watch(minutes=6)

    assert (first.undelivered, told) == (1, ["cai"])
    assert [person for person, title, _ in world.told if "at once" in title] == ["cai", "ben"]
    assert world.entries("warning.undelivered") == {}  # each says `because`
    assert world.twice() == []


@SQLITE
def test_when_every_service_is_gone_nothing_is_lost(world) -> None:
    world.mute = {"ann", "ben", "cai"}
    world.watch(hours=37)
    with world.house.database.reading() as session:
        nexts = [e.data["next"] for e in ledger.listed(session, "two") if e.type == "warning.undelivered"]
    world.mute = set()
    world.watch(minutes=5)

    assert None in nexts  # nobody is left to ask: it is written down
    assert {person for person, *_ in world.told} == {"ann", "ben", "cai"}
    assert world.twice() == []


@SQLITE
def test_a_service_that_gives_no_answer_leaves_a_doubt_and_is_not_asked_again(world) -> None:
    world.unsure = {"ben"}
    world.watch(hours=37)
    for _ in range(4):
        world.watch(minutes=5)

    assert [person for person, title, _ in world.told if "at once" in title] == ["ben", "cai"]
    assert world.twice() == []
