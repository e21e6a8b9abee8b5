"""A database for each test: a copy of a migrated one, on SQLite and on PostgreSQL (an embedded server from a wheel)."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pendulum
import pytest

from db import incidents
from db.sealing import IncidentKey, MasterKey
from db.sessions import Database

NOON = pendulum.datetime(2026, 11, 22, 12)
TEMPLATE = "tocsin_template"


@pytest.fixture(scope="session")
def migrated_postgresql(postgresql: Callable[[str], str], administrate: Callable[[str], None]) -> str:
    administrate(f"CREATE DATABASE {TEMPLATE}")
    database = Database(postgresql(TEMPLATE))
    database.migrate()
    database.close()
    return TEMPLATE


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    database = Database(f"sqlite:///{path}")
    database.migrate()
    database.close()
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def empty_url(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without tables."""
    if kind == "sqlite":
        yield f"sqlite:///{tmp_path / 'tocsin.db'}"
        return
    name = f"test_{uuid4().hex}"
    request.getfixturevalue("administrate")(f"CREATE DATABASE {name}")
    yield request.getfixturevalue("postgresql")(name)
    request.getfixturevalue("administrate")(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def database_url(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a migrated database."""
    if kind == "sqlite":
        path = tmp_path / "tocsin.db"
        shutil.copy(request.getfixturevalue("migrated_sqlite"), path)
        yield f"sqlite:///{path}"
        return
    name = f"test_{uuid4().hex}"
    template = request.getfixturevalue("migrated_postgresql")
    request.getfixturevalue("administrate")(f"CREATE DATABASE {name} TEMPLATE {template}")
    yield request.getfixturevalue("postgresql")(name)
    request.getfixturevalue("administrate")(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = Database(database_url)
    yield opened
    opened.close()


@pytest.fixture
def master_key() -> MasterKey:
    return MasterKey(bytes(range(32)))


@pytest.fixture
def an_incident(database: Database, master_key: MasterKey) -> Callable[..., IncidentKey]:
    """Opens an incident and returns its key."""

    def build(incident_id: str = "leak", *, title: str = "A leak") -> IncidentKey:
        key, sealed = master_key.new_incident_key(incident_id)
        with database.transaction() as session:
            incidents.create(
                session,
                incident_id,
                title=title,
                plan="conex-easykey",
                phase="contain",
                declared_at=NOON,
                declared_by="anna",
                sealed_key=sealed,
            )
        return key

    return build
