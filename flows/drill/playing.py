"""A drill from the declaration to its end: the real steps, on a clock that jumps to the next thing that happens.

Between two things nothing is due, so that leaving the minutes out changes nothing; `every_minute` leaves none out.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

from pendulum import DateTime
from sqlalchemy.orm import Session

from db import events, watch
from db import facts as facts_store
from db import people as people_store
from flows.drill import doing, due, people, wanted
from flows.drill.house import DrillHouse
from flows.drill.work import Cast, Done
from flows.steps import declaring, enrolling, notifying, responding, watching
from notifiers.fakes.scripted import Scripted
from tocsin import facts as fact_parser
from tocsin.scenario import RESPONDER, Group, Inject, merged

MINUTE = timedelta(minutes=1)
Tell = Callable[[DateTime, str, str], None]


@dataclass(frozen=True, kw_only=True)
class Moment:
    """One thing that happened, for the audience and the report. `kind` is a closed word."""

    at: DateTime
    kind: str
    said: str


@dataclass
class Play:
    """One drill under way."""

    house: DrillHouse
    stage: Scripted
    cast: Cast
    tell: Tell = lambda _at, _kind, _said: None
    every_minute: bool = False
    incident: str = ""
    moments: list[Moment] = field(default_factory=list)
    missed_minutes: int = 0
    looks: int = 0
    _injects: list[Inject] = field(default_factory=list)
    _touched: bool = True  # somebody did something since the last look: they also run `respond`
    _moved: bool = True  # there may be something new for people to do
    _last: DateTime | None = None
    _enrolled: int = 0
    _asked: int = 0

    @property
    def begins(self) -> DateTime:
        """The declaration."""
        return self.house.scenario.starts.in_timezone("UTC")

    @property
    def ends(self) -> DateTime:
        """The end of the drill."""
        return self.begins + self.house.scenario.lasts

    def run(self) -> None:
        """Play it to its end."""
        self._declare()
        self._injects = sorted(self.house.scenario.injects, key=lambda one: one.at)
        while (at := self._next()) < self.ends:
            self.house.clock.to(at)
            self._inject(at)
            self._work(at)
            if self._looks_at(at):
                self._look(at)
            self._ask(at)
        self.house.clock.to(self.ends)

    def note(self, kind: str, said: str) -> None:
        """Say what happened."""
        self.moments.append(Moment(at=self.house.now(), kind=kind, said=said))
        self.tell(self.house.now(), kind, said)

    def _declare(self) -> None:
        scenario = self.house.scenario
        facts = fact_parser.parse(scenario.facts, source=f"scenario {scenario.id}")
        by = scenario.cast[scenario.members(RESPONDER)[0]].name
        made = declaring.declare(self.house, facts, plan=scenario.plan, by=by, now=self.house.now(), drill=True)
        self.incident = made.incident
        self.note("declared", f"{by} declares the incident; {len(made.changes)} duties are known")
        self._ask(self.house.now())

    def _next(self) -> DateTime:
        """The next instant at which anything happens; the end, if nothing does."""
        now = self.house.now()
        times = [self.ends]
        if self._injects:
            times.append(max(now, self.begins + self._injects[0].at))
        works = self.cast.next_at(now)
        if works is not None:
            times.append(max(now, works))
        times.append(self._next_look(now))
        return min(times)

    def _next_look(self, now: DateTime) -> DateTime:
        """The next minute at which the watch looks: something is due, was touched, or every minute is wanted."""
        since = self._last or now
        soonest = due.whole_minute(max(now, since + MINUTE) if self._last is not None else now)
        at = soonest
        if not (self.every_minute or self._touched):
            moves = [due.next_rung(self.house, since), self.stage.next_word()]
            every = self.house.scenario.ladder_every
            rungs = [due.rounded(one, self.begins, every) for one in moves if one is not None]
            looks = [due.next_look(self.house, since), self._back(since)]
            found = [*rungs, *(one for one in looks if one is not None)]
            at = max(soonest, due.whole_minute(min(found))) if found else self.ends
        while (back := self._down_until(at)) is not None:
            at = due.whole_minute(back)
        return at

    def _down_until(self, at: DateTime) -> DateTime | None:
        """When the watch is up again, if it is down at that instant."""
        for one in self.house.scenario.injects:
            if one.watch_down and one.lasts is not None:
                begins = self.begins + one.at
                if begins <= at < begins + one.lasts:
                    return begins + one.lasts
        return None

    def _back(self, since: DateTime) -> DateTime | None:
        """When the watch comes back next: its first look says for how long it was away."""
        spans = [
            self.begins + one.at + one.lasts for one in self.house.scenario.injects if one.watch_down and one.lasts
        ]
        return min((back for back in spans if back > since), default=None)

    def _looks_at(self, at: DateTime) -> bool:
        if at != due.whole_minute(at) or self._down_until(at) is not None or (self._last and at <= self._last):
            return False
        return at == self._next_look(at)

    def _look(self, at: DateTime) -> None:
        """One look of the watch, and `respond` where it says so or somebody did something."""
        self._beat_meanwhile(at)
        told = self.stage.words(at)
        if told:
            self.house.database.transact(partial(events.store, events=told, now=at))
        seen = watching.run(self.house)
        self.looks += 1
        self.missed_minutes += seen.missed_minutes
        touched, self._touched, self._last = self._touched, False, at
        if touched or seen.ready:
            before = dict(self.stage.taken)
            self._go_on(touched=touched)
            sent = {str(channel): n - before.get(channel, 0) for channel, n in sorted(self.stage.taken.items())}
            if any(sent.values()):
                self.note("sent", "messages handed over: " + ", ".join(f"{k} {n}" for k, n in sent.items() if n))
        if seen.missed_minutes:
            self.note("watch", f"the watch was away for {seen.missed_minutes} minutes and catches up")
        for line in (*(f"overdue: {one}" for one in seen.overdue), *(f"warning: {one}" for one in seen.warned)):
            self.note("overdue" if line.startswith("overdue") else "warning", self.plain(line))
        for trouble in seen.troubles:
            self.note("trouble", self.plain(trouble))
        self._moved = True

    def _go_on(self, *, touched: bool) -> None:
        """Run `respond`; where only the ladder moves, its phase `notify` alone: the others wait for its end."""
        if not touched:
            responding.run_phase(self.house, self.incident, notifying.PHASE)
            with self.house.database.reading() as session:
                if people_store.counts(session, self.incident).pending:
                    return
        responding.respond(self.house, self.incident)

    def plain(self, said: str) -> str:
        """A sentence without the incident's id, which differs from drill to drill."""
        return said.replace(f"{self.incident} ", "").replace(self.incident, "the incident")

    def _beat_meanwhile(self, at: DateTime) -> None:
        """The looks that were left out left their heartbeats: those of the last minute at which the watch was up."""
        if self._last is None or at - self._last <= MINUTE:
            return
        last = at - MINUTE
        for one in self.house.scenario.injects:
            begins = self.begins + one.at
            if one.watch_down and one.lasts is not None and begins <= last < begins + one.lasts:
                last = due.whole_minute(begins) - MINUTE
        if last > self._last:
            self.house.database.transact(partial(_beat, last))

    def _work(self, at: DateTime) -> None:
        for who, job, begun in self.cast.finished(at):
            refused = doing.act(self.house, self.incident, who, job)
            self.cast.history.append(Done(job=job, begun=begun, done=at, refused=refused, by=who))
            said = f"{who} {_PAST[job.kind]} {_about(job.kind, job.of)}"
            if job.kind != "answer" and refused != doing.MOOT:
                self.note("refused" if refused else job.kind, self.plain(f"{said}: {refused}" if refused else said))
            self._touched = self._touched or _goes_on(job.kind, job.of)
            self._moved = True
        self.cast.begin(at)

    def _ask(self, at: DateTime) -> None:
        """Let people know what waits for them, and take back what does not any more."""
        if not self._moved:
            return
        self._moved = False
        with self.house.database.reading() as session:
            found = list(wanted.jobs(self.house, session, self.incident))
        self.cast.withdraw({job.key for job in found})
        for job in found:
            self.cast.ask(job)
        self.cast.begin(at)

    def _inject(self, at: DateTime) -> None:
        while self._injects and self.begins + self._injects[0].at <= at:
            one = self._injects.pop(0)
            self._moved = True
            self._touched = self._touched or one.kind in {"facts", "people"}
            _INJECTED[one.kind](self, one)

    def new_facts(self, one: Inject) -> None:
        """Put a new version of the facts."""
        with self.house.database.reading() as session:
            known = facts_store.latest(session, self.incident)
        assert known is not None
        assert one.facts is not None
        facts = fact_parser.parse(merged(known.document, one.facts), source="the scenario")
        by = self.house.scenario.cast[self.house.scenario.members(RESPONDER)[0]].name
        changes = declaring.change_facts(self.house, self.incident, facts, by=by, now=self.house.now())
        self.note("facts", f"new facts: {', '.join(sorted(one.facts))}; {len(changes)} changes of duties")

    def new_people(self, groups: tuple[Group, ...]) -> None:
        """Import a further wave."""
        path = self.house.folder / f"people-{self._enrolled}.csv"
        made = people.write(path, groups, seed=self.house.scenario.seed, first=self._enrolled)
        by = self.house.scenario.cast[self.house.scenario.members(RESPONDER)[0]].name
        done = enrolling.enrol(self.house, self.incident, path, mapping=[], by=by, now=self.house.now())
        self._enrolled += made
        self.note("people", f"a roster of {done.people} people is imported, {done.rejected} rows rejected")

    def question(self, one: Inject) -> None:
        """A regulator asks."""
        assert one.question is not None
        self._asked += 1
        until = self.house.now() + one.question.within
        doing.open_question(self.house, self.incident, self._asked, one.question.title, one.question.owner, until)
        self.note("question", f"a regulator asks: {one.question.title}")


def _goes_on(kind: str, of: str) -> bool:
    """Whether somebody who did this also runs `respond`: something may leave now, or a next stage has begun."""
    return kind in {"write", "file"} or (kind == "approve" and not of.startswith("report:"))


def _beat(at: DateTime, session: Session) -> None:
    watch.beat(session, watching.HEARTBEAT, at=at)


def _about(kind: str, of: str) -> str:
    return (
        of.rpartition(" ")[0]
        if kind == "approve" or (kind == "write" and not of.startswith(("notice in", "report:")))
        else of
    )


_PAST = {
    "task": "finishes",
    "write": "writes",
    "approve": "decides on",
    "file": "hands in",
    "duty": "does",
    "answer": "answers",
}

_INJECTED: dict[str, Callable[[Play, Inject], None]] = {
    "facts": Play.new_facts,
    "people": lambda play, one: play.new_people(one.people or ()),
    "question": Play.question,
    "outage": lambda play, one: play.note("outage", f"the {one.outage} provider is away for {one.lasts}"),
    "bounces": lambda play, one: play.note(
        "bounces",
        f"{one.bounces.percent if one.bounces else 0} % of {one.bounces.channel if one.bounces else ''} come back",
    ),
    "watch_down": lambda play, one: play.note("watch", f"the watch goes down for {one.lasts}"),
    "absent": lambda play, one: play.note("absent", f"{one.absent} is away for {one.lasts}"),
}
