"""Bad input to the command line: one sentence on stderr, the right exit code, nothing on stdout, nothing changed."""

import base64
import contextlib
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

GOOD = "title: Test\ntimes: {aware: 2026-11-20T10:00:00+08:00}\norganisation: {seat: CN}\n"


def assert_refused(done: Any, *, saying: str, code: int = 2) -> None:
    assert done.code == code, done
    assert done.out == ""
    assert done.err.startswith("tocsin: ")
    assert done.err.endswith((".\n", "?\n"))
    assert done.err.count("\n") == 1
    assert saying in done.err
    assert "Traceback" not in done.err
    assert "unforeseen" not in done.err


BAD_FACTS = {
    "unreadable YAML": ("title: [", "line"),
    "an unknown key": ("title: T\nbreech: {}\n", "breach"),
    "an unknown data element": ("title: T\ndata: {elements: [emial]}\n", "email"),
    "a time without offset": ("title: T\ntimes: {aware: 2026-11-20T10:00:00}\n", "times.aware"),
    "a time that is none": ("title: T\ntimes: {aware: yesterday}\n", "times.aware"),
    "an impossible place": ("title: T\npeople: {by_place: {XX: 3}}\n", "XX"),
    "a count below zero": ("title: T\npeople: {total: -1}\n", "people.total"),
    "a count that is none": ("title: T\npeople: {total: many}\n", "people.total"),
    "places that contradict": ("title: T\npeople: {by_place: {US: 3, US-CA: 5}}\n", "US"),
    "a total that contradicts": ("title: T\npeople: {total: 2, by_place: {DE: 3}}\n", "people"),
    "a key given twice": ("title: T\ntitle: U\n", "title"),
    "no title": ("organisation: {seat: CN}\n", "title"),
    "nothing at all": ("", "title"),
    "a list": ("- title\n", "standard input"),
    "a bomb of aliases": ("a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\ntitle: *b\n", "alias"),
    "letters that control a terminal": ('title: T\n"\\e[31mred\\e[0m": 1\n', "red"),
    "a broken half of a letter": ('{"title": "\\ud83d"}', "title"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_FACTS)
def test_bad_facts_are_refused_and_change_nothing(tocsin: Any, name: str) -> None:
    text, saying = BAD_FACTS[name]
    before = tocsin.record()

    done = tocsin("declare", "-", "--plan", "conex-easykey", stdin=text)

    assert_refused(done, saying=saying)
    assert done.err.isprintable() or done.err.rstrip("\n").isprintable()
    assert tocsin.record() == before


@pytest.mark.parametrize("name", BAD_FACTS)
def test_bad_facts_do_not_replace_good_ones(tocsin: Any, name: str) -> None:
    text, saying = BAD_FACTS[name]
    tocsin.ok("declare", "-", "--plan", "conex-easykey", stdin=GOOD)
    before = tocsin.record()

    assert_refused(tocsin("facts", "set", "-", "-", stdin=text), saying=saying)
    assert tocsin.record() == before


def test_facts_that_are_not_there_are_named(tocsin: Any) -> None:
    assert_refused(tocsin("declare", "nowhere.yaml", "--plan", "konzen"), saying="nowhere.yaml")


def test_facts_that_are_no_text_are_named(tocsin: Any, tmp_path: Path) -> None:
    (tmp_path / "facts.yaml").write_bytes(b"\xff\xfe\x00title")

    assert_refused(tocsin("declare", str(tmp_path / "facts.yaml"), "--plan", "konzen"), saying="UTF-8")


def test_an_unknown_plan_is_refused_with_those_there_are(tocsin: Any) -> None:
    before = tocsin.record()

    assert_refused(tocsin("declare", "-", "--plan", "conex", stdin=GOOD), saying="conex-easykey")
    assert tocsin.record() == before


def test_a_plan_whose_people_may_not_be_kept_here_is_not_allowed(tocsin: Any) -> None:
    tocsin.change_settings(stores_marked="*")
    before = tocsin.record()

    assert_refused(tocsin("declare", "-", "--plan", "konzen", stdin=GOOD), saying="stores_marked", code=3)
    assert tocsin.record() == before


OF_AN_INCIDENT = [
    ("status",), ("facts", "show"), ("facts", "diff"), ("tasks",), ("roster", "show"), ("notice", "draft"),
    ("notice", "show"), ("notice", "check"), ("notice", "approve"), ("notice", "send"), ("announce", "draft"),
    ("announce", "publish"), ("report", "list"), ("report", "draft"), ("ledger", "verify"), ("ledger", "export"),
    ("ledger", "show"), ("respond",), ("close",),
]  # fmt: skip


@pytest.mark.parametrize("command", OF_AN_INCIDENT, ids=" ".join)
def test_an_incident_that_does_not_exist_is_named(tocsin: Any, command: tuple[str, ...]) -> None:
    before = tocsin.record()

    assert_refused(tocsin(*command, "2020-01-01-nobody"), saying="2020-01-01-nobody")
    assert tocsin.record() == before


def test_the_only_open_incident_cannot_be_meant_where_none_is_open(tocsin: Any) -> None:
    assert_refused(tocsin("status", "-"), saying="no open incident")


def test_the_start_of_an_id_must_fit_one_incident(tocsin: Any) -> None:
    for _ in range(2):
        tocsin.ok("declare", "-", "--plan", "konzen", stdin=GOOD)

    assert_refused(tocsin("status", "2"), saying="fits 2 incidents")
    assert_refused(tocsin("close", "-"), saying="2 incidents are open")
    assert_refused(tocsin("close", ""), saying="tocsin status")


def test_a_missing_master_key_says_where_it_should_be(tocsin: Any) -> None:
    (tocsin.home / "master.key").unlink()
    before = tocsin.record()

    assert_refused(tocsin("declare", "-", "--plan", "konzen", stdin=GOOD), saying="master.key")
    assert tocsin.record() == before


def test_a_master_key_missing_from_the_environment_is_named(tocsin: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOCSIN_MASTER_KEY", raising=False)
    tocsin.change_settings(master_key={"env": "TOCSIN_MASTER_KEY"})

    assert_refused(tocsin("declare", "-", "--plan", "konzen", stdin=GOOD), saying="TOCSIN_MASTER_KEY")


def test_a_wrong_master_key_reads_nobody(tocsin: Any, tmp_path: Path) -> None:
    tocsin.ok("declare", "-", "--plan", "konzen", stdin=GOOD)
    (tocsin.home / "master.key").write_text(base64.b64encode(b"x" * 32).decode())
    roster = tmp_path / "people.csv"
    roster.write_text("name,email,place\nA,a@example.com,CN\n")
    before = tocsin.record()

    assert_refused(tocsin("roster", "import", "-", str(roster)), saying="master key")
    assert_refused(tocsin("ledger", "export", "-"), saying="master key")
    assert_refused(tocsin("declare", "-", "--plan", "konzen", stdin=GOOD), saying="master key")
    assert tocsin.record() == before


@pytest.mark.parametrize("text", ["not a key", "c2hvcnQ=", ""])
def test_a_malformed_master_key_is_refused_and_not_shown(tocsin: Any, text: str) -> None:
    (tocsin.home / "master.key").write_text(text)

    done = tocsin("declare", "-", "--plan", "konzen", stdin=GOOD)

    assert_refused(done, saying="master key")
    assert not text or text not in done.err


def test_a_folder_without_installation_says_how_to_make_one(elsewhere: Callable[[Path], Any], tmp_path: Path) -> None:
    assert_refused(elsewhere(tmp_path / "nothing")("status"), saying="tocsin init")
    assert not (tmp_path / "nothing").exists()


def test_a_database_from_a_newer_version_is_left_alone(tocsin: Any) -> None:
    with contextlib.closing(sqlite3.connect(tocsin.home / "tocsin.db")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    before = tocsin.record()

    for command in (("status",), ("migrate",), ("init",), ("declare", "-", "--plan", "konzen")):
        assert_refused(tocsin(*command, stdin=GOOD), saying="newer")
    assert tocsin.record() == before


def test_a_file_that_is_no_database_is_named(tocsin: Any) -> None:
    (tocsin.home / "tocsin.db").write_text("not a database at all, but long enough to be looked at" * 40)

    assert_refused(tocsin("status"), saying="tocsin.db")


def test_a_database_that_is_away_is_named_without_its_password(tocsin: Any) -> None:
    tocsin.change_settings(database="postgresql://tocsin:hunter2@127.0.0.1:9/tocsin")

    done = tocsin("status")

    assert_refused(done, saying="127.0.0.1:9")
    assert "hunter2" not in done.err


@pytest.fixture
def unreadable_provider(tocsin: Any) -> Any:
    url = "nosuch://user:hunter2@host/{to}"
    tocsin.change_settings(providers=[{"name": "mail", "channel": "email", "url": url, "places": "*"}])
    return tocsin


def test_a_provider_url_that_apprise_cannot_read_is_named_without_its_secret(
    unreadable_provider: Any, approved: Callable[..., str]
) -> None:
    tocsin = unreadable_provider
    incident = approved(tocsin)
    before = tocsin.record()

    done = tocsin("notice", "send", incident)

    assert_refused(done, saying="Provider mail: Apprise cannot read")
    assert "hunter2" not in done.err
    assert tocsin.record() == before


def test_a_provider_that_cannot_be_used_keeps_nobody_from_declaring_and_reporting(
    unreadable_provider: Any, approved: Callable[..., str]
) -> None:
    tocsin = unreadable_provider
    incident = approved(tocsin)

    phases = {step["phase"]: step for step in tocsin.ok("respond", incident, "--json").json}

    assert any("Provider mail: Apprise cannot read" in item for item in phases["notify"]["waiting"])
    assert any("drafted" in item for item in phases["report"]["did"])
    assert "hunter2" not in json.dumps(phases)


BAD_SETTINGS = {
    "an unknown setting": ("databse: x\n", "databse"),
    "two sources of the master key": ("master_key: {file: a, env: B}\n", "master_key"),
    "no YAML": ("master_key: [", "YAML"),
    "a list": ("- a\n", "settings"),
    "a database in memory": ("database: 'sqlite://'\n", "memory"),
    "another kind of database": ("database: 'mysql://host/x'\n", "mysql"),
}


@pytest.mark.parametrize("name", BAD_SETTINGS)
def test_bad_settings_are_refused(tocsin: Any, name: str) -> None:
    text, saying = BAD_SETTINGS[name]
    (tocsin.home / "settings.yaml").write_text(text)

    assert_refused(tocsin("status"), saying=saying)


BAD_ROSTERS = {
    "an empty file": (b"", "empty"),
    "a header only": (b"name,email,place\n", "nobody"),
    "no usable column": (b"colour,size\nred,3\n", "column"),
    "rows that reach nobody": (b"name,email,place\n,,\n", "not one"),
    "bytes that are no text": (bytes(range(256)) * 4, "people.csv"),
}


@pytest.mark.parametrize("name", BAD_ROSTERS)
def test_a_roster_that_holds_nobody_is_refused(tocsin: Any, tmp_path: Path, name: str) -> None:
    content, saying = BAD_ROSTERS[name]
    tocsin.ok("declare", "-", "--plan", "konzen", stdin=GOOD)
    (tmp_path / "people.csv").write_bytes(content)
    before = tocsin.record()

    assert_refused(tocsin("roster", "import", "-", str(tmp_path / "people.csv")), saying=saying)
    assert tocsin.record() == before
    assert tocsin.ok("roster", "show", "-", "--json").json["waves"] == []


@pytest.mark.parametrize(
    ("options", "saying"),
    [
        (["--map", "email"], "FIELD=COLUMN"),
        (["--map", "email=Nowhere"], "Nowhere"),
        (["--map", "shoe=email"], "shoe"),
        (["--encoding", "klingon"], "klingon"),
        (["--region", "XX"], "XX"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_options_of_an_import_are_refused(tocsin: Any, tmp_path: Path, options: list[str], saying: str) -> None:
    tocsin.ok("declare", "-", "--plan", "konzen", stdin=GOOD)
    (tmp_path / "people.csv").write_text("name,email,place\nA,a@example.com,DE\n")
    before = tocsin.record()

    assert_refused(tocsin("roster", "import", "-", str(tmp_path / "people.csv"), *options), saying=saying)
    assert tocsin.record() == before


def test_a_roster_that_is_not_there_is_named(tocsin: Any) -> None:
    tocsin.ok("declare", "-", "--plan", "konzen", stdin=GOOD)

    assert_refused(tocsin("roster", "import", "-", "nowhere.csv"), saying="nowhere.csv")


def test_an_author_may_not_approve_their_own_notice_where_the_plan_wants_four_eyes(tocsin: Any, tmp_path: Path) -> None:
    tocsin.ok("declare", "-", "--plan", "conex-easykey", stdin=GOOD)
    tocsin.ok("notice", "draft", "-", "--folder", str(tmp_path / "n"), "--as", "Chen Yu")

    assert_refused(tocsin("approve", "-", "notice", "--as", "Chen Yu"), saying="someone else", code=3)

    last = tocsin.ok("ledger", "show", "-", "--json").json[-1]
    assert (last["type"], last["actor"], last["data"]["why"]) == ("approval.denied", "Chen Yu", "own-work")


def test_a_notice_with_gaps_is_not_approved(tocsin: Any, tmp_path: Path) -> None:
    tocsin.ok("declare", "-", "--plan", "conex-easykey", stdin=GOOD)
    tocsin.ok("notice", "draft", "-", "--folder", str(tmp_path / "n"), "--as", "Chen Yu")

    assert_refused(tocsin("approve", "-", "notice", "--as", "Zhao Min"), saying="not ready", code=3)


def test_nothing_is_sent_before_the_notice_is_approved(tocsin: Any, tmp_path: Path) -> None:
    tocsin.ok("declare", "-", "--plan", "conex-easykey", stdin=GOOD)
    tocsin.ok("notice", "draft", "-", "--folder", str(tmp_path / "n"), "--as", "Chen Yu")

    assert_refused(tocsin("notice", "send", "-"), saying="not approved", code=3)


def test_nothing_is_published_before_the_announcement_is_approved(tocsin: Any, tmp_path: Path) -> None:
    tocsin.ok("declare", "-", "--plan", "conex-easykey", stdin=GOOD)
    assert_refused(tocsin("announce", "publish", "-"), saying="tocsin announce draft")
    tocsin.ok("announce", "draft", "-", "--folder", str(tmp_path / "a"))

    assert_refused(tocsin("announce", "publish", "-"), saying="not approved", code=3)
    assert not (tocsin.home / "public").exists()


AFTER_THE_END = [
    ("facts", "set", "-ID-", "-"), ("roster", "import", "-ID-", "people.csv"), ("notice", "draft", "-ID-"),
    ("announce", "draft", "-ID-"), ("approve", "-ID-", "notice"), ("refuse", "-ID-", "notice", "--reason", "x"),
    ("report", "draft", "-ID-", "eu-gdpr-33"), ("close", "-ID-"), ("notice", "send", "-ID-"),
    ("respond", "-ID-"), ("done", "-ID-", "cn-pipl/individuals"), ("tasks", "-ID-", "--done", "stop-the-leak"),
]  # fmt: skip


@pytest.mark.parametrize("command", AFTER_THE_END, ids=lambda words: " ".join(w for w in words if w != "-ID-"))
def test_a_closed_incident_is_left_as_it_is(
    tocsin: Any, approved: Callable[..., str], command: tuple[str, ...]
) -> None:
    declared = approved(tocsin)
    tocsin.ok("close", declared, "--reason", "a test")
    before = tocsin.record()

    done = tocsin(*(declared if word == "-ID-" else word for word in command), stdin=GOOD)

    assert_refused(done, saying="is closed", code=3)
    assert tocsin.record() == before


def test_an_incident_that_owes_something_is_not_closed_without_a_reason(tocsin: Any) -> None:
    tocsin.ok("declare", "-", "--plan", "konzen", stdin=GOOD)
    before = tocsin.record()

    assert_refused(tocsin("close", "-"), saying="--reason", code=3)
    assert tocsin.record() == before


UNKNOWN_NAMES = {
    "a task": (("tasks", "-", "--done", "no-such"), "no-such"),
    "a duty": (("done", "-", "no/such"), "no/such"),
    "a subject": (("approve", "-", "lunch"), "lunch"),
    "a subject without its stage": (("approve", "-", "report:eu-gdpr-33"), "report:"),
    "a form": (("report", "draft", "-", "no-form"), "no-form"),
    "a stage": (("report", "draft", "-", "eu-gdpr-33", "--stage", "no-stage"), "no-stage"),
    "a report not drafted": (("report", "show", "-", "eu-gdpr-33"), "report draft"),
    "a text not drafted": (("notice", "show", "-"), "notice draft"),
    "a channel": (("notice", "show", "-", "--channel", "pigeon"), "pigeon"),
    "a version of the facts": (("facts", "show", "-", "--version", "9"), "9"),
    "only one version to compare": (("facts", "diff", "-"), "version"),
    "a text file": (("notice", "put", "-", "nowhere.yaml"), "nowhere.yaml"),
    "a law": (("law", "show", "us-zz"), "us-zz"),
    "a plan": (("plan", "show", "nobody"), "conex-easykey"),
    "a plan file": (("plan", "check", "nowhere.yaml"), "nowhere.yaml"),
    "a law file": (("law", "check", "nowhere.yaml"), "nowhere.yaml"),
    "a folder of facts": (("duties", "--batch", "nowhere"), "nowhere"),
    "a time without offset": (("deadline", "2026-11-20T10:00", "--within", "3 days"), "offset"),
    "a period": (("deadline", "2026-11-20T10:00Z", "--within", "soon"), "72 hours"),
    "a rule": (("deadline", "2026-11-20T10:00Z", "--within", "3 days", "--rule", "mine"), "mine"),
    "a place": (("deadline", "2026-11-20T10:00Z", "--within", "3 days", "--place", "XX"), "XX"),
    "a score out of range": (("severity", "--dpc", "9", "--ei", "1"), "dpc"),
    "a score without factors": (("severity",), "--dpc"),
    "duties of nothing": (("duties",), "facts document"),
    "a watch without end": (("watch",), "--once"),
    "a filing without offset": (("report", "file", "-", "eu-gdpr-33", "--reference", "1", "--at", "today"), "today"),
    "an export into nowhere": (("ledger", "export", "-", "--out", "/nowhere/x"), "/nowhere/x"),
}


@pytest.mark.parametrize("name", UNKNOWN_NAMES)
def test_a_name_that_is_unknown_is_named(tocsin: Any, name: str) -> None:
    command, saying = UNKNOWN_NAMES[name]
    tocsin.ok("declare", "-", "--plan", "conex-easykey", stdin=GOOD)
    before = tocsin.record()

    assert_refused(tocsin(*command), saying=saying)
    assert tocsin.record() == before


WRONG_USE = {
    "an unknown command": (("statsu",), "Did you mean 'status'"),
    "an unknown option": (("status", "--jsn"), "--jsn"),
    "a missing argument": (("declare",), "FACTS"),
    "a missing option": (("declare", "-"), "--plan"),
    "an argument too many": (("status", "a", "b"), "b"),
    "a number that is none": (("facts", "show", "-", "--version", "two"), "--version"),
    "a number out of range": (("facts", "show", "-", "--version", "0"), "--version"),
    "an option without value": (("declare", "-", "--plan"), "--plan"),
    "an unknown command of a group": (("ledger", "burn"), "burn"),
}


@pytest.mark.parametrize("name", WRONG_USE)
def test_wrong_use_ends_with_one_line_of_advice(tocsin: Any, name: str) -> None:
    words, saying = WRONG_USE[name]
    done = tocsin(*words)

    assert_refused(done, saying=saying)
    assert "--help`" in done.err


def test_an_unreadable_file_of_a_batch_is_said_in_its_line(tocsin: Any, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD)
    (tmp_path / "b.yaml").write_text("title: [")
    (tmp_path / "c.yaml").write_bytes(b"\xff")

    done = tocsin.ok("duties", "--batch", str(tmp_path), "--json")

    lines = [json.loads(line) for line in done.out.splitlines()]
    assert [(line["file"], "error" in line, "duties" in line) for line in lines] == [
        ("a.yaml", False, True),
        ("b.yaml", True, False),
        ("c.yaml", True, False),
    ]
