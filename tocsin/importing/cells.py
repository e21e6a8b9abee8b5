"""One cell of a table made into one fact, or refused in words that never quote it: it may hold a person's data."""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from tocsin import durations, places, whereabouts
from tocsin.facts.schema import Kind
from tocsin.importing import classes

#: What people write where they do not know. It is no value, and no mistake.
UNKNOWN: Final = frozenset(
    {"", "-", "--", "?", "n/a", "na", "not available", "not known", "not provided", "tbd", "undetermined", "unknown"}
)
_COUNT: Final = re.compile(r"[0-9]{1,12}|[0-9]{1,3}(?:,[0-9]{3}){1,3}")
_MONEY: Final = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,2})?) ?([A-Z]{3})")
_FLAGS: Final = {"true": True, "yes": True, "false": False, "no": False}


def says_nothing(text: str, kind: Kind) -> bool:
    """Whether the cell is empty or says that nobody knows. `NA` in a column of countries is Namibia."""
    word = " ".join(text.split()).casefold()
    return word in UNKNOWN and not (kind.name == "place" and word == "na")


def value(text: str, kind: Kind, *, part: str | None = None) -> Any:
    """The fact in a cell; raises ValueError with words that fit after "`Total`".

    `part` is the country of which a column of places names the parts.
    """
    cell = " ".join(text.split())
    if kind.name == "word" and kind.words:
        return _word(cell, kind)
    if kind.name == "place":
        return _place(cell, part)
    return _READERS[kind.name](cell)


def words(text: str) -> list[str]:
    """The parts of a cell that lists several things, separated by semicolons."""
    return [" ".join(part.split()) for part in text.split(";") if part.strip()]


def elements(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The data elements in a cell that lists classes of data, and the classes that a person must look at."""
    return classes.elements(words(text))


def listed(text: str, kind: Kind) -> list[Any]:
    """A list in a cell; each word must be one of the closed ones, where there are such."""
    return [_word(word, kind) if kind.words else word for word in words(text)]


def _word(cell: str, kind: Kind) -> Any:
    plain = cell.casefold().replace(" ", "-").replace("_", "-")
    spoken = {str(word): word for word in kind.words if word is not False}
    if plain in spoken:
        return spoken[plain]
    if False in kind.words and plain in {"false", "no"}:
        return False
    raise ValueError(f"holds none of the words that may stand there: {', '.join(sorted(spoken))}")


def _place(cell: str, part: str | None) -> str:
    code = whereabouts.code_of(cell) if part is None else whereabouts.part_of(part, cell)
    if code is None:
        raise ValueError("names no country" if part is None else f"names no part of {places.name(part)}")
    return code


def _count(cell: str) -> int:
    if not _COUNT.fullmatch(cell):
        raise ValueError("holds no whole number")
    return int(cell.replace(",", ""))


def _flag(cell: str) -> bool:
    if cell.casefold() not in _FLAGS:
        raise ValueError("holds neither yes nor no")
    return _FLAGS[cell.casefold()]


def _money(cell: str) -> dict[str, str]:
    found = _MONEY.fullmatch(cell)
    if found is None:
        raise ValueError("holds no amount with its currency, such as 250000 USD")
    return {"amount": found[1], "currency": found[2]}


def _duration(cell: str) -> str:
    return durations.text_of(durations.parse(cell))


_READERS: Final[Mapping[str, Callable[[str], Any]]] = MappingProxyType(
    {"count": _count, "number": _count, "flag": _flag, "money": _money, "duration": _duration, "word": str}
)
#: The kinds of fact that a cell can hold; moments are read with the order that was declared for them.
KINDS: Final = frozenset({*_READERS, "place", "list", "moment"})
