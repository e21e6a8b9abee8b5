"""How a CSV file separates, quotes and escapes, told from its first rows."""

import csv
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, product
from typing import Any

from tocsin import columns

_DELIMITERS = (",", ";", "\t", "|")
_SAMPLED_ROWS = 200
_SEP_LINE = re.compile(r"sep=(.)\r?\n?", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """One way to write CSV. `skip` lines stand before the heading row (a spreadsheet's `sep=;`)."""

    delimiter: str
    quote: str = '"'
    escape: str | None = None
    skip: int = 0

    def reader(self, lines: Iterator[str]) -> Any:
        """A strict reader: a stray quotation mark is an error, never a guess."""
        return csv.reader(
            lines,
            delimiter=self.delimiter,
            quotechar=self.quote,
            escapechar=self.escape,
            doublequote=self.escape is None,
            strict=True,
        )


def sniff(lines: Sequence[str], *, wanted: Collection[str] = ()) -> Dialect:
    """The dialect whose heading row makes most sense and whose rows agree best with it.

    `wanted` are headings that the user named.
    """
    told = _SEP_LINE.fullmatch(lines[0]) if lines else None
    if told:
        return _best(lines[1:], [told[1]], skip=1, wanted=wanted)
    return _best(lines, _DELIMITERS, skip=0, wanted=wanted)


def _best(lines: Sequence[str], delimiters: Sequence[str], *, skip: int, wanted: Collection[str]) -> Dialect:
    sample = "".join(lines)
    quotes = ['"', "'"] if re.search(r"(?:^|[,;\t|])'[^'\n]*'(?:[,;\t|]|\r?$)", sample, re.MULTILINE) else ['"']
    escapes = [None, "\\"] if '\\"' in sample or "\\'" in sample else [None]
    choices = [
        Dialect(delimiter=delimiter, quote=quote, escape=escape, skip=skip)
        for delimiter, quote, escape in product(delimiters, quotes, escapes)
    ]
    return max(choices, key=lambda dialect: _score(dialect, lines, wanted))


def _score(dialect: Dialect, lines: Sequence[str], wanted: Collection[str]) -> tuple[float, ...]:
    rows, broken = _parsed(dialect, lines)
    header = rows[0] if rows else []
    named = {columns.plain(heading) for heading in wanted}
    known = columns.known_headings(header) + sum(columns.plain(heading) in named for heading in header)
    agreeing = sum(len(row) == len(header) for row in rows) / (len(rows) + broken) if rows else 0.0
    return (known, agreeing, len(header))


def _parsed(dialect: Dialect, lines: Sequence[str]) -> tuple[list[list[str]], int]:
    rows: list[list[str]] = []
    broken = 0
    reader = dialect.reader(iter(lines))
    for _ in range(_SAMPLED_ROWS):
        try:
            row = next(reader)
        except StopIteration:
            break
        except csv.Error:
            broken += 1
        else:
            rows += [row] if row else []
    return rows, broken


def first_lines(lines: Iterator[str], *, most: int = _SAMPLED_ROWS) -> list[str]:
    """The lines to look at."""
    return list(islice(lines, most))
