"""Loading many rows at once: the quickest way each database has, in the caller's transaction."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Any

from sqlalchemy import Table, func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

_IMPORT_LOCK = 0x746F6373  # "tocs": the space of the advisory locks under which PostgreSQL queues imports

_PARAMETERS = 300  # of one statement of SQLite: with more it gets no faster


def load(session: Session, table: Table, names: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:
    """Insert rows as tuples of what the driver takes, in the order of `names`; raises IntegrityError as any insert."""
    if not _is_sqlite(session):
        _copy(session, f"COPY {table.name} ({', '.join(names)}) FROM STDIN", rows)
        return
    values, group = list(rows), _PARAMETERS // len(names)
    whole = len(values) - len(values) % group
    # A statement that takes many rows costs little more than half of as many statements.
    groups = [tuple(chain.from_iterable(values[start : start + group])) for start in range(0, whole, group)]
    connection = session.connection()
    for size, parameters in ((group, groups), (1, values[whole:])):
        if parameters:
            connection.exec_driver_sql(_insert(table, names, size), parameters)


def queue_imports(session: Session, incident_id: str) -> None:
    """Wait until no other transaction loads people of this incident; everything else about it goes on meanwhile."""
    if not _is_sqlite(session):  # which has one writer at a time anyway
        lock = text("SELECT pg_advisory_xact_lock(:space, hashtext(:incident))")
        session.execute(lock, {"space": _IMPORT_LOCK, "incident": incident_id})


@contextmanager
def index_made_after(session: Session, table: Table, name: str, *, rows: int) -> Iterator[None]:
    """Take an index away while more rows are loaded than there are, and make it anew: sorted, it costs a fifth.

    On SQLite only, where nobody else can write meanwhile; PostgreSQL would make every reader wait.
    """
    index = next(one for one in table.indexes if one.name == name)
    anew = _is_sqlite(session) and rows > _about(session, table)
    if anew:
        index.drop(session.connection())
    yield
    if anew:
        index.create(session.connection())


def _insert(table: Table, names: Sequence[str], rows: int) -> str:
    row = f"({', '.join('?' * len(names))})"
    return f"INSERT INTO {table.name} ({', '.join(names)}) VALUES {', '.join([row] * rows)}"  # noqa: S608 - our names


def _about(session: Session, table: Table) -> int:
    """How many rows a table of SQLite has, without counting them."""
    return session.execute(select(func.max(text("rowid"))).select_from(table)).scalar() or 0


def _copy(session: Session, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
    import psycopg

    connection = session.connection()
    driver: Any = connection.connection.driver_connection
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)
    except psycopg.Error as error:
        wrapped = DBAPIError.instance(
            statement, None, error, psycopg.Error, hide_parameters=True, dialect=connection.dialect
        )
        raise wrapped from error


def _is_sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"
