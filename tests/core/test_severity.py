"""ENISA's arithmetic and the advice made from facts."""

from decimal import Decimal

import pytest

from tocsin import advice, facts, severity
from tocsin.errors import Invalid


def scored(**factors):
    found = severity.score(severity.factors(**factors))
    return float(found.score), found.level


@pytest.mark.parametrize(
    ("factors", "expected"),
    [
        ({"dpc": 2, "ei": 0.75, "confidentiality": 0.25}, (1.75, "low")),
        ({"dpc": 2, "ei": 0.75, "confidentiality": 0.5}, (2.0, "medium")),
        ({"dpc": 2, "ei": 1, "confidentiality": 0.5, "integrity": 0.25}, (2.75, "medium")),
        ({"dpc": 2, "ei": 1, "confidentiality": 0.5, "malicious": 0.5}, (3.0, "high")),
        ({"dpc": 3, "ei": 1, "confidentiality": 0.5, "malicious": 0.25}, (3.75, "high")),
        ({"dpc": 3, "ei": 1, "confidentiality": 0.5, "malicious": 0.5}, (4.0, "very high")),
    ],
)
def test_each_level_begins_at_its_bound(factors, expected):
    assert scored(**factors) == expected


@pytest.mark.parametrize(
    "factors",
    [
        {"dpc": 4.1, "ei": 1},
        {"dpc": 1, "ei": 1.1},
        {"dpc": 1, "ei": 1, "integrity": 0.6},
        {"dpc": -1, "ei": 1},
        {"dpc": float("nan"), "ei": 1},
    ],
)
def test_a_factor_out_of_its_range_is_refused(factors):
    with pytest.raises(Invalid, match="must lie between"):
        scored(**factors)


LEAK = {"kinds": ["confidentiality"], "cause": "attack", "exfiltrated": True, "encrypted": False}


def advised(elements, people=None, **breach):
    document = {"title": "x", "breach": {**LEAK, **breach}, "data": {"elements": elements} if elements else {}}
    if people is not None:
        document["people"] = {"total": people}
    return advice.advise(facts.parse(document, source="f"))


def test_the_factors_are_told_one_by_one_and_add_up():
    found = advised(["name", "email"])
    assert (found.severity.factors.dpc, found.severity.factors.ei, found.severity.factors.cb) == (1, 1, 1)
    assert found.severity.score == Decimal(2)
    assert "1 x 1 + 1.0 = 2.0: medium" in found.because


@pytest.mark.parametrize(
    ("elements", "dpc"),
    [
        (["name", "email"], 1),
        (["name", "date-of-birth", "employment"], 2),
        (["name", "purchase-history"], 2),
        (["name", "call-records"], 3),
        (["name", "insurance-policy"], 2),
        (["name", "transactions"], 3),
        (["name", "transactions", "medical"], 4),
    ],
)
def test_the_most_telling_category_sets_the_context(elements, dpc):
    assert advised(elements).severity.factors.dpc == dpc


@pytest.mark.parametrize(
    ("elements", "people", "breach", "risk"),
    [
        (None, None, {}, "undetermined"),
        (["name", "ssn"], 1, {"encrypted": True, "key_safe": True}, "unlikely"),
        (["name", "ssn"], 1, {"encrypted": True, "key_safe": False}, "high"),
        (["name", "email"], 10, {}, "likely"),
        (["name", "ssn"], 10, {}, "high"),
        (["email", "online-credentials"], 10, {}, "high"),
        (["name", "medical"], 10, {}, "high"),
        (["name", "address", "date-of-birth"], 999, {"cause": "theft"}, "likely"),
        (["name", "address", "date-of-birth"], 1000, {"cause": "theft"}, "high"),
        (["name", "student-id"], 1500, {"cause": "error", "recovered": False}, "likely"),
        (["name", "address"], 24, {"cause": "error", "recovered": True, "exfiltrated": False}, "unlikely"),
        (["name", "medical"], 100, {"cause": "error", "recovered": True}, "unlikely"),
        (["name", "medical"], 101, {"cause": "error", "recovered": True}, "high"),
        (
            ["name", "purchase-history"],
            30,
            {"kinds": ["availability"], "exfiltrated": False, "ransomware": True},
            "likely",
        ),
        (["name", "medical"], 30, {"kinds": ["availability"], "exfiltrated": False, "ransomware": True}, "high"),
        (["name", "phone"], 30, {"kinds": ["availability"], "exfiltrated": False, "cause": "failure"}, "unlikely"),
    ],
)
def test_the_outcomes_of_the_edpb_win_where_the_score_misleads(elements, people, breach, risk):
    found = advised(elements, people, **breach)
    assert found.risk == risk, found.because
    assert found.document()["risk"] == risk
