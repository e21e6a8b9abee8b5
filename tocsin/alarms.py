"""Which warning about a duty is due now, to whom, and when to look again. A plan's `watch` part in motion.

It is level-triggered: of several steps that passed unseen only the last is said, and the others are named as missed.
Nothing here asks the clock, and nothing remembers: what was said comes in with the `Standing`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from pendulum import DateTime

from tocsin.durations import parse
from tocsin.quiet import Hours, Night
from tocsin.watchtext import WatchText

DUE = "due"
OVERDUE = 100  # the level of the due time and of everything behind it, where warnings before it have their percentage
INSTANT = timedelta(microseconds=1)  # the last instant of a term is still in time


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of a duty's warnings: `75%`, `before-PT2H`, `due`, `after-3`; `level` is the share of time gone."""

    name: str
    at: DateTime
    level: int

    @property
    def said(self) -> str:
        """The step in words."""
        kind, _, rest = self.name.partition("-")
        if kind == "before":
            return f"due in {rest}"
        if kind == "after":
            return f"overdue, said {int(rest) + 1} times"
        return "overdue" if kind == DUE else f"{self.level} % of the time is gone"


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A duty as the watch finds it: its clock, what was said last (a step, and the target it was about), and answers.

    `freezes` is the time after which it is late by law, while that is not recorded yet.
    """

    starts: DateTime
    target: DateTime
    freezes: DateTime | None = None
    step: str | None = None
    about: DateTime | None = None
    acked_step: str | None = None
    acked_about: DateTime | None = None
    snoozed_until: DateTime | None = None


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What to say now, if anything; what passed unsaid; what to remember; and when to look again."""

    say: Step | None
    missed: tuple[str, ...]
    step: str | None
    look_at: DateTime | None


@dataclass(frozen=True)
class Alarms:
    """The warnings of one plan."""

    text: WatchText

    def decide(self, standing: Standing, now: DateTime) -> Decision:
        """What is to be said of a duty at `now`.

        A step that was said before a deadline moved is not said again, unless the new deadline put it off. Where the
        clock went back a step may come up again: whoever sends knows what was said of this very deadline.
        """
        steps = self._steps(standing, now)
        passed = [step for step in steps if step.at <= now]
        known, top = _place(steps, standing.step), len(passed) - 1
        snoozed = standing.snoozed_until is not None and now < standing.snoozed_until
        due_unsaid = any(step.name == DUE for step in passed[known + 1 :])
        waits = top > known and snoozed and not due_unsaid  # the due time itself is never slept through
        says = top > known and not waits
        remembered = standing.step
        if says or top < known:  # what lies ahead again, for the deadline moved or the clock went back, may come again
            remembered = passed[top].name if passed else None
        return Decision(
            say=passed[top] if says else None,
            missed=tuple(step.name for step in passed[known + 1 : top]) if says else (),
            step=remembered,
            look_at=_next_look(standing, steps, now, waits=waits),
        )

    def chain(self, *, key: str, audience: str) -> tuple[str, ...]:
        """Whom a duty's warnings go to, one after the other: its owner, then up. Names of people, roles and groups."""
        owner = next((one.people for one in self.text.owners if one.fits(key=key, audience=audience)), ())
        return tuple(dict.fromkeys((*owner, *self.text.people)))

    @property
    def escalate_seconds(self) -> int | None:
        """How long a person has to answer before the next is asked; None: nobody is asked for silence alone."""
        after = self.text.escalate_after
        return None if after is None else int(after.total_seconds())

    def gathered(self, step: Step) -> bool:
        """Whether a step waits for the morning's digest."""
        gathers = self.text.digest.gathers if self.text.digest else ()
        return step.name.endswith("%") and step.level in gathers

    def not_before(self, step: Step, *, zone: str, target: DateTime, now: DateTime) -> DateTime:
        """When a warning may reach a person in `zone`: now, or when their quiet hours end.

        The due time's own warning does not wait, nor any other where the due time would pass meanwhile.
        """
        if self.text.quiet is None or step.name == DUE:
            return now
        hours = Hours(begins=self.text.quiet.begins, ends=self.text.quiet.ends)
        morning = Night(hours, zone).until(hours.channels[0], now)
        return now if morning is None or now < target <= morning else morning

    def _steps(self, standing: Standing, now: DateTime) -> list[Step]:
        """Every step up to the due time in order, and of the repetitions behind it those that have passed, and one."""
        length = _span(min(standing.starts, standing.target), standing.target)
        fixed = [
            *(Step(name=f"{p}%", at=standing.target - length * (100 - p) / 100, level=p) for p in self.text.warn_at),
            *self._fixed(standing, length),
        ]
        before = sorted((step for step in fixed if step.at < standing.target), key=lambda step: step.at)
        due = Step(name=DUE, at=standing.target, level=OVERDUE)
        return [*before, due, *self._repetitions(standing, now)]

    def _fixed(self, standing: Standing, length: timedelta) -> Iterable[Step]:
        """Warnings a fixed time before; one that is longer than the whole term would say nothing."""
        for written in self.text.before:
            ahead = parse(written)
            if ahead < length:
                level = int(100 * (1 - ahead / length))
                yield Step(name=f"before-{written}", at=standing.target - ahead, level=level)

    def _repetitions(self, standing: Standing, now: DateTime) -> list[Step]:
        if self.text.after is None or now < standing.target or _silenced(standing):
            return []
        every = self.text.after.every
        passed = _span(standing.target, now) // every
        # Only the last one that has passed is said: the ones before it need no step of their own.
        return [
            Step(name=f"after-{number}", at=standing.target + every * number, level=OVERDUE)
            for number in (passed, passed + 1)
            if number
        ]


def _next_look(standing: Standing, steps: Sequence[Step], now: DateTime, *, waits: bool) -> DateTime | None:
    until = standing.snoozed_until
    following = [
        step.at if until is None or step.name == DUE else max(step.at, until) for step in steps if step.at > now
    ]
    if waits and until is not None:
        following.append(until)
    if standing.freezes is not None and standing.freezes >= now:
        following.append(standing.freezes + INSTANT)
    return min(following, default=None)


def _span(start: DateTime, end: DateTime) -> timedelta:
    return timedelta(seconds=(end - start).total_seconds())


def _place(steps: Sequence[Step], name: str | None) -> int:
    """Where in the order of steps the one said last stands; repetitions count up behind the due time."""
    if name is None:
        return -1
    names = [step.name for step in steps]
    if name in names:
        return names.index(name)
    # A repetition that is no longer listed, or a step that the plan no longer has: what is known is the due time.
    return names.index(DUE) if name.startswith("after-") else -1


def _silenced(standing: Standing) -> bool:
    """Whether somebody acknowledged at or after the due time: then it is not repeated."""
    late = standing.acked_step == DUE or (standing.acked_step or "").startswith("after-")
    return late and standing.acked_about == standing.target
