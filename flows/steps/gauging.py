"""What a monitoring system asks every minute: numbers with names, without personal data.

Incidents appear by id. Duties and tasks are those of open incidents.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pendulum import DateTime

from db import circuits, gauges, watch
from db.gauges import NOTHING, Gauges
from flows.steps import health
from flows.steps.watching import HEARTBEAT
from flows.wiring import House
from tocsin.errors import TocsinError

Values = Mapping[tuple[str, ...], float]


@dataclass(frozen=True, kw_only=True)
class Gauge:
    """One number, or one for each of several labels. Names and units are those of Prometheus."""

    name: str
    means: str
    labels: tuple[str, ...] = ()
    values: Values


def look(house: House) -> list[Gauge]:
    """Every number; where the database cannot be read, only that."""
    try:
        now = house.now()
        with house.database.reading() as session:
            seen = gauges.read(session, now)
            last = watch.last_beat(session, HEARTBEAT)
            told, clock = circuits.read(session, [provider.name for provider in house.settings.providers])
    except TocsinError:
        return [_one("tocsin_up", "Whether the database can be read.", 0)]
    resting: Values = {(name,): float(circuit.rests(clock) is not None) for name, circuit in told.items()}
    providers: Values = {(provider.name,): 0.0 for provider in house.settings.providers}
    return [
        _one("tocsin_up", "Whether the database can be read.", 1),
        *_of_the_watch(last.at if last else None, now),
        *_of_incidents(seen),
        Gauge(
            name="tocsin_provider_resting",
            means="Whether messages go round a provider for a while, for it is in trouble.",
            labels=("provider",),
            values={**providers, **resting},
        ),
    ]


def _of_the_watch(last: DateTime | None, now: DateTime) -> Iterator[Gauge]:
    yield _one("tocsin_watch_late", "Whether the watch has not looked for too long.", float(health.is_late(last, now)))
    if last is not None:
        age = (now - last).total_seconds()
        yield _one("tocsin_watch_age_seconds", "Seconds since the watch last looked.", age)


def _of_incidents(seen: Gauges) -> Iterator[Gauge]:
    yield _one("tocsin_incidents_open", "Open incidents.", len(seen.incidents))
    yield _each("tocsin_sending_paused", "Whether somebody paused the sending.", seen.incidents)
    for what, pressing in (("duties", seen.duties), ("tasks", seen.tasks)):
        of = {incident: pressing.get(incident, NOTHING) for incident in seen.incidents}
        yield _each(f"tocsin_{what}_open", f"Open {what}.", {name: one.open for name, one in of.items()})
        soon = {name: one.due_soon for name, one in of.items()}
        yield _each(f"tocsin_{what}_due_soon", f"Open {what} due within {gauges.SOON_HOURS} hours.", soon)
        yield _each(f"tocsin_{what}_overdue", f"Open {what} that are late.", {k: one.overdue for k, one in of.items()})
        following = {name: one.next_at.timestamp() for name, one in of.items() if one.next_at is not None}
        yield _each(f"tocsin_{what}_next_due_timestamp_seconds", f"When the next of the {what} is due.", following)
    yield Gauge(
        name="tocsin_people",
        means="Affected people by verdict; `open` have none yet.",
        labels=("incident", "verdict"),
        values={key: float(count) for key, count in seen.people.items()},
    )
    yield Gauge(
        name="tocsin_messages",
        means="Messages to affected people by outcome.",
        labels=("incident", "channel", "outcome"),
        values={key: float(count) for key, count in seen.messages.items()},
    )
    told: Values = {(state,): float(count) for state, count in seen.warnings.items()}
    yield Gauge(name="tocsin_warnings", means="Warnings to the company's people.", labels=("state",), values=told)


def _one(name: str, means: str, value: float) -> Gauge:
    return Gauge(name=name, means=means, values={(): float(value)})


def _each(name: str, means: str, values: Mapping[str, float]) -> Gauge:
    by: Values = {(incident,): float(value) for incident, value in values.items()}
    return Gauge(name=name, means=means, labels=("incident",), values=by)
