"""The developers' law cases, where the corpus lies beside the repository."""

import fnmatch
import os
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from flows import library
from tocsin import duties, facts, moments, periods, reading, severity

CORPUS = Path(os.environ.get("TOCSIN_CORPUS", Path(__file__).parents[3] / "shared" / "corpus")) / "08-law-cases"
KNOWN = {regime.id for regime in library.regimes()}
OPEN = {"owed", "undetermined", "conditional", "suspended"}

pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not here; set TOCSIN_CORPUS to its folder")


class _Loader(reading._Loader):
    """YAML 1.2 words, as facts are read."""


def load(name):
    path = CORPUS / name
    return yaml.load(path.read_text(), Loader=_Loader) if path.exists() else []


def named(name):
    return [pytest.param(case, id=case["id"]) for case in load(name)]


def of_ours(case):
    mine = [row for row in case["expect"] if row["regime"] in KNOWN]
    barred = [row for row in case.get("absent", []) if any(fnmatch.fnmatch(one, row["regime"]) for one in KNOWN)]
    return mine, barred


def duty_cases():
    every = load("duties-americas.yaml") + load("duties-world.yaml")
    return [pytest.param(case, id=case["id"]) for case in every if any(of_ours(case))]


def rows_of(case):
    read = facts.parse(case["facts"], source=case["id"])
    return duties.assess(read, library.regimes(), as_of=moments.parse(case["as_of"])).document()["duties"]


def listed(value):
    return value if isinstance(value, list) else [value]


def same(row, name, instant):
    return row[name] is not None and moments.parse(row[name]) == moments.parse(instant)


def on_day(row, expected):
    """Whether the row is due on that day, in its own zone, at the day's last second unless any time will do."""
    end = "" if expected.get("any_time") else "T23:59:59"
    return (row["due"] or "").startswith(f"{expected['due_date']}{end}")


def ordered(row, name):
    wanted = name if "/" in name else name.replace(" ", "/")
    return wanted in row["order"] or any(one.startswith(f"{wanted}-") for one in row["order"])


def keeps(row, expected):
    checks = [
        row["regime"] == expected["regime"],
        row["audience"] in listed(expected["audience"]),
        row["id"] == expected.get("id", row["id"]),
        row["status"] in listed(expected.get("status", sorted(OPEN | {"done"}))),
        all(same(row, name, expected[name]) for name in ("due", "target", "starts") if name in expected),
        "due_date" not in expected or on_day(row, expected),
        "not_after" not in expected or row["due"] is None or row["due"][:10] <= expected["not_after"],
        "undated" not in expected or (row["due"] is None and bool(row["undated"])),
        row["starts_at"] == expected.get("starts_at", row["starts_at"]),
        row["people"] == expected.get("people", row["people"]),
        set(listed(expected.get("unknown_has", []))) <= set(row["unknown"]),
        all(ordered(row, name) for name in expected.get("order", [])),
        "advised" not in expected or row["advised"] == expected["advised"],
        any(word.lower() in str(row).lower() for word in expected.get("says", [""])),
        any(word.lower() in row["recipient"].lower() for word in listed(expected.get("recipient_has", [""]))),
        any(word in str(row["channels"]).lower() for word in expected.get("channels_any", [""])),
        not any(word in str(row["channels"]).lower() for word in expected.get("channels_none", [])),
    ]
    unread = set(expected) - KNOWN_WORDS
    assert not unread, unread
    return all(checks)


KNOWN_WORDS = {
    *("regime", "audience", "id", "status", "due", "target", "starts", "due_date", "any_time", "not_after", "undated"),
    *("starts_at", "people", "unknown_has", "order", "advised", "says", "recipient_has", "recipients_at_least"),
    *("channels_any", "channels_none", "dated"),
}


def breaks(row, barred):
    assert set(barred) <= KNOWN_WORDS, barred
    return (
        fnmatch.fnmatch(row["regime"], barred["regime"])
        and row["status"] in listed(barred.get("status", sorted(OPEN)))
        and row["audience"] in listed(barred.get("audience", row["audience"]))
        and ("dated" not in barred or row["due"] is not None)
        and ("due_date" not in barred or (row["due"] or "").startswith(barred["due_date"]))
        and any(word.lower() in row["recipient"].lower() for word in listed(barred.get("recipient_has", [""])))
    )


@pytest.mark.parametrize("case", duty_cases())
def test_the_duties_of_the_corpus(case):
    rows = rows_of(case)
    expected, barred = of_ours(case)
    for one in expected:
        met = [row for row in rows if keeps(row, one)]
        assert len({row["recipient"] for row in met}) >= one.get("recipients_at_least", 1), one
    for one in barred:
        hit = [row["id"] for row in rows if breaks(row, one)]
        assert hit == [], one


@pytest.mark.parametrize("case", named("deadlines.yaml"))
def test_the_periods_of_the_corpus(case):
    found = periods.count(
        moments.parse(case["start"]), periods.within(case["within"]), rule=case["rule"], place=case["place"]
    )
    assert (found.due, found.target) == (moments.parse(case["due"]), moments.parse(case["target"]))


@pytest.mark.parametrize("case", [case for case in load("severity.yaml") if "score" in case])
def test_the_scores_of_the_corpus(case):
    found = severity.score(severity.factors(dpc=case["dpc"], ei=case["ei"], **case["cb"]))
    assert (found.score, found.level) == (Decimal(str(case["score"])), case["level"])


@pytest.mark.parametrize("case", named("edpb.yaml"))
def test_the_advice_of_the_corpus(case):
    rows = [row for row in rows_of(case) if row["regime"] == "eu-gdpr"]
    for audience, expected in case["expect"].items():
        told = any(row["audience"] == audience and "owed" in (row["status"], row["advised"]) for row in rows)
        assert expected == "depends" or told == (expected == "yes"), audience
    for row in rows:
        assert row["status"] != "undetermined" or row["unknown"] == ["risk.to_people"]
