"""Who of the company stands behind the names in a plan: people, roles, and groups on call, from the settings."""

from collections.abc import Sequence
from dataclasses import dataclass

from flows.settings import Settings
from tocsin.watchtext import WatchText

RESPONDERS = "responders"  # who is warned where a plan names nobody, or somebody whom the settings do not know


@dataclass(frozen=True, kw_only=True)
class Chain:
    """Short names of people in the order in which they are asked, and the names behind which nobody stands."""

    people: tuple[str, ...]
    vacant: tuple[str, ...]


def chain(settings: Settings, names: Sequence[str]) -> Chain:
    """The people behind names of people, groups and roles; where nobody is, the responders, in the same place."""
    found: list[str] = []
    vacant: list[str] = []
    for name in names:
        behind = named(settings, name)
        if not behind:
            vacant.append(name)
            behind = named(settings, RESPONDERS)
        found += behind
    return Chain(people=tuple(dict.fromkeys(found)), vacant=tuple(dict.fromkeys(vacant)))


def vacancies(settings: Settings, watch: WatchText) -> tuple[str, ...]:
    """Names in a plan's `watch` part behind which nobody stands who can be reached: warnings for them go elsewhere."""
    wanted = dict.fromkeys((*(name for owner in watch.owners for name in owner.people), *watch.people, RESPONDERS))
    return tuple(name for name in wanted if not any(urls(settings, person) for person in named(settings, name)))


def named(settings: Settings, name: str) -> list[str]:
    """The people that one name stands for: a group's in order, a person by their short name, holders of a role."""
    wanted = _plain(name)
    for group, people in settings.on_call.items():
        if _plain(group) == wanted:
            return list(people)
    alone = [person for person in settings.people if _plain(person) == wanted]
    if alone:
        return alone
    return [key for key, person in settings.people.items() if wanted in {_plain(group) for group in person.groups}]


def zone(settings: Settings, person: str, otherwise: str) -> str:
    """The clock of a person, or that of the organisation."""
    staff = settings.people.get(person)
    return (staff.zone if staff else None) or otherwise


def urls(settings: Settings, person: str) -> tuple[str, ...]:
    """Where a person can be reached; none for somebody who is not in the settings any more."""
    staff = settings.people.get(person)
    return tuple(url.get_secret_value() for url in staff.urls) if staff else ()


def _plain(name: str) -> str:
    return "-".join(name.casefold().replace("_", " ").replace("-", " ").split())
