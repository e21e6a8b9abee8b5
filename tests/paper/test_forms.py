import copy
from pathlib import Path

import pytest
import yaml

import playbooks
from documents import forms
from documents.derivations import DERIVATIONS
from tocsin.errors import Invalid, NotFound

REGIMES = Path(playbooks.__file__).parent / "regimes"

MINIMAL = {
    "id": "xx-form",
    "title": {"en": "Form"},
    "languages": ["en"],
    "zone": None,
    "law": {"citation": "Act 1", "source": "https://example.com", "read_on": "2026-11-22", "confidence": "text"},
    "duties": ["xx/authority"],
    "stages": ["initial"],
    "stage_titles": {"initial": {"en": "First"}},
    "sections": [
        {
            "key": "who",
            "title": {"en": "Who"},
            "fields": [{"key": "name", "label": {"en": "Name"}, "ask": {"en": "The name."}, "derive": "organisation"}],
        }
    ],
}


def minimal(change):
    document = copy.deepcopy(MINIMAL)
    change(document)
    return document


def field(document):
    return document["sections"][0]["fields"][0]


def test_the_smallest_form_is_a_form():
    assert [one.key for one in forms.parse(MINIMAL, source="x").questions] == ["name"]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda d: d.update(colour="blue"), "colour"),
        (lambda d: d.pop("law"), "law"),
        (lambda d: field(d).update(derive="guess"), "names no derivation"),
        (lambda d: field(d).update(derive="moment"), "needs a `path`"),
        (lambda d: field(d).update(required_at=["final"]), "stage that the form does not have"),
        (lambda d: d["sections"][0]["fields"].append(field(d)), "twice"),
        (lambda d: d["title"].update(de="Form"), "every text"),
        (lambda d: field(d)["label"].pop("en"), "every text"),
        (lambda d: d.update(stages=[], stage_titles={}), "stage_titles"),
        (lambda d: d["law"].update(confidence="sure"), "confidence"),
        (lambda d: field(d).update(key="Name Of"), "key"),
    ],
)
def test_a_form_that_breaks_the_schema_is_refused_with_file_and_reason(change, complaint):
    with pytest.raises(Invalid, match=complaint) as refused:
        forms.parse(minimal(change), source="xx-form.yaml")
    assert str(refused.value).startswith("xx-form.yaml")


def test_a_file_must_have_the_name_of_its_form():
    with pytest.raises(Invalid, match="give the file that name"):
        forms.forms({"other.yaml": yaml.safe_dump(MINIMAL)})


def test_the_shipped_forms_load_and_are_found_by_id():
    assert [form.id for form in forms.load()] == ["cn-cac-incident", "eu-gdpr-33"]
    assert forms.find("eu-gdpr-33").stages[0] == "initial"
    with pytest.raises(NotFound, match=r"'nope'.*cn-cac-incident, eu-gdpr-33"):
        forms.find("nope")


def test_every_derivation_is_used_by_some_form():
    used = {question.derive for form in forms.load() for question in form.questions}
    assert used - {None} == set(DERIVATIONS)


@pytest.mark.parametrize("letter", ["a", "b", "c", "d"])
def test_the_gdpr_form_asks_for_every_item_of_article_33_3(letter):
    cited = [question.citation or "" for question in forms.find("eu-gdpr-33").questions]
    assert f"Art. 33(3)({letter})" in cited


def test_the_chinese_form_has_the_eight_items_of_article_7_in_order():
    titles = [section.title["zh"] for section in forms.find("cn-cac-incident").sections]
    assert [title[0] for title in titles] == list("一二三四五六七八")


def test_the_first_report_in_china_asks_for_items_one_and_two_only():
    first = {
        section.key
        for section in forms.find("cn-cac-incident").sections
        if any("initial" in one.required_at for one in section.fields)
    }
    assert first == {"unit", "incident"}


def test_the_forms_serve_only_duties_that_the_regimes_know():
    known = {}
    for path in REGIMES.rglob("*.yaml"):
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        known |= {f"{document['id']}/{key}": duty for key, duty in document["duties"].items()}
    for form in forms.load():
        for duty in form.duties:
            found = known.get(duty) or known.get(f"{duty.rsplit('-', 1)[0]}-{{place}}")
            assert found is not None, duty
            assert found["audience"] == "authority"
