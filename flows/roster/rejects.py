"""The list of rows that were not taken as they stood: row number, field, closed reason, what was done. No values."""

import csv
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tocsin.errors import Invalid
from tocsin.roster import Flaw

_HEADINGS = ("row", "column", "reason", "effect")


class RejectList:
    """Written to a file without a name, and put in its place when kept: a failed or killed import leaves no list."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.reasons: Counter[str] = Counter()

    def __enter__(self) -> Self:
        try:
            self._file = tempfile.TemporaryFile("w+", dir=self.path.parent, encoding="utf-8", newline="")
        except OSError as error:
            raise self._unwritable(error, "name another place with --rejected.") from None
        self._writer = csv.writer(self._file)
        self._writer.writerow(_HEADINGS)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, row: int, flaws: Sequence[Flaw], *, rejected: bool) -> None:
        """Note a row that was rejected, or one that was kept without some of its values."""
        effect = "row rejected" if rejected else "person kept without this value"
        try:
            for flaw in flaws:
                self.reasons[flaw.trouble.value] += 1
                self._writer.writerow((row, flaw.field.value if flaw.field else "", flaw.trouble.value, effect))
        except OSError as error:
            raise self._unwritable(error, "name another place with --rejected.") from None

    def keep(self) -> Path | None:
        """Put the list in its place; None if there is nothing on it."""
        if not self.reasons:
            return None
        draft = self.path.with_name(f"{self.path.name}.{os.getpid()}.part")
        try:
            self._file.seek(0)
            with draft.open("w", encoding="utf-8", newline="") as out:
                shutil.copyfileobj(self._file, out)
            draft.replace(self.path)
        except OSError as error:
            draft.unlink(missing_ok=True)
            raise self._unwritable(error, "the people were imported; count those rejected in the ledger.") from None
        return self.path

    def _unwritable(self, error: OSError, remedy: str) -> Invalid:
        why = error.strerror or "unknown reason"
        return Invalid(f"The list of rejected rows cannot be written to {self.path.parent} ({why}): {remedy}")
