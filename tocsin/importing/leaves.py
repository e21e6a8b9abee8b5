"""Every value of a foreign record, so that none is lost: what finds no place among the facts is left over."""

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from tocsin.importing.draft import Unmapped

Path = tuple[str | int, ...]


class Leaves:
    """The values of a document by the way to them. What is taken has found its place."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._left = dict(_walk(document, ()))

    def take(self, *path: str | int) -> None:
        """A value that the facts now hold."""
        self._left.pop(path)

    def take_word(self, *path: str, word: str) -> None:
        """One word of a list that the facts now hold, wherever it stands there."""
        for way in [way for way, value in self._left.items() if way[:-1] == path and value == word]:
            del self._left[way]

    def left(self) -> tuple[Unmapped, ...]:
        """What was not taken, in the document's order; words of one list together."""
        found = []
        for (steps, is_list), ways in groupby(self._left.items(), key=lambda item: _owner(item[0])):
            values = [value for _, value in ways]
            found.append(Unmapped(path=_written(steps), value=values if is_list else values[0]))
        return tuple(found)


def _walk(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    inner = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    if not inner:
        yield path, value
    for step, part in inner:
        yield from _walk(part, (*path, step))


def _owner(path: Path) -> tuple[Path, bool]:
    """The list that a word stands in; any other value owns itself."""
    is_list = isinstance(path[-1], int)
    return path[:-1] if is_list else path, is_list


def _written(path: Path) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")
