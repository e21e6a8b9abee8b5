"""`GET /metrics`, the alarm where the watch is late, and the ping to a dead-man service."""

import asyncio
import http.server
import threading
import time
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from console.api import application
from console.metrics import Remembered
from flows import wiring
from flows.steps import pinging
from notifiers.ping import ping

FACTS = "title: A test\ntimes: {aware: 2026-11-20T10:00:00+08:00}\norganisation: {seat: CN}\n"

MAIL = {"name": "mail", "channel": "email", "places": "*", "url": "mailto://u:p@127.0.0.1:9/{to}?from=a@example.com"}


def got(tocsin: Any, path: str, token: str | None = None) -> httpx.Response:
    async def ask(app: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
            return await client.get(path, headers=headers)

    with wiring.opened(tocsin.home) as house:
        return asyncio.run(ask(application(house)))


def numbers(tocsin: Any) -> dict[tuple[str, ...], float]:
    """Every sample: its name, then the values of its labels."""
    families = text_string_to_metric_families(got(tocsin, "/metrics").text)
    return {(one.name, *one.labels.values()): one.value for family in families for one in family.samples}


def test_an_incident_is_counted_and_nobody_is_named(
    tocsin: Any, roster: Any, facts_files: Any, secrets: tuple[str, ...]
) -> None:
    tocsin.change_settings(providers=[MAIL], simulated_clock=True)
    _, facts = facts_files(wiring.now().subtract(hours=60))
    incident = tocsin.ok("declare", str(facts), "--plan", "conex-easykey", "--json").json["incident"]
    tocsin.ok("roster", "import", incident, str(roster))
    tocsin.ok("watch", "--once")
    status = tocsin.ok("status", incident, "--json").json
    tasks = tocsin.ok("tasks", incident, "--json").json

    seen = numbers(tocsin)

    waiting = [duty for duty in status["duties"] if duty["state"] in {"owed", "undetermined", "OVERDUE"}]
    assert seen["tocsin_up",] == 1
    assert seen["tocsin_incidents_open",] == 1
    assert seen["tocsin_duties_open", incident] == len(waiting)
    assert seen["tocsin_duties_overdue", incident] == sum(1 for duty in waiting if duty["state"] == "OVERDUE")
    assert 0 < seen["tocsin_duties_due_soon", incident] <= len(waiting)
    assert seen["tocsin_tasks_open", incident] == sum(1 for task in tasks if task["state"] != "done")
    assert seen["tocsin_people", incident, "open"] == 7
    assert seen["tocsin_sending_paused", incident] == 0
    assert seen["tocsin_provider_resting", "mail"] == 0
    assert seen["tocsin_watch_late",] == 0
    assert seen["tocsin_watch_age_seconds",] < 60
    text = got(tocsin, "/metrics").text
    assert [secret for secret in (*secrets, status["title"]) if secret in text] == []

    tocsin.ok("pause", incident)
    tocsin.set_clock(wiring.now().add(days=40))
    later = numbers(tocsin)
    assert later["tocsin_sending_paused", incident] == 1
    assert later["tocsin_duties_overdue", incident] > seen["tocsin_duties_overdue", incident]
    assert later["tocsin_watch_late",] == 1


def test_counting_takes_a_twentieth_of_the_time_at_most() -> None:
    at, made = [0.0], []

    def make() -> bytes:
        made.append(at[0])
        at[0] += 2.0
        return b"%d" % len(made)

    remembered = Remembered(make, clock=lambda: at[0])
    said = []
    for moment in (0.0, 2.0, 39.9, 40.0):
        at[0] = moment
        said.append(remembered.now())

    assert said == [b"1", b"1", b"1", b"2"]
    assert made == [0.0, 40.0]


def test_without_a_database_that_is_all_it_says(tocsin: Any) -> None:
    (tocsin.home / "tocsin.db").unlink()

    assert got(tocsin, "/metrics").status_code == 200
    assert numbers(tocsin) == {("tocsin_up",): 0}


def test_once_there_are_accounts_it_takes_a_token(tocsin: Any) -> None:
    token = tocsin.ok("people", "add", "Lin Wei", "--role", "administrator").out.splitlines()[1]

    assert got(tocsin, "/metrics").status_code == 401
    assert got(tocsin, "/metrics", "wrong").status_code == 401
    assert "tocsin_up 1.0" in got(tocsin, "/metrics", token).text


def test_a_late_watch_is_said_on_the_first_page_and_by_status(tocsin: Any) -> None:
    assert "The watch has not looked yet." in got(tocsin, "/").text
    assert "The watch has not looked yet." in tocsin.ok("status").out

    tocsin.ok("watch", "--once")

    assert "has not looked" not in got(tocsin, "/").text + tocsin.ok("status").out


class _DeadMan(http.server.BaseHTTPRequestHandler):
    asked: list[str]
    slow = False

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.slow:
            time.sleep(1)
        self.send_response_only(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def dead_man() -> Any:
    handler = type("DeadMan", (_DeadMan,), {"asked": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield handler, f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_each_completed_look_is_told(tocsin: Any, dead_man: Any) -> None:
    handler, url = dead_man
    tocsin.change_settings(watch_ping=f"{url}/done")
    tocsin.ok("watch", "--once")
    assert handler.asked == ["/done"]

    tocsin.change_settings(watch_ping={"begun": f"{url}/start", "done": f"{url}/done", "failed": f"{url}/fail"})
    tocsin.ok("watch", "--once")
    assert handler.asked[1:] == ["/start", "/done"]

    with wiring.opened(tocsin.home) as house, pytest.raises(RuntimeError), pinging.around(house):
        raise RuntimeError
    assert handler.asked[3:] == ["/start", "/fail"]

    tocsin.change_settings(simulated_clock=True)
    tocsin.ok("watch", "--once")
    assert handler.asked[5:] == []


def test_a_service_that_is_gone_or_slow_harms_no_look(tocsin: Any, dead_man: Any) -> None:
    handler, url = dead_man
    tocsin.change_settings(watch_ping="http://127.0.0.1:9/done")
    tocsin.ok("watch", "--once")

    handler.slow = True
    begun = time.monotonic()
    assert not ping(url, seconds=0.1)
    assert time.monotonic() - begun < 0.9


def test_a_ping_of_no_url_is_refused_without_quoting_it(tocsin: Any) -> None:
    tocsin.change_settings(watch_ping="ftp://very-secret")
    done = tocsin("watch", "--once")

    assert done.code == 2
    assert "watch_ping" in done.err
    assert "very-secret" not in done.err
