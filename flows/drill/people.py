"""Made-up people of a drill: the same seed makes the same people.

Their addresses carry the marks that the fakes act on (`notifiers/fakes/rules.py`); mail domains are reserved ones.
"""

import csv
import random
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from flows.demo.people import HEADER, name_of
from tocsin.delivery import Channel
from tocsin.scenario import Group

_FINE, _BOUNCES, _DEAD = "fine", "bounces", "dead"
_MAILBOX = {_FINE: "user", _BOUNCES: "bounce", _DEAD: "refuse"}
_TOKEN = {_FINE: "tok", _BOUNCES: "lost", _DEAD: "dead"}
_TAILS = {_BOUNCES: "0001", _DEAD: "0000"}


def write(path: Path, groups: Sequence[Group], *, seed: int, first: int = 0) -> int:
    """Write a roster as CSV, its accounts numbered from `first`; returns how many people are on it."""
    chance = random.Random(seed * 1_000_003 + first)  # noqa: S311 - made-up people need no secrecy
    rows = list(_rows(groups, chance, first))
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(HEADER)
        writer.writerows(rows)
    return len(rows)


def _rows(groups: Sequence[Group], chance: random.Random, first: int) -> Iterator[tuple[str, ...]]:
    number = first
    for group in groups:
        for _ in range(group.count):
            state = {channel: _state(group, chance) for channel in Channel}
            has = {channel: chance.random() * 100 < group.channels.get(channel, 0) for channel in Channel}
            token = f"{_TOKEN[state[Channel.PUSH]]}-{number:012d}" if has[Channel.PUSH] else ""
            email = f"{_MAILBOX[state[Channel.EMAIL]]}.{number:07d}@mail.example.com" if has[Channel.EMAIL] else ""
            phone = _phone(group.place, number, state[Channel.SMS]) if has[Channel.SMS] or has[Channel.PHONE] else ""
            name = f"{name_of(group.place, chance)} {number}"  # nobody is taken for somebody else
            yield (f"drill-{number:07d}", name, group.place, group.language, token, email, phone)
            number += 1


def _state(group: Group, chance: random.Random) -> str:
    draw = chance.random() * 100
    return _BOUNCES if draw < group.bounces else _DEAD if draw < group.bounces + group.dead else _FINE


def _phone(place: str, number: int, state: str) -> str:
    """A number of the right shape for the place, or none where no such number is known."""
    import phonenumbers

    prefix = _prefix(place.partition("-")[0])
    if prefix is None:
        return ""
    for attempt in range(20):
        middle = (number // 9000 + 37 * attempt) % 100
        written = f"{prefix}{middle:02d}{_TAILS.get(state) or 1000 + number % 9000}"
        if phonenumbers.is_valid_number(phonenumbers.parse(written)):
            return written
    return ""


@cache
def _prefix(country: str) -> str | None:
    import phonenumbers

    library: Any = phonenumbers
    example = library.example_number_for_type(country, library.PhoneNumberType.MOBILE)
    if example is None:
        return None
    return str(library.format_number(example, library.PhoneNumberFormat.E164))[:-6]
