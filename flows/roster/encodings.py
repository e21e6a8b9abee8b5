"""In which encoding a text file is written: proved or refused, never guessed.

A wrong guess puts a wrong name into a legal notice. Proofs are: every byte is UTF-8; a byte order mark; or a heading
row that reads as known Chinese headings in GB18030 while the whole file is GB18030. Single-byte encodings such as
Windows-1252 read any file without complaint, so nothing proves them: `--encoding` says it.
"""

import codecs
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from tocsin import columns
from tocsin.errors import Invalid

_CHUNK = 1 << 20
LONGEST_LINE = 1 << 20  # bytes
_HEAD = 1 << 16

# Longest marks first: UTF-32-LE begins with the bytes of UTF-16-LE.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True, kw_only=True)
class Proven:
    """A text file whose encoding is known, read through once."""

    encoding: str
    sha256: str
    size: int


@dataclass
class _Undecodable(Exception):
    offset: int


def prove(path: Path, *, declared: str | None, source: str) -> Proven:
    """Read the file through once for its encoding, hash and size; raises Invalid naming the first byte that misfits."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    marked = next((name for mark, name in _MARKS if head.startswith(mark)), None)
    if declared is not None:
        encoding = _declared(declared, marked, source=source)
    else:
        encoding = marked or "utf-8"
        if marked is None and b"\0" in head.split(b"\n", 1)[0]:
            raise Invalid(
                f"{source} is not UTF-8 text (NUL in its first line): if it is UTF-16, say --encoding utf-16-le."
            )
    try:
        return _read_through(path, encoding, source=source)
    except _Undecodable as failed:
        if declared is None and marked is None and _headings_prove_gb18030(head):
            return _as_gb18030(path, source=source)
        raise _not_readable(source, encoding, failed.offset, declared=declared) from None


def _declared(name: str, marked: str | None, *, source: str) -> str:
    try:
        codec = codecs.lookup(name)
        "".encode(codec.name)  # refuses codecs that are not about text
    except LookupError:
        raise Invalid(
            f"--encoding {name}: there is no such encoding; try utf-8, gb18030, windows-1252, utf-16."
        ) from None
    if marked is None:
        return codec.name
    if codec.name.replace("-sig", "").split("-")[:2] != marked.replace("-sig", "").split("-")[:2]:
        other = marked.removesuffix("-sig")
        raise Invalid(f"{source} begins with the mark of {other}, which is not {name}: leave --encoding out.")
    return marked


def _headings_prove_gb18030(head: bytes) -> bool:
    line = head.splitlines()[0] if head else b""
    try:
        text = line.decode("gb18030")
    except UnicodeDecodeError:
        return False
    cells = [cell.strip("\"' ") for delimiter in ",;\t|" for cell in text.split(delimiter)]
    return any(not cell.isascii() and columns.field_of(cell) is not None for cell in cells)


def _as_gb18030(path: Path, *, source: str) -> Proven:
    try:
        return _read_through(path, "gb18030", source=source)
    except _Undecodable as failed:
        raise _not_readable(source, "GB18030", failed.offset, declared=None) from None


def _not_readable(source: str, encoding: str, offset: int, *, declared: str | None) -> Invalid:
    name = encoding.removesuffix("-sig").upper()
    remedy = (
        "check --encoding"
        if declared
        else "save it as UTF-8, or say what it is, such as --encoding gb18030 or windows-1252"
    )
    return Invalid(f"{source} is not {name} text at byte {offset}: {remedy}.")


def _read_through(path: Path, encoding: str, *, source: str) -> Proven:
    digest, size, longest = hashlib.sha256(), 0, _LongestLine(source)
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    with path.open("rb") as file:
        while chunk := _next(file):
            digest.update(chunk)
            longest.add(chunk)
            _decode(decoder, chunk, size, final=False)
            size += len(chunk)
        _decode(decoder, b"", size, final=True)
    return Proven(encoding=encoding, sha256=digest.hexdigest(), size=size)


def _next(file: BinaryIO) -> bytes:
    return file.read(_CHUNK)


def _decode(decoder: codecs.IncrementalDecoder, chunk: bytes, before: int, *, final: bool) -> None:
    pending = len(decoder.getstate()[0])
    try:
        decoder.decode(chunk, final)
    except UnicodeDecodeError as error:
        raise _Undecodable(before - pending + error.start) from None


class _LongestLine:
    """Refuses a file with a line so long that reading it would fill the memory."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._open = 0

    def add(self, chunk: bytes) -> None:
        lines = chunk.splitlines(keepends=False)
        if not lines:
            return
        first, *others = lines
        longest = max(self._open + len(first), max(map(len, others), default=0))
        if longest > LONGEST_LINE:
            raise Invalid(
                f"{self._source} has a line of more than {LONGEST_LINE} bytes: is it a table of people at all?"
            )
        ended = chunk.endswith((b"\n", b"\r"))
        self._open = 0 if ended else (len(others[-1]) if others else self._open + len(first))


def hash_of(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
