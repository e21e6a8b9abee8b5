"""Made-up people for the demonstration: the same seed makes the same people.

Addresses carry the markers that the fake providers act on: `dead-` push tokens, `bounce` and `refuse` mailboxes, phone
numbers ending in 0000. Mail domains are reserved ones, so nobody real is ever meant.
"""

import csv
import random
from collections.abc import Iterator
from pathlib import Path

HEADER = ("account", "name", "place", "language", "push_token", "email", "phone")

_ZH_FAMILY = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗"
_ZH_GIVEN = (
    "伟",
    "敏",
    "静",
    "秀英",
    "丽",
    "强",
    "磊",
    "军",
    "洋",
    "勇",
    "艳",
    "杰",
    "涛",
    "明",
    "超",
    "霞",
    "平",
    "刚",
    "桂英",
    "文",
)
_WEST_GIVEN = (
    "Anna",
    "Ben",
    "Clara",
    "David",
    "Emma",
    "Félix",
    "Greta",
    "Hugo",
    "Ines",
    "Jonas",
    "Léa",
    "Marie",
    "Noah",
    "Zoë",
)
_WEST_FAMILY = (
    "Becker",
    "Bernard",
    "Carter",
    "Dubois",
    "Fischer",
    "García",
    "Lefèvre",
    "Müller",
    "Nguyen",
    "Schäfer",
    "Walker",
)
_PLACES = (("CN", "zh", 0.80), ("DE", "en", 0.09), ("FR", "en", 0.05), ("US-CA", "en", 0.06))


def write(path: Path, count: int, *, seed: int) -> None:
    """Write a roster of `count` people as CSV, with the flaws that real rosters have: duplicates and useless rows."""
    rows = list(_people(count, random.Random(seed)))  # noqa: S311 - made-up people need no secrecy
    extra = [rows[5], rows[11], ("x-1", "", "CN", "zh", "", "not an address", ""), ("x-2", "", "ZZ", "zh", "", "", "")]
    part = path.with_suffix(".part")
    with part.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(HEADER)
        writer.writerows(rows)
        writer.writerows(extra)
    part.replace(path)


def _people(count: int, chance: random.Random) -> Iterator[tuple[str, ...]]:
    for number in range(count):
        place, language = _place(chance)
        name = name_of(place, chance)
        if chance.random() < 0.015:
            yield (f"acc-{number:07d}", name, place, language, "", "", "")
            continue
        yield (f"acc-{number:07d}", name, place, language, *_addresses(number, place, chance))


def _place(chance: random.Random) -> tuple[str, str]:
    draw, passed = chance.random(), 0.0
    for place, language, share in _PLACES:
        passed += share
        if draw < passed:
            return place, language
    return _PLACES[0][0], _PLACES[0][1]


def name_of(place: str, chance: random.Random) -> str:
    """A made-up name, as people of the place may have."""
    if place == "CN":
        return chance.choice(_ZH_FAMILY) + chance.choice(_ZH_GIVEN)
    return f"{chance.choice(_WEST_GIVEN)} {chance.choice(_WEST_FAMILY)}"


def _addresses(number: int, place: str, chance: random.Random) -> tuple[str, str, str]:
    token = chance.choices(("", f"dead-{number:07d}", f"tok-{chance.getrandbits(96):024x}"), (12, 8, 80))[0]
    mailbox = chance.choices(("", "bounce.", "refuse.", "user."), (15, 8, 3, 74))[0]
    email = f"{mailbox}{number:07d}@mail.example.{'cn' if place == 'CN' else 'com'}" if mailbox else ""
    phone = chance.choices(("", _phone(number, place, dead=True), _phone(number, place, dead=False)), (12, 6, 82))[0]
    # Somebody whose every draw came out empty keeps the token: people without any address are drawn on purpose above.
    return (token or ("" if email or phone else f"tok-{number:024x}"), email, phone)


def _phone(number: int, place: str, *, dead: bool) -> str:
    """A number of the right shape for the place; a dead one ends in 0000."""
    if place == "CN":
        return f"+86139{number % 10000:04d}0000" if dead else f"+86138{number:04d}{1 + number % 9998:04d}"[:14]
    prefix = {"DE": "+4915112", "FR": "+3361234", "US-CA": "+1415823"}[place]
    digits = {"DE": 6, "FR": 4, "US-CA": 4}[place]
    return prefix + ("0" * digits if dead else f"{1 + number % (10**digits - 1):0{digits}d}")
