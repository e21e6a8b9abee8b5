"""The commands about the law, as a program and as a person calls them."""

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
    assert list(printed) == ["as_of", "duties", "advice"]
    assert printed["as_of"] == "2026-02-01T00:00:00Z"
    assert [row["id"] for row in printed["duties"]][:2] == ["us-ca/individuals", "us-ca/service"]
    assert {row["status"] for row in printed["duties"]} == {"owed", "conditional"}
    assert list(printed["advice"]) == ["risk", "score", "level", "dpc", "ei", "cb", "because"]


def test_all_shows_what_is_not_owed_and_why():
    rows = as_json("duties", "-", "--all", given=FACTS)["duties"]
    silent = [row for row in rows if row["status"] == "not-owed"]
    assert {row["regime"] for row in silent} >= {"cn-pipl", "eu-gdpr", "uk-gdpr"}
    assert all(row["explained"][0].startswith("Not owed") for row in silent)


def test_as_of_moves_the_view_and_the_table_says_overdue():
    assert "OVERDUE" not in run("duties", "-", given=FACTS).stdout
    assert "OVERDUE" in run("duties", "-", "--as-of", "2026-02-15T00:00:00-08:00", given=FACTS).stdout


def test_the_table_marks_memory_and_names_what_to_find_out():
    shown = run("duties", "-", given=FACTS.replace("encrypted: false", "encrypted: unknown")).stdout
    assert "from memory" in shown
    assert "Find out first: breach.encrypted" in shown


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


def test_law_list_show_and_check_know_every_law():
    listed = {row["id"]: row for row in as_json("law", "list")}
    assert {"cn-pipl", "cn-cac", "eu-gdpr", "uk-gdpr", "us-ca"} <= set(listed)
    assert listed["uk-gdpr"]["confidence"] == "memory"
    assert as_json("law", "show", "us-ca")["id"] == "us-ca"
    assert "30 days from discovered (calendar-days)" in run("law", "show", "us-ca").stdout
    assert "keep the schema" in run("law", "check").stdout


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
        (("law", "show", "us-cb"), "perhaps `us-ca`"),
        (("law", "check", "/nowhere.yaml"), "cannot be read"),
    ],
)
def test_bad_input_is_one_sentence(words, says):
    with pytest.raises(Invalid) as caught:
        run(*words, given=FACTS)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
