"""What one process finds out about an account in trouble, every process and the next run know."""

from types import SimpleNamespace

import pendulum
import pytest
import sqlalchemy

from db import circuits as told
from db import rates
from db.sessions import Database
from flows.steps.resting import Resting
from notifiers.breaker import FIRST_REST_SECONDS, PROBES, Circuits, State

ACCOUNTS = [SimpleNamespace(name="first"), SimpleNamespace(name="second")]


class Clock:
    """The database's clock and every process's, moved together."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self, *_):
        return self.now


class Process:
    def __init__(self, database, clock):
        house = SimpleNamespace(
            database=database,
            settings=SimpleNamespace(providers=ACCOUNTS),
            now=lambda: pendulum.datetime(2026, 11, 22),
        )
        self.circuits = Circuits(monotonic=clock)
        self.resting = Resting(house, self.circuits)
        self.resting.look()

    def first_of(self, people=200):
        return [self.circuits.order(ACCOUNTS, f"{number}")[0].name for number in range(people)]


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr(rates, "clock", made)
    return made


@pytest.fixture
def a_process(tmp_path, clock):
    """Starts one that knows nothing but what stands in the database."""
    databases = []

    def start():
        databases.append(Database(f"sqlite:///{tmp_path / 'tocsin.db'}"))
        if len(databases) == 1:
            databases[0].migrate()
        return Process(databases[-1], clock)

    yield start
    for database in databases:
        database.close()


def test_the_next_run_asks_the_second_account_at_once(a_process):
    early = a_process()
    early.circuits.troubled("first", surely=True)
    early.resting.tell()

    assert set(a_process().first_of()) == {"second"}


def test_a_process_at_work_hears_of_it_with_its_next_batch(a_process):
    one, other = a_process(), a_process()
    one.circuits.troubled("first", surely=True)
    one.resting.look()
    assert set(other.first_of()) == {"first"}
    other.resting.look()
    assert set(other.first_of()) == {"second"}


def test_after_the_rest_one_process_tries_it_and_the_others_leave_it_alone(a_process, clock):
    one, other = a_process(), a_process()
    one.circuits.troubled("first", surely=True)
    one.resting.look()
    other.resting.look()
    clock.now += FIRST_REST_SECONDS + 1
    other.resting.look()
    one.resting.look()
    assert one.first_of().count("first") == 0
    assert other.first_of().count("first") == PROBES
    assert set(a_process().first_of()) == {"second"}

    for _ in range(PROBES):
        other.circuits.answered("first")
    other.resting.look()
    one.resting.look()
    assert one.circuits.state("first") is State.CLOSED
    assert 100 < one.first_of().count("first") < 200  # nearly all at first, for it had little trouble
    for _ in range(200):
        one.circuits.answered("first")
    one.resting.look()
    other.resting.look()
    assert set(other.first_of()) == set(a_process().first_of()) == {"first"}


def test_who_tries_it_in_vain_opens_it_for_all_and_for_longer(a_process, clock):
    one, other = a_process(), a_process()
    one.circuits.troubled("first", surely=True)
    one.resting.look()
    clock.now += FIRST_REST_SECONDS + 1
    one.resting.look()
    assert one.first_of().count("first") == PROBES
    one.circuits.troubled("first")
    one.resting.look()
    other.resting.look()
    clock.now += FIRST_REST_SECONDS + 1
    other.resting.look()
    assert other.circuits.state("first") is State.OPEN


def test_where_the_one_that_tries_is_killed_another_tries(a_process, clock):
    one, other = a_process(), a_process()
    one.circuits.troubled("first", surely=True)
    one.resting.look()
    clock.now += FIRST_REST_SECONDS + 1
    one.resting.look()
    other.resting.look()
    assert other.first_of().count("first") == 0
    clock.now += told.PROBING_SECONDS
    other.resting.look()
    assert other.first_of().count("first") == PROBES


def test_news_that_cannot_be_told_now_are_told_later(a_process, monkeypatch):
    one = a_process()
    one.circuits.troubled("first", surely=True)
    with monkeypatch.context() as broken:
        broken.setattr(told, "tell", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            one.resting.look()
    one.resting.look()
    assert set(a_process().first_of()) == {"second"}


def test_a_single_trouble_is_nothing_to_tell_and_a_share_that_moved_is(a_process):
    one = a_process()
    one.circuits.troubled("first")
    one.resting.look()
    assert a_process().first_of().count("first") == 200
    one.circuits.answered("first")
    for _ in range(4):
        for _ in range(4):  # not five in a row: it is not opened
            one.circuits.troubled("first")
        one.circuits.answered("first")
    one.resting.look()
    assert 40 < a_process().first_of().count("first") < 160


def test_while_all_is_well_a_batch_costs_one_read(a_process):
    one, seen = a_process(), []
    engine = one.resting._house.database.engine
    sqlalchemy.event.listen(engine, "before_cursor_execute", lambda *said: seen.append(said[2]))
    one.resting.look()
    assert len([statement for statement in seen if not statement.startswith(("BEGIN", "PRAGMA"))]) == 1
