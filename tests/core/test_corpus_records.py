"""Real records, where the corpus lies beside the repository: what is read of them, and how many are refused."""

import csv
import json
import os
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pendulum
import pytest

from flows import library
from tocsin import duties, facts, moments, periods
from tocsin.errors import Invalid
from tocsin.importing import classes, days, mapping, records, veris
from tocsin.importing.draft import Imported

ROOT = Path(__file__).parents[2]
CORPUS = Path(os.environ.get("TOCSIN_CORPUS", ROOT.parent / "shared" / "corpus"))
INCIDENTS, RECORDS = CORPUS / "01-incidents", CORPUS / "02-records"
WASHINGTON = "America/Los_Angeles"

pytestmark = pytest.mark.skipif(not RECORDS.is_dir(), reason="the corpus is not here; set TOCSIN_CORPUS to its folder")


@cache
def table(name):
    with (RECORDS / name).open(encoding="utf-8", newline="") as text:
        header, *rows = csv.reader(text)
    return header, rows


def named(name):
    header, rows = table(name)
    return [dict(zip(header, row, strict=True)) for row in rows]


# VERIS


def vcdb():
    paths = sorted((INCIDENTS / "vcdb").glob("*.json"))
    return [(json.loads(path.read_text()), path.name) for path in paths]


def leaves(value, path=""):
    """The way to each value, as often as it stands in a list there."""
    if isinstance(value, dict) and value:
        return [way for name, part in value.items() for way in leaves(part, f"{path}.{name}".lstrip("."))]
    if isinstance(value, list) and value:
        return [way for part in value for way in leaves(part, path)]
    return [path]


def test_every_incident_of_the_corpus_is_imported_and_what_is_not_mapped_is_kept():
    found, placed = Counter(), Counter()
    for document, name in vcdb():
        made = veris.incident(document, source=name)
        kept = [way for one in made.unmapped for way in leaves(one.value, re.sub(r"\[\d+\]", "", one.path))]
        found["incidents"] += 1
        found["kept"] += len(kept)
        found["instants"] += len(made.facts.document().get("times", {}))
        for path in ("breach.cause", "breach.kinds", "organisation.seat", "organisation.sectors", "data.elements"):
            found[path] += made.facts.value(path) is not None
        for path in ("breach.encrypted", "records", "people.total"):
            found[path] += made.facts.value(path) is not None
        assert not Counter(kept) - Counter(leaves(document))
        placed += Counter(leaves(document)) - Counter(kept)

    assert placed == {
        "incident_id": 41, "victim.victim_id": 39, "victim.country": 41, "action.error.variety": 4,
        "action.malware.result": 1, "action.hacking.result": 1,
        "attribute.confidentiality.data_disclosure": 30, "attribute.confidentiality.data.variety": 37,
        "attribute.confidentiality.data_total": 19, "attribute.confidentiality.state": 8,
        "attribute.availability.duration.unit": 1, "attribute.availability.duration.value": 1,
    }  # fmt: skip
    assert found == {
        "incidents": 41, "kept": 1391, "instants": 0, "breach.cause": 37, "breach.kinds": 33, "organisation.seat": 41,
        "organisation.sectors": 31, "data.elements": 17, "breach.encrypted": 8, "records": 20, "people.total": 0,
    }  # fmt: skip


def test_no_day_is_made_up_for_a_month():
    found = Counter()
    for document, name in vcdb():
        incident = document["timeline"]["incident"]
        made = veris.incident(document, source=name, zone="America/New_York")
        began = made.facts.times.occurred_from
        asked = [one.words for one in made.questions if one.path == "times.occurred_from"]
        if "day" in incident:
            assert began.date() == pendulum.date(incident["year"], incident["month"], incident["day"])
            assert (began.hour, began.minute, len(made.assumed), asked) == (0, 0, 1, [])
        else:
            assert (began, made.assumed, len(asked)) == (None, (), 1)
            assert "timeline.incident.year" in {one.path for one in made.unmapped}
        found["day" if "day" in incident else "month" if "month" in incident else "year"] += 1

    assert found == {"day": 16, "month": 11, "year": 14}


def test_schema_cases_are_refused_where_a_fact_depends_on_them():
    found, read = Counter(), []
    for path in sorted((INCIDENTS / "veris-schema-cases").iterdir()):
        document = json.loads(path.read_text())
        should = document.get("should", "whole incident")
        try:
            veris.incident(document.get("incident", document), source=path.name)
        except Invalid as error:
            found[should, "refused"] += str(error).startswith(f"{path.name} is no VERIS incident that can be read: `")
        else:
            found[should, "read"] += 1
            read += [path.name] if should == "fail" else []

    assert found == {("fail", "refused"): 40, ("fail", "read"): 69, ("pass", "read"): 13, ("whole incident", "read"): 5}
    # What is read although the schema says no: fields that no fact is made of, and four that do no harm.
    harmless = ("notes", "vector", "target", "location", "unrecognized", "actor.", "asset", "impact", "ioc", "related")
    assert [name.split("__")[1] for name in read if not any(word in name for word in harmless)] == [
        "action.environmental.variety_invalid.json",
        "action.hacking.variety_invalid.json",
        "action.malware.variety_invalid.json",
        "timeline.incident.year_high.json",
        "victim.country_missing.json",
    ]


# Washington's list of reported breaches

WA_COLUMNS = (
    "organisation.name=name", "times.aware=aware_raw", "times.occurred_from=start_raw",
    "times.occurred_until=end_raw", "events.filed:us-wa/authority=submitted_raw",
    "people.by_place.US-WA=wa_residents_affected_raw",
)  # fmt: skip
FLAGS = {
    "no-aware-date": ("times.aware", "does not say"),
    "start-after-aware": ("times.occurred_from", "`aware_raw`"),
    "end-after-submitted": ("times.occurred_until", "`submitted_raw`"),
}


@cache
def washington():
    header, rows = table("wa_ag.csv")
    dates = [f"{heading}=MDY" for heading in ("aware_raw", "submitted_raw", "start_raw", "end_raw")]
    matched = mapping.match(header, mapped=WA_COLUMNS, dates=dates, source="wa_ag.csv")
    made = [
        records.read(row, number=number, table=matched, source="wa_ag.csv", zone=WASHINGTON)
        for number, row in enumerate(rows, start=2)
    ]
    return list(zip(named("wa_ag.csv"), made, strict=True))


def test_washingtons_dates_are_the_published_ones_and_so_are_the_days_between_them():
    found = Counter()
    for row, made in washington():
        if not isinstance(made, Imported):
            found["refused"] += 1
            continue
        aware, (sent,) = made.facts.times.aware, made.facts.events
        assert str(sent.at.date()) == row["expect_submitted"]
        assert (str(aware.date()) if aware else "") == row["expect_aware"]
        if row["published_days_elapsed"]:
            assert (sent.at.date() - aware.date()).days == int(row["published_days_elapsed"])
            found["elapsed"] += 1

    assert found == {"refused": 1, "elapsed": 554}
    every = [row for row in named("wa_ag.csv") if row["published_days_elapsed"]]
    assert len(every) == 555
    for row in every:  # the refused one too, from its cells
        known, sent = (days.read(row[name], ("MDY",)).day for name in ("aware_raw", "submitted_raw"))
        assert (sent - known).days == int(row["published_days_elapsed"])


def test_washingtons_verdicts_follow_from_the_period_of_the_day():
    change, found = pendulum.date(2020, 3, 1), Counter()
    for row, made in washington():
        if not isinstance(made, Imported) or made.facts.times.aware is None:
            continue
        aware, (sent,) = made.facts.times.aware, made.facts.events
        within = "45" if sent.at.date() < change else "30" if aware.date() >= change else "either"
        assert within == row["statute_limit_days"]
        found[within] += 1
        if within == "either":
            assert row["expect_verdict"] == ""
            continue
        last = periods.count(aware, periods.within(f"{within} days"), rule="calendar-days", place="US-WA").due
        assert ("in time" if sent.at <= last else "late") == row["expect_verdict"]
        found[row["expect_verdict"]] += 1

    assert found == {"30": 409, "45": 137, "either": 8, "late": 373, "in time": 173}


def test_washingtons_anomalies_are_flagged_and_nothing_else_is():
    found = Counter()
    for row, made in washington():
        wanted = set(filter(None, row["anomaly"].split(";")))
        if not isinstance(made, Imported):
            assert "end-before-start" in wanted
            assert "2023-10-18" in str(made)
            found["refused"] += 1
            continue
        told = [(one.path, one.words) for one in made.questions]
        flagged = {flag for flag, (path, word) in FLAGS.items() if any(path == p and word in w for p, w in told)}
        assert flagged == wanted
        found.update(flagged)

    assert found == {"no-aware-date": 13, "end-after-submitted": 3, "start-after-aware": 2, "refused": 1}


# The lists of eight States

# As each list writes the day of the report and that of the breach; Delaware writes them in different orders.
STATES = {"DE": (("DMY",), ("MDY",)), "ME1": (("ISO",), ("ISO",)), "ME2": (("MDY",), ("MDY", "text")),
          "ND": (("text",), ("text",))}  # fmt: skip


def state_rows(kind):
    for row in named("state_ag_dates.csv"):
        if row["kind"] == kind:
            reported, breached = STATES.get(row["id"].partition(":")[0], (("MDY",), ("MDY",)))
            yield row, reported, breached


def read_or_reason(cell, orders):
    try:
        return str(days.read(cell, orders).day)
    except ValueError as error:
        return str(error)


def test_dates_that_were_curated_alike_are_read_alike_or_refused():
    found = Counter()
    for row, reported, breached in state_rows("agree"):
        told = read_or_reason(row["reported_raw"], reported)
        began = read_or_reason(row["breach_dates_raw"], breached)
        if row["state"] == "DE":
            assert "two digits" in told
            assert "two digits" in began
            found["two digits"] += 1
            continue
        assert told == row["expect_reported"]
        if "|" in row["breach_dates_raw"]:  # the lists are not in order, so the first is not always the beginning
            assert began.startswith("holds more than one date")
            pieces = [str(days.read(piece, breached).day) for piece in row["breach_dates_raw"].split("|")]
            assert min(pieces) == row["expect_breach_start"]
            found["several, not in order"] += pieces[0] != row["expect_breach_start"]
            found["several"] += 1
        else:
            assert began == row["expect_breach_start"]
            found["equal"] += 1

    assert found == {"equal": 4734, "several": 2195, "several, not in order": 8, "two digits": 47}


def imported(row, reported, breached, *, apart=False):
    """The row as a table of its own; `apart` gives the two days of a range a column each."""
    began, _, ended = row["breach_dates_raw"].partition("|") if apart else (row["breach_dates_raw"], "", "")
    mapped = ("events.filed:us/authority=told", "times.occurred_from=began", "times.occurred_until=ended")
    dates = (f"told={','.join(reported)}", f"began={','.join(breached)}", f"ended={','.join(breached)}")
    matched = mapping.match(("told", "began", "ended"), mapped=mapped, dates=dates, source="s")
    return records.read((row["reported_raw"], began, ended), number=2, table=matched, source="s", zone=WASHINGTON)


def test_dates_that_had_to_be_corrected_are_refused_or_flagged():
    found = Counter()
    for row, reported, breached in state_rows("corrected"):
        made = imported(row, reported, breached, apart=True)
        if not isinstance(made, Imported):
            found["refused"] += 1
        elif any("is that right?" in one.words for one in made.questions):
            found["flagged"] += 1
        else:
            assert row["state"] == "IN"  # in order and possible: nothing in the row shows that another day was meant
            found["nothing to see"] += 1

    assert found == {"refused": 7, "flagged": 6, "nothing to see": 4}


def test_dates_that_nobody_could_read_are_refused_or_asked():
    found = Counter()
    for row, reported, breached in state_rows("unparseable"):
        made = imported(row, reported, breached)
        if not isinstance(made, Imported):
            found["refused"] += 1
            continue
        asked = {one.path for one in made.questions if "does not say" in one.words}
        assert asked & {"events.filed", "times.occurred_from"}
        assert asked.isdisjoint({f"times.{name}" for name in made.facts.document().get("times", {})})
        found["asked"] += 1

    assert found == {"refused": 112, "asked": 581}


# The breach portal of the US Department of Health and Human Services


def hhs():
    for row in named("hhs_ocr_2009_2017.csv"):
        yield row["individuals"], row["submitted"]
    for row in named("hhs_ocr_2023_2024.csv"):
        yield row["Individuals Affected"], row["Breach Submission Date"]


@cache
def law():
    return library.read_file(ROOT / "playbooks" / "regimes" / "us" / "hipaa.yaml")


def hipaa(individuals, discovered):
    document = {
        "title": "x",
        "organisation": {"role": "controller", "seat": "US", "attributes": {"hipaa": "covered-entity"}},
        "times": {"discovered": discovered},
        "breach": {"kinds": ["confidentiality"], "encrypted": False},
        "people": {"total": individuals, "by_place": {"US-MO": individuals}, "unlocated": 0},
    }
    found = duties.assess(facts.parse(document, source="x"), [law()], as_of=moments.parse("2026-11-22T00:00:00Z"))
    return {duty.id.removeprefix("us-hipaa/"): duty for duty in found.duties if duty.status == "owed"}


def test_the_threshold_of_hhs_is_500_and_that_of_the_media_501():
    header = ("Individuals", "Day")
    matched = mapping.match(
        header, mapped=("people.total=Individuals", "times.discovered=Day"), dates=("Day=ISO",), source="hhs"
    )
    found = Counter()
    for number, row in enumerate(hhs(), start=2):
        made = records.read(row, number=number, table=matched, source="hhs", zone="America/Chicago")
        count = made.facts.people.total.exact if made.facts.people.total else None
        found["rows"] += 1
        found["uncounted"] += count is None
        found["below 500"] += count is not None and count < 500
        if count in {500, 501}:
            at_once = {"individuals", "authority"} | ({"media-US-MO"} if count == 501 else set())
            discovered = made.facts.document()["times"]["discovered"]
            owed = hipaa(count, discovered)
            assert set(owed) == at_once
            assert owed["authority"].due == owed["individuals"].due
            found[count] += 1
    owed = hipaa(499, "2024-03-01T00:00:00-06:00")

    assert set(owed) == {"individuals", "authority-annual"}
    assert str(owed["authority-annual"].due.date()) == "2025-03-01"
    assert found == {"rows": 1298, "uncounted": 10, "below 500": 0, 500: 30, 501: 29}


# Have I Been Pwned


def test_classes_of_leaked_data_are_elements_or_kept_in_words():
    header, rows = table("hibp_breaches.csv")
    matched = mapping.match(header, mapped=("data.elements=data_classes",), dates=(), source="hibp")
    found = Counter()
    for number, row in enumerate(rows, start=2):
        made = records.read(row, number=number, table=matched, source="hibp")
        listed = {name.strip() for name in row[header.index("data_classes")].split(";")}
        assert set(made.facts.data.other or ()) == set(classes.elements(listed)[1])
        found["rows"] += 1
        found["whole"] += not made.facts.data.other
        found["with passwords"] += "Passwords" in (made.facts.data.other or ())
    names = {name.strip() for row in rows for name in row[header.index("data_classes")].split(";")}
    found["classes"] = len(names)
    found["classes mapped"] = sum(bool(classes.elements([name])[0]) for name in names)

    assert found == {"rows": 526, "whole": 88, "with passwords": 338, "classes": 121, "classes mapped": 58}
