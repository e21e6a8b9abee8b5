"""One small incident from its declaration to its end, through the command line alone."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pendulum
from pendulum import DateTime

from db import people
from flows import wiring
from flows.demo import words
from flows.steps import drafting

VERIFIER = Path(__file__).parents[1] / "ledger_verifier.py"
DECLARED_AT = pendulum.datetime(2026, 11, 21, 2, tz="Asia/Shanghai")


def states(tocsin: Any, incident: str) -> dict[str, str]:
    return {duty["duty"]: duty["state"] for duty in tocsin.ok("status", incident, "--json").json["duties"]}


def write(tocsin: Any, incident: str, noun: str, folder: Path) -> None:
    """What the author does: draft, fill the gaps in an editor, put."""
    tocsin.ok(noun, "draft", incident, "--folder", str(folder), "--as", "Chen Yu")
    paths = sorted(folder.glob("*.yaml"))
    for path in paths:
        drafting.fill_gaps(path, words.FILLED[path.stem])
    put = tocsin.ok(noun, "put", incident, *map(str, paths), "--as", "Chen Yu")
    assert [line.partition(":")[0] for line in put.out.splitlines()] == ["en", "zh"]


def until_told(tocsin: Any, incident: str) -> dict[str, int]:
    """What the minute's watch does, with the clock put forward to each next rung."""
    for _ in range(60):
        tocsin.ok("watch", "--once")
        shown = tocsin.ok("status", incident, "--json").json["people"]
        if not shown["open"]:
            return shown["by_verdict"]  # type: ignore[no-any-return]
        time.sleep(0.2)  # the fakes' receipts come later, on the real clock
        house = wiring.assemble(tocsin.home)
        with house.database.reading() as session:
            following = people.next_look(session, incident)
        if following is not None and following > house.now():
            tocsin.set_clock(following)
    raise AssertionError(shown)


def test_the_whole_way_of_an_incident(
    supplied: Any,
    facts_files: Callable[[DateTime], tuple[Path, Path]],
    roster: Path,
    tmp_path: Path,
    secrets: tuple[str, ...],
) -> None:
    tocsin = supplied
    first, later = facts_files(DECLARED_AT.subtract(minutes=10))

    # Declare, with half the facts missing.
    declared = tocsin.ok("declare", str(first), "--plan", "conex-easykey", "--as", "Lin Wei", "--json").json
    incident = declared["incident"]
    assert incident.startswith("2026-11-20-conex-easykey-")
    assert (declared["state"], declared["phase"]) == ("open", "contain")
    assert "cn-pipl/individuals" in states(tocsin, incident)
    assert "eu-gdpr/individuals" not in {k for k, v in states(tocsin, incident).items() if v == "owed"}
    assert [row["incident"] for row in tocsin.ok("status", "--json").json] == [incident]

    # Contain.
    tasks = tocsin.ok("tasks", incident, "--json").json
    assert {task["state"] for task in tasks} == {"open"}
    tocsin.ok("tasks", incident, "--done", "stop-the-leak", "--evidence", "Ticket SEC-114", "--as", "Lin Wei")
    done = {task["task"]: task for task in tocsin.ok("tasks", incident, "--json").json}["stop-the-leak"]
    assert (done["state"], done["done_by"]) == ("done", "Lin Wei")

    # Assess: better facts, and the difference they make.
    appeared = {
        change["duty"]
        for change in tocsin.ok("facts", "set", incident, str(later), "--json").json
        if change["kind"] == "appeared"
    }
    assert any(duty.startswith("eu-gdpr/authority") for duty in appeared)
    assert tocsin.ok("facts", "show", incident, "--json").json["version"] == 2
    assert tocsin.ok("facts", "show", incident, "--version", "1", "--json").json["facts"].keys() < {
        *tocsin.ok("facts", "show", incident, "--json").json["facts"]
    }
    difference = tocsin.ok("facts", "diff", incident, "--json").json
    assert any(line.startswith("+ people.by_place.DE") for line in difference["facts"])
    assert appeared <= {change["duty"] for change in difference["duties"]}

    # Roster.
    imported = tocsin.ok("roster", "import", incident, str(roster), "--as", "Lin Wei", "--json").json
    assert (imported["wave"], imported["rows"], imported["people"], imported["rejected"]) == (1, 7, 7, 0)
    shown = tocsin.ok("roster", "show", incident, "--json").json
    assert shown["by_place"] == {"CN": 5, "DE": 1, "FR": 1}
    assert shown["by_language"] == {"en": 2, "zh": 5}

    # Notice: draft, check, put, show, approve by somebody else.
    tocsin.ok("notice", "draft", incident, "--folder", str(tmp_path / "draft"), "--as", "Chen Yu")
    unready = tocsin("notice", "check", incident, "--json")
    assert unready.code == 1
    assert unready.json["problems"]
    write(tocsin, incident, "notice", tmp_path / "notice")
    assert tocsin.ok("notice", "check", incident, "--json").json["problems"] == []
    short = tocsin.ok("notice", "show", incident, "-l", "zh", "--channel", "sms").out
    assert short.startswith("--- zh · sms · version 2 by Chen Yu")
    assert tocsin("notice", "send", incident).code == 3
    tocsin.ok("refuse", incident, "notice", "--reason", "one word is missing", "--as", "Zhao Min")
    assert tocsin("approve", incident, "notice", "--as", "Zhao Min").code == 3
    text = (tmp_path / "notice" / "en.yaml").read_text(encoding="utf-8")
    (tmp_path / "notice" / "en.yaml").write_text(text.replace("free security check", "free and quick security check"))
    tocsin.ok("notice", "put", incident, str(tmp_path / "notice" / "en.yaml"), "--as", "Chen Yu")
    assert "1 of 1" in tocsin.ok("notice", "approve", incident, "--as", "Zhao Min").out

    # Notify: everyone gets the verdict that their addresses allow.
    sent = tocsin.ok("notice", "send", incident, "--json").json
    assert sent["messages"] == 10  # six people; four messages more, where a rung was refused at once
    assert until_told(tocsin, incident) == {"delivered": 3, "unconfirmed": 2, "unreachable": 1, "no-address": 1}

    # Announce to those who could not be told one by one.
    write(tocsin, incident, "announce", tmp_path / "announcement")
    assert tocsin("announce", "publish", incident).code == 3
    tocsin.ok("approve", incident, "announcement", "--as", "Zhao Min")
    published = Path(tocsin.ok("announce", "publish", incident).out.removeprefix("Published in ").strip())
    assert 'lang="zh' in (published / "zh.html").read_text(encoding="utf-8")

    # Report.
    forms = {row["form"] for row in tocsin.ok("report", "list", incident, "--json").json}
    assert forms == {"cn-cac-incident", "eu-gdpr-33"}
    tocsin.ok("report", "draft", incident, "--as", "Chen Yu")
    gaps = tocsin("report", "missing", incident, "eu-gdpr-33", "--json")
    assert (gaps.code, bool(gaps.json)) in {(0, False), (1, True)}
    assert tocsin.ok("report", "show", incident, "eu-gdpr-33").json
    papers = list((tocsin.home / "papers" / incident).glob("eu-gdpr-33-*.pdf"))
    assert papers
    assert papers[0].read_bytes().startswith(b"%PDF")
    assert tocsin("report", "file", incident, "eu-gdpr-33", "--reference", "too soon").code == 3
    for form in sorted(forms):
        tocsin.ok("approve", incident, f"report:{form}:initial", "--as", "Zhao Min")
        tocsin.ok("report", "file", incident, form, "--reference", f"R-{form}", "--as", "Zhao Min")
    assert tocsin("report", "file", incident, "eu-gdpr-33", "--reference", "again").code == 3
    filed = {row["form"]: row["reference"] for row in tocsin.ok("status", incident, "--json").json["reports"]}
    assert filed == {form: f"R-{form}" for form in forms}

    # What only people can say is done; then nothing waits but the plan's own tasks and duties without a date.
    tocsin.ok("done", incident, "eu-gdpr/record", "--evidence", "Register no. 2026-11", "--as", "Zhao Min")
    assert tocsin("done", incident, "eu-gdpr/record").code == 3
    now = states(tocsin, incident)
    assert now["plan-conex-easykey/individuals"] == "done"
    assert now["eu-gdpr/record"] == "done"
    assert "OVERDUE" not in now.values()
    phases = {step["phase"]: step for step in tocsin.ok("respond", incident, "--json").json}
    assert phases["notify"]["waiting"] == []
    assert phases["announce"]["waiting"] == []

    # Ledger: it verifies here and with a stranger's program, and holds nobody's data.
    assert "verifies" in tocsin.ok("ledger", "verify", incident).out
    export = tmp_path / "ledger.jsonl"
    tocsin.ok("ledger", "export", incident, "--out", str(export), "--as", "auditor")
    events = tocsin.ok("ledger", "show", incident, "--json").json
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert {"approval.denied", "approval.refused", "report.filed", "announcement.published"} <= {
        event["type"] for event in events
    }
    checked = subprocess.run([sys.executable, str(VERIFIER), str(export)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr

    # Close, and destroy the personal data; the proof stays.
    assert tocsin("close", incident).code == 3
    closed = tocsin.ok("close", incident, "--reason", "reviewed", "--destroy-data", "--as", "Zhao Min").out
    assert "destroyed" in closed
    assert tocsin.ok("status", "--json").json == []
    assert [row["state"] for row in tocsin.ok("status", "--all", "--json").json] == ["closed"]
    assert "verifies" in tocsin.ok("ledger", "verify", incident).out
    again = tmp_path / "again.jsonl"
    tocsin.ok("ledger", "export", incident, "--out", str(again))

    shown = tocsin.ok("status", incident).out + tocsin.ok("ledger", "show", incident).out + export.read_text()
    assert [secret for secret in secrets if secret in shown + again.read_text()] == []


def test_the_law_is_asked_without_an_installation(elsewhere: Callable[[Path], Any], tmp_path: Path) -> None:
    tocsin = elsewhere(tmp_path / "nowhere")
    facts = (
        "title: T\norganisation: {seat: DE, role: controller}\nbreach: {kinds: [confidentiality]}\n"
        "risk: {to_people: high}\npeople: {by_place: {DE: 3}}\ntimes: {aware: 2026-11-20T16:30:00+01:00}\n"
    )

    duties = tocsin.ok("duties", "-", "--as-of", "2026-11-22T00:00:00Z", "--json", stdin=facts).json
    rows = {row["id"]: row for row in duties["duties"]}
    assert duties["as_of"] == "2026-11-22T00:00:00Z"
    assert rows["eu-gdpr/authority"]["due"] == "2026-11-23T17:00:00+01:00"  # the hour of the event does not count
    assert "not-owed" not in {row["status"] for row in duties["duties"]}
    everything = tocsin.ok("duties", "-", "--all", "--json", stdin=facts).json
    assert "not-owed" in {row["status"] for row in everything["duties"]}
    assert "eu-gdpr/authority" in tocsin.ok("duties", "-", stdin=facts).out

    counted = tocsin.ok("deadline", "2026-11-20T16:30:00+01:00", "--within", "72 hours", "--json").json
    assert counted["due"] == "2026-11-23T16:30:00+01:00"
    scored = tocsin.ok("severity", "--dpc", "3", "--ei", "0.75", "--confidentiality", "0.25", "--json").json
    assert scored == {"score": 2.5, "level": "medium"}
    assert tocsin.ok("severity", "-", "--json", stdin=facts).json["risk"] in {
        "unlikely",
        "likely",
        "high",
        "undetermined",
    }

    laws = {row["id"] for row in tocsin.ok("law", "list", "--json").json}
    assert laws >= {"cn-pipl", "cn-cac", "eu-gdpr", "uk-gdpr", "us-ca"}
    assert tocsin.ok("law", "show", "us-ca", "--json").json["version"]
    assert f"{len(laws)} laws" in tocsin.ok("law", "check").out
    assert {row["id"] for row in tocsin.ok("plan", "list", "--json").json} == {
        "conex-easykey", "conex-systems", "kaiconn", "konzen", "smart-hardware",
    }  # fmt: skip
    assert "Promises" in tocsin.ok("plan", "show", "kaiconn").out
    ours = Path(__file__).parents[2] / "playbooks" / "plans" / "kaiconn.yaml"
    assert "kaiconn" in tocsin.ok("plan", "check", str(ours)).out
    assert not (tmp_path / "nowhere").exists()


def test_init_makes_what_is_missing_and_keeps_what_is_there(elsewhere: Callable[[Path], Any], tmp_path: Path) -> None:
    tocsin = elsewhere(tmp_path / "new")

    made = tocsin.ok("init").out
    key = (tmp_path / "new" / "master.key").read_bytes()
    (tmp_path / "new" / "settings.yaml").write_text("master_key: {file: master.key}\npublic: www\n")
    tocsin.ok("init")
    tocsin.ok("migrate")

    assert "master.key" in made
    assert (tmp_path / "new" / "master.key").read_bytes() == key
    assert "www" in (tmp_path / "new" / "settings.yaml").read_text()
    assert (tmp_path / "new" / "master.key").stat().st_mode & 0o077 == 0
    assert tocsin.ok("status", "--json").json == []


def test_the_same_words_twice_are_one_version(tocsin: Any, tmp_path: Path) -> None:
    facts = "title: T\norganisation: {seat: CN}\n"
    tocsin.ok("declare", "-", "--plan", "konzen", stdin=facts)

    assert tocsin.ok("facts", "set", "-", "-", "--json", stdin=f"# the same\n{facts}").out == "[]\n"

    assert tocsin.ok("facts", "show", "-", "--json").json["version"] == 1


def test_a_printed_facts_document_can_be_put_again(tocsin: Any, tmp_path: Path) -> None:
    tocsin.ok("declare", "-", "--plan", "konzen", stdin="title: 泄露\ntimes: {aware: 2026-11-20T10:00:00+08:00}\n")

    printed = tocsin.ok("facts", "show", "-").out

    assert json.loads(tocsin.ok("facts", "set", "-", "-", "--json", stdin=printed).out) == []
    assert tocsin.ok("facts", "show", "-", "--json").json["version"] == 1


def test_a_drill_is_marked_on_the_ledger(tocsin: Any) -> None:
    tocsin.ok("declare", "-", "--plan", "konzen", "--drill", stdin="title: T\n")

    assert tocsin.ok("ledger", "show", "-", "--json").json[0]["data"]["drill"] is True
