"""The shipped plans, regimes and forms together: what the engine says is what the papers can take."""

from pathlib import Path

import pendulum
import pytest

import playbooks
from documents import announcements, forms, notices, reports
from flows import library
from tocsin import duties, facts, plan, reading

ROOT = Path(playbooks.__file__).parent
NOW = pendulum.datetime(2026, 11, 22, 10, tz="UTC")


def shipped(folder):
    found = {}
    for path in sorted((ROOT / folder).rglob("*.yaml")):
        name = path.relative_to(ROOT / folder).with_suffix("").as_posix()
        found[name] = reading.document(path.read_text(encoding="utf-8"), source=name)
    return found


PLANS = shipped("plans")


def rows(document):
    return [
        duty.row() for duty in duties.assess(facts.parse(document, source="x"), library.regimes(), as_of=NOW).duties
    ]


@pytest.mark.parametrize("name", sorted(PLANS))
def test_every_plan_can_be_drafted_and_announced_in_all_its_languages(name, facts_of):
    parsed = plan.parse(PLANS[name], source=name)
    known = parsed.for_documents()
    document = facts_of(organisation={"name": "Acme"})
    texts = []
    for language in parsed.notice.languages:
        text = notices.draft(document, known, language)
        codes = {problem.code for problem in notices.check(text, required=parsed.notice.requires, facts=document)}
        assert codes <= {"gap", "no-contact"}
        texts.append(announcements.draft(document, known, language))
    files = announcements.page(texts, plan=known, facts=document, incident_ref="x", published_at=NOW)
    assert {f"{language}.html" for language in parsed.notice.languages} < set(files)


@pytest.mark.parametrize("name", sorted(PLANS))
def test_every_form_that_a_plan_names_is_there_and_can_be_filled(name, facts_of):
    parsed = plan.parse(PLANS[name], source=name)
    document = facts_of(organisation={"name": "Acme"})
    for identifier in parsed.regulators.reports:
        report = reports.fill(
            forms.find(identifier),
            document,
            duties=rows(document),
            plan=parsed.for_documents(),
            stage="initial",
            now=NOW,
        )
        assert report.missing
        assert reports.as_json(report)


def test_the_forms_find_the_duties_that_the_engine_makes(facts_of):
    german = {row["id"]: row for row in rows(facts_of(risk={"to_people": "high"}))}
    assert german["eu-gdpr/authority"]["status"] == "owed"
    assert "eu-gdpr/authority" in forms.find("eu-gdpr-33").duties

    abroad = rows(
        facts_of(
            organisation={"seat": "CN", "attributes": {"operates_in": []}},
            risk={"to_people": "high"},
            people={"by_place": {"DE": 5, "FR": 5, "CN": 2_000_000}, "total": 2_000_010},
        )
    )
    owed = {row["id"] for row in abroad if row["status"] == "owed" and row["audience"] == "authority"}
    assert {"eu-gdpr/authority-DE", "eu-gdpr/authority-FR"} <= owed & set(forms.find("eu-gdpr-33").duties)
    assert {"cn-cac/authority", "cn-pipl/authority"} & owed & set(forms.find("cn-cac-incident").duties)
