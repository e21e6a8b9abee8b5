"""How the people who are still to be told flow up the ladder, simulated from what was measured.

Each channel is a queue with one speed; people move in groups of equal standing through time steps. The same waits,
quiet hours and shrinking before the deadline hold as in `tocsin.ladder`, whose functions are asked.
"""

import heapq
import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from pendulum import DateTime

from tocsin import ladder
from tocsin.delivery import Channel
from tocsin.ladder import Rung, SettlesOn
from tocsin.pace import Pace
from tocsin.quiet import Night

STEPS = 200  # so finely the whole work is cut
_LEAST = 1e-4  # people: smaller crumbs are forgotten
_LONGEST_SECONDS = 3660 * 86400.0


@dataclass(frozen=True, kw_only=True)
class Cohort:
    """People with the same standing.

    `rungs` are still to be tried, the first from `ready` on. `pending` is the rung whose answer they wait for until
    then, with the time of its message; `taken` says that a provider has taken some message for them.
    """

    people: float
    rungs: tuple[Rung, ...]
    ready: DateTime
    night: Night | None = None
    pending: Rung | None = None
    pending_since: DateTime | None = None
    taken: bool = False


@dataclass(frozen=True, kw_only=True)
class Outflow:
    """What the simulation says. `late` have a message that would leave after the deadline; all counts are of people.

    `messages` are still to be sent, by channel; `busy_until` is when a channel has sent its last one.
    """

    messages: Mapping[Channel, float]
    busy_until: Mapping[Channel, DateTime]
    last_message: DateTime | None
    done: DateTime | None
    late: float
    unreached: float


@dataclass(frozen=True, eq=False)
class _Route:
    """The rungs that are left, the same object for the same rungs, so that groups are merged quickly."""

    rungs: tuple[Rung, ...]
    after: "_Route | None"


@dataclass(frozen=True)
class _Group:
    step: int
    route: _Route
    night: Night | None
    taken: bool
    late: bool


@dataclass
class _World:
    paces: Mapping[Channel, Pace]
    now: DateTime
    deadline: DateTime | None
    step_seconds: float
    routes: dict[tuple[Rung, ...], _Route] = field(default_factory=dict)
    waiting: dict[_Group, float] = field(default_factory=dict)
    queue: list[tuple[int, int, _Group]] = field(default_factory=list)
    order: Iterator[int] = field(default_factory=itertools.count)
    free: dict[Channel, float] = field(default_factory=lambda: defaultdict(float))
    messages: dict[Channel, float] = field(default_factory=lambda: defaultdict(float))
    last_message: float = -1.0
    done: float = -1.0
    late: float = 0.0
    unreached: float = 0.0

    def route(self, rungs: tuple[Rung, ...]) -> _Route:
        """The route of these rungs, leaving out channels on which nothing can be sent."""
        usable = tuple(rung for rung in rungs if rung.channel in self.paces)
        if usable not in self.routes:
            self.routes[usable] = _Route(usable, self.route(usable[1:]) if usable else None)
        return self.routes[usable]

    def at(self, seconds: float) -> DateTime:
        return self.now.add(seconds=min(seconds, _LONGEST_SECONDS))

    def put(
        self, people: float, seconds: float, route: _Route, night: Night | None, *, taken: bool, late: bool
    ) -> None:
        """Let people wait for the first rung of the route, or come to the end of it."""
        if people < _LEAST:
            return
        if not route.rungs:
            self.done = max(self.done, seconds)
            self.unreached += 0.0 if taken else people
            return
        group = _Group(math.ceil(max(seconds, 0.0) / self.step_seconds), route, night, taken, late)
        if group not in self.waiting:
            self.waiting[group] = 0.0
            heapq.heappush(self.queue, (group.step, next(self.order), group))
        self.waiting[group] += people

    def run(self) -> None:
        """Send until nobody waits any more."""
        while self.queue:
            group = heapq.heappop(self.queue)[2]
            self._send(group, self.waiting.pop(group))

    def _send(self, group: _Group, people: float) -> None:
        channel = group.route.rungs[0].channel
        pace = self.paces[channel]
        start = max(group.step * self.step_seconds, self.free[channel])
        morning = group.night and ladder.morning_for(
            group.night, group.route.rungs, now=self.at(start), deadline=self.deadline
        )
        if morning and start < _LONGEST_SECONDS:
            seconds = (morning - self.now).total_seconds()
            self.put(people, seconds, group.route, group.night, taken=group.taken, late=group.late)
            return
        share = people if start >= _LONGEST_SECONDS else min(people, pace.per_second * self.step_seconds)
        end = self.free[channel] = start + share / pace.per_second
        if people > share:
            # Half a step early: the channel itself is not free before, and rounding must not leave it idle.
            again = end - self.step_seconds / 2
            self.put(people - share, again, group.route, group.night, taken=group.taken, late=group.late)
        self._sent(group, share, start, end, pace)

    def _sent(self, group: _Group, people: float, start: float, end: float, pace: Pace) -> None:
        self.messages[pace.channel] += people
        self.last_message = max(self.last_message, end)
        late = group.late
        if self.deadline is not None and not late:
            limit = (self.deadline - self.now).total_seconds()
            over = min(max((end - limit) / (end - start), 0.0), 1.0) if end > start else float(end > limit)
            self.late += people * over
            late = over > 0.5
        failed = people * pace.failed
        above = group.route.after
        assert above is not None
        self.put(failed, end, above, group.night, taken=group.taken, late=late)
        self._answer(group, people - failed, end, pace, late=late)

    def _answer(self, group: _Group, people: float, end: float, pace: Pace, *, late: bool) -> None:
        """Those whose message was taken: some get a receipt, the others wait and climb, or end unconfirmed."""
        rung, above = group.route.rungs[0], group.route.after
        wait = ladder.patience(group.route.rungs, self.at(end), self.deadline).total_seconds()
        if rung.settles_on is SettlesOn.ACCEPTED or above is None or not above.rungs:
            self.done = max(self.done, end + wait)
            return
        delivered = min(people, people * pace.delivered / max(1 - pace.failed, 1e-9))
        if delivered >= _LEAST:
            self.done = max(self.done, end + min(pace.lag(0.9), wait))
        self.put(people - delivered, end + wait, above, group.night, taken=True, late=late)


def simulate(
    cohorts: Iterable[Cohort], paces: Mapping[Channel, Pace], *, now: DateTime, deadline: DateTime | None
) -> Outflow:
    """Let the people flow until each has an end; channels without a pace are passed over."""
    crowd = list(cohorts)
    world = _World(paces=paces, now=now, deadline=deadline, step_seconds=_step_seconds(crowd, paces))
    for cohort in crowd:
        _enter(world, cohort)
    world.run()
    return Outflow(
        messages=dict(world.messages),
        busy_until={channel: world.at(world.free[channel]) for channel in world.messages},
        last_message=world.at(world.last_message) if world.last_message >= 0 else None,
        done=world.at(world.done) if world.done >= 0 else None,
        late=world.late,
        unreached=world.unreached,
    )


def faster(paces: Mapping[Channel, Pace], channel: Channel, factor: float) -> dict[Channel, Pace]:
    """The same paces with one channel so many times as fast."""
    pace = paces[channel]
    return {**paces, channel: replace(pace, per_second=pace.per_second * factor)}


def _step_seconds(crowd: Iterable[Cohort], paces: Mapping[Channel, Pace]) -> float:
    work: dict[Channel, float] = defaultdict(float)
    for cohort in crowd:
        for rung in cohort.rungs:
            if rung.channel in paces:
                work[rung.channel] += cohort.people / paces[rung.channel].per_second
    return max(1.0, min(max(work.values(), default=0.0), _LONGEST_SECONDS) / STEPS)


def _enter(world: _World, cohort: Cohort) -> None:
    seconds = (cohort.ready - world.now).total_seconds()
    people, rung = cohort.people, cohort.pending
    if rung is not None and cohort.pending_since is not None and rung.channel in world.paces:
        pace = world.paces[rung.channel]
        if rung.settles_on is SettlesOn.ACCEPTED:
            settling = 1 - pace.failed
        else:
            settling = pace.still_delivered(world.now - cohort.pending_since)
        world.done = max(world.done, seconds)
        people *= 1 - settling
    route = world.route(cohort.rungs)
    world.put(people, seconds, route, cohort.night, taken=cohort.taken or rung is not None, late=False)
