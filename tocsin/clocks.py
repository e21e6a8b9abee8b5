"""When one duty is due: its start found among the facts, its period counted, holds and extensions taken in.

The statute's own start is used; where it is unknown, an earlier fact may give a provisional date, marked as such.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import pendulum
from pendulum import DateTime

from tocsin import moments, periods, places
from tocsin.conditions import Condition
from tocsin.facts import Facts, Happened
from tocsin.regimes.model import DutyText, DutyVersion
from tocsin.regimes.parts import EACH, SEAT, Clock, Starts


@dataclass(frozen=True, kw_only=True)
class Timing:
    """When a duty is due, or in which words the statute says so; what is missing; whether an act must come first."""

    due: DateTime | None = None
    target: DateTime | None = None
    undated: str | None = None
    starts: DateTime | None = None
    starts_at: str | None = None
    missing: tuple[str, ...] = ()
    waits: bool = False
    explained: tuple[str, ...] = ()
    unmoved: DateTime | None = None  # the limit before it moved off a day on which nobody works


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What a clock is read against."""

    facts: Facts
    as_of: DateTime
    regime: str
    duty: str
    place: str
    workdays: str  # whose holidays
    people: tuple[str, ...]
    territory: str  # the place whose law it is
    other: Callable[[str], "Timing"]  # the timing of another duty by its full id

    def count(
        self, start: DateTime, within: periods.Within, rule: str | None, manner: periods.Manner = periods.USUAL
    ) -> periods.Counted:
        """A period counted in the zone of the place, by the working days that the duty goes by."""
        zone = places.zone(self.place)
        return periods.count(start, within, rule=rule, place=self.workdays, zone=zone, manner=manner)


@dataclass(frozen=True, kw_only=True)
class _Start:
    at: DateTime | None
    name: str
    missing: tuple[str, ...] = ()
    waits: bool = False
    explained: tuple[str, ...] = ()


def full_id(regime: str, reference: str) -> str:
    """`individuals` within `us-ca` is `us-ca/individuals`; a full id stays."""
    return reference if "/" in reference else f"{regime}/{reference}"


def counting_place(named: str | None, regime_place: str, facts: Facts, each: str | None) -> str:
    """Whose clock or holidays count: a place that is named, the seat, each place by itself, or the law's own."""
    seat = facts.organisation.seat
    if named == EACH:
        return each if each is not None and places.known(each) else regime_place
    if named == SEAT:
        return seat if seat is not None and places.within(seat, (regime_place,)) else regime_place
    return named or regime_place


def timing(version: DutyVersion, setting: Setting) -> Timing:
    """When the duty is due under these facts."""
    text = version.text
    if text.undated is not None:
        return _read_otherwise(_undated(text, setting), version, setting)
    found = [
        one
        for clock, when in zip(text.clocks, version.clock_whens, strict=True)
        if (one := _counting(clock, when, text, setting)) is not None
    ]
    if text.same_time_as is not None:
        found.append(_beside(full_id(setting.regime, text.same_time_as), setting))
    if not found:
        return Timing(undated="by a clock that does not count here", explained=("None of its clocks counts here.",))
    return _read_otherwise(found[0] if len(found) == 1 else _chosen(found, text.take), version, setting)


def _counting(clock: Clock, when: Condition | None, text: DutyText, setting: Setting) -> Timing | None:
    """One clock's timing; None where its condition fails, or where the law has it replaced by a later start."""
    judged = when.judge(setting.facts) if when is not None else None
    if judged is not None and judged.value is False:
        return None
    timed = _clock(clock, text, setting)
    if judged is not None and judged.value is None:
        doubt = f"Whether this clock counts turns on {', '.join(judged.unknown)}; it is counted to be safe."
        timed = replace(timed, explained=(doubt, *timed.explained))
    if clock.only_if_open_at is not None and timed.due is not None:
        pivot: DateTime | None = getattr(setting.facts.times, clock.only_if_open_at)
        if pivot is not None and timed.unmoved is not None and pivot > timed.unmoved:
            return None
    return timed


def _read_otherwise(timed: Timing, version: DutyVersion, setting: Setting) -> Timing:
    """Other readings of a disputed point, told; where one gives an earlier date, people work to that."""
    text = version.text
    disputed = text.confidence == "disputed"
    for reading, when in zip(text.readings, version.reading_whens, strict=True):
        told = [f"{'Disputed; a' if disputed else 'A'}lso read ({reading.citation}): {reading.says.rstrip('.')}."]
        other = _counting(reading.clock, when, text, setting) if reading.clock is not None else None
        if other is not None and other.due is not None and other.target is not None:
            told.append(f"By that reading it is due {moments.text(other.due)}.")
            if timed.due is not None and timed.target is not None and other.target < timed.target:
                timed = replace(timed, target=other.target)
                told.append("That is the earlier of the two: work to it.")
        timed = replace(timed, explained=(*timed.explained, *told))
    return timed


def _undated(text: DutyText, setting: Setting) -> Timing:
    words = f"The law gives no number: {text.undated}."
    if text.starts is None:
        return Timing(undated=text.undated, explained=(words,))
    start = _start(text.starts, setting)
    return Timing(
        undated=text.undated,
        starts=start.at,
        starts_at=start.name,
        missing=start.missing,
        waits=start.waits,
        explained=(*start.explained, words),
    )


def _beside(other: str, setting: Setting) -> Timing:
    base = setting.other(other)
    notified = events("individuals-notified", setting) if "/individuals" in other else ()
    if notified and (base.due is None or notified[0].at < base.due):
        at = notified[0].at.in_timezone(places.zone(setting.place))
        told = f"It is due no later than `{other}` was done: {moments.text(at)}."
        return Timing(due=at, target=at, starts=notified[0].at, starts_at="individuals-notified", explained=(told,))
    undated = f"no later than `{other}` ({base.undated})" if base.undated is not None else None
    return replace(base, undated=undated, explained=(*base.explained, f"It is due no later than `{other}`."))


def _clock(clock: Clock, text: DutyText, setting: Setting) -> Timing:
    start = _start(clock.starts, setting)
    if start.at is None:
        return Timing(
            starts_at=start.name,
            missing=start.missing,
            waits=start.waits,
            explained=(
                *start.explained,
                f"{clock.within} {'runs' if clock.within.number == 1 else 'run'} from then."
                if clock.within
                else "A day of the year follows.",
            ),
        )
    begins, told = _begins(clock, start.at, setting)
    counted = _count(clock, begins, setting)
    explained = (*start.explained, *told, *counted.explained)
    due, target = counted.due, counted.target
    if text.extension is not None and clock.within is not None:
        due, target, more = _extended(clock, text, setting, begins, counted)
        explained = (*explained, *more)
    return Timing(
        due=due,
        target=target,
        starts=start.at,
        starts_at=start.name,
        missing=start.missing,
        explained=explained,
        unmoved=counted.unmoved,
    )


def _begins(clock: Clock, start: DateTime, setting: Setting) -> tuple[DateTime, tuple[str, ...]]:
    """From when the period is counted, with what to say about it."""
    if not clock.starts.year_end:
        return start, ()
    zone = places.zone(setting.place)
    year = start.in_timezone(zone).year
    told = (f"The period begins when the calendar year {year} ends.",)
    return pendulum.datetime(year, 12, 31, 23, 59, 59, tz=zone), told


def _count(clock: Clock, begins: DateTime, setting: Setting) -> periods.Counted:
    if clock.by is not None:
        return _by(clock.by, begins, setting)
    assert clock.within is not None
    return setting.count(begins, clock.within, clock.rule, clock.manner)


def _by(day: tuple[int, int], start: DateTime, setting: Setting) -> periods.Counted:
    """The end of the next such day of the year after the start."""
    zone = places.zone(setting.place)
    local = start.in_timezone(zone)
    year = local.year if (local.month, local.day) < day else local.year + 1
    due = pendulum.datetime(year, day[0], day[1], 23, 59, 59, tz=zone)
    return periods.Counted(due=due, target=due, explained=(f"The last instant is {moments.text(due)}.",))


def _extended(
    clock: Clock, text: DutyText, setting: Setting, start: DateTime, counted: periods.Counted
) -> tuple[DateTime, DateTime, tuple[str, ...]]:
    extension = text.extension
    assert extension is not None
    assert clock.within is not None
    if extension.within is None:
        return counted.due, counted.target, (f"More time may be had: {extension.grounds} ({extension.citation}).",)
    filed = setting.facts.events_named("extension-filed", duty=setting.duty)
    if not filed or filed[0].at > counted.due:
        offer = f"{extension.within} more may be had: {extension.grounds} ({extension.citation})."
        return counted.due, counted.target, (offer,)
    if extension.within.unit == clock.within.unit:
        whole = replace(clock.within, number=clock.within.number + extension.within.number)
        longer = setting.count(start, whole, clock.rule, clock.manner)
    else:
        longer = setting.count(counted.due, extension.within, None)
    told = (
        f"An extension of {extension.within} was filed in time ({extension.citation}): due {moments.text(longer.due)}."
    )
    return longer.due, longer.target, (told,)


def _chosen(found: list[Timing], take: str) -> Timing:
    """The earliest or the latest of several clocks; `latest` needs them all."""
    dated = [one for one in found if one.due is not None]
    unresolved = [one for one in found if one.due is None]
    if not dated or (take == "latest" and unresolved):
        # Words of the law that count now go before a clock that nobody can start yet.
        first = next((one for one in unresolved if one.undated is not None), unresolved[0])
        told = [step for one in unresolved if one is not first for step in one.explained]
        missing = () if first.undated else dict.fromkeys(name for one in unresolved for name in one.missing)
        return replace(first, missing=tuple(missing), explained=(*told, *first.explained))
    best = (min if take == "earliest" else max)(dated, key=_due)
    told = [step for one in found if one is not best for step in one.explained]
    told = [step for step in dict.fromkeys(told) if step not in best.explained]
    return replace(best, explained=(*told, f"The {take} of {len(found)} clocks decides.", *best.explained))


def _due(one: Timing) -> DateTime:
    assert one.due is not None
    return one.due


def _start(starts: Starts, setting: Setting) -> _Start:
    if starts.event is not None:
        return _event_start(starts, setting)
    assert starts.at is not None
    times = setting.facts.times
    exact: DateTime | None = getattr(times, starts.at)
    if exact is not None:
        return _Start(
            at=exact, name=starts.at, explained=(f"The clock starts at `{starts.at}`: {moments.text(exact)}.",)
        )
    for name in starts.or_:
        at: DateTime | None = getattr(times, name)
        if at is not None:
            told = f"`{starts.at}` is not recorded, so the clock starts at `{name}`: {moments.text(at)}."
            return _Start(at=at, name=name, explained=(told,))
    missing = (f"times.{starts.at}",)
    for name in starts.provisional:
        early: DateTime | None = getattr(times, name)
        if early is not None:
            told = f"`{starts.at}` is not known; if it was as early as `{name}`, {moments.text(early)}, this follows:"
            return _Start(at=early, name=name, missing=missing, explained=(told,))
    return _Start(
        at=None, name=starts.at, missing=missing, explained=(f"The clock starts at `{starts.at}`, which is not known.",)
    )


def _event_start(starts: Starts, setting: Setting) -> _Start:
    assert starts.event is not None
    duty = full_id(setting.regime, starts.duty) if starts.duty else None
    name = starts.event if duty is None else f"{starts.event}: {duty}"
    happened = events(starts.event, setting, duty=duty)
    if not happened:
        return _Start(
            at=None, name=starts.event, waits=True, explained=(f"The clock starts once `{name}` is recorded.",)
        )
    at = happened[-1 if starts.last else 0].at
    return _Start(at=at, name=starts.event, explained=(f"The clock starts at `{name}`: {moments.text(at)}.",))


def events(name: str, setting: Setting, *, duty: str | None = None) -> tuple[Happened, ...]:
    """The events that had happened and concern the people of this duty, earliest first."""
    return tuple(
        event
        for event in setting.facts.events_named(name, duty=duty)
        if event.at <= setting.as_of and concerns(event.places, setting.people)
    )


_EVERYBODY: Final = "*"


def concerns(where: tuple[str, ...] | None, people: tuple[str, ...]) -> bool:
    """Whether an act or hold for some places touches people of others; no places means everywhere."""
    if where is None or _EVERYBODY in people:
        return True
    return any(
        places.within(place, people) or places.within(member, (place,))
        for place in where
        for member in places.expand(people)
    )
