"""The HTTP pages: health for monitors, what people see, and what nobody may see."""

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pendulum
import pytest
from fastapi import FastAPI

from console.api import application
from console.pages import _moment
from flows import wiring

FACTS = "title: {}\ntimes: {{aware: 2026-11-20T10:00:00+08:00}}\norganisation: {{seat: CN}}\n"


@dataclass(frozen=True)
class Client:
    """Asks the application in this process. (Starlette's own client wants another HTTP library.)"""

    app: FastAPI
    base_url: str = "http://127.0.0.1:8400"

    def get(self, path: str) -> httpx.Response:
        return asyncio.run(self._ask("GET", path))

    def head(self, path: str) -> httpx.Response:
        return asyncio.run(self._ask("HEAD", path))

    async def _ask(self, method: str, path: str) -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url=self.base_url) as client:
            return await client.request(method, path)


@contextlib.contextmanager
def pages_of(tocsin: Any) -> Iterator[Client]:
    with wiring.opened(tocsin.home) as house:
        yield Client(application(house))


@pytest.fixture
def client(tocsin: Any) -> Iterator[Client]:
    with pages_of(tocsin) as client:
        yield client


def test_health_is_well_when_the_watch_has_just_looked(tocsin: Any, client: Client) -> None:
    tocsin.ok("watch", "--once")

    answer = client.get("/health")

    assert answer.status_code == 200
    assert answer.json()["ok"] is True
    assert answer.json()["problem"] is None
    assert client.head("/health").status_code == 200


def test_health_says_that_the_watch_has_never_looked(client: Client) -> None:
    answer = client.get("/health")

    assert (answer.status_code, answer.json()["ok"]) == (503, False)
    assert answer.json()["problem"] == "The watch has not looked yet."


def test_health_says_since_when_the_watch_has_not_looked(tocsin: Any, client: Client) -> None:
    tocsin.change_settings(simulated_clock=True)
    tocsin.ok("watch", "--once")
    tocsin.set_clock(pendulum.now("UTC").add(minutes=6))  # noqa: TID251 - the simulated clock counts from the real one

    answer = client.get("/health")

    assert (answer.status_code, answer.json()["ok"]) == (503, False)
    assert "has not looked since" in answer.json()["problem"]


def test_health_says_what_is_wrong_with_the_database(tocsin: Any, client: Client) -> None:
    with contextlib.closing(sqlite3.connect(tocsin.home / "tocsin.db")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()

    answer = client.get("/health")

    assert (answer.status_code, answer.json()["ok"]) == (503, False)
    assert "newer" in answer.json()["problem"]
    assert client.get("/").status_code == 503
    assert "newer" in client.get("/").text


def test_health_names_no_password(tocsin: Any) -> None:
    tocsin.change_settings(database="postgresql://tocsin:hunter2@127.0.0.1:9/tocsin")

    with pages_of(tocsin) as client:
        answers = [client.get("/health"), client.get("/"), client.get("/incidents/x")]

    assert [answer.status_code for answer in answers] == [503, 503, 503]
    assert all("127.0.0.1:9" in answer.text and "hunter2" not in answer.text for answer in answers)


def test_an_empty_installation_says_how_to_begin(client: Client) -> None:
    assert "tocsin declare" in client.get("/").text


def test_the_list_shows_open_incidents_the_most_urgent_first(supplied: Any) -> None:
    german = (
        "title: {}\norganisation: {{seat: DE, role: controller}}\nbreach: {{kinds: [confidentiality]}}\n"
        "risk: {{to_people: high}}\npeople: {{by_place: {{DE: 3}}}}\ntimes: {{aware: {}}}\n"
    )
    _later, _sooner, closed = (
        supplied.ok("declare", "-", "--plan", "conex-systems", "--json", stdin=german.format(title, aware)).json[
            "incident"
        ]
        for title, aware in (
            ("Can wait", "2026-11-20T23:00:00+00:00"),  # its text sorts before the next one's, its instant does not
            ("Is urgent", "2026-11-21T00:30:00+08:00"),
            ("Is closed", "2026-11-19T12:00:00+01:00"),
        )
    )
    supplied.ok("close", closed, "--reason", "a test")

    with pages_of(supplied) as client:
        page = client.get("/").text

    assert "Is closed" not in page
    assert 0 < page.index("Is urgent") < page.index("Can wait")
    assert page.count("eu-gdpr/authority") == 2


def test_one_incident_is_found_by_the_start_of_its_id(tocsin: Any, client: Client) -> None:
    incident = tocsin.ok("declare", "-", "--plan", "konzen", "--json", stdin=FACTS.format("Leak")).json["incident"]

    whole, short = client.get(f"/incidents/{incident}"), client.get(f"/incidents/{incident[:-1]}")

    assert whole.status_code == 200
    assert "<h1>Leak</h1>" in whole.text
    assert "cn-pipl/individuals" in whole.text
    assert short.text.count(incident) == whole.text.count(incident)


@pytest.mark.parametrize("path", ["/incidents/2020-01-01-nobody", "/incidents/-", "/incidents/<script>", "/nowhere"])
def test_what_is_not_there_is_a_page_with_one_sentence(client: Client, path: str) -> None:
    answer = client.get(path)

    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert "<script>" not in answer.text
    assert "There is no" in answer.text


def test_a_title_is_text_and_never_markup(tocsin: Any, client: Client) -> None:
    facts = FACTS.format("\"<script>alert('x')</script> & <b>more</b>\"")
    incident = tocsin.ok("declare", "-", "--plan", "konzen", "--json", stdin=facts).json["incident"]

    for page in (client.get("/").text, client.get(f"/incidents/{incident}").text):
        assert "<script" not in page
        assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &lt;b&gt;" in page


def test_no_page_shows_personal_data(
    supplied: Any, approved: Callable[..., str], secrets: tuple[str, ...], roster: Path
) -> None:
    incident = approved(supplied)
    supplied.ok("notice", "send", incident)
    assert any(secret in roster.read_text() for secret in secrets)

    with pages_of(supplied) as client:
        pages = client.get("/").text + client.get(f"/incidents/{incident}").text + client.get("/health").text

    assert "7 affected" in pages
    assert [secret for secret in secrets if secret in pages] == []


def test_pages_run_no_script_and_are_kept_nowhere(client: Client) -> None:
    for path in ("/", "/nowhere", "/health"):
        headers = client.get(path).headers

        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"


def test_another_name_for_this_machine_is_refused(tocsin: Any) -> None:
    with wiring.opened(tocsin.home) as house:
        app = application(house, hosts=("127.0.0.1", "localhost"))

        assert Client(app, base_url="http://evil.example").get("/").status_code == 400
        assert Client(app, base_url="http://127.0.0.1:8400").get("/").status_code == 200


def test_an_unforeseen_error_tells_its_kind_and_no_value(
    tocsin: Any, client: Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("db.incidents.listed", lambda *_, **__: int("user.1@mail.example.cn"))

    answer = client.get("/")

    assert answer.status_code == 500
    assert "an unforeseen ValueError" in answer.text
    logs = list(tmp_path.glob("tocsin-failure-*.log"))
    assert len(logs) == 1
    assert "mail.example" not in answer.text + logs[0].read_text().replace('int("user.1@mail.example.cn")', "")


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("2026-11-23T16:30:00+01:00", "Mon 23 Nov 2026, 16:30 UTC+01:00"),
        ("2026-11-03T00:00:00+00:00", "Tue 3 Nov 2026, 00:00 UTC"),
        ("without undue delay", "without undue delay"),
        ("", ""),
        (None, ""),
    ],
)
def test_instants_are_shown_as_people_read_them(stored: str | None, shown: str) -> None:
    assert _moment(stored) == shown
