"""The forecast of an incident: measured from its own record, shown by `status`, checked by `watch`.

At most `SAMPLE` people are looked at, evenly over the roster; nobody's data are unsealed, no provider is asked.
"""

import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pendulum import DateTime
from sqlalchemy.orm import Session

from db import attempts, incidents, ledger, people, watch
from db import duties as duty_store
from db.attempts import Attempt
from db.people import Person
from flows.wiring import House
from notifiers import providers
from notifiers.providers import Provider
from tocsin import cohorts, forecast, ladder, pace
from tocsin.delivery import Channel
from tocsin.forecast import Forecast
from tocsin.ledger import EventType
from tocsin.outflow import Cohort
from tocsin.pace import Batch, Pace
from tocsin.plan import Plan

SAMPLE = 4000
ENTRIES = 500  # so many of the ledger's latest are looked through for batches
SUBJECT = "forecast"
RESPONDERS = "responders"


@dataclass
class _Routes:
    """Which channels the people of a place can be told on with the providers of the settings."""

    plan: Plan
    providers: Sequence[Provider]
    chosen: dict[Channel, dict[str, Provider]] = field(default_factory=lambda: defaultdict(dict))
    _of: dict[str, frozenset[Channel]] = field(default_factory=dict)

    def at(self, place: str) -> frozenset[Channel]:
        """The channels for which there is an allowed provider."""
        if place not in self._of:
            self._of[place] = frozenset(channel for channel in Channel if self._choose(channel, place))
        return self._of[place]

    def limit(self, channel: Channel) -> float | None:
        """Messages a second that the accounts of a channel allow together; None where one has no limit."""
        limits = [provider.rate_per_second for provider in self.chosen[channel].values()]
        return None if None in limits else sum(limit for limit in limits if limit is not None)

    def _choose(self, channel: Channel, place: str) -> bool:
        rules = self.plan.processors
        found = providers.allowed(
            self.providers,
            channel,
            place,
            contract_required=rules.contract_required,
            deletion_required=rules.deletion_required,
        )
        if isinstance(found, Provider):
            self.chosen[channel][found.name] = found
        return isinstance(found, Provider)


def look(house: House, incident: str) -> Forecast | None:
    """The forecast of an incident as it stands; None where there is no roster.

    Before the sending has begun it says what would be if it began now.
    """
    now = house.now()
    with house.database.reading() as session:
        plan = house.plan(incidents.get(session, incident).plan)
        counts = people.counts(session, incident)
        if not counts.total:
            return None
        until = deadline(session, incident)
        if not counts.pending:
            return forecast.foresee([], {}, now=now, deadline=until)
        sample = _sample(session, incident, counts.total)
        made = attempts.of_people(session, incident, list(sample))
        batches = _batches(session, incident)
    text = _text_under_way(made)
    routes = _Routes(plan, house.settings.providers)
    standing = [
        _standing(person, made.get(person.id, ()), plan, routes, text=text, now=now, deadline=until)
        for person in sample.values()
        if person.verdict is None
    ]
    weight = counts.pending / max(len(standing), 1)
    every_attempt = [attempt for some in made.values() for attempt in some]
    paces = _paces(routes, batches, every_attempt, now)
    return forecast.foresee(cohorts.merged(standing, weight=weight), paces, now=now, deadline=until)


def wanted(session: Session, incident: str) -> bool:
    """Whether somebody waits for a message or an answer, or bad news is to be taken back; else it is no news."""
    return people.next_look(session, incident) is not None or _level(session, incident) % 2 == 1


def say_if_turned(session: Session, incident: str, seen: Forecast, *, now: DateTime) -> str | None:
    """Write it down, once, when a forecast has turned bad or good again; returns what to tell people then."""
    level = _level(session, incident)
    was_bad = level % 2 == 1
    bad = seen.is_bad(was_bad=was_bad)
    if bad == was_bad:
        return None
    if not watch.warn_once(session, incident, subject=SUBJECT, level=level + 1, to=RESPONDERS, at=now):
        return None
    over = not seen.open and seen.deadline is not None and seen.deadline < now
    entry = {
        "forecast": "bad" if bad else "over" if over else "good",
        "open": seen.open,
        "late": seen.late,
        "deadline": seen.deadline.isoformat() if seen.deadline else None,
        "last_message": seen.last_message.isoformat() if seen.last_message else None,
    }
    ledger.append(session, incident, EventType.WARNING_SENT, actor="tocsin", data=entry, at=now)
    said = "the deadline is in danger" if bad else "the forecast is over" if over else "the deadline holds again"
    return f"{said}: {seen.sentence}"


def _level(session: Session, incident: str) -> int:
    """How often the forecast has turned; it is bad after an odd number of turns."""
    return max((row.level for row in watch.warnings(session, incident) if row.subject == SUBJECT), default=0)


def deadline(session: Session, incident: str) -> DateTime | None:
    """The earliest time by which individuals must be told, over all places: the ladder may not wait past it."""
    targets = [
        duty.target
        for duty in duty_store.listed(session, incident)
        if duty.audience == "individuals" and duty.target and duty.fell_away_at is None and duty.done_at is None
    ]
    return min(targets, default=None)


def _sample(session: Session, incident: str, total: int) -> Mapping[int, Person]:
    """People evenly over the roster, whose numbers run from 1."""
    step = max(1, -(-total // SAMPLE))
    # One of each stretch, and not always at the same place of it: rosters repeat themselves.
    picked = [first + zlib.crc32(str(first).encode()) % step for first in range(1, total + 1, step)]
    return people.get_many(session, incident, [number for number in picked if number <= total])


def _batches(session: Session, incident: str) -> list[Batch]:
    after = max(0, ledger.length(session, incident) - ENTRIES)
    entries = ledger.listed(session, incident, event_type=EventType.SENDING_BATCH, after=after)
    return [Batch.of(entry.at, entry.data) for entry in entries]


def _text_under_way(made: Mapping[int, Iterable[Attempt]]) -> str | None:
    """The hash of the text that was sent last: attempts of an earlier text do not count on the ladder."""
    latest = max((one for some in made.values() for one in some), key=lambda one: one.claimed_at, default=None)
    return latest.text_hash if latest else None


def _standing(
    person: Person,
    made: Iterable[Attempt],
    plan: Plan,
    routes: _Routes,
    *,
    text: str | None,
    now: DateTime,
    deadline: DateTime | None,
) -> Cohort:
    rungs = ladder.Rungs(
        channels=person.channels,
        allowed=routes.at(person.place),
        night=plan.night_for(place=person.place, language=person.language),
        seed=person.id,
    )
    tried = [ladder.Attempt.of(attempt) for attempt in made if attempt.text_hash == text]
    steps = plan.ladder_for(place=person.place, language=person.language)
    return cohorts.of_person(rungs, tried, steps, now=now, deadline=deadline)


def _paces(routes: _Routes, batches: Sequence[Batch], made: Sequence[Attempt], now: DateTime) -> dict[Channel, Pace]:
    return {
        channel: pace.measure(channel, batches=batches, attempts=made, limit=routes.limit(channel), now=now)
        for channel in sorted(routes.chosen)
        if routes.chosen[channel]
    }
