"""Opening the database: SQLite or PostgreSQL, transactions that commit on success, migrations, and whether it fits.

Several processes may use one database at once. Open a `Database` after forking, never before.
"""

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, DBAPIError, NoSuchModuleError, OperationalError
from sqlalchemy.orm import Session

from tocsin.errors import DatabaseLost, Misconfigured, NotAllowed

BUSY_SECONDS = 30
_MIGRATIONS = Path(__file__).parent / "migrations"
_MIGRATION_LOCK = 0x746F6373696E  # "tocsin": the advisory lock that lets one process migrate a PostgreSQL database
_READING = "tocsin_reading"
_VICTIM = {"40P01", "40001"}  # PostgreSQL: deadlock detected, serialisation failure
_AWAY = ("08", "53", "57")  # PostgreSQL: connection exception, insufficient resources, operator intervention
_BUSY_OR_FULL = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
}
_RUNS_ENDURED = 4  # so often a block is run again at once
T = TypeVar("T")


@dataclass
class _Phase:
    """How far a transaction came."""

    committing: bool = False


class Database:
    """One database by its URL: `sqlite:///path`, `postgresql://…` or `postgresql+psycopg://…`."""

    def __init__(self, url: str) -> None:
        self._url = _parsed(url)

    @property
    def url_shown(self) -> str:
        """The URL without its password, fit for a message."""
        shown = self._url.set(query={k: "***" if "pass" in k.lower() else v for k, v in self._url.query.items()})
        return shown.render_as_string(hide_password=True)

    def __repr__(self) -> str:
        return f"Database({self.url_shown!r})"

    @cached_property
    def engine(self) -> Engine:
        """The pool of connections, opened when first needed."""
        return _sqlite_engine(self._url) if self._is_sqlite else _postgresql_engine(self._url)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A session that commits on success and rolls back on any error. On SQLite it is the one writer.

        A refusal that wants a trace leaves it in a transaction of its own, after the act has rolled back.
        """
        phase = _Phase()
        with (
            self._traced(),
            self._translated(phase),
            Session(self.engine, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session
            session.flush()
            phase.committing = True

    @contextmanager
    def _traced(self) -> Iterator[None]:
        try:
            yield
        except NotAllowed as refusal:
            trace, refusal.trace = refusal.trace, None
            if trace is not None:
                with self.transaction() as session:
                    trace(session)
            raise

    def transact(self, block: Callable[[Session], T]) -> T:
        """Run `block` in a transaction, and again from the start when PostgreSQL breaks a ring of waiters with us.

        So it is when a connection broke before the commit: the next one is a new one. The block may run several times:
        outside its session it must change nothing that a second run would spoil.
        """
        for _ in range(_RUNS_ENDURED):
            try:
                with self.transaction() as session:
                    return block(session)
            except Misconfigured as error:
                if not _is_victim(error.__cause__) and not _broke_before_commit(error):
                    raise
        with self.transaction() as session:
            return block(session)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that sees one snapshot, blocks no writer, and cannot write."""
        options: dict[str, Any] = {_READING: True}
        if not self._is_sqlite:
            options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        engine = self.engine.execution_options(**options)
        with self._traced(), self._translated(), Session(engine, expire_on_commit=False) as session, session.begin():
            yield session

    def migrate(self) -> None:
        """Bring the tables to this version, from empty or from an older one. There is no way back: restore a copy."""
        if self._is_sqlite:
            Path(str(self._url.database)).parent.mkdir(parents=True, exist_ok=True)
        with self._translated(), self.engine.begin() as connection:
            if not self._is_sqlite:
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
            version = _version(connection)
            self._refuse_newer(version)
            if version != _newest():
                _upgrade(connection)

    def check(self) -> None:
        """Raise Misconfigured, in one sentence, unless the database is reachable and of this version."""
        if self._is_sqlite and not Path(str(self._url.database)).exists():
            raise Misconfigured(f"There is no database at {self.url_shown}: run `tocsin init`.")
        with self._translated(), self.engine.connect() as connection:
            version = _version(connection)
        self._refuse_newer(version)
        if version is None:
            raise Misconfigured(f"The database {self.url_shown} has no tables yet: run `tocsin init`.")
        if version != _newest():
            raise Misconfigured(
                f"The database {self.url_shown} has version {version}, not {_newest()}: run `tocsin migrate`."
            )

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    @property
    def _is_sqlite(self) -> bool:
        return self._url.get_backend_name() == "sqlite"

    def _refuse_newer(self, version: str | None) -> None:
        if version is not None and version not in _versions():
            raise Misconfigured(
                f"The database {self.url_shown} was made by a newer Tocsin (version {version}): use that one."
            )

    @contextmanager
    def _translated(self, phase: _Phase | None = None) -> Iterator[None]:
        """Driver errors about the database as a whole, in one sentence; a broken rule of a table stays what it is."""
        try:
            yield
        except DBAPIError as error:
            if _is_away(error):
                sentence = f"The database {self.url_shown} cannot be used: {_said(error)}."
                raise DatabaseLost(sentence, doubtful=phase is not None and phase.committing) from error
            if isinstance(error, OperationalError):
                raise Misconfigured(f"The database {self.url_shown} cannot be used: {_said(error)}.") from error
            if isinstance(error, DatabaseError) and "not a database" in str(error.orig):
                raise Misconfigured(f"{self.url_shown} is not a database of Tocsin's: name another file.") from error
            raise


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
    except (ArgumentError, ValueError):
        raise Misconfigured(
            "The database URL cannot be read: write `sqlite:///path/to/tocsin.db` or `postgresql://…`."
        ) from None
    if backend == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        raise Misconfigured(f"Tocsin keeps its records in SQLite or PostgreSQL, not {backend}: change the URL.")
    if not parsed.database or parsed.database == ":memory:":
        raise Misconfigured("A database in memory keeps no evidence: name a file, such as `sqlite:///tocsin.db`.")
    return parsed.set(drivername="sqlite")


def _sqlite_engine(url: URL) -> Engine:
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver must begin nothing by itself: _begin_sqlite does
    for pragma in (
        f"busy_timeout = {BUSY_SECONDS * 1000}",
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
        "recursive_triggers = ON",  # REPLACE then fires the triggers that refuse to delete
        "secure_delete = ON",  # a destroyed key leaves no copy in a free page
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    """Writers wait for each other at the start, where waiting is safe, and not in the middle, where it fails."""
    reading = connection.get_execution_options().get(_READING, False)
    connection.exec_driver_sql(f"PRAGMA query_only = {'ON' if reading else 'OFF'}")
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _postgresql_engine(url: URL) -> Engine:
    try:
        return create_engine(
            url,
            hide_parameters=True,
            pool_pre_ping=True,
            connect_args={"connect_timeout": 10, "options": "-c timezone=UTC -c synchronous_commit=on"},
        )
    except (ImportError, NoSuchModuleError) as error:
        raise Misconfigured("PostgreSQL needs the psycopg driver, which is not installed: run `make setup`.") from error


def _is_victim(error: BaseException | None) -> bool:
    """Whether the database rolled us back only because of who else was writing: nothing is wrong with the block."""
    return isinstance(error, OperationalError) and getattr(error.orig, "sqlstate", None) in _VICTIM


def _broke_before_commit(error: Misconfigured) -> bool:
    """Whether an open connection was cut, so that all it did is undone and a new one may be had at once."""
    cut = isinstance(error.__cause__, DBAPIError) and error.__cause__.connection_invalidated
    return isinstance(error, DatabaseLost) and cut and not error.doubtful


def _is_away(error: DBAPIError) -> bool:
    """Whether the database is out of reach, busy or full, rather than other than we think."""
    if error.connection_invalidated:
        return True
    if not isinstance(error, OperationalError):
        return False
    if isinstance(error.orig, sqlite3.Error):
        return (getattr(error.orig, "sqlite_errorcode", 0) & 0xFF) in _BUSY_OR_FULL
    state = getattr(error.orig, "sqlstate", None)
    return state is None or state.startswith(_AWAY)  # no state: no connection was had


def _said(error: DBAPIError) -> str:
    """The driver's reason in a few words, without any value of ours."""
    first = str(error.orig).strip().splitlines()[0] if str(error.orig).strip() else "no reason given"
    return re.sub(r"\s+", " ", first).rstrip(".")[:160]


def _versions() -> list[str]:
    """The versions this Tocsin knows, oldest first, from the names of the migration files."""
    return sorted(path.name.partition("_")[0] for path in (_MIGRATIONS / "versions").glob("[0-9]*_*.py"))


def _newest() -> str:
    return _versions()[-1]


def _version(connection: Connection) -> str | None:
    """The version of the tables; None for an empty database. Asked by hand, for Alembic is slow to import."""
    if not connection.dialect.has_table(connection, "alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
