"""When one duty is due: its start found among the facts, its period counted, holds and extensions taken in.

The statute's own start is used; where it is unknown, an earlier fact may give a provisional date, marked as such.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from pendulum import DateTime

from tocsin import moments, periods, places
from tocsin.facts import Facts, Happened
from tocsin.regimes.model import DutyText
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


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What a clock is read against."""

    facts: Facts
    as_of: DateTime
    regime: str
    duty: str
    place: str
    people: tuple[str, ...]
    territory: str  # the place whose law it is
    other: Callable[[str], "Timing"]  # the timing of another duty by its full id


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


def counting_place(text: DutyText, regime_place: str, facts: Facts, each: str | None) -> str:
    """Whose clock and holidays count."""
    if text.counted_in == EACH and each is not None and places.known(each):
        return each
    if text.counted_in == SEAT and facts.organisation.seat is not None:
        return facts.organisation.seat
    return text.counted_in if text.counted_in not in {None, EACH, SEAT} and text.counted_in else regime_place


def timing(text: DutyText, setting: Setting) -> Timing:
    """When the duty is due under these facts."""
    if text.same_time_as is not None:
        return _beside(full_id(setting.regime, text.same_time_as), setting)
    if text.undated is not None:
        return _undated(text, setting)
    found = [_clock(clock, text, setting) for clock in text.clocks]
    return found[0] if len(found) == 1 else _chosen(found, text.take)


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
    notified = _events("individuals-notified", setting) if other.endswith("/individuals") else ()
    if notified and (base.due is None or notified[0].at < base.due):
        at = notified[0].at.in_timezone(places.zone(setting.place))
        told = f"It is due no later than `{other}` was done: {moments.text(at)}."
        return Timing(due=at, target=at, starts=notified[0].at, starts_at="individuals-notified", explained=(told,))
    return replace(base, explained=(*base.explained, f"It is due no later than `{other}`."))


def _clock(clock: Clock, text: DutyText, setting: Setting) -> Timing:
    start = _start(clock.starts, setting)
    if start.at is None:
        return Timing(
            starts_at=start.name,
            missing=start.missing,
            waits=start.waits,
            explained=(*start.explained, f"{clock.within} run from then."),
        )
    counted = periods.count(start.at, clock.within, rule=clock.rule, place=setting.place)
    explained = (*start.explained, *counted.explained)
    due, target = counted.due, counted.target
    if text.extension is not None:
        due, target, more = _extended(clock, text, setting, start.at, counted)
        explained = (*explained, *more)
    return Timing(
        due=due, target=target, starts=start.at, starts_at=start.name, missing=start.missing, explained=explained
    )


def _extended(
    clock: Clock, text: DutyText, setting: Setting, start: DateTime, counted: periods.Counted
) -> tuple[DateTime, DateTime, tuple[str, ...]]:
    extension = text.extension
    assert extension is not None
    filed = setting.facts.events_named("extension-filed", duty=setting.duty)
    if not filed or filed[0].at > counted.due:
        offer = f"{extension.within} more may be had: {extension.grounds} ({extension.citation})."
        return counted.due, counted.target, (offer,)
    if extension.within.unit == clock.within.unit:
        whole = replace(clock.within, number=clock.within.number + extension.within.number)
        longer = periods.count(start, whole, rule=clock.rule, place=setting.place)
    else:
        longer = periods.count(counted.due, extension.within, place=setting.place)
    told = (
        f"An extension of {extension.within} was filed in time ({extension.citation}): due {moments.text(longer.due)}."
    )
    return longer.due, longer.target, (told,)


def _chosen(found: list[Timing], take: str) -> Timing:
    """The earliest or the latest of several clocks; `latest` needs them all."""
    dated = [one for one in found if one.due is not None]
    unresolved = [one for one in found if one.due is None]
    if not dated or (take == "latest" and unresolved):
        first = unresolved[0]
        return replace(first, missing=tuple(dict.fromkeys(name for one in unresolved for name in one.missing)))
    best = (min if take == "earliest" else max)(dated, key=_due)
    told = [step for one in dated if one is not best for step in one.explained]
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
    happened = _events(starts.event, setting, duty=duty)
    if not happened:
        return _Start(
            at=None, name=starts.event, waits=True, explained=(f"The clock starts once `{name}` is recorded.",)
        )
    at = happened[0].at
    return _Start(at=at, name=starts.event, explained=(f"The clock starts at `{name}`: {moments.text(at)}.",))


def _events(name: str, setting: Setting, *, duty: str | None = None) -> tuple[Happened, ...]:
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
