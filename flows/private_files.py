"""CSV files with people's data in them: readable by their owner only, whole or not there at all, safe in a spreadsheet.

A cell that a spreadsheet would take for a formula gets an apostrophe in front (as OWASP advises); a telephone number in
E.164 is left as it is, for it does nothing.
"""

import csv
import io
import os
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tocsin.errors import Invalid

_FORMULA = re.compile(r"[=+\-@\t\r]")
_NUMBER = re.compile(r"\+?[0-9]{1,20}\Z")


def write(path: Path, headings: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> int:
    """Write rows under their headings, as UTF-8 that a spreadsheet recognises; returns how many.

    Raises Invalid where the file cannot be written.
    """
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    try:
        descriptor = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8-sig", newline="") as out:
                count = _write(out, headings, rows)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise Invalid(f"{path} cannot be written ({error.strerror}): choose another place.") from None
    return count


def text(headings: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """The same rows as text, for a pipe (RFC 4180)."""
    out = io.StringIO(newline="")
    _write(out, headings, rows)
    return out.getvalue()


def safe(value: object) -> str:
    """A value as a cell that no spreadsheet runs."""
    text = "" if value is None else str(value)
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.match(text) else text


def _write(out: Any, headings: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> int:
    writer, count = csv.writer(out), 0
    writer.writerow(headings)
    for row in rows:
        writer.writerow([safe(row.get(heading)) for heading in headings])
        count += 1
    return count
