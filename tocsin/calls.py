"""Calling people from a list: what callers report, and what it means for the person.

A call task is for one attempt on the phone channel. Its reports come late, twice and out of order; how the task stands
is always worked out from all of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from pendulum import DateTime

from tocsin.delivery import DECLINED, NO_ANSWER, Outcome

TRY_AGAIN_AFTER: Final = timedelta(hours=2)  # after a call that nobody answered
MOST_TRIES: Final = 3  # where the plan's ladder has no rung for the phone


class Result(StrEnum):
    """What came of one call."""

    REACHED = "reached"  # the person heard the notice
    LEFT_MESSAGE = "left-message"  # on a machine, or with somebody else: nobody knows whether the person heard it
    NO_ANSWER = "no-answer"  # or engaged
    WRONG_NUMBER = "wrong-number"
    DECLINED = "declined"  # the person would not listen
    DO_NOT_CALL = "do-not-call"  # the person does not want to be called, now or later
    CALL_BACK = "call-back"  # the person asked to be called at another time


_SAID_OTHERWISE: Final = {
    "busy": Result.NO_ANSWER,
    "engaged": Result.NO_ANSWER,
    "voicemail": Result.LEFT_MESSAGE,
    "refused": Result.DECLINED,
    "refused-to-listen": Result.DECLINED,
    "asked-not-to-be-called": Result.DO_NOT_CALL,
    "callback": Result.CALL_BACK,
}
_ENDS: Final = frozenset(Result) - {Result.NO_ANSWER, Result.CALL_BACK}
_SAYS: Final = {
    Result.REACHED: (Outcome.DELIVERED, None),
    Result.WRONG_NUMBER: (Outcome.BOUNCED, "number-invalid"),
    Result.DECLINED: (Outcome.REFUSED, DECLINED),
    Result.DO_NOT_CALL: (Outcome.REFUSED, DECLINED),
}


@dataclass(frozen=True, kw_only=True)
class Report:
    """One call. `call_again_at` is when the person asked to be called, or when the caller means to try again."""

    at: DateTime
    result: Result
    call_again_at: DateTime | None = None


@dataclass(frozen=True, kw_only=True)
class Said:
    """What the calls make of the attempt: an outcome, when it was known, and a closed reason."""

    outcome: Outcome
    at: DateTime
    reason: str | None


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How a task stands. `said` is None while the attempt stays as it is: on the list, or with a message left."""

    done: bool
    tries: int
    not_before: DateTime | None
    last: Report
    said: Said | None


def result_of(text: str) -> Result | None:
    """The result that a caller wrote; None where it is no word that we know."""
    word = "-".join(text.strip().lower().replace("_", " ").split())
    return _SAID_OTHERWISE.get(word) or (Result(word) if word in list(Result) else None)


def standing(reports: Sequence[Report], *, most_tries: int) -> Standing:
    """How a task stands after these calls, of which there is at least one.

    Who was reached once was reached, whatever a later call says. Calls that nobody answers are given up after
    `most_tries`; then the number counts as one on which the person cannot be told.
    """
    ordered = sorted(reports, key=lambda report: (report.at, report.result))
    last, unanswered = ordered[-1], [report for report in ordered if report.result is Result.NO_ANSWER]
    ends = [report for report in ordered if report.result in _ENDS]
    given_up = len(unanswered) >= most_tries and not ends
    done = bool(ends) or given_up
    return Standing(
        done=done,
        tries=len(unanswered),
        not_before=None if done else last.call_again_at or last.at + TRY_AGAIN_AFTER,
        last=last,
        said=Said(outcome=Outcome.BOUNCED, at=last.at, reason=NO_ANSWER) if given_up else _said(ends, last),
    )


def _said(ends: Sequence[Report], last: Report) -> Said | None:
    if any(report.result is Result.REACHED for report in ends):
        return Said(outcome=Outcome.DELIVERED, at=last.at, reason=None)
    for report in reversed(ends):
        if report.result in _SAYS:
            outcome, reason = _SAYS[report.result]
            return Said(outcome=outcome, at=report.at, reason=reason)
    return None
