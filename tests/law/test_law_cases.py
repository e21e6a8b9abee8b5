"""The law cases beside this file, one folder and file for each regime file, and the promise that none is missing."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from flows import library
from tocsin import duties, facts, moments, reading
from tocsin.conditions.nodes import Compared, Residents
from tocsin.duties import Assessment, Duty
from tocsin.facts import Facts
from tocsin.regimes import DutyVersion, Regime

HERE = Path(__file__).parent
PATHS = sorted(library.regimes_by_path())


def merged(base: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """One level deep: what a case gives replaces the base's value of that name; null takes it away."""
    return {name: value for name, value in {**base, **change}.items() if value is not None}


def load(path: str) -> dict[str, Any]:
    return reading.document((HERE / path).read_bytes(), source=path)


def case_facts(document: Mapping[str, Any], case: Mapping[str, Any]) -> Facts:
    change = {
        name: merged(document["base"].get(name) or {}, part) if name == "times" and part else part
        for name, part in (case.get("facts") or {}).items()
    }
    return facts.parse(merged(document["base"], change), source=case["name"])


def cases() -> Iterator[Any]:
    for path in PATHS:
        document = load(path)
        for case in document["cases"]:
            yield pytest.param(path, document, case, id=f"{path}: {case['name']}")


def assessed(path: str, document: Mapping[str, Any], case: Mapping[str, Any]) -> Assessment:
    as_of = moments.parse(case.get("as_of", document["as_of"]))
    return duties.assess(case_facts(document, case), [library.regimes_by_path()[path]], as_of=as_of)


def seen(duty: Duty, assessment: Assessment, name: str) -> Any:
    row = duty.row()
    plain = {
        "undated": duty.undated is not None and duty.due is None,
        "overdue": duty.due is not None and duty.due < assessment.as_of,
        "in_force_from": row["in_force"]["from"],
        "in_force_until": row["in_force"]["until"],
    }
    return plain[name] if name in plain else row[name]


@pytest.mark.parametrize(("path", "document", "case"), list(cases()))
def test_the_statute_is_kept(path, document, case):
    assessment = assessed(path, document, case)
    by_id = {duty.id: duty for duty in assessment.duties}
    for expected in case["expect"]:
        assert expected["id"] in by_id, sorted(by_id)
        duty = by_id[expected["id"]]
        for name, value in expected.items():
            if name.endswith(("_has", "_lack")):
                whole = str(duty.row()[name.rpartition("_")[0]])
                assert (value in whole) is name.endswith("_has"), (name, whole)
            else:
                assert seen(duty, assessment, name) == value, (duty.id, name, duty.explained)


@pytest.mark.parametrize(("path", "document", "case"), list(cases()))
def test_every_row_keeps_the_contract(path, document, case):
    assessment = assessed(path, document, case)
    owed = [duty.target for duty in assessment.duties if duty.status == "owed" and duty.target is not None]
    assert owed == sorted(owed)
    for duty in assessment.duties:
        assert duty.undated is None or duty.due is None
        assert (duty.due is None) == (duty.target is None)
        assert duty.due is None or duty.target <= duty.due
        assert duty.status != "undetermined" or duty.unknown
        assert duty.explained
        assert duties.recall(duty.row()) == duty


def test_every_regime_file_has_a_case_file_of_the_same_path_and_the_other_way_round():
    assert sorted(str(path.relative_to(HERE)) for path in HERE.rglob("*.yaml")) == PATHS


def versions(regime: Regime) -> Iterator[tuple[str, DutyVersion]]:
    for rule in regime.duties:
        for version in rule.versions:
            yield f"{regime.id}/{rule.key}", version


def nodes(node: Any) -> Iterator[Any]:
    yield node
    for part in fields(node) if is_dataclass(node) else ():
        inner = getattr(node, part.name)
        for one in inner if isinstance(inner, tuple) else (inner,):
            if hasattr(one, "judge"):
                yield from nodes(one)


def thresholds(regime: Regime) -> set[Any]:
    conditions = [regime.applies]
    for _, version in versions(regime):
        conditions += [version.when, *(one.when for one in version.unless), *(way.when for way in version.substitute)]
    return {node for condition in conditions for node in nodes(condition) if isinstance(node, Residents | Compared)}


def edges(node: Any) -> tuple[Any, Any]:
    """The value at the bound and the nearest one on the other side."""
    if isinstance(node.bound, timedelta):
        step = timedelta(minutes=1)
    else:
        step = Decimal(1) if isinstance(node.bound, Decimal) else 1
    return node.bound, node.bound + step if node.comparison in {"over", "at_most"} else node.bound - step


def value_of(node: Any, known: Facts) -> Any:
    if isinstance(node, Residents):
        return known.people_in(node.where).exact
    value = known.value(node.path)
    return getattr(value, "amount", getattr(value, "exact", value))


@pytest.mark.parametrize("path", PATHS)
def test_every_threshold_has_a_case_on_each_side(path):
    document = load(path)
    known = [case_facts(document, case) for case in document["cases"]]
    for node in thresholds(library.regimes_by_path()[path]):
        values = [value_of(node, one) for one in known]
        assert all(edge in values for edge in edges(node)), (node, edges(node))


@pytest.mark.parametrize("path", PATHS)
def test_every_deadline_has_a_case_in_time_and_a_case_too_late(path):
    document = load(path)
    told = [expected for case in document["cases"] for expected in case["expect"]]
    for duty, version in versions(library.regimes_by_path()[path]):
        if version.text.clocks:
            stem = duty.replace("{place}", "")
            sides = {expected.get("overdue") for expected in told if expected["id"].startswith(stem)}
            assert {True, False} <= sides, duty
            assert any(expected["id"].startswith(stem) and expected.get("due") for expected in told), duty


@pytest.mark.parametrize("path", PATHS)
def test_every_version_has_a_case_on_its_first_day_and_the_day_before(path):
    document = load(path)
    regime = library.regimes_by_path()[path]
    anchor = regime.text.dated_by
    days = {
        at.date() for case in document["cases"] if (at := getattr(case_facts(document, case).times, anchor)) is not None
    }
    for _, version in versions(regime):
        first = version.text.in_force.from_
        assert first is None or {first, first - timedelta(days=1)} <= days, (first, days)


@pytest.mark.parametrize("path", PATHS)
def test_every_citation_has_a_source_with_a_link_and_the_day_it_was_read(path):
    regime = library.regimes_by_path()[path]
    for _, version in versions(regime):
        cited = [version.text, *version.text.unless, *version.text.holds, *version.text.substitute]
        for one in cited:
            source = regime.text.sources[one.source]
            assert one.citation
            assert source.link
            assert source.link.startswith("http")
            assert source.read_on
            assert source.confidence


def test_a_regime_file_lies_under_the_country_of_its_id():
    for path, regime in library.regimes_by_path().items():
        folder = {"uk": "gb"}.get(regime.id.split("-")[0], regime.id.split("-")[0])
        assert path.startswith(f"{folder}/"), (path, regime.id)
