"""Where people stand on their ladders, as groups that a forecast can count."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from pendulum import DateTime

from tocsin import ladder
from tocsin.delivery import Outcome, Verdict
from tocsin.ladder import Attempt, Rung, Rungs, Send, Settle
from tocsin.outflow import Cohort

_TAKEN = (Outcome.ACCEPTED, Outcome.UNKNOWN, Outcome.DELIVERED)
_REACHED = (Verdict.DELIVERED, Verdict.UNCONFIRMED, Verdict.UNCERTAIN)


def of_person(
    person: Rungs, attempts: Sequence[Attempt], steps: Sequence[Rung], *, now: DateTime, deadline: DateTime | None
) -> Cohort:
    """One person as a group of one: what the ladder would do next, and what is above it."""
    rungs = ladder.usable(person, steps)
    taken = any(attempt.outcome in _TAKEN for attempt in attempts)
    step = ladder.decide(person, attempts, steps, now=now, deadline=deadline)
    if isinstance(step, Settle):
        return Cohort(people=1, rungs=(), ready=now, taken=step.verdict in _REACHED)
    if isinstance(step, Send):
        place = next(place for place, rung in enumerate(rungs) if rung.channel is step.channel)
        return Cohort(people=1, rungs=rungs[place:], ready=now, night=person.night, taken=taken)
    made = {attempt.channel: attempt for attempt in sorted(attempts, key=lambda attempt: attempt.since)}
    waiting = Cohort(people=1, rungs=(), ready=step.until, night=person.night, taken=taken)
    for place, rung in enumerate(rungs):
        found = _waiting_on(waiting, rungs[place:], made.get(rung.channel), now=now, deadline=deadline)
        if found is not None:
            return found
    return waiting


def _waiting_on(
    waiting: Cohort, left: tuple[Rung, ...], attempt: Attempt | None, *, now: DateTime, deadline: DateTime | None
) -> Cohort | None:
    """Somebody who waits on the first rung of `left`; None where that rung is done with."""
    if attempt is None:
        return replace(waiting, rungs=left)
    if attempt.outcome.failed:
        return None
    if attempt.given_back:
        return replace(waiting, rungs=left) if attempt.tries < left[0].tries or len(left) == 1 else None
    until = attempt.since + ladder.patience(left, attempt.since, deadline)
    if until <= now and attempt.outcome is not Outcome.CLAIMED:
        return None
    ready = max(until, now)
    return replace(waiting, rungs=left[1:], ready=ready, pending=left[0], pending_since=attempt.since)


def merged(cohorts: Iterable[Cohort], *, weight: float = 1.0) -> list[Cohort]:
    """Groups of equal standing, to the minute; each person of a sample stands for `weight` people."""
    counts: dict[Cohort, float] = defaultdict(float)
    for cohort in cohorts:
        since = cohort.pending_since
        minute = replace(
            cohort,
            people=1,
            ready=cohort.ready.start_of("minute"),
            pending_since=since.start_of("minute") if since else None,
        )
        counts[minute] += cohort.people
    return [replace(cohort, people=people * weight) for cohort, people in counts.items()]
