"""Refs of people as somebody hands them over: a list with commas, lines, or a CSV with a column `ref`.

A ref is the keyed hash by which the roster and the ledger name a person: 32 hexadecimal digits. What is none is refused
by its place and never quoted, because it may be somebody's address.
"""

import csv
import re
from typing import Final

from tocsin.errors import Invalid

_REF: Final = re.compile(r"[0-9a-f]{32}")
_PARTS: Final = re.compile(r"[\s,;]+")


def parse(text: str, *, source: str) -> tuple[str, ...]:
    """The refs in a text, each once, in their order; raises Invalid naming the place of the first that is none."""
    found: dict[str, None] = {}
    for where, word in _words(text.removeprefix("\ufeff"), source):
        ref = word.lower()
        if not _REF.fullmatch(ref):
            raise Invalid(
                f"{source}: {where} is no ref of a person (32 hexadecimal digits): "
                "take refs as `tocsin roster list` shows them."
            )
        found[ref] = None
    if not found:
        raise Invalid(f"{source} names nobody: give refs of people as `tocsin roster list` shows them.")
    return tuple(found)


def _words(text: str, source: str) -> list[tuple[str, str]]:
    lines = text.splitlines()
    header = next(csv.reader(lines[:1]), [])
    names = [name.strip().lower() for name in header]
    if "ref" not in names:
        words = [word for word in _PARTS.split(text) if word]
        return [(f"entry {number}", word) for number, word in enumerate(words, start=1)]
    try:
        rows = list(csv.reader(lines[1:], strict=True))
    except csv.Error:
        raise Invalid(f"{source} is not readable as CSV: save it again, or give one ref a line.") from None
    column = names.index("ref")
    return [
        (f"row {number}", row[column].strip() if column < len(row) else "")
        for number, row in enumerate(rows, start=2)
        if row
    ]
