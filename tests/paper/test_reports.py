import json

import pendulum
import pytest

from documents import forms, reports
from tocsin.errors import Invalid

NOW = pendulum.datetime(2026, 11, 22, 10, tz="UTC")
GDPR, CAC = "eu-gdpr-33", "cn-cac-incident"


@pytest.fixture
def filled(facts_of, a_plan, duty_rows):
    def build(form=GDPR, *, facts=None, stage="initial", duties=None, plan=None, **options):
        return reports.fill(
            forms.find(form),
            facts_of() if facts is None else facts,
            duties=duty_rows if duties is None else duties,
            plan=a_plan() if plan is None else plan,
            stage=stage,
            **options,
        )

    return build


def field(report, key):
    return next(one for section in report.document["sections"] for one in section["fields"] if one["key"] == key)


def missing(report):
    return {one.field: one.required for one in report.missing}


def flat(report):
    lines = [f"{report.form} {report.stage} due={report.document['due']} late={report.document['late']}"]
    for section in report.document["sections"]:
        lines.append(f"# {section['key']}")
        for one in section["fields"]:
            lines.append(f"{one['key']} [{one['source']}] {json.dumps(one['value'], ensure_ascii=False)}")
            lines += [f"  {language}: {words}" for language, words in one["text"].items()]
    return "\n".join([*lines, "# missing", *(f"{one.field} {one.required} {one}" for one in report.missing)]) + "\n"


@pytest.mark.parametrize("form", [GDPR, CAC])
def test_a_filled_form_reads_as_it_did_before(form, filled, golden):
    golden(f"{form}.txt", flat(filled(form, now=NOW)))


@pytest.mark.parametrize("form", [GDPR, CAC])
def test_from_nothing_nothing_is_invented(form, filled):
    report = filled(form, facts={"title": "x"}, duties=[], plan={"organisation": {}})
    for section in report.document["sections"]:
        for one in section["fields"]:
            assert (one["known"], one["value"], one["source"]) == (False, None, None)
            assert set(one["text"].values()) <= {"unknown", "unbekannt", "未知"}
    assert set(missing(report)) == {question.key for question in forms.find(form).questions}


def test_every_missing_field_says_what_to_find_out(filled):
    for one in filled(facts={"title": "x"}, duties=[], plan={}).missing:
        assert one.label
        assert one.why.endswith(".")


def test_what_the_stage_requires_comes_first_and_grows_with_the_stage(filled):
    initial, complete = filled(), filled(stage="complete")
    assert missing(initial)["account"]
    assert not missing(initial)["records"]
    assert missing(complete)["records"]
    assert [one.required for one in initial.missing] == sorted((one.required for one in initial.missing), reverse=True)


def test_answers_of_people_fill_gaps_and_go_before_derived_ones(filled):
    report = filled(extra={"account": "Copied from a test server.", "cause": {"en": "stolen key", "de": "Schlüssel"}})
    assert field(report, "account")["text"] == dict.fromkeys(("en", "de"), "Copied from a test server.")
    assert field(report, "cause")["text"] == {"en": "stolen key", "de": "Schlüssel"}
    assert field(report, "cause")["source"] == "entered"
    assert "account" not in missing(report)


@pytest.mark.parametrize("words", ["", "   ", {}, {"en": ""}])
def test_an_empty_answer_is_no_answer(words, filled):
    report = filled(extra={"account": words})
    assert missing(report)["account"]


def test_an_answer_to_a_question_that_is_not_asked_is_refused(filled):
    with pytest.raises(Invalid, match=r"no field `colour`.*`?account"):
        filled(extra={"colour": "blue"})


@pytest.mark.parametrize("words", ["a\x00b", 7, ["x"], "x" * 20_001, "a\u202eb"])
def test_an_answer_that_is_no_plain_text_is_refused_without_repeating_it(words, filled):
    with pytest.raises(Invalid, match=r"`account` must be plain text") as refused:
        filled(extra={"account": words})
    assert "\x00" not in str(refused.value)


def test_an_unknown_stage_is_refused_and_the_known_ones_named(filled):
    with pytest.raises(Invalid, match=r"'final'.*initial, complete"):
        filled(stage="final")


@pytest.mark.parametrize(
    ("now", "late", "required", "known"),
    [
        ("2026-11-23T15:30:00Z", False, None, True),
        ("2026-11-23T15:30:01Z", True, True, False),
        (None, None, False, False),
    ],
)
def test_reasons_for_the_delay_are_asked_for_from_the_first_second_after_the_deadline(
    now, late, required, known, filled
):
    report = filled(now=pendulum.parse(now) if now else None)
    assert report.document["late"] is late
    assert missing(report).get("delay") is required
    assert field(report, "delay")["known"] is known


def test_nobody_pleads_guilty_to_a_duty_that_is_not_sure(filled, duty_rows):
    report = filled(CAC, now=NOW)
    assert report.document["due"] == "2026-11-20T21:30:00+08:00"
    assert report.document["late"] is None
    duty_rows[1]["status"] = "owed"
    assert filled(CAC, duties=duty_rows, now=NOW).document["late"] is True


def test_without_a_lead_authority_each_states_own_is_named(filled, duty_rows):
    rows = [{**duty_rows[0], "id": f"eu-gdpr/authority-{place}", "recipient": place} for place in ("DE", "FR")]
    report = filled(duties=rows, now=NOW)
    assert field(report, "authority")["value"] == ["DE", "FR"]
    assert report.document["due"] == rows[0]["due"]


def test_a_duty_that_is_not_owed_gives_no_deadline(filled, duty_rows):
    duty_rows[0]["status"] = "not-owed"
    assert filled(duties=duty_rows).document["due"] is None


def test_a_duty_without_a_number_makes_nothing_late(filled, duty_rows):
    for row in duty_rows:
        row["due"] = None
    report = filled(duties=duty_rows, now=NOW)
    assert (report.document["due"], report.document["late"]) == (None, None)


def test_the_earliest_deadline_counts_whatever_offset_it_is_written_in(filled, duty_rows):
    other = {**duty_rows[0], "due": "2026-11-23T16:00:00+02:00"}
    assert filled(duties=[*duty_rows, other]).document["due"] == "2026-11-23T16:00:00+02:00"


@pytest.mark.parametrize(
    ("count", "level"),
    [
        (999_999, None),
        (1_000_000, "relatively major (by number of people)"),
        (9_999_999, "relatively major (by number of people)"),
        (10_000_000, "major (by number of people)"),
        (100_000_000, "particularly major (by number of people)"),
        ({"at_least": 999_999, "at_most": 20_000_000}, None),
        ({"at_least": 1_000_000, "at_most": 20_000_000}, "relatively major (by number of people)"),
    ],
)
def test_the_level_follows_from_the_number_only_where_the_number_suffices(count, level, filled, facts_of):
    report = filled(CAC, facts=facts_of(people={"by_place": {"CN": count}}))
    assert field(report, "level")["known"] is (level is not None)
    if level:
        assert field(report, "level")["text"]["en"] == level
    else:
        assert missing(report)["level"]


def test_a_level_that_a_person_decided_goes_before_the_number(filled, facts_of):
    facts = facts_of(people={"by_place": {"CN": 5_000_000}}, significance={"grade": "major"})
    assert field(filled(CAC, facts=facts), "level")["text"]["zh"] == "重大"


@pytest.mark.parametrize(
    ("ransomware", "known", "required"), [(True, False, True), (False, True, None), (None, False, False)]
)
def test_the_ransom_is_asked_for_where_there_is_one_and_unknown_is_not_no(
    ransomware, known, required, filled, facts_of
):
    report = filled(CAC, facts=facts_of(breach={"ransomware": ransomware}))
    assert field(report, "ransom")["known"] is known
    assert missing(report).get("ransom") is required


def test_ransomware_is_a_malicious_program_incident(filled, facts_of):
    report = filled(CAC, facts=facts_of(breach={"ransomware": True}))
    assert field(report, "type")["text"]["zh"] == "恶意程序事件"


def test_zero_people_is_a_number_and_not_unknown(filled, facts_of):
    assert field(filled(facts=facts_of(records=0)), "records")["text"] == {"en": "0", "de": "0"}
    assert field(filled(facts=facts_of(people={"children": "unknown"})), "children")["known"] is False


def test_special_categories_are_none_only_when_all_data_are_known_words(filled, facts_of):
    assert field(filled(), "special-data")["text"]["en"] == "none known so far"
    health = filled(facts=facts_of(data={"elements": ["name", "health-data"]}))
    assert field(health, "special-data")["value"] == ["health-data"]
    assert not field(filled(facts=facts_of(data={"other": ["diary"]})), "special-data")["known"]


def test_how_people_were_told_comes_from_the_record_before_the_facts(filled, facts_of):
    facts = facts_of() | {"events": [{"event": "individuals-notified", "at": "2026-11-25T09:00:00Z"}]}
    assert field(filled(facts=facts), "told")["text"]["en"] == "People told so far: 2026-11-25 09:00 (UTC+00:00)"
    counted = filled(facts=facts, extra={"people_by_verdict": {"delivered": 1200, "held": 0}, "people_total": 1500})
    assert field(counted, "told")["text"]["de"] == "Personen: 1.500 (zugestellt 1.200)"
    assert field(filled(), "told")["text"]["en"] == "still to be done"


def test_chinese_times_are_shown_on_chinese_clocks_and_kept_as_given(filled):
    discovered = field(filled(CAC), "discovered")
    assert discovered["value"] == "2026-11-20T16:30:00+01:00"
    assert discovered["text"]["zh"] == "2026-11-20 23:30 (UTC+08:00) = 2026-11-20 15:30 UTC"
    assert discovered["source"] == "facts.times.aware"  # discovery is unknown, and the form says what it took


def test_the_same_facts_have_the_same_hash_and_bytes_whatever_their_order(filled, facts_of):
    facts = facts_of()
    turned = dict(reversed(facts.items()))
    assert filled(facts=facts).hash == filled(facts=turned).hash
    assert reports.as_json(filled(facts=facts)) == reports.as_json(filled(facts=turned))
    assert filled(facts=facts).hash != filled(facts=facts_of(records=1)).hash


def test_json_is_canonical_and_reads_back_to_the_same_report(filled):
    report = filled(CAC)
    read = reports.from_document(json.loads(reports.as_json(report)))
    assert read == report
    assert read.hash == report.hash
    assert read.missing == report.missing
