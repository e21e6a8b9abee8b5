"""What stays a duty or ends it: an authority's request to wait, and acts that are on record."""

from dataclasses import replace
from typing import Final

from pendulum import DateTime

from tocsin import clocks, moments, periods, places
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
    """When the duty was fulfilled, by the events on record; None while it is not."""
    filed = [event.at for event in setting.facts.events_named("filed", duty=setting.duty) if event.at <= setting.as_of]
    if filed:
        return filed[0]
    for name in text.done_by or _ENDS.get(text.audience, ()):
        at = _covered(name, setting)
        if at is not None:
            return at
    return None


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
    for hold in setting.facts.holds:
        if hold.from_ is not None and hold.from_ > setting.as_of:
            continue
        if not clocks.concerns(hold.places, _here(setting)):
            continue
        rule = next((rule for rule in version.text.holds if _slug(hold.by) in rule.by), None)
        refusal = _refusal(hold, rule, version, setting)
        if refusal or rule is None:
            told.append(refusal)
        elif hold.until is None or hold.until > setting.as_of:
            return timed, "suspended", (*told, f"Stayed by {hold.by} ({rule.citation}){_until(hold)}.")
        else:
            timed, more = _released(timed, rule, hold.until, setting)
            told.append(more)
    return timed, status, tuple(told)


def _here(setting: Setting) -> tuple[str, ...]:
    return (setting.territory,) if "*" in setting.people else setting.people


def _slug(by: str) -> str:
    return by.strip().lower().replace(" ", "-").replace("_", "-")


def _refusal(hold: Hold, rule: HoldRule | None, version: DutyVersion, setting: Setting) -> str:
    """Why a hold does not stay this duty; empty where it does."""
    if rule is None:
        return f"A hold by {hold.by} is on record, but {version.text.citation} knows none for this duty."
    if rule.written and hold.written is False:
        return f"The hold by {hold.by} is not in writing, which {rule.citation} asks for: it stays nothing."
    if hold.places is not None and not covers(hold.places, setting):
        return (
            f"The hold by {hold.by} covers only {', '.join(hold.places)}; the people elsewhere are still owed notice."
        )
    return ""


def _until(hold: Hold) -> str:
    return f" until {moments.text(hold.until)}" if hold.until is not None else " until it is lifted"


def _released(timed: Timing, rule: HoldRule, until: DateTime, setting: Setting) -> tuple[Timing, str]:
    """The later of the ordinary day and what the statute gives after the hold."""
    said = f"The hold ended at {moments.text(until)} ({rule.citation})"
    if rule.then_within is not None:
        tail = periods.count(until, rule.then_within, rule=rule.then_rule, place=setting.place)
        if timed.due is None or tail.due > timed.due:
            return replace(timed, due=tail.due, target=tail.target, undated=None), f"{said}; {' '.join(tail.explained)}"
        return timed, f"{said}, before the ordinary day, which stays."
    if timed.due is not None and until <= timed.due:
        return timed, f"{said}, before the ordinary day, which stays."
    words = rule.then or "without unreasonable delay once the hold has ended"
    return replace(timed, due=None, target=None, undated=words), f"{said}; now it is owed {words}."
