"""What calls make of a task, from all reports of it and in whatever order they came."""

from itertools import permutations

import pendulum
import pytest

from tocsin.calls import TRY_AGAIN_AFTER, Report, Result, result_of, standing
from tocsin.delivery import Outcome

NOON = pendulum.datetime(2026, 11, 22, 12)


def report(result, hours=0, again=None):
    return Report(at=NOON.add(hours=hours), result=Result(result), call_again_at=again)


def told(*reports, most_tries=3):
    found = standing(reports, most_tries=most_tries)
    assert all(standing(order, most_tries=most_tries) == found for order in permutations(reports))
    return found


@pytest.mark.parametrize(
    ("result", "outcome", "reason"),
    [
        ("reached", Outcome.DELIVERED, None),
        ("wrong-number", Outcome.BOUNCED, "number-invalid"),
        ("declined", Outcome.REFUSED, "declined"),
        ("do-not-call", Outcome.REFUSED, "declined"),
    ],
)
def test_a_call_that_settles_the_matter_ends_the_task(result, outcome, reason):
    found = told(report("no-answer"), report(result, 1))

    assert (found.done, found.not_before, found.tries) == (True, None, 1)
    assert (found.said.outcome, found.said.reason, found.said.at) == (outcome, reason, NOON.add(hours=1))


def test_a_message_on_a_machine_ends_the_task_and_tells_nothing_for_sure():
    found = told(report("left-message"))

    assert (found.done, found.said) == (True, None)


def test_nobody_answers_until_the_number_is_given_up():
    first, second = told(report("no-answer")), told(report("no-answer"), report("no-answer", 2))
    third = told(report("no-answer"), report("no-answer", 2), report("no-answer", 4))

    assert (first.done, first.not_before) == (False, NOON + TRY_AGAIN_AFTER)
    assert (second.done, second.tries, second.said) == (False, 2, None)
    assert (third.done, third.said.outcome, third.said.reason) == (True, Outcome.BOUNCED, "no-answer")
    assert told(report("no-answer"), most_tries=1).done


def test_a_person_is_called_back_when_they_asked_for_it():
    tomorrow = NOON.add(days=1)
    found = told(report("no-answer"), report("call-back", 1, tomorrow))

    assert (found.done, found.not_before, found.tries) == (False, tomorrow, 1)


def test_who_was_reached_once_was_reached_whatever_a_later_call_says():
    calls = [report("reached", 1), report("wrong-number", 2), report("no-answer", 3)]
    found = told(*calls)

    assert (found.said.outcome, found.said.at) == (Outcome.DELIVERED, NOON.add(hours=3))


def test_callers_may_write_results_in_their_own_way_and_nothing_is_guessed():
    assert result_of(" No Answer ") is Result.NO_ANSWER
    assert result_of("left_message") is Result.LEFT_MESSAGE
    assert result_of("asked not to be called") is Result.DO_NOT_CALL
    assert result_of("probably") is None
