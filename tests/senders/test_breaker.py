from dataclasses import dataclass

import pytest

from notifiers.breaker import FIRST_REST_SECONDS, LONGEST_REST_SECONDS, PROBES, RUN_OF_TROUBLE, Circuits, State


@dataclass(frozen=True)
class Account:
    name: str


ONE, TWO, THREE = Account("one"), Account("two"), Account("three")


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def circuits(clock):
    return Circuits(monotonic=clock)


def firsts(circuits, accounts, n=1000):
    chosen = [circuits.order(accounts, str(number))[0].name for number in range(n)]
    return {name: chosen.count(name) for name in set(chosen)}


def trip(circuits, name="one"):
    for _ in range(RUN_OF_TROUBLE):
        circuits.troubled(name)


def test_while_all_work_the_settings_order_counts(circuits):
    accounts = (ONE, TWO)
    assert circuits.order(accounts, "any") is accounts  # it costs nothing
    circuits.answered("one")
    assert firsts(circuits, accounts) == {"one": 1000}


def test_a_run_of_trouble_opens_and_the_second_takes_all(circuits):
    trip(circuits)
    assert circuits.state("one") is State.OPEN
    assert circuits.state("two") is State.CLOSED
    assert firsts(circuits, (ONE, TWO)) == {"two": 1000}
    assert circuits.order((ONE, TWO), "any") == [TWO, ONE]  # last, and not left out


def test_one_answer_breaks_the_run(circuits):
    for _ in range(4):
        for _ in range(RUN_OF_TROUBLE - 1):
            circuits.troubled("one")
        circuits.answered("one")
    assert circuits.state("one") is State.CLOSED


def test_some_trouble_moves_a_share_and_answers_bring_it_back(circuits):
    for _ in range(10):
        circuits.troubled("one")
        circuits.answered("one")
    shares = firsts(circuits, (ONE, TWO))
    assert 200 < shares["two"] < 700
    assert shares == firsts(circuits, (ONE, TWO))  # a key keeps its account
    for _ in range(200):
        circuits.answered("one")
    assert firsts(circuits, (ONE, TWO)) == {"one": 1000}


def test_after_a_rest_a_few_messages_try_it_and_their_answers_close_it(circuits, clock):
    trip(circuits)
    clock.now = FIRST_REST_SECONDS
    assert circuits.state("one") is State.HALF_OPEN
    assert firsts(circuits, (ONE, TWO)) == {"one": PROBES, "two": 1000 - PROBES}
    for _ in range(PROBES):
        assert circuits.state("one") is State.HALF_OPEN
        circuits.answered("one")
    assert circuits.state("one") is State.CLOSED
    assert firsts(circuits, (ONE, TWO))["one"] > 400


def test_a_probe_that_fails_doubles_the_rest_up_to_a_quarter_of_an_hour(circuits, clock):
    trip(circuits)
    rests = []
    for _ in range(7):
        begun = clock.now
        while circuits.state("one") is State.OPEN:
            clock.now += 1
        rests.append(clock.now - begun)
        circuits.troubled("one")
    assert rests == [30, 60, 120, 240, 480, 900, 900]
    assert rests[-1] == LONGEST_REST_SECONDS


def test_a_provider_s_own_word_is_longer_than_our_rest(circuits, clock):
    circuits.troubled("one", retry_after_seconds=100, surely=True)
    clock.now = 99
    assert circuits.state("one") is State.OPEN
    clock.now = 100
    assert circuits.state("one") is State.HALF_OPEN


def test_probes_that_were_never_answered_are_given_out_again(circuits, clock):
    trip(circuits)
    clock.now = FIRST_REST_SECONDS
    assert firsts(circuits, (ONE, TWO))["one"] == PROBES
    assert firsts(circuits, (ONE, TWO)) == {"two": 1000}
    clock.now = 2 * FIRST_REST_SECONDS
    assert firsts(circuits, (ONE, TWO))["one"] == PROBES


def test_when_all_are_down_the_order_is_that_of_the_settings(circuits):
    for account in (ONE, TWO, THREE):
        trip(circuits, account.name)
    assert circuits.order((ONE, TWO, THREE), "any") == [ONE, TWO, THREE]
