"""What stays a duty or ends it: an authority's request to wait, and acts that are on record."""

from dataclasses import replace
from typing import Final

from pendulum import DateTime

from tocsin import clocks, moments, places
from tocsin.clocks import Setting, Timing
from tocsin.facts import Hold
from tocsin.regimes import DutyText, DutyVersion
from tocsin.regimes.parts import HoldRule

# Which act ends a duty to whom, besides a filing that names the duty.
_ENDS: Final = {
    "individuals": ("individuals-notified",),
    "controller": ("controller-told",),
    "public": ("public-notice-posted",),
    "media": ("public-notice-posted",),
}


def done(text: DutyText, setting: Setting) -> DateTime | None:
    """When the duty was fulfilled, by the events on record; None while it is not.

    A duty that begins again with every new finding is not fulfilled by a filing from before the latest.
    """
    since = _since(text, setting)
    filed = [
        event.at
        for event in setting.facts.events_named("filed", duty=setting.duty)
        if event.at <= setting.as_of and (since is None or event.at >= since)
    ]
    if filed:
        return filed[0]
    for name in text.done_by or _ENDS.get(text.audience, ()):
        at = _covered(name, setting)
        if at is not None and (since is None or at >= since):
            return at
    return None


def _since(text: DutyText, setting: Setting) -> DateTime | None:
    """When the duty began for the last time, where it begins again with every such act."""
    starts = [clock.starts for clock in text.clocks] + ([text.starts] if text.starts else [])
    begun = [
        event.at
        for one in starts
        if one.last and one.event is not None
        for event in clocks.events(
            one.event, setting, duty=clocks.full_id(setting.regime, one.duty) if one.duty else None
        )
    ]
    return max(begun, default=None)


def _covered(name: str, setting: Setting) -> DateTime | None:
    """When the acts of that name had reached everybody this duty is about, as far as places are known."""
    told: tuple[str, ...] = ()
    for event in setting.facts.events_named(name):
        if event.at > setting.as_of:
            break
        if event.places is None or covers((*told, *event.places), setting):
            return event.at
        told = (*told, *event.places)
    return None


def covers(where: tuple[str, ...], setting: Setting) -> bool:
    """Whether these places hold everybody whom the duty is about."""
    people = places.expand(setting.people)
    if "*" not in people and all(places.within(place, where) for place in people):
        return True
    facts = setting.facts
    unlocated = facts.people.unlocated
    if unlocated is not None and unlocated.at_least > 0:
        return False
    lived_in = [
        place
        for place in facts.people.by_place or {}
        if clocks.concerns((place,), setting.people) and facts.people_in((place,)).at_least > 0
    ]
    # A country is covered by its subdivisions when all of its people are counted there.
    return bool(lived_in) and all(
        places.within(place, where) or _parts_cover(place, where, setting) for place in lived_in
    )


def _parts_cover(country: str, where: tuple[str, ...], setting: Setting) -> bool:
    parts = tuple(place for place in where if places.country_of(place) == country)
    return bool(parts) and setting.facts.people_in(parts).at_least >= (setting.facts.people_in((country,)).at_most or 1)


def apply(version: DutyVersion, timed: Timing, status: str, setting: Setting) -> tuple[Timing, str, tuple[str, ...]]:
    """The timing and status under the holds on record, with what to say about them."""
    told: list[str] = []
    ordinary = timed.due
    for hold in setting.facts.holds:
        if hold.from_ is not None and hold.from_ > setting.as_of:
            continue
        if not clocks.concerns(hold.places, _here(setting)):
            continue
        rule = next((rule for rule in version.text.holds if _slug(hold.by) in rule.by), None)
        refusal = _refusal(hold, rule, version, setting)
        if refusal or rule is None:
            told.append(refusal)
            continue
        until, why = _end(hold, rule, setting)
        told.extend(why)
        if until is None or until > setting.as_of:
            return timed, "suspended", (*told, f"Stayed by {hold.by} ({rule.citation}){_until(until)}.")
        timed, more = _released(timed, rule, until, setting, ordinary)
        told.append(more)
    return timed, status, tuple(told)


def _end(hold: Hold, rule: HoldRule, setting: Setting) -> tuple[DateTime | None, tuple[str, ...]]:
    """When the hold ends: as it says, and a request by word of mouth no later than the statute lets it."""
    if rule.oral_lasts is None or hold.written:
        return hold.until, ()
    if hold.from_ is None:
        return hold.until, (f"Not in writing it lasts no longer than {rule.oral_lasts}: find out when it began.",)
    last = setting.count(hold.from_, rule.oral_lasts, None).due
    if hold.until is not None and hold.until <= last:
        return hold.until, ()
    return last, (f"Not in writing it lasts no longer than {rule.oral_lasts} ({rule.citation}).",)


def _here(setting: Setting) -> tuple[str, ...]:
    return (setting.territory,) if "*" in setting.people else setting.people


def _slug(by: str) -> str:
    return by.strip().lower().replace(" ", "-").replace("_", "-")


def _refusal(hold: Hold, rule: HoldRule | None, version: DutyVersion, setting: Setting) -> str:
    """Why a hold does not stay this duty; empty where it does."""
    if rule is None:
        return (
            f"A hold by {hold.by} is on record, but none is known here that stays this duty ({version.text.citation})."
        )
    if rule.written and not hold.written:
        known = "is not in writing" if hold.written is False else "is not known to be in writing (holds.written)"
        return f"The hold by {hold.by} {known}, which {rule.citation} asks for: it stays nothing."
    if hold.places is not None and not covers(hold.places, setting):
        return (
            f"The hold by {hold.by} covers only {', '.join(hold.places)}; the people elsewhere are still owed notice."
        )
    return ""


def _until(until: DateTime | None) -> str:
    return f" until {moments.text(until)}" if until is not None else " until it is lifted"


def _released(
    timed: Timing, rule: HoldRule, until: DateTime, setting: Setting, ordinary: DateTime | None
) -> tuple[Timing, str]:
    """The later of the ordinary day, or of what an earlier hold gave, and what the statute gives after this one."""
    said = f"The hold ended at {moments.text(until)} ({rule.citation})"
    passed = ordinary is None or ordinary < until
    if rule.then_within is not None and (passed or not rule.then_only_if_past):
        tail = setting.count(until, rule.then_within, rule.then_rule)
        if timed.due is None or tail.due > timed.due:
            return replace(timed, due=tail.due, target=tail.target, undated=None), f"{said}; {' '.join(tail.explained)}"
        return timed, f"{said}, before the ordinary day, which stays."
    if timed.due is not None and until <= timed.due:
        return timed, f"{said}, before the ordinary day, which stays."
    words = rule.then or "without unreasonable delay once the hold has ended"
    return replace(timed, due=None, target=None, undated=words), f"{said}; now it is owed {words}."
