"""The cast at work: each does one thing at a time, the most pressing first, in their hours and when there."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from pendulum import DateTime

from tocsin.cast import Calendar
from tocsin.scenario import Scenario

QUICK = ("approve", "answer")  # what people do before they go on with longer work
_FAR = timedelta(days=3650)


@dataclass(frozen=True, kw_only=True)
class Job:
    """One thing that somebody is asked to do. `kind` is a name of `tocsin.cast.Takes`; `of` is what it is about."""

    kind: str
    of: str
    who: str
    asked: DateTime
    due: DateTime | None = None
    role: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes it one and the same: nobody is asked twice."""
        return self.kind, self.of, self.who


@dataclass(frozen=True, kw_only=True)
class Done:
    """A job that was done, or that could not be (`refused` says why); `by` is the deputy where one stood in."""

    job: Job
    by: str
    begun: DateTime
    done: DateTime
    refused: str | None = None


@dataclass
class _Desk:
    calendar: Calendar
    queue: list[Job] = field(default_factory=list)
    at_hand: Job | None = None
    begun: DateTime | None = None
    ends: DateTime | None = None


@dataclass
class Cast:
    """Everybody, what they have to do and what they did."""

    scenario: Scenario
    history: list[Done] = field(default_factory=list)
    _desks: dict[str, _Desk] = field(default_factory=dict)
    _known: set[tuple[str, str, str]] = field(default_factory=set)

    def __post_init__(self) -> None:
        for name, member in self.scenario.cast.items():
            self._desks[name] = _Desk(Calendar(member, _away(self.scenario, name)))

    def ask(self, job: Job) -> bool:
        """Put a job on somebody's desk, or their deputy's while they are away; False where it was asked before."""
        if job.key in self._known:
            return False
        self._known.add(job.key)
        deputy = self.scenario.cast[job.who].deputy
        away = self._desks[job.who].calendar.is_away(job.asked)
        self._desks[deputy if deputy and away else job.who].queue.append(job)
        return True

    def withdraw(self, wanted: Collection[tuple[str, str, str]]) -> None:
        """Take back what nobody has begun and that is not wanted any more; it may be asked again."""
        for desk in self._desks.values():
            gone = [job for job in desk.queue if job.key not in wanted]
            desk.queue = [job for job in desk.queue if job.key in wanted]
            self._known -= {job.key for job in gone}

    def next_at(self, now: DateTime) -> DateTime | None:
        """When somebody begins or ends something next."""
        times = [desk.ends for desk in self._desks.values() if desk.ends is not None]
        idle = [desk for desk in self._desks.values() if desk.ends is None and desk.queue]
        return min([*times, *(desk.calendar.next_at(now) for desk in idle)], default=None)

    def begin(self, now: DateTime) -> None:
        """Let everybody who works now and has nothing at hand take up the most pressing thing."""
        for name in sorted(self._desks):
            desk = self._desks[name]
            if desk.at_hand is not None or not desk.queue or not desk.calendar.works_at(now):
                continue
            desk.queue.sort(key=_pressing)
            desk.at_hand, desk.begun = desk.queue.pop(0), now
            takes: timedelta = getattr(self.scenario.cast[name].takes, desk.at_hand.kind)
            desk.ends = desk.calendar.done_at(now, takes)

    def finished(self, now: DateTime) -> list[tuple[str, Job, DateTime]]:
        """Take off the desks what is done by now: who did it, what, and when it was begun."""
        found = []
        for name in sorted(self._desks):
            desk = self._desks[name]
            if desk.ends is not None and desk.ends <= now:
                assert desk.at_hand is not None
                assert desk.begun is not None
                found.append((name, desk.at_hand, desk.begun))
                desk.at_hand = desk.begun = desk.ends = None
        return found

    def left(self) -> Mapping[str, Sequence[Job]]:
        """What is still on each desk."""
        return {
            name: [*([desk.at_hand] if desk.at_hand else []), *desk.queue]
            for name, desk in sorted(self._desks.items())
            if desk.at_hand or desk.queue
        }

    def was_away(self, name: str, since: DateTime, until: DateTime) -> bool:
        """Whether somebody was away at any time between."""
        return any(begins < until and since < ends for begins, ends in self._desks[name].calendar.away)

    def was_off(self, name: str, since: DateTime, until: DateTime) -> bool:
        """Whether working hours kept somebody from beginning at once."""
        return self._desks[name].calendar.next_at(since) > since and since < until


def _pressing(job: Job) -> tuple[bool, DateTime, DateTime, tuple[str, str, str]]:
    return job.kind not in QUICK, job.due or job.asked + _FAR, job.asked, job.key


def _away(scenario: Scenario, name: str) -> list[tuple[DateTime, DateTime]]:
    begins = scenario.starts.in_timezone("UTC")
    spans = [(one.begins, one.ends) for one in scenario.cast[name].away]
    spans += [(one.at, one.at + one.lasts) for one in scenario.injects if one.absent == name and one.lasts is not None]
    return sorted((begins + first, begins + last) for first, last in spans)
