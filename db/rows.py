"""Reading rows as values: what comes out is cut off from the session, so that changing it changes nothing.

Also the one lock that puts the writers of one incident in a row.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Executable, Select, Table, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from db import tables
from db.tables import Row
from tocsin.errors import NotFound

T = TypeVar("T")
RowT = TypeVar("RowT", bound=Row)
_AT_ONCE = 10_000


def every(session: Session, statement: Select[tuple[RowT]]) -> list[RowT]:
    """The rows of a select, detached."""
    rows = list(session.scalars(statement))
    for row in rows:
        session.expunge(row)
    return rows


def one(session: Session, statement: Select[tuple[RowT]]) -> RowT | None:
    """The first row of a select, detached, or None."""
    return next(iter(every(session, statement.limit(1))), None)


def returned(session: Session, model: type[RowT], statement: Executable) -> list[RowT]:
    """The rows that an `UPDATE … RETURNING` (every column) gave back, as values."""
    return [model(**row) for row in session.execute(statement).mappings()]


def add(session: Session, row: RowT) -> RowT:
    """Insert one row and hand it back detached, with what the database filled in."""
    session.add(row)
    session.flush()
    session.refresh(row)
    session.expunge(row)
    return row


def changed(session: Session, statement: Executable) -> int:
    """Run an update or delete; how many rows it touched."""
    return int(getattr(session.execute(statement), "rowcount"))  # noqa: B009 - CursorResult, hidden by the declared type


def chunks(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """Values in pieces that fit into one statement: SQLite takes 32,766 parameters."""
    for start in range(0, len(values), _AT_ONCE):
        yield values[start : start + _AT_ONCE]


def insert_new(session: Session, table: Table) -> Any:
    """An INSERT that passes over rows whose key is there already."""
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    return dialect.insert(table).on_conflict_do_nothing()


def upsert(session: Session, table: Table, values: Mapping[str, Any], *, key: Sequence[str]) -> Any:
    """An INSERT of one row that replaces the row with the same key."""
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    new = {name: value for name, value in values.items() if name not in key}
    return dialect.insert(table).values(**values).on_conflict_do_update(index_elements=list(key), set_=new)


def insert_many(session: Session, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
    """Insert many rows in one statement; no rows, no statement."""
    values = [dict(row) for row in rows]
    if values:
        session.execute(insert(table), values)


def lock_incident(session: Session, incident_id: str) -> None:
    """Wait until no other transaction numbers something within this incident; raises NotFound.

    SQLite has one writer at a time anyway. Take it as late as the transaction allows.
    """
    incident = tables.core(tables.Incident)
    found = session.execute(
        select(incident.c.id).where(incident.c.id == incident_id).with_for_update(key_share=True)
    ).scalar()
    if found is None:
        raise unknown_incident(incident_id)


def unknown_incident(incident_id: str) -> NotFound:
    """The error for an incident that is not here."""
    return NotFound(f"There is no incident {incident_id!r}: `tocsin status` lists them.")
