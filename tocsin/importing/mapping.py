"""Which column of a table is which fact, and how its dates are written: as the user declares it, never guessed.

A target is a path of the facts document, `people.by_place.US-WA`, `organisation.seat:US` for a column that names parts
of a country, or `events.filed:us-wa/authority` for the day of an act.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tocsin import columns, places, vocabulary
from tocsin.errors import Invalid
from tocsin.facts import schema
from tocsin.facts.schema import Kind
from tocsin.importing import days
from tocsin.importing.cells import KINDS

_BY_PLACE: Final = "people.by_place."
_EVENTS: Final = "events."
_DUTY: Final = re.compile(r"[a-z0-9][a-z0-9-]*/[A-Za-z0-9][A-Za-z0-9.-]*")
_UNREADABLE: Final = frozenset({"events", "holds", "people.by_place", "people.contactable", "significance.found"})


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column that is read: where it stands, what it is, and the orders in which its dates may be written."""

    index: int
    heading: str
    path: str
    kind: Kind
    part: str | None = None
    orders: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Table:
    """What is read of each row, and how many cells a row has."""

    width: int
    columns: tuple[Column, ...]


def match(header: Sequence[str], *, mapped: Sequence[str], dates: Sequence[str], source: str) -> Table:
    """The columns to read from `PATH=HEADING` and `HEADING=ORDER[,ORDER]`; raises Invalid for what cannot be meant."""
    indexes = _indexes(header)
    orders = dict(_orders(one, indexes, source=source) for one in dates)
    found = [_column(one, header, indexes, orders, source=source) for one in mapped]
    targets = [_target(column) for column in found]
    for target in targets:
        if targets.count(target) > 1:
            raise Invalid(f"--column {target}=...: it stands there twice; one fact comes from one column.")
    dated = {column.index for column in found if column.kind.name == "moment"}
    for index in orders:
        if index not in dated:
            raise Invalid(f"--dates: column {index + 1} of {source} is mapped to no time; leave its order out.")
    return Table(width=len(header), columns=tuple(found))


def _indexes(header: Sequence[str]) -> Mapping[str, list[int]]:
    found: dict[str, list[int]] = {}
    for index, heading in enumerate(header):
        found.setdefault(columns.plain(heading), []).append(index)
    return found


def _index(heading: str, indexes: Mapping[str, list[int]], *, option: str, source: str) -> int:
    there = indexes.get(columns.plain(heading), [])
    if len(there) != 1:
        many = f"{len(there)} columns have" if there else "no column has"
        raise Invalid(f"{option}: {many} that heading in {source}; check it against the first row.")
    return there[0]


def _orders(given: str, indexes: Mapping[str, list[int]], *, source: str) -> tuple[int, tuple[str, ...]]:
    heading, equals, written = given.rpartition("=")
    orders = tuple(order.strip() for order in written.split(","))
    if not equals or not set(orders) <= set(days.ORDERS):
        raise Invalid(f"--dates {given}: write HEADING=ORDER with an order of {', '.join(days.ORDERS)}.")
    if {"DMY", "MDY"} <= set(orders):
        raise Invalid(f"--dates {given}: day first and month first exclude each other; leave both out or choose one.")
    return _index(heading, indexes, option=f"--dates {given}", source=source), orders


def _column(
    given: str,
    header: Sequence[str],
    indexes: Mapping[str, list[int]],
    orders: Mapping[int, tuple[str, ...]],
    *,
    source: str,
) -> Column:
    target, equals, heading = given.partition("=")
    if not equals:
        raise Invalid(f"--column {given}: write PATH=HEADING, such as people.total=Individuals.")
    path, _, part = target.partition(":")
    try:
        kind = _kind(path, part or None)
    except ValueError as error:
        raise Invalid(f"--column {given}: {error}.") from None
    index = _index(heading, indexes, option=f"--column {given}", source=source)
    return Column(
        index=index,
        heading=header[index].strip(),
        path=path,
        kind=kind,
        part=part or None,
        orders=orders.get(index, ()),
    )


def _kind(path: str, part: str | None) -> Kind:
    """The kind of fact at a target; raises ValueError for one that no cell can hold."""
    if path.startswith(_EVENTS):
        return _event(path.removeprefix(_EVENTS), part)
    if path.startswith(_BY_PLACE):
        places.check(path.removeprefix(_BY_PLACE))
        found = Kind("count")
    elif path in _UNREADABLE:
        raise ValueError(f"`{path}` does not fit in a column; name what stands under it, such as `{_example(path)}`")
    else:
        found = schema.kind(path)
    if found.name not in KINDS:
        raise ValueError(f"`{path}` does not fit in a column; write it into the facts document")
    if part is not None and found.name != "place":
        raise ValueError(f"`:{part}` has no meaning there; it stands behind a place or an event")
    if part is not None:
        places.check(part)
    return found


def _event(name: str, duty: str | None) -> Kind:
    if name not in vocabulary.EVENTS:
        raise ValueError(f"`{name}` is no event: {vocabulary.suggestion(name, vocabulary.EVENTS)}")
    if name in {"filed", "extension-filed"} and duty is None:
        raise ValueError(f"say what was filed, such as `events.{name}:us-wa/authority`")
    if duty is not None and not _DUTY.fullmatch(duty):
        raise ValueError("behind `:` stands the id of a duty, such as us-wa/authority")
    return Kind("moment")


def _example(path: str) -> str:
    named = {
        "people.by_place": "people.by_place.US-WA",
        "people.contactable": "people.contactable.email",
        "significance.found": "significance.found.eu-nis2",
        "events": "events.individuals-notified",
    }
    return named.get(path, "times.aware")


def _target(column: Column) -> str:
    """What a column fills; acts may be several, of different duties."""
    return f"{column.path}:{column.part}" if column.part and column.path.startswith(_EVENTS) else column.path
