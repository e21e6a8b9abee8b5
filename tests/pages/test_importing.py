"""`tocsin facts from-veris` and `from-csv`: facts on standard output, questions on standard error, nothing guessed."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tocsin import facts

PAGE = (Path(__file__).parents[2] / "docs" / "importing.md").read_text(encoding="utf-8")
INCIDENT: dict[str, Any] = {
    "schema_version": "1.4.0",
    "incident_id": "A1",
    "timeline": {"incident": {"year": 2014, "month": 5}},
    "action": {"error": {"variety": ["Misdelivery"], "vector": ["Carelessness"]}},
    "actor": {"internal": {"variety": ["Unknown"], "motive": ["NA"]}},
}
TABLE = "Who,Known,People\nExample Ltd,02/13/2026,12\n1e5,04/25/2026,n/a\n"
COLUMNS = ("--column", "organisation.name=Who", "--column", "times.aware=Known", "--column", "people.total=People")


def shown(label: str) -> str:
    found = re.search(rf"<!-- {label} -->\n```\w+\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "breaches.csv"
    path.write_text(TABLE, encoding="utf-8")
    return path


def test_the_incident_of_the_documentation_makes_the_facts_and_remarks_shown_there(tocsin: Any) -> None:
    done = tocsin("facts", "from-veris", "-", "--zone", "America/Chicago", stdin=shown("veris"))

    assert (done.code, done.out, done.err) == (0, shown("facts"), shown("remarks"))
    assert facts.read(done.out, source="standard output").title == "VERIS incident A1"


def test_the_table_of_the_documentation_makes_one_document_and_one_refusal(tocsin: Any, tmp_path: Path) -> None:
    path = tmp_path / "breaches.csv"
    path.write_text(shown("table"), encoding="utf-8")
    words = shlex.split(shown("command").replace("breaches.csv", str(path)))[1:]

    done = tocsin(*words)

    assert done.code == 1
    assert shown("refusal") in done.err
    assert done.err.endswith("1 rows made facts, 1 were refused.\n")
    assert list(yaml.safe_load_all(done.out)) == [
        {
            "title": "Record 2 of breaches.csv",
            "organisation": {"name": "Example Clinic", "seat": "US-MO"},
            "times": {"occurred_until": "2026-02-03T23:59:59-06:00", "discovered": "2026-02-04T00:00:00-06:00"},
            "data": {"elements": ["name"], "other": ["Passwords"]},
            "people": {"by_place": {"US-MO": 501}},
            "events": [{"event": "filed", "at": "2026-03-17T23:59:59-05:00", "duty": "us-mo/authority"}],
        }
    ]


def test_json_holds_all_that_the_record_said(tocsin: Any) -> None:
    told = tocsin.ok("facts", "from-veris", "-", "--json", stdin=json.dumps(INCIDENT)).json

    assert told["facts"] == {"title": "VERIS incident A1", "breach": {"cause": "error"}}
    assert [one["path"] for one in told["questions"]] == ["times.occurred_from", "breach.kinds"]
    assert {"path": "timeline.incident.month", "value": 5} in told["unmapped"]


def test_facts_go_to_a_file_and_can_be_declared(tocsin: Any, tmp_path: Path) -> None:
    path = tmp_path / "facts.yaml"
    done = tocsin("facts", "from-veris", "-", "--out", str(path), stdin=json.dumps(INCIDENT))

    assert (done.code, done.out) == (0, "")
    tocsin.ok("declare", str(path), "--plan", "konzen")


def test_each_row_becomes_a_file_that_the_law_can_be_asked_about(tocsin: Any, table: Path, tmp_path: Path) -> None:
    folder = tmp_path / "facts"
    done = tocsin("facts", "from-csv", str(table), *COLUMNS, "--zone", "Europe/Berlin", "--out-dir", str(folder))

    assert (done.code, done.out) == (0, "")
    names = ["breaches-00002.yaml", "breaches-00003.yaml"]
    assert sorted(path.name for path in folder.iterdir()) == names
    assert facts.read((folder / names[1]).read_text(), source="x").organisation.name == "1e5"
    batch = tocsin.ok("duties", "--batch", str(folder), "--as-of", "2026-05-01T00:00:00Z").out
    assert [json.loads(line).get("error") for line in batch.splitlines()] == [None, None]


def test_a_folder_with_facts_in_it_is_not_written_over(tocsin: Any, table: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("title: Worked on\n")

    done = tocsin("facts", "from-csv", str(table), *COLUMNS, "--out-dir", str(tmp_path))

    assert (done.code, done.out) == (2, "")
    assert done.err == f"tocsin: {tmp_path} holds facts documents already: choose another folder.\n"


def test_without_a_zone_a_day_is_asked_for_by_row(tocsin: Any, table: Path) -> None:
    done = tocsin("facts", "from-csv", str(table), *COLUMNS)

    assert done.code == 0
    assert "row 2: ask: `times.aware`: it was on 2026-02-13: at what time, in which zone?\n" in done.err
    assert "times" not in done.out


def test_a_refusal_quotes_no_cell(tocsin: Any, tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("Who,Known,People\nExample,Anna Becker,Becker\n\nonly one cell\n", encoding="utf-8")

    done = tocsin("facts", "from-csv", str(path), *COLUMNS, "--zone", "UTC")

    assert (done.code, done.out) == (1, "")
    assert done.err == (
        "row 2: `Known` is no date; `People` holds no whole number\n"
        "row 4: it has 1 cells where the heading row has 3\n"
        "0 rows made facts, 2 were refused.\n"
    )


VERIS_REFUSED = {
    "no JSON": ("{", "standard input"),
    "a list": ("[]", "standard input must hold"),
    "not VERIS": ('{"title": "x"}', "`schema_version`"),
    "no action": (json.dumps({**INCIDENT, "action": {}}), "`action`"),
    "half a letter": ('{"schema_version": "1.3", "notes": "\\ud83d"}', "half a letter"),
}


@pytest.mark.parametrize("name", VERIS_REFUSED)
def test_what_is_no_incident_is_refused_in_one_sentence(tocsin: Any, name: str) -> None:
    text, saying = VERIS_REFUSED[name]
    done = tocsin("facts", "from-veris", "-", stdin=text)

    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert saying in done.err
    assert "unforeseen" not in done.err


@pytest.mark.parametrize(
    ("content", "words", "saying"),
    [
        (b"", (), "is empty"),
        (b"Who,Known,People\n\xff\xfe,x,1\n", (), "is not UTF-8 text at byte 17"),
        (b'Who,Known,People\n"a,02/13/2026,1\n', (), "a quotation mark is astray or not closed"),
        (TABLE.encode(), ("--zone", "Nowhere/Land"), "`--zone` names no IANA time zone"),
        (TABLE.encode(), ("--dates", "Known=XYZ"), "--dates Known=XYZ: write HEADING=ORDER"),
        (TABLE.encode(), ("--column", "times.known=Known"), "`times.known` is no fact"),
        (TABLE.encode(), ("--column", "records=Nothing"), "no column has that heading"),
    ],
)
def test_a_table_or_mapping_that_cannot_be_used_is_refused_in_one_sentence(
    tocsin: Any, tmp_path: Path, content: bytes, words: tuple[str, ...], saying: str
) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(content)

    done = tocsin("facts", "from-csv", str(path), *COLUMNS, *words)

    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert saying in done.err


def test_files_that_are_not_there_are_named(tocsin: Any) -> None:
    for words in (("from-veris", "nowhere.json"), ("from-csv", "nowhere.csv", *COLUMNS)):
        done = tocsin("facts", *words)

        assert (done.code, done.out) == (2, "")
        assert "nowhere." in done.err


def test_letters_that_control_a_terminal_are_not_passed_on(tocsin: Any) -> None:
    done = tocsin("facts", "from-veris", "-", stdin=json.dumps({**INCIDENT, "plus": {"\x1b[31m": "\x1b[31m"}}))

    assert done.code == 0
    assert "\x1b" not in done.err


def test_free_text_of_a_record_is_kept_for_the_program_and_not_shown_on_the_screen(tmp_path):
    record = {
        "schema_version": "1.3.7",
        "incident_id": "A1",
        "summary": "A letter to Jane Roe went to her neighbour",
        "plus": {"analyst": "jroe"},
        "timeline": {"incident": {"year": 2026}},
        "action": {"unknown": {}},
        "actor": {"unknown": {}},
        "victim": {"victim_id": "x", "country": ["US"]},
        "attribute": {"unknown": {}},
        "asset": {"assets": [{"variety": "U - Laptop"}]},
        "security_incident": "Confirmed",
    }
    path = tmp_path / "a.json"
    path.write_text(json.dumps(record))
    process = [sys.executable, "-m", "console.main", "facts", "from-veris", str(path)]
    shown = subprocess.run(process, capture_output=True, text=True, check=False)
    whole = subprocess.run([*process, "--json"], capture_output=True, text=True, check=False)

    assert shown.returncode == 0, shown.stderr
    assert "not mapped: summary: (" in shown.stderr
    assert "Roe" not in shown.stderr + shown.stdout
    assert "jroe" not in shown.stderr + shown.stdout
    assert "Jane Roe" in whole.stdout
