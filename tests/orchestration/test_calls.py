"""People who are told by telephone: on a list once, called by somebody, believed only when they were reached."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import delete, select

from db import attempts, calls, ledger, people
from db.call_tables import CallReport, CallTask, Wish
from flows.steps import approving, call_sheets, calling, collecting, enrolling, listing, notifying, pausing
from flows.wiring import House
from tocsin.calls import Report, Result
from tocsin.delivery import Channel, Outcome
from tocsin.errors import Invalid, NotAllowed, NotFound

PEOPLE = "account,name,place,language,landline\n" + "".join(
    f"p{n},Émile Person{n},{place},en,{number}\n"
    for n, (place, number) in enumerate(
        [("FR", "+33140205050"), ("FR", "+33140205051"), ("FR", "+33140205052"), ("DE", "+493018170")]
    )
)


@pytest.fixture
def house(installation: Any, tmp_path: Path) -> House:
    """A house whose telephone rung is a call centre for people outside mainland China."""
    path = installation.folder / "settings.yaml"
    document = yaml.safe_load(path.read_text())
    others = [one for one in document["providers"] if one["channel"] != "phone"]
    centre = {"name": "centre", "channel": "phone", "url": "calls://", "places": "*"}
    path.write_text(yaml.safe_dump({**document, "providers": [*others, centre]}, allow_unicode=True))
    (tmp_path / "callees.csv").write_text(PEOPLE, encoding="utf-8")
    return installation.house  # type: ignore[no-any-return]


@pytest.fixture
def listed(house: House, prepare: Callable[..., str], tmp_path: Path) -> str:
    """An incident with four people who have a landline only, and are on the list by now."""
    incident = prepare(house, upto="written")
    enrolling.enrol(house, incident, tmp_path / "callees.csv", mapping=[], by="Lin Wei", now=house.now())
    approving.approve(house, incident, "notice", by="Zhao Min", now=house.now())
    notifying.send(house, incident, by="Lin Wei")
    return incident


def export(house: House, incident: str, path: Path, **options: Any) -> list[dict[str, str]]:
    call_sheets.export(house, incident, path, by="Lin Wei", **options)
    with path.open(encoding="utf-8-sig", newline="") as text:
        return list(csv.DictReader(text))


def give_back(path: Path, rows: list[dict[str, str]], results: list[dict[str, str]]) -> Path:
    filled = path.with_name("filled.csv")
    with filled.open("w", encoding="utf-8", newline="") as text:
        writer = csv.DictWriter(text, fieldnames=rows[0].keys(), delimiter=";")
        writer.writeheader()
        writer.writerows({**row, **result} for row, result in zip(rows, results, strict=True))
    return filled


def outcomes(house: House, incident: str) -> dict[Outcome, int]:
    with house.database.reading() as session:
        return attempts.funnel(session, incident).get(Channel.PHONE, {})


def verdicts(house: House, incident: str) -> dict[str, int]:
    return {one.verdict: one.people for one in listing.tallies(house, incident) if one.people}


def entries(house: House, incident: str, kind: str) -> list[dict[str, Any]]:
    with house.database.reading() as session:
        return [event.data for event in ledger.listed(session, incident) if event.type == kind]


def test_the_list_is_worked_off_and_the_ladder_hears_of_it(
    installation: Any, house: House, listed: str, tmp_path: Path
) -> None:
    assert outcomes(house, listed) == {Outcome.ACCEPTED: 4}
    collecting.collect(house, now=house.now())
    rows = export(house, listed, tmp_path / "sheet.csv")

    assert len(rows) == 4
    assert (tmp_path / "sheet.csv").stat().st_mode & 0o777 == 0o600
    assert {row["number"] for row in rows} >= {"+33140205050", "+493018170"}
    assert all(row["name"].startswith("Émile") and row["language"] == "en" for row in rows)
    assert all(", ".join(row["reference"]) in row["text"] for row in rows), "the reference is spelt out to be spoken"
    now = house.now()
    at = now.to_iso8601_string()
    results = [
        {"result": "reached", "called_at": at},
        {"result": "wrong number", "called_at": at},
        {"result": "do-not-call", "called_at": at, "by": "Paul"},
        {"result": "", "called_at": ""},
    ]
    filled = give_back(tmp_path / "sheet.csv", rows, results)

    read = call_sheets.read_back(house, listed, filled, by="Lin Wei")
    again = call_sheets.read_back(house, listed, filled, by="Lin Wei")

    assert (read.recorded.new, read.blank, read.bad) == (3, 1, [])
    assert (again.recorded.new, again.recorded.known) == (0, 3)
    assert outcomes(house, listed) == {
        Outcome.DELIVERED: 1, Outcome.BOUNCED: 1, Outcome.REFUSED: 1, Outcome.ACCEPTED: 1
    }  # fmt: skip
    collecting.collect(house, now=house.now())
    notifying.send(house, listed, by="Lin Wei")
    found = {row["ref"]: row["reason"] for row in listing.listed(house, listed, "refused")}
    assert list(found.values()) == ["declined"]
    assert verdicts(house, listed)["unreachable"] >= 1
    with house.database.reading() as session:
        without = [one for one in people.iterate(session, listed) if one.excluded_channels]
    assert [one.excluded_channels for one in without] == [("phone",)]
    assert entries(house, listed, "calls.exported") == [{"list": "centre", "people": 4, "owner": "Lin Wei"}]
    assert entries(house, listed, "calls.recorded") == [
        {"calls": 3, "do-not-call": 1, "reached": 1, "wrong-number": 1}
    ]  # fmt: skip
    with house.database.reading() as session:
        stored = str([list(session.execute(select(table.__table__))) for table in (CallTask, CallReport, Wish)])
    shown = stored + json.dumps(call_sheets.listed(house, listed), ensure_ascii=False)
    assert not [secret for secret in ("Émile", "3140205", "3018170") if secret in shown]


@pytest.mark.parametrize("installation", ["sqlite"], indirect=True)
def test_nobody_is_called_twice_nor_when_told_otherwise_nor_while_sending_is_paused(
    house: House, listed: str, tmp_path: Path
) -> None:
    with house.database.transaction() as session:  # as if the process had died before it said whom it had taken
        session.execute(delete(CallTask))
    assert calling.open_missing(house, now=house.now()) == 4
    assert calling.open_missing(house, now=house.now()) == 0
    mine = export(house, listed, tmp_path / "a.csv", owner="A", most=1)
    others = export(house, listed, tmp_path / "b.csv", owner="B")

    assert {one["task"] for one in mine} & {one["task"] for one in others} == set()
    assert [one["task"] for one in export(house, listed, tmp_path / "a.csv", owner="A")] == [mine[0]["task"]]
    assert len(export(house, listed, tmp_path / "b.csv", owner="B", taken_from="A")) == 4
    with house.database.transaction() as session:
        task = calls.by_keys(session, listed, [mine[0]["task"]])[mine[0]["task"]]
        sent = attempts.NewAttempt(
            key="e" * 32, person_id=task.person_id, wave=2, channel=Channel.EMAIL, provider="x",
            text_hash=task.text_hash,
        )  # fmt: skip
        attempts.claim_many(session, listed, [sent], "me", house.now().add(minutes=1), house.now())
        done = attempts.Settled(key=sent.key, outcome=Outcome.DELIVERED, provider="x", at=house.now())
        attempts.settle_many(session, listed, [done])
    assert len(export(house, listed, tmp_path / "b.csv", owner="B")) == 3
    pausing.pause(house, listed, by="Lin Wei", now=house.now())
    with pytest.raises(NotAllowed, match="paused"):
        export(house, listed, tmp_path / "c.csv")
    with pytest.raises(Invalid, match="no list of people"):
        export(house, listed, tmp_path / "c.csv", of_list="post")
    assert list(tmp_path.glob("c.csv*")) == []
    assert len(entries(house, listed, "calls.exported")) == 5


@pytest.mark.parametrize("installation", ["sqlite"], indirect=True)
def test_rows_that_cannot_be_taken_are_named_by_line_and_who_does_not_answer_is_called_until_the_plan_gives_up(
    installation: Any, house: House, listed: str, tmp_path: Path
) -> None:
    rows = export(house, listed, tmp_path / "sheet.csv")
    at = house.now().to_iso8601_string()
    results = [
        {"result": "reached", "called_at": at},
        {"result": "perhaps", "called_at": at},
        {"result": "reached", "called_at": house.now().add(days=1).to_iso8601_string()},
        {"result": "call-back", "called_at": at},
    ]
    filled = give_back(tmp_path / "sheet.csv", rows, results)
    lines = filled.read_text().splitlines()
    filled.write_text("\n".join([*lines, lines[1].replace("reached", "declined"), "x;reached", "x" + lines[1][1:]]))

    read = call_sheets.read_back(house, listed, filled, by="Lin Wei")

    assert [(one.line, one.why) for one in read.bad][1:] == [
        (4, "time-impossible"),
        (5, "time-impossible"),
        (6, "known-otherwise"),
        (7, "column-count"),
        (8, "task-unknown"),
    ]
    assert outcomes(house, listed) == {Outcome.ACCEPTED: 3, Outcome.DELIVERED: 1}
    (tmp_path / "other.csv").write_text("task,what\n1,2\n")
    with pytest.raises(Invalid, match="no column 'result'"):
        call_sheets.read_back(house, listed, tmp_path / "other.csv", by="Lin Wei")
    with pytest.raises(Invalid, match="--zone names no IANA"):
        call_sheets.read_back(house, listed, filled, by="Lin Wei", zone="Mars")
    with pytest.raises(NotFound):
        calling.record(house, listed, "nothing", Report(at=house.now(), result=Result.REACHED), by="x", now=house.now())
    task = rows[1]["task"]
    for number in (1, 2, 3):
        now = house.now()
        calling.record(house, listed, task, Report(at=now, result=Result.NO_ANSWER), by="Paul", now=now)
        assert task not in {one["task"] for one in export(house, listed, tmp_path / "n.csv")}
        installation.set_clock(now.add(hours=2, minutes=1))
        assert (task in {one["task"] for one in export(house, listed, tmp_path / "n.csv")}) is (number < 3)
    notifying.send(house, listed, by="Lin Wei")
    assert "no-answer" in {one["reason"] for one in listing.listed(house, listed, "unreachable")}
