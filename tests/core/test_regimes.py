"""Regime files: what the schema accepts, and what it refuses with one sentence."""

import copy
from datetime import date

import pytest

from tocsin import regimes
from tocsin.errors import Invalid

SOURCE = {"title": "A statute", "link": "https://example.org/law", "read_on": "2026-11-22", "confidence": "text"}
DUTY = {
    "audience": "authority",
    "recipient": "authority",
    "when": {"always": True},
    "clock": {"starts": {"at": "aware"}, "within": {"hours": 72}, "rule": "exact"},
    "citation": "s. 1",
    "source": "act",
}
REGIME = {
    "id": "xx-act",
    "title": "An Act",
    "law": "Act",
    "place": "DE",
    "citation": "s. 0",
    "source": "act",
    "sources": {"act": SOURCE},
    "applies": {"always": True},
    "duties": {"authority": DUTY},
}


def regime(**changes):
    return regimes.parse({**copy.deepcopy(REGIME), **changes}, source="xx/act.yaml")


def with_duty(**changes):
    duty = {name: value for name, value in {**DUTY, **changes}.items() if value is not None}
    return regime(duties={"authority": duty})


def refusal(make, **changes):
    with pytest.raises(Invalid) as caught:
        make(**changes)
    sentence = str(caught.value)
    assert sentence.startswith("xx/act.yaml")
    assert "\n" not in sentence
    return sentence


def test_a_small_regime_is_read():
    read = regime()
    assert (read.id, read.enabled) == ("xx-act", True)
    assert read.duties[0].versions[0].confidence == "text"
    assert read.duties[0].versions[0].link == "https://example.org/law"


def test_the_version_hash_changes_with_any_value_and_with_nothing_else():
    reordered = dict(reversed(list(copy.deepcopy(REGIME).items())))
    assert regime().version == regimes.parse(reordered, source="x").version
    assert regime().version != with_duty(citation="s. 2").version


def test_versions_are_chosen_by_day_and_a_repealed_duty_is_not_owed_after_its_last_day():
    old = {"in_force": {"from": "2020-01-01", "until": "2025-12-31"}}
    new = {"in_force": {"from": "2026-01-01", "until": "2026-06-30"}, "citation": "s. 1a"}
    rule = with_duty(versions=[new, old]).duties[0]
    assert rule.on(date(2019, 12, 31)) is None
    assert rule.on(date(2025, 12, 31)).text.citation == "s. 1"
    assert rule.on(date(2026, 1, 1)).text.citation == "s. 1a"
    assert rule.on(date(2026, 6, 30)).text.citation == "s. 1a"
    assert rule.on(date(2026, 7, 1)) is None


def test_a_plans_promise_is_a_regime_whose_source_needs_no_link():
    source = {name: value for name, value in SOURCE.items() if name != "link"}
    promise = regime(id="plan-example", kind="plan", sources={"act": source})
    assert promise.duties[0].versions[0].link == "A statute"
    assert "has no link" in refusal(regime, sources={"act": source})


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"audience": "authorities"}, "`audience`: `authorities` is none of its words: perhaps `authority`"),
        ({"citation": None}, "`citation` is missing"),
        ({"source": "bill"}, "names the source `bill`"),
        ({"whom": "x"}, "`whom` is no name known here"),
        ({"clock": None}, "must have either `undated`"),
        ({"undated": "promptly"}, "must have either `undated`"),
        ({"clocks": [DUTY["clock"]]}, "both `clock` and `clocks`"),
        ({"clock": {**DUTY["clock"], "rule": "exactly"}}, "perhaps `exact` is meant"),
        ({"clock": {**DUTY["clock"], "within": {"hours": 0}}}, "whole number"),
        ({"clock": {**DUTY["clock"], "within": {"moons": 1}}}, "whole number of hours"),
        ({"clock": {**DUTY["clock"], "within": {"days": 3}}}, "cannot be counted"),
        ({"clock": {**DUTY["clock"], "starts": {}}}, "either `at`"),
        ({"clock": {**DUTY["clock"], "starts": {"at": "awre"}}}, "perhaps `aware`"),
        ({"clock": {**DUTY["clock"], "starts": {"event": "filed"}}}, "name the duty that was filed"),
        ({"when": {"fact": "breach.encryptd", "is": True}}, "perhaps `breach.encrypted`"),
        ({"when": {"ref": "nothing"}}, "not defined"),
        ({"unless": [{"when": {"always": True}, "because": "x"}]}, "`unless[0].citation` is missing"),
        ({"holds": [{"citation": "s. 2", "source": "bill"}]}, "names the source `bill`"),
        ({"in_force": {"from": "2026-13-01"}}, "must be a day"),
        ({"in_force": {"from": "2026-02-01", "until": "2026-01-01"}}, "`from` after `until`"),
        ({"versions": []}, "`versions` must be a list"),
        ({"versions": [{}, {"in_force": {"from": "2026-01-01"}}]}, "in force on the same day"),
        ({"versions": [{"in_force": {"until": "2026-01-01"}}, {"in_force": {"from": "2026-01-01"}}]}, "same day"),
        ({"people": ["ZZ"]}, "no place of ISO 3166"),
        ({"confidence": "sure"}, "`confidence`"),
        ({"counted_in": "each"}, "names none under `each`"),
    ],
)
def test_a_duty_that_breaks_the_schema_is_refused_with_its_path(changes, says):
    sentence = refusal(with_duty, **changes)
    assert says in sentence
    assert "duties.authority" in sentence


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"id": "XX Act"}, "`id`"),
        ({"place": "XX"}, "`place`"),
        ({"sources": {"act": {**SOURCE, "read_on": "today"}}}, "`sources.act.read_on` must be a day"),
        ({"sources": {"act": {**SOURCE, "link": "law.example"}}}, "must be a link"),
        ({"sources": {"act": {**SOURCE, "confidence": "maybe"}}}, "`sources.act.confidence`"),
        ({"source": "bill"}, "names the source `bill`"),
        ({"duties": {}}, "`duties`"),
        ({"duties": {"Authority": DUTY}}, "small letters"),
        ({"duties": {"authority": []}}, "`name: value`"),
        ({"status": "not-in-force"}, "without `status_note`"),
        ({"definitions": {"a": {"ref": "b"}, "b": {"always": True}}}, "`definitions.a`"),
        ({"applies": {"fact": "people.totl", "over": 1}}, "`applies`"),
    ],
)
def test_a_regime_that_breaks_the_schema_is_refused_with_its_path(changes, says):
    assert says in refusal(regime, **changes)
