"""A CSV file of incident records, its rows as text. What they mean is for `tocsin.importing` to say."""

import csv
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from flows.roster import dialects, encodings
from tocsin.errors import Invalid


@dataclass(frozen=True, kw_only=True)
class Records:
    """A file that is proved to be readable. Rows are numbered as a spreadsheet does, the headings being row 1."""

    path: Path
    encoding: str
    dialect: dialects.Dialect
    header: Sequence[str]

    def rows(self) -> list[tuple[int, Sequence[str]]]:
        """Every row below the headings, without empty ones; raises Invalid when the file is broken."""
        with self.path.open(encoding=self.encoding, errors="strict", newline="") as text:
            for _ in range(self.dialect.skip):
                next(text)
            reader = self.dialect.reader(text)
            try:
                found = [(number, row) for number, row in enumerate(reader, start=1 + self.dialect.skip) if row]
            except csv.Error:
                line = reader.line_num + self.dialect.skip
                raise Invalid(f"{self.path}, line {line}: a quotation mark is astray or not closed; mend it.") from None
        return found[1:]


def open_records(path: Path, *, encoding: str | None, wanted: Collection[str]) -> Records:
    """A file of records; `wanted` are headings that the user named. Raises Invalid in one sentence."""
    try:
        if not path.stat().st_size:
            raise Invalid(f"{path} is empty: its first row must name the columns.")
        proven = encodings.prove(path, declared=encoding, source=str(path))
        with path.open(encoding=proven.encoding, errors="strict", newline="") as text:
            lines = dialects.first_lines(iter(text))
    except OSError as error:
        raise Invalid(f"{path} cannot be read ({error.strerror or 'unknown reason'}): check the path.") from None
    dialect = dialects.sniff(lines, wanted=wanted)
    try:
        header = next((row for row in dialect.reader(iter(lines[dialect.skip :])) if row), None)
    except csv.Error:
        header = None
    if header is None:
        raise Invalid(f"{path} has no heading row that can be read: its first row must name the columns.")
    return Records(path=path, encoding=proven.encoding, dialect=dialect, header=header)
