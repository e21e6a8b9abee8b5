"""The list of rows that were not taken as they stood: row number, field, closed reason, what was done. No values."""

import csv
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tocsin.errors import Invalid
from tocsin.roster import Flaw

_HEADINGS = ("row", "column", "reason", "effect")


class RejectList:
    """Writes next to its place and moves there when kept, so that a failed import leaves no list behind."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.reasons: Counter[str] = Counter()
        self._draft = path.with_name(f"{path.name}.{os.getpid()}.part")

    def __enter__(self) -> Self:
        try:
            self._file = self._draft.open("w", encoding="utf-8", newline="")
        except OSError as error:
            why = error.strerror or "unknown reason"
            raise Invalid(
                f"The list of rejected rows cannot be written to {self.path.parent} ({why}): "
                "name another place with --rejected."
            ) from None
        self._writer = csv.writer(self._file)
        self._writer.writerow(_HEADINGS)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._draft.unlink(missing_ok=True)

    def add(self, row: int, flaws: Sequence[Flaw], *, rejected: bool) -> None:
        """Note a row that was rejected, or one that was kept without some of its values."""
        effect = "row rejected" if rejected else "person kept without this value"
        for flaw in flaws:
            self.reasons[flaw.trouble.value] += 1
            self._writer.writerow((row, flaw.field.value if flaw.field else "", flaw.trouble.value, effect))

    def keep(self) -> Path | None:
        """Put the list in its place; None if there is nothing on it."""
        self._file.flush()
        if not self.reasons:
            return None
        self._draft.replace(self.path)
        return self.path
