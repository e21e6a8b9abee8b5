"""Many rows in one statement: they travel as one JSON document, so a thousand cost one round trip and one plan.

Both databases take it apart themselves (`json_each` of SQLite, `json_array_elements` of PostgreSQL).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, ColumnElement, Select, Subquery, Table, Text, cast, func, literal, literal_column, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from db.columns import WRITTEN

Names = Sequence[str]


def rows_of(
    session: Session, table: Table, names: Mapping[str, str], rows: Sequence[Sequence[Any]], incident_id: str
) -> Subquery:
    """Rows as a table to update from, with `incident_id` in each.

    `names` gives each value its name and the column of `table` whose type it has. The incident comes from here too, for
    SQLite would otherwise begin with every row of the incident and look through these for each.
    """
    query = _select(session, table, names, rows).add_columns(literal(incident_id, Text).label("incident_id"))
    return (query.limit(-1) if _is_sqlite(session) else query).subquery("given")  # a limit keeps it a table of its own


def among(session: Session, column: ColumnElement[Any], values: Iterable[Any]) -> ColumnElement[bool]:
    """Whether a column has one of these values, however many they are."""
    value = _elements(session, list(values)).c.value
    if not _is_sqlite(session):
        value = cast(value.op("#>>")(literal_column("'{}'")), column.type)
    return column.in_(select(value))


def insert_new(
    session: Session, table: Table, names: Names, rows: Sequence[Sequence[Any]], fixed: Mapping[str, Any]
) -> Any:
    """An INSERT of rows, with the same `fixed` values in each, that passes over those whose key is there already."""
    dialect = sqlite if _is_sqlite(session) else postgresql
    given = _select(session, table, {name: name for name in names}, rows)
    constants = [literal(value, table.c[name].type).label(name) for name, value in fixed.items()]
    # SQLite needs the WHERE to tell the conflict clause from a join.
    query = given.add_columns(*constants).where(literal_column("1 = 1"))
    return dialect.insert(table).from_select([*names, *fixed], query).on_conflict_do_nothing()


def _select(session: Session, table: Table, names: Mapping[str, str], rows: Sequence[Sequence[Any]]) -> Select[Any]:
    row = _elements(session, rows).c.value
    return select(
        *(
            cast(row.op("->>")(literal_column(str(place))), table.c[column].type).label(name)
            for place, (name, column) in enumerate(names.items())
        )
    )


def _elements(session: Session, values: Sequence[Any]) -> Any:
    document = literal(json.dumps(values, default=_written, separators=(",", ":")), Text)
    if _is_sqlite(session):
        return func.json_each(document).table_valued("value", name="element")
    return func.json_array_elements(cast(document, JSON(none_as_null=True))).table_valued("value", name="element")


def _written(value: object) -> str:
    """An instant as both databases read it."""
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise TypeError(f"{type(value).__name__} cannot be stored in a batch")
    text = datetime.isoformat(value, timespec="microseconds")
    return f"{text[:26]}Z" if text.endswith("+00:00") else value.astimezone(UTC).strftime(WRITTEN)


def _is_sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"
