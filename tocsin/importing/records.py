"""One row of a table of incidents made into facts, by a declared mapping; or refused, with the column and the reason.

A cell that is empty or says `unknown` is unknown. A cell that cannot be read for certain refuses its row. Reasons never
quote a cell that is no date.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import ValidationError

from tocsin.facts import Facts
from tocsin.importing import cells, days
from tocsin.importing.draft import Draft, Imported
from tocsin.importing.mapping import Column, Table

_FROM: Final = "times.occurred_from"
_UNTIL: Final = "times.occurred_until"
_KNOWN: Final = ("times.detected", "times.aware", "times.discovered")


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """Why a row cannot be used; `column` is its heading, or None where it is not about one."""

    column: str | None
    reason: str

    def __str__(self) -> str:
        return f"`{self.column}` {self.reason}" if self.column else f"it {self.reason}"


@dataclass(frozen=True, kw_only=True)
class Refused:
    """A row that made no facts; rows are counted as a spreadsheet does, the headings being row 1."""

    row: int
    troubles: tuple[Trouble, ...]

    def __str__(self) -> str:
        return f"row {self.row}: {'; '.join(map(str, self.troubles))}"


def read(row: Sequence[str], *, number: int, table: Table, source: str, zone: str | None = None) -> Imported | Refused:
    """The facts of one row. `zone` is where its days began and ended; without it a day is a question."""
    if len(row) != table.width:
        reason = f"has {len(row)} cells where the heading row has {table.width}"
        return Refused(row=number, troubles=(Trouble(column=None, reason=reason),))
    draft = Draft(zone=zone, document={"title": f"Record {number} of {source}"})
    troubles: list[Trouble] = []
    dated: dict[Column, days.Written] = {}
    for column in table.columns:
        try:
            written = _put(row[column.index], column, draft)
        except ValueError as error:
            troubles.append(Trouble(column=column.heading, reason=str(error)))
        else:
            dated |= {column: written} if written else {}
    troubles += _contradictions(dated)
    if troubles:
        return Refused(row=number, troubles=tuple(troubles))
    _ask_about_order(dated, draft)
    try:
        return draft.imported(Facts.model_validate(draft.document))
    except ValidationError as error:
        return Refused(row=number, troubles=tuple(_unfit(error, table)))


def _put(text: str, column: Column, draft: Draft) -> days.Written | None:
    """Put the cell where it belongs; a date is answered too. Raises ValueError."""
    if cells.says_nothing(text, column.kind):
        if column.kind.name == "moment":
            draft.ask(column.path, f"`{column.heading}` does not say: when was it?")
        return None
    if column.kind.name == "moment":
        return _put_date(days.read(text, column.orders), column, draft)
    if column.path == "data.elements":
        elements, other = cells.elements(text)
        draft.add("data.elements", elements)
        draft.add("data.other", other)
    elif column.kind.name == "list":
        draft.add(column.path, cells.listed(text, column.kind))
    else:
        draft.put(column.path, cells.value(text, column.kind, part=column.part))
    return None


def _put_date(written: days.Written, column: Column, draft: Draft) -> days.Written:
    if not column.path.startswith("events."):
        draft.moment(column.path, written)
        return written
    instant = draft.instant(column.path, written, ends=True)
    if instant is not None:
        duty = {"duty": column.part} if column.part else {}
        draft.add("events", [{"event": column.path.removeprefix("events."), "at": instant, **duty}])
    return written


def _contradictions(dated: dict[Column, days.Written]) -> Iterator[Trouble]:
    by_path = {column.path: (column, written) for column, written in dated.items()}
    for first, then in ((_FROM, _UNTIL), ("times.contained", "times.resolved")):
        if first in by_path and then in by_path and by_path[then][1].day < by_path[first][1].day:
            (before, begun), (after, ended) = by_path[first], by_path[then]
            reason = f"says {ended.day}, before the {begun.day} of `{before.heading}`: one of them is wrong"
            yield Trouble(column=after.heading, reason=reason)


def _ask_about_order(dated: dict[Column, days.Written], draft: Draft) -> None:
    """Dates that may both be right, but are seldom in that order: known before it began, reported before it ended."""
    for column, written in dated.items():
        for other, earlier in dated.items():
            if earlier.day < written.day and _is_odd(column.path, other.path):
                words = f"`{column.heading}` says {written.day}, after the {earlier.day} of `{other.heading}`"
                draft.ask(column.path, f"{words}: is that right?")


def _is_odd(path: str, before: str) -> bool:
    """Whether it is strange that what stands at `before` came first."""
    if before.startswith("events."):
        return path in {_FROM, _UNTIL, *_KNOWN}
    return path == _FROM and before in _KNOWN


def _unfit(error: ValidationError, table: Table) -> Iterator[Trouble]:
    """What the facts as a whole refuse, by the columns concerned and without their values."""
    for problem in error.errors(include_url=False, include_input=False, include_context=False):
        path = ".".join(str(step) for step in problem["loc"])
        near = [f"`{column.heading}`" for column in table.columns if _related(column.path, path)]
        told = f" ({', '.join(near)})" if near else ""
        yield Trouble(column=None, reason=f"does not fit the facts at `{path}`{told}: see docs/facts.md")


def _related(path: str, other: str) -> bool:
    return path == other or path.startswith(f"{other}.") or other.startswith(f"{path}.")
