"""Deadlines in calendars: what stands in them, that they do not change by themselves, and who can read them."""

import asyncio
import csv
from pathlib import Path
from typing import Any

import httpx
import pendulum
import pytest
from icalendar import Calendar

from console.api import application
from console.feeds import Gate
from flows import private_files, wiring

FACTS = """
title: Secret leak at Example Bank
times: {aware: 2026-11-20T10:00:00+08:00}
organisation: {seat: CN}
people: {total: 7, by_place: {CN: 5, DE: 2}}
"""
STAFF = {
    "lin-wei": {"name": "Lin Wei", "groups": ["responders", "incident lead"]},
    "zhao-min": {"name": "Zhao Min", "groups": ["legal"]},
}


@pytest.fixture
def opened(tocsin: Any, declare: Any) -> tuple[Any, str]:
    """An installation with staff, and an incident."""
    tocsin.change_settings(people=STAFF)
    return tocsin, declare(tocsin)


def asked(tocsin: Any, path: str, *, times: int = 1) -> httpx.Response:
    async def ask(app: Any) -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
            for _ in range(times - 1):
                await client.get(path)
            return await client.get(path)

    with wiring.opened(tocsin.home) as house:
        return asyncio.run(ask(application(house)))


def added(tocsin: Any, *words: str) -> str:
    url = tocsin.ok("calendar", "add", *words).out.splitlines()[0]
    assert url.startswith("http://127.0.0.1:8400/calendar/tocsin_calendar_")
    return str(url.removeprefix("http://127.0.0.1:8400"))


def events(text: str | bytes) -> dict[str, Any]:
    """Events by the name of their duty or task."""
    found = Calendar.from_ical(text).walk("VEVENT")
    return {str(one["DESCRIPTION"]).splitlines()[1].partition(": ")[2]: one for one in found}


def test_every_dated_duty_and_task_stands_in_it_in_utc(opened: tuple[Any, str]) -> None:
    tocsin, incident = opened
    written = tocsin.ok("calendar", "write", incident).out
    duties = {one["duty"]: one for one in tocsin.ok("status", incident, "--json").json["duties"] if one["left"]}
    tasks = {one["task"]: one for one in tocsin.ok("tasks", incident, "--json").json if one["due"]}

    found = events(written)

    assert set(found) == set(duties) | set(tasks)
    assert len(duties) > 5
    for name, event in found.items():
        due = (duties.get(name) or tasks[name])["due"]
        assert event.decoded("DTSTART").utcoffset().total_seconds() == 0
        if "+" in due and name in tasks:
            assert abs(event.decoded("DTSTART").timestamp() - pendulum.parse(due).timestamp()) < 1
        states = {"undetermined": "TENTATIVE"}
        assert str(event["STATUS"]) == states.get((duties.get(name) or {}).get("state"), "CONFIRMED")
        assert [alarm["TRIGGER"].to_ical() for alarm in event.walk("VALARM")] == [b"-P1D", b"-PT2H"]
    assert len({str(event["UID"]) for event in found.values()}) == len(found)
    assert "Example Bank" not in written
    assert all(len(line.encode()) <= 75 for line in written.split("\r\n"))


def test_the_same_record_gives_the_same_bytes_and_a_change_counts_up(opened: tuple[Any, str], tmp_path: Path) -> None:
    tocsin, incident = opened
    out = tmp_path / "deadlines.ics"
    tocsin.ok("calendar", "write", incident, "-o", str(out))
    before = out.read_bytes()
    tocsin.ok("calendar", "write", incident, "-o", str(out))
    assert out.read_bytes() == before
    assert tocsin.ok("calendar", "write", incident).out.encode() == before

    first = events(before)
    duty = next(name for name in first if name.startswith("eu-gdpr/"))
    task = tocsin.ok("tasks", incident, "--json").json[0]["task"]
    tocsin.ok("done", incident, duty)
    tocsin.ok("tasks", incident, "--done", task)
    later = events(tocsin.ok("calendar", "write", incident).out)

    for name in (duty, task):
        assert str(later[name]["UID"]) == str(first[name]["UID"])
        assert later[name]["SEQUENCE"] == first[name]["SEQUENCE"] + 1
        assert later[name].decoded("DTSTAMP") >= first[name].decoded("DTSTAMP")
        assert str(later[name]["SUMMARY"]).startswith("Done: ")
        assert later[name].walk("VALARM") == []
    same = [name for name in first if name not in {duty, task} and first[name].to_ical() == later[name].to_ical()]
    assert len(same) == len(first) - 2


def test_a_duty_that_falls_away_is_cancelled(opened: tuple[Any, str]) -> None:
    tocsin, incident = opened
    before = events(tocsin.ok("calendar", "write", incident).out)
    tocsin.ok("facts", "set", incident, "-", stdin=FACTS.replace("CN: 5, DE: 2", "CN: 7"))

    after = events(tocsin.ok("calendar", "write", incident).out)

    gone = [name for name, event in after.items() if str(event["STATUS"]) == "CANCELLED"]
    assert any(name.startswith("eu-gdpr/") for name in gone)
    assert all(after[name]["SEQUENCE"] > before[name]["SEQUENCE"] for name in gone)


def test_a_person_reads_what_they_are_asked(opened: tuple[Any, str]) -> None:
    tocsin, _ = opened

    lin, zhao = (events(asked(tocsin, added(tocsin, "--person", name)).content) for name in STAFF)

    assert lin
    assert any("Owner: legal" in str(event["DESCRIPTION"]) for event in zhao.values())
    assert not any("Owner: legal" in str(event["DESCRIPTION"]) for event in lin.values())
    refused = tocsin("calendar", "add", "--person", "nobody")
    assert (refused.code, "nobody" in refused.err) == (2, True)


def test_whoever_has_the_address_reads_and_nobody_else(opened: tuple[Any, str]) -> None:
    tocsin, incident = opened
    path = added(tocsin, incident)
    listed = tocsin.ok("calendar", "list", "--json").json[0]

    answer = asked(tocsin, path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    assert events(answer.content)
    assert listed["incident"] == incident
    assert listed["id"] not in path
    secret = path.removeprefix("/calendar/").removesuffix(".ics")
    assert secret not in "".join(tocsin.record()["database"])

    tocsin.ok("calendar", "revoke", listed["id"])
    ended, wrong = asked(tocsin, path), asked(tocsin, "/calendar/wrong.ics")
    assert (ended.status_code, wrong.status_code) == (404, 404)
    assert ended.content == wrong.content
    assert tocsin("calendar", "revoke", listed["id"]).code == 2
    assert tocsin.ok("calendar", "list", "--json").json == []
    acts = [one["act"] for one in tocsin.ok("people", "acts", "--json").json]
    assert acts == ["calendar-added", "calendar-revoked"]


def test_an_address_ends_with_the_account_of_who_made_it(opened: tuple[Any, str]) -> None:
    tocsin, _ = opened
    said = tocsin.ok("people", "add", "Lin Wei", "--role", "administrator").out
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOCSIN_TOKEN", next(line for line in said.splitlines() if line.startswith("tocsin_")))
        tocsin.ok("people", "add", "Chen Yu", "--role", "responder", "--as", "Lin Wei")
        path = added(tocsin, "--as", "Chen Yu")
        assert asked(tocsin, path).status_code == 200
        assert tocsin("calendar", "add", "--as", "A stranger").code == 3
        tocsin.ok("people", "end", "Chen Yu", "--as", "Lin Wei")
    assert asked(tocsin, path).status_code == 404


def test_whoever_asks_too_often_waits(opened: tuple[Any, str]) -> None:
    tocsin, _ = opened
    assert asked(tocsin, "/calendar/wrong.ics", times=31).status_code == 429

    at = [0.0]
    gate = Gate(2, clock=lambda: at[0])
    assert [gate.lets_in("a"), gate.lets_in("a"), gate.lets_in("a"), gate.lets_in("b")] == [True, True, False, True]
    at[0] = 60.0
    assert gate.lets_in("a")


def test_deadlines_and_tasks_go_into_a_spreadsheet(opened: tuple[Any, str], tmp_path: Path) -> None:
    tocsin, incident = opened
    duties = tocsin.ok("status", incident, "--json").json["duties"]
    path = tmp_path / "deadlines.csv"

    assert tocsin.ok("status", "--csv", str(path)).out == f"Wrote {len(duties)} rows to {path}.\n"
    rows = list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()))
    assert [row["duty"] for row in rows] == [duty["duty"] for duty in duties]
    assert {row["incident"] for row in rows} == {incident}
    assert path.stat().st_mode & 0o077 == 0
    piped = csv.DictReader(tocsin.ok("status", incident, "--csv", "-").out.splitlines())
    assert [row["due"] for row in piped] == [row["due"] for row in rows]

    tasks = tocsin.ok("tasks", incident, "--json").json
    printed = list(csv.DictReader(tocsin.ok("tasks", incident, "--csv", "-").out.splitlines()))
    assert [(row["task"], row["due"]) for row in printed] == [(one["task"], one["due"] or "") for one in tasks]
    assert tocsin("status", "--csv", str(tmp_path / "nowhere" / "x.csv")).code == 2


def test_no_cell_is_run_by_a_spreadsheet() -> None:
    assert private_files.text(("what",), [{"what": "=cmd|' /C calc'!A0"}]) == "what\r\n'=cmd|' /C calc'!A0\r\n"
