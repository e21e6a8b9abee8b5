"""What the library covers: every law by place, whom it speaks to, how surely it was read, and when."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from tocsin import places, vocabulary
from tocsin.regimes import Regime

_HEAD = """\
# What the library covers

Made from the library by `python scripts/write_coverage.py`; change the law files, not this page.

`text` was read in the law itself, `secondary` in a regulator's page or a lawyer's note, `memory` not read again,
`disputed` where sources disagree (the stricter reading is the default). A duty counts once for each of its versions.

"""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One law."""

    place: str
    id: str
    title: str
    status: str
    audiences: tuple[str, ...]
    marks: Counter[str]
    read_on: date

    def document(self) -> dict[str, Any]:
        """As JSON and as a line of a table."""
        return {
            "place": self.place,
            "id": self.id,
            "status": self.status,
            "audiences": ", ".join(self.audiences),
            "confidence": ", ".join(
                f"{mark} {self.marks[mark]}" for mark in vocabulary.CONFIDENCES if self.marks[mark]
            ),
            "read_on": self.read_on.isoformat(),
        }


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """The whole library."""

    rows: tuple[Row, ...]

    @property
    def marks(self) -> Counter[str]:
        """How many versions of duties carry each confidence mark."""
        return sum((row.marks for row in self.rows), Counter[str]())

    def document(self) -> dict[str, Any]:
        """As `tocsin law coverage --json` prints it."""
        total = self.marks.total()
        return {
            "laws": len(self.rows),
            "places": len({row.place for row in self.rows}),
            "status": dict(Counter(row.status for row in self.rows)),
            "duties": total,
            "confidence": {
                mark: {"duties": self.marks[mark], "share": round(self.marks[mark] / total, 3) if total else 0}
                for mark in vocabulary.CONFIDENCES
            },
            "rows": [row.document() for row in self.rows],
        }

    def sentence(self) -> str:
        """The library in one paragraph."""
        whole = self.document()
        states = ", ".join(f"{number} {status}" for status, number in sorted(whole["status"].items()))
        marks = ", ".join(f"{mark} {part['share']:.0%}" for mark, part in whole["confidence"].items())
        return (
            f"{whole['laws']} laws of {whole['places']} places ({states}) with {whole['duties']} versions of duties. "
            f"Confidence: {marks}."
        )


def of(regimes: Sequence[Regime]) -> Coverage:
    """The coverage of some regimes, by place."""
    return Coverage(rows=tuple(sorted(map(_row, regimes), key=lambda row: (row.place, row.id))))


def _row(regime: Regime) -> Row:
    versions = [version for duty in regime.duties for version in duty.versions]
    audiences = {version.text.audience for version in versions}
    return Row(
        place=regime.text.place,
        id=regime.id,
        title=regime.title,
        status=regime.text.status,
        audiences=tuple(audience for audience in vocabulary.AUDIENCES if audience in audiences),
        marks=Counter(version.confidence for version in versions),
        read_on=min(source.read_on for source in regime.text.sources.values()),
    )


def markdown(coverage: Coverage) -> str:
    """The page `docs/coverage.md`."""
    lines = [_HEAD + coverage.sentence(), "", "| place | law | id | status | whom | confidence | read on |"]
    lines.append("|---|---|---|---|---|---|---|")
    for row in coverage.rows:
        shown = row.document()
        cells = (
            places.name(row.place) if row.place != "*" else "everywhere",
            row.title,
            f"`{row.id}`",
            *(shown[name] for name in ("status", "audiences", "confidence", "read_on")),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
