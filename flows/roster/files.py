"""Roster files as rows of text, streamed: CSV in any dialect and proven encoding, and Parquet.

A quotation mark that is opened and not closed swallows the people of the following lines. So a broken row on one line
is rejected alone, and one that runs over several lines refuses the whole file.
"""

import csv
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from flows.roster import dialects, encodings
from tocsin.columns import Columns
from tocsin.errors import Invalid
from tocsin.roster import Trouble

_OTHER_FORMATS = {
    b"PK\x03\x04": "a spreadsheet or archive: save the table as CSV (UTF-8)",
    b"\xd0\xcf\x11\xe0": "an old spreadsheet: save the table as CSV (UTF-8)",
    b"\x1f\x8b": "packed with gzip: unpack it first",
    b"(\xb5/\xfd": "packed with zstd: unpack it first",
    b"%PDF": "a PDF: export the table as CSV (UTF-8)",
    b"SQLi": "a database: export the table as CSV (UTF-8)",
}
_PARQUET = b"PAR1"
_BATCH = 1000

Row = tuple[int, Sequence[str] | Trouble]  # the row's number as a spreadsheet counts, and its cells or why it has none


class RosterFile(Protocol):
    """A file that is opened, proved to be readable, and may be streamed."""

    @property
    def header(self) -> Sequence[str]: ...  # noqa: D102
    @property
    def sha256(self) -> str: ...  # noqa: D102
    @property
    def encoding(self) -> str: ...  # noqa: D102

    def rows(self, columns: Columns) -> Iterator[Row]:
        """Every row after the heading row; raises Invalid when the file is broken."""
        ...


def open_roster(path: Path, *, encoding: str | None = None, wanted: Collection[str] = ()) -> RosterFile:
    """A roster file ready to stream; `wanted` are headings the user named. Raises Invalid in one sentence."""
    source = f"Roster {path}"
    try:
        with path.open("rb") as file:
            magic = file.read(4)
        if not magic:
            raise Invalid(f"{source} is empty: nothing was imported.")
        for start, what in _OTHER_FORMATS.items():
            if magic.startswith(start):
                raise Invalid(f"{source} is {what}.")
        return _parquet(path, source) if magic == _PARQUET else _csv(path, source, encoding, wanted)
    except OSError as error:
        raise Invalid(f"{source} cannot be read ({error.strerror or 'unknown reason'}): check the path.") from None


@dataclass(frozen=True, kw_only=True)
class _Csv:
    path: Path
    source: str
    header: Sequence[str]
    sha256: str
    encoding: str
    dialect: dialects.Dialect
    stamp: tuple[int, int] = field(repr=False)

    def rows(self, columns: Columns) -> Iterator[Row]:
        with self.path.open(encoding=self.encoding, errors="strict", newline="") as text:
            for _ in range(self.dialect.skip):
                next(text)
            yield from self._numbered(self.dialect.reader(text), columns.width)
        if _stamp(self.path) != self.stamp:
            raise Invalid(f"{self.source} changed while it was read: import it again when nobody writes to it.")

    def _numbered(self, reader: Any, width: int) -> Iterator[Row]:
        number = self.dialect.skip
        heading_seen = False
        while True:
            number += 1
            first_line = reader.line_num + 1
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                self._refuse_swallowed(reader.line_num, first_line)
                yield number, Trouble.TOO_LONG if "field limit" in str(error) else Trouble.QUOTES
                continue
            if not row:
                continue
            if not heading_seen:
                heading_seen = True
                continue
            if len(row) != width:
                row = _trimmed(row, width)
                if len(row) != width:
                    self._refuse_swallowed(reader.line_num, first_line)
            yield number, row

    def _refuse_swallowed(self, line: int, first_line: int) -> None:
        if line > first_line:
            raise Invalid(
                f"{self.source}: the row that begins on line {first_line + self.dialect.skip} runs on to line "
                f"{line + self.dialect.skip} and does not fit: a quotation mark is not closed; mend it there."
            )


def _trimmed(row: list[str], width: int) -> list[str]:
    """The row without empty cells after the last column."""
    return row[:width] if len(row) > width and not any(row[width:]) else row


def _csv(path: Path, source: str, encoding: str | None, wanted: Collection[str]) -> _Csv:
    stamp = _stamp(path)
    proven = encodings.prove(path, declared=encoding, source=source)
    with path.open(encoding=proven.encoding, errors="strict", newline="") as text:
        lines = dialects.first_lines(iter(text))
    dialect = dialects.sniff(lines, wanted=wanted)
    try:
        header = next((row for row in dialect.reader(iter(lines[dialect.skip :])) if row), None)
    except csv.Error:
        header = None
    if header is None:
        raise Invalid(f"{source} has no heading row that can be read: its first row must name the columns.")
    return _Csv(
        path=path,
        source=source,
        header=header,
        sha256=proven.sha256,
        encoding=proven.encoding,
        dialect=dialect,
        stamp=stamp,
    )


def _stamp(path: Path) -> tuple[int, int]:
    state = path.stat()
    return state.st_mtime_ns, state.st_size


@dataclass(frozen=True, kw_only=True)
class _Parquet:
    path: Path
    source: str
    header: Sequence[str]
    sha256: str
    encoding: str = "parquet"

    def rows(self, columns: Columns) -> Iterator[Row]:
        import pyarrow as pa
        from pyarrow.parquet import ParquetFile

        used = [column.index for column in columns.used]
        names = [self.header[index] for index in used]
        number = 1
        try:
            with ParquetFile(self.path) as file:
                for batch in file.iter_batches(batch_size=_BATCH, columns=names):
                    for values in zip(*(batch.column(name).to_pylist() for name in names), strict=True):
                        number += 1
                        yield number, _spread(values, used, columns.width)
        except (pa.ArrowException, OSError):
            raise Invalid(f"{self.source} is a damaged Parquet file: export it again.") from None


def _spread(values: Sequence[Any], used: Sequence[int], width: int) -> list[str]:
    row = [""] * width
    for index, value in zip(used, values, strict=True):
        row[index] = _text(value)
    return row


def _text(value: Any) -> str:
    """A cell as text; a whole number that a data frame made a fraction (13800138000.0) is whole again."""
    if value is None:
        return ""
    if isinstance(value, float):
        return "" if value != value else str(int(value)) if value.is_integer() else str(value)  # noqa: PLR0124 - NaN
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value)


def _parquet(path: Path, source: str) -> _Parquet:
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(path) as file:
            schema = file.schema_arrow
    except (pa.ArrowException, OSError):
        raise Invalid(f"{source} is a damaged Parquet file: export it again.") from None
    if len(set(schema.names)) != len(schema.names):
        raise Invalid(f"{source} has two columns of one name: rename one.")
    flat = [name if not pa.types.is_nested(schema.field(name).type) else "" for name in schema.names]
    return _Parquet(path=path, source=source, header=flat, sha256=encodings.hash_of(path))
