"""The questions to the law that need no installation, as a program and as a person asks them."""

import json

import pytest
import typer
from typer.testing import CliRunner

from console import law
from tocsin.errors import Invalid

FACTS = """
title: Customer file copied
as_of: 2026-02-01T00:00:00Z
organisation: {role: controller, seat: US-CA}
times: {discovered: 2026-01-15T10:00:00-08:00}
breach: {kinds: [confidentiality], encrypted: false}
data: {elements: [name, ssn]}
people: {total: 501, by_place: {US-CA: 501}, unlocated: 0}
"""


@pytest.fixture(autouse=True)
def _without_contracts(tmp_path, monkeypatch):
    monkeypatch.setenv("TOCSIN_HOME", str(tmp_path / "home"))


def run(*words, given=None):
    app = typer.Typer(pretty_exceptions_enable=False)
    law.register(app)
    return CliRunner().invoke(app, list(words), input=given, catch_exceptions=False)


def as_json(*words, given=None):
    done = run(*words, "--json", given=given)
    assert done.exit_code == 0
    return json.loads(done.stdout)


def test_duties_prints_the_document_of_the_contract_without_what_is_not_owed():
    printed = as_json("duties", "-", given=FACTS)
    assert list(printed) == ["as_of", "duties", "find_out_first", "without_duty", "advice"]
    assert printed["as_of"] == "2026-02-01T00:00:00Z"
    assert [row["id"] for row in printed["duties"]][:2] == ["us-ca/individuals", "us-ca/service"]
    assert {row["status"] for row in printed["duties"]} == {"owed", "undetermined", "conditional"}
    assert printed["duties"][-1]["id"] == "us-ca/authority"
    assert list(printed["advice"]) == ["risk", "score", "level", "dpc", "ei", "cb", "because"]


def test_all_shows_what_is_not_owed_and_why():
    rows = as_json("duties", "-", "--all", given=FACTS)["duties"]
    silent = [row for row in rows if row["status"] == "not-owed"]
    assert {row["regime"] for row in silent} >= {"cn-pipl", "eu-gdpr", "uk-gdpr"}
    assert all(row["explained"][0].startswith("Not owed") for row in silent)


def test_as_of_moves_the_view_and_the_table_says_overdue():
    assert "OVERDUE" not in run("duties", "-", given=FACTS).stdout
    assert "OVERDUE" in run("duties", "-", "--as-of", "2026-02-15T00:00:00-08:00", given=FACTS).stdout


def test_the_table_marks_how_surely_the_law_was_read():
    british = FACTS.replace("US-CA", "GB").replace("discovered", "aware")
    assert "(from memory)" in run("duties", "-", given=british).stdout
    assert "(secondary)" in run("duties", "-", given=FACTS).stdout


def test_what_is_open_is_asked_in_words_the_most_urgent_first():
    sure = FACTS.replace("encrypted: false", "encrypted: unknown")
    asked = as_json("duties", "-", given=sure)["find_out_first"]
    days = [question["before"] for question in asked]
    assert [day for day in days if day] == sorted(day for day in days if day)
    assert None not in days[: len([day for day in days if day])]
    encrypted = next(question for question in asked if question["fact"] == "breach.encrypted")
    assert "us-ca/individuals" in encrypted["touches"]
    shown = run("duties", "-", given=sure).stdout
    assert f"1. {asked[0]['question']}" in " ".join(shown.split())


def test_laws_that_may_not_apply_stand_in_one_line_and_laws_without_a_duty_are_named():
    shown = " ".join(run("duties", "-", given=FACTS).stdout.split())
    assert "further laws with" in shown
    assert "us-nydfs/authority" not in shown
    here = FACTS.replace("US-CA", "AR").replace("discovered", "aware")
    (silent,) = [row for row in as_json("duties", "-", given=here)["without_duty"] if row["regime"] == "ar-pdpa"]
    assert silent["note"] in " ".join(run("duties", "-", given=here).stdout.split())


def test_a_batch_gives_one_line_a_file_and_an_error_stays_in_its_line(tmp_path):
    (tmp_path / "a.yaml").write_text(FACTS)
    (tmp_path / "b.yaml").write_text("title: x\npeople: {totl: 3}")
    (tmp_path / "c.txt").write_text("no facts")
    done = run("duties", "--batch", str(tmp_path), "--json")
    first, second = (json.loads(line) for line in done.stdout.splitlines())
    assert (first["file"], bool(first["duties"]), bool(first["advice"])) == ("a.yaml", True, True)
    assert second["file"] == "b.yaml"
    assert "perhaps `total`" in second["error"]
    assert done.exit_code == 0


def test_deadline_counts_one_period():
    asked = ("deadline", "2020-12-22T12:17:00+01:00", "--within", "72 hours", "--rule", "eu-1182-71", "--place", "DE")
    printed = as_json(*asked)
    assert (printed["due"], printed["target"]) == ("2020-12-25T13:00:00+01:00", "2020-12-25T12:17:00+01:00")
    assert "2020-12-25T13:00:00+01:00" in run(*asked).stdout


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("1 month", "--first-day"), "2026-12-19T23:59:59+01:00"),
        (("35 days", "--roll", "next-working-day"), "2026-12-28T23:59:59+01:00"),
        (("35 days", "--roll", "next-working-day-noon"), "2026-12-28T12:00:00+01:00"),
        (("10 days", "--ends", "17:30"), "2026-11-30T17:30:00+01:00"),
        (("2 working days", "--first-day"), "2026-11-23T23:59:59+01:00"),
        (("14 days", "--rule", "at-least-before"), "2026-11-05T23:59:59+01:00"),
    ],
)
def test_deadline_counts_in_the_manner_of_a_statute(words, expected):
    asked = ("deadline", "2026-11-20T10:00:00+01:00", "--place", "DE", "--within", *words)
    assert as_json(*asked)["due"] == expected


def test_severity_scores_factors_and_derives_them_from_facts():
    asked = (
        "severity",
        "--dpc",
        "3",
        "--ei",
        "0.75",
        "--confidentiality",
        "0.25",
        "--availability",
        "0.25",
        "--malicious",
    )
    assert as_json(*asked) == {"score": 3.25, "level": "high"}
    derived = as_json("severity", "-", given=FACTS)
    assert derived["score"] == derived["dpc"] * derived["ei"] + derived["cb"]
    assert derived["because"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("duties",), "Name a facts document"),
        (("duties", "/nowhere/facts.yaml"), "cannot be read"),
        (("duties", "--batch", "/nowhere"), "is no folder"),
        (("duties", "-", "--as-of", "today"), "--as-of"),
        (("deadline", "today", "--within", "72 hours"), "START must be a date and time"),
        (("deadline", "2026-11-20T00:00:00Z", "--within", "soon"), "a number and a unit"),
        (("deadline", "2026-11-20T00:00:00Z", "--within", "1 hour", "--place", "UK"), "`GB`"),
        (("severity",), "Give `--dpc`"),
        (("severity", "--dpc", "9", "--ei", "1"), "`dpc` must lie between"),
        (("deadline", "2026-11-20T00:00:00Z", "--within", "3 days", "--roll", "back"), "`--roll` must be"),
        (("deadline", "2026-11-20T00:00:00Z", "--within", "3 days", "--ends", "noon"), "`--ends` must be"),
        (("deadline", "2026-11-20T00:00:00Z", "--within", "3 hours", "--ends", "12:00"), "for whole days"),
    ],
)
def test_bad_input_is_one_sentence(words, says):
    with pytest.raises(Invalid) as caught:
        run(*words, given=FACTS)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
