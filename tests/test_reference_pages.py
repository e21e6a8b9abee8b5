"""The reference pages hold: facts, duties, severity and law are described as the program has them, to the last name."""

import json
import re
from decimal import Decimal
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from flows import library
from tocsin import advice, contracts, duties, errors, facts, lawcases, moments, periods, reading, severity, vocabulary
from tocsin import regimes as law
from tocsin.attributes import ATTRIBUTES
from tocsin.conditions import forms as condition_forms
from tocsin.conditions import nodes
from tocsin.facts import Facts
from tocsin.facts import model as facts_model
from tocsin.regimes import model as law_model
from tocsin.regimes import parts

DOCS = Path(__file__).parent.parent / "docs"


def page(name):
    return (DOCS / name).read_text(encoding="utf-8")


def fenced(text, label):
    """The code block that stands behind `<!-- label -->`."""
    return re.search(rf"<!-- {label} -->\n```\w+\n(.*?)```", text, re.DOTALL)[1]


def section(text, heading):
    return re.search(rf"^##+ {re.escape(heading)}\n(.*?)(?=^##|\Z)", text, re.DOTALL | re.MULTILINE)[1]


def tables(text):
    """Every table as rows of cells, without its heading."""
    found = re.findall(r"^\|.*\n\|[-|]+\|\n((?:\|.*\n?)+)", text, re.MULTILINE)
    return [[[cell.strip() for cell in row.strip("|").split("|")] for row in table.splitlines()] for table in found]


def words(text):
    return re.findall(r"`([^`]+)`", text)


def first_words(table):
    return {word for row in table for word in words(row[0])}


def test_the_documented_facts_parse_and_leave_no_name_out():
    given = fenced(page("facts.md"), "example")
    read = facts.read(given, source="docs/facts.md")

    assert absent_names(Facts, yaml.safe_load(given)) == []
    assert read.people_in(("US",)).at_least == 501


def absent_names(model, document, path=""):
    """The names of a model that a document does not have, down to its leaves."""
    found = []
    for name, field in model.model_fields.items():
        key = field.alias or name
        if key not in document:
            found.append(path + key)
            continue
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            found += absent_names(inner, document[key], f"{path}{key}.")
    return found


def test_the_few_facts_of_the_night_parse():
    first = re.search(r"```yaml\n(.*?)```", page("facts.md"), re.DOTALL)[1]
    read = facts.read(first, source="docs/facts.md")
    found = duties.assess(read, library.regimes(), as_of=read.times.aware)

    owed = {duty.id: duty for duty in found.duties}
    assert owed["eu-gdpr/authority"].unknown[0] == "risk.to_people"
    assert owed["eu-gdpr/individuals"].status == "undetermined"


@pytest.mark.parametrize(
    ("heading", "model"),
    [
        ("The top", Facts),
        ("`organisation`", facts_model.Organisation),
        ("`times`", facts_model.Times),
        ("`breach`", facts_model.Breach),
        ("`risk`", facts_model.Risk),
        ("`data`", facts_model.Data),
        ("`people`", facts_model.People),
        ("`significance`", facts_model.Significance),
        ("`holds`", facts_model.Hold),
        ("`events`", facts_model.Happened),
    ],
)
def test_each_part_of_the_facts_is_described_name_by_name(heading, model):
    documented = first_words(tables(section(page("facts.md"), heading))[0])

    assert documented == {field.alias or name for name, field in model.model_fields.items()}


def cell(heading, name):
    """The words in backticks that the page offers for one name."""
    row = next(row for row in tables(section(page("facts.md"), heading))[0] if words(row[0]) == [name])
    return set(words(row[1]))


def test_closed_words_on_the_page_are_those_of_the_code():
    text = page("facts.md")
    elements = {word for row in tables(section(text, "Data elements"))[0] for word in words(row[1])}
    table = tables(section(text, "Organisation attributes"))[0]
    values = {words(row[0])[0]: row[1] for row in table}

    assert elements == vocabulary.ELEMENTS
    assert {words(row[0])[0]: row[2] for row in table} == {name: one.meaning for name, one in ATTRIBUTES.items()}
    for name, kind in ((name, attribute.form) for name, attribute in ATTRIBUTES.items()):
        said = {"places": "places", "number": "number", "parties": "list of `{name, place}`"}.get(kind)
        assert values[name] == (said or " ".join(f"`{word}`" for word in kind.split())), name
    assert first_words(tables(section(text, "`events`"))[1]) == vocabulary.EVENTS
    assert cell("`organisation`", "role") == set(vocabulary.ROLES)
    assert cell("`breach`", "kinds") == set(vocabulary.KINDS)
    assert cell("`breach`", "cause") == set(vocabulary.CAUSES)
    assert cell("`risk`", "to_people") == set(vocabulary.RISKS)
    assert cell("`people`", "contactable") == set(vocabulary.CHANNELS)
    assert cell("`significance`", "grade") == set(vocabulary.GRADES)


def test_every_sector_that_a_law_asks_about_is_on_the_page():
    listed = set(words(re.search(r"^Sector tags in use: (.*?)\.$", page("facts.md"), re.DOTALL | re.MULTILINE)[1]))
    asked = {
        word
        for regime in library.regimes()
        for condition in lawcases.conditions_of(regime)
        for node in lawcases.nodes_of(condition)
        if isinstance(node, nodes.Has) and node.path == "organisation.sectors"
        for word in node.words
    }

    assert len(asked) > 20
    assert asked - listed == set()


def test_the_rows_of_duties_are_described_and_the_one_shown_is_real():
    text = page("facts.md")
    read = facts.read(fenced(text, "example"), source="docs/facts.md")
    shown = json.loads(fenced(text, "row"))
    found = duties.assess(read, library.regimes(), as_of=read.as_of).document()
    described, statuses = tables(section(text, "What `tocsin duties FACTS --json` prints"))
    audiences = re.search(r"^Audiences: (.*?)\.$", text, re.DOTALL | re.MULTILINE)[1]

    assert shown == next(row for row in found["duties"] if row["id"] == shown["id"])
    assert first_words(described) == set(shown)
    assert [words(row[0])[0] for row in statuses] == list(duties._ORDER)
    assert set(words(audiences)) == set(vocabulary.AUDIENCES)
    marks = words(next(row[1] for row in described if "confidence" in row[0]))
    assert marks == list(vocabulary.CONFIDENCES)
    assert [name for name in found["advice"] if f"`{name}`" not in text] == []


def stated(heading, table):
    """Element to number, as the first fitting line of a table says it; None is the number of all others."""
    said = {}
    for row in tables(section(page("severity.md"), heading))[table]:
        for element in words(row[2]) if "others" not in row[2] else [None]:
            said.setdefault(element, Decimal(row[0]))
    return said


@pytest.mark.parametrize("element", sorted(vocabulary.ELEMENTS))
def test_context_and_identification_of_each_element_are_as_documented(element):
    derived = severity.derive(facts.parse({"title": "x", "data": {"elements": [element]}}, source="x"))
    heading = "How the factors follow from the facts"
    dpc, ei = stated(heading, 0), stated(heading, 1)

    assert derived.factors.dpc == dpc.get(element, dpc[None])
    assert derived.factors.ei == (ei.get(element, ei[None]))


def test_the_levels_and_the_worked_example_are_as_documented():
    ranges, levels = tables(section(page("severity.md"), "The score"))

    assert [(row[0], row[1]) for row in levels] == [
        ("below 2", "low"), ("from 2, below 3", "medium"), ("from 3, below 4", "high"), ("4 and more", "very high"),
    ]  # fmt: skip
    for score, level in [
        ("1.99", "low"),
        ("2", "medium"),
        ("2.99", "medium"),
        ("3", "high"),
        ("3.99", "high"),
        ("4", "very high"),
    ]:
        assert severity.score(severity.Factors(dpc=Decimal(score), ei=Decimal(1))).level == level
    worked = severity.score(severity.factors(dpc=3, ei=0.75, confidentiality=0.25, availability=0.25, malicious=0.5))
    assert f"= {worked.score}: {worked.level}" in page("severity.md")
    for row in ranges:
        most = Decimal(re.split(r" to | or ", row[3])[1])
        for name in words(row[0]):
            neutral = {"dpc": Decimal(1), "ei": Decimal(1)}
            assert severity.score(severity.Factors(**{**neutral, name: most}))
            with pytest.raises(errors.Invalid):
                severity.score(severity.Factors(**{**neutral, name: most + Decimal("0.01")}))


@pytest.mark.parametrize(
    ("factor", "value", "breach", "more"),
    [
        ("confidentiality", "0", {"encrypted": True, "key_safe": True}, {}),
        ("confidentiality", "0", {"kinds": ["availability"]}, {}),
        ("confidentiality", "0.5", {"kinds": ["availability"], "exfiltrated": True}, {}),
        ("confidentiality", "0.25", {"recovered": True}, {}),
        ("confidentiality", "0.25", {"exfiltrated": False}, {}),
        ("confidentiality", "0.25", {"cause": "insider"}, {}),
        ("confidentiality", "0.25", {"cause": "error"}, {}),
        ("confidentiality", "0.5", {"cause": "error", "recovered": False}, {}),
        ("confidentiality", "0.5", {}, {}),
        ("integrity", "0", {"kinds": ["availability"]}, {}),
        ("integrity", "0.25", {"kinds": ["integrity"]}, {}),
        ("availability", "0", {"kinds": ["integrity"]}, {}),
        ("availability", "0.25", {"kinds": ["availability"], "cause": "theft"}, {}),
        ("availability", "0.25", {"kinds": ["availability"]}, {"significance": {"service_interruption": "PT3H"}}),
        ("availability", "0.25", {"kinds": ["availability"]}, {"times": {"resolved": "2026-01-01T00:00:00Z"}}),
        ("availability", "0.5", {"kinds": ["availability"]}, {}),
        ("malicious", "0", {}, {}),
        ("malicious", "0", {"cause": "loss"}, {}),
        ("malicious", "0.5", {"cause": "insider"}, {}),
    ],
)
def test_the_circumstances_are_as_documented(factor, value, breach, more):
    document = {"title": "x", "data": {"elements": ["email"]}, "breach": breach, **more}

    assert getattr(severity.derive(facts.parse(document, source="x")).factors, factor) == Decimal(value)


ATTACK = {"cause": "attack", "kinds": ["confidentiality"]}
INSIDE = {"cause": "insider", "kinds": ["confidentiality"]}
LOCKED = {"cause": "attack", "kinds": ["availability"], "encrypted": True, "key_safe": True}
HIDDEN = {"cause": "attack", "kinds": ["availability"], "exfiltrated": False}
MISSENT = {"cause": "error", "recovered": True}


def given(breach, *elements, people=None, interruption=None):
    return facts.parse(
        {
            "title": "x",
            "breach": breach,
            "data": {"elements": list(elements)},
            "people": {"total": people},
            "significance": {"service_interruption": interruption},
        },
        source="x",
    )


def test_each_line_of_the_advice_is_what_the_engine_says():
    in_the_order_of_the_page = [
        (given(LOCKED, "name", "income", interruption="P1D"), "unlikely"),
        (given(MISSENT, "name", "medical", people=100), "unlikely"),
        (given({"cause": "loss"}, "name", "passport"), "high"),
        (given(ATTACK, "session-token"), "high"),
        (given({"cause": "loss"}, "name", "address", "date-of-birth", people=1000), "high"),
        (given(HIDDEN, "name", "income"), "likely"),
        (given(ATTACK, "name", "income"), "high"),
        (given(INSIDE, "name", "usage-log"), "likely"),
        (given({"cause": "loss"}, "nickname"), "likely"),
        (given(INSIDE, "nickname"), "unlikely"),
    ]
    lines = tables(section(page("severity.md"), "From score to advice"))[0]

    assert [advice.advise(case).risk for case, _ in in_the_order_of_the_page] == [row[1] for row in lines]
    assert [row[1] for row in lines] == [risk for _, risk in in_the_order_of_the_page]


def test_just_beyond_a_documented_bound_the_advice_is_another():
    assert advice.advise(given(LOCKED, "name", "income", interruption="P1DT1S")).risk == "high"
    assert advice.advise(given(MISSENT, "name", "medical", people=101)).risk == "high"
    assert advice.advise(given({"cause": "loss"}, "name", "address", "date-of-birth", people=999)).risk == "likely"
    assert advice.advise(given({**LOCKED, "key_safe": None}, "name", "income")).risk == "high"


def test_without_data_elements_there_is_no_advice():
    assert advice.advise(facts.parse({"title": "x", "breach": ATTACK}, source="x")).risk == "undetermined"


def test_a_persons_decision_replaces_the_advice():
    def individuals(risk):
        document = {
            "title": "x",
            "organisation": {"seat": "DE", "role": "controller"},
            "times": {"aware": "2026-01-01T00:00:00Z"},
            "breach": {**ATTACK, "encrypted": False},
            "data": {"elements": ["name", "income"]},
            "risk": {"to_people": risk},
        }
        read = facts.parse(document, source="x")
        found = duties.assess(read, library.regimes(), as_of=read.times.aware)
        return next((duty.status, duty.advised) for duty in found.duties if duty.id == "eu-gdpr/individuals")

    assert individuals(None) == ("undetermined", "owed")
    assert individuals("likely") == ("not-owed", None)
    assert individuals("high") == ("owed", None)


def test_the_documented_law_keeps_the_schema_and_does_what_the_page_says():
    regime = law.parse(reading.document(fenced(page("law.md"), "regime"), source="docs/law.md"), source="docs/law.md")
    document = {
        "title": "x",
        "times": {"aware": "2026-03-01T10:00:00+01:00"},
        "breach": {"kinds": ["confidentiality"], "encrypted": False},
        "risk": {"to_people": "high"},
        "people": {"total": 1, "by_place": {"DE": 1}, "unlocated": 0},
    }

    def found(**times):
        read = facts.parse({**document, "times": {**document["times"], **times}}, source="x")
        return {duty.id: duty for duty in duties.assess(read, [regime], as_of=read.times.aware).duties}

    now, before = found(), found(aware="2025-12-31T10:00:00+01:00")
    assert moments.text(now["xx-example/authority"].due) == "2026-03-04T10:00:00+01:00"
    assert now["xx-example/individuals"].due == now["xx-example/authority"].due
    assert (before["xx-example/authority"].due, before["xx-example/authority"].undated) == (None, "without delay")


def test_the_documented_contract_is_one_and_every_name_of_it_is_described():
    part = section(page("law.md"), "Contracts")
    regime = contracts.parse(
        {**reading.document(fenced(part, "contract"), source="x"), "read_on": "2026-11-22"}, source="x"
    )
    facts_of = {"title": "x", "times": {"aware": "2026-01-01T09:00:00Z"}, "organisation": {"role": "processor"}}
    facts_of["organisation"]["attributes"] = {"processor_of": [{"name": "EXAMPLE  bank"}]}
    read = facts.parse(facts_of, source="x")
    row = duties.assess(read, [regime], as_of=read.times.aware).duties[0]

    assert (row.id, row.status, row.audience) == ("contract-example-bank/notice", "owed", "customers")
    assert moments.text(row.due) == "2026-01-02T10:00:00+01:00"
    assert first_words(tables(part)[0]) == set(contracts.Contract.model_fields)


def test_every_name_of_a_law_file_is_described():
    text = page("law.md")
    top = first_words(tables(section(text, "The top of a file"))[0])
    duty, rules, manners = tables(section(text, "A duty"))
    forms = " ".join(row[0] for row in tables(section(text, "Conditions"))[0])

    assert top == set(law_model.RegimeText.model_fields)
    # `clock` is short for `clocks` with one in it.
    assert first_words(duty) == {*law_model.DutyText.model_fields, "clock"}
    assert first_words(rules) == set(periods.RULES)
    usual = {"starts", "within", "rule", "by"}
    assert first_words(manners) == set(parts.Clock.model_fields) - usual
    assert [unit for unit in periods.UNITS if f"`{unit}`" not in section(text, "A duty")] == []
    assert [form for form in condition_forms._FORMS if not re.search(rf"\{{{form}: ", forms)] == []
    assert [word for word in nodes.COMPARISONS if not re.search(rf"\b{word}\b", forms)] == []
    shared = re.search(r"^Shared sets: (.*)\.$", text, re.MULTILINE)[1]
    assert set(words(shared)) == set(vocabulary.ELEMENT_SETS)
