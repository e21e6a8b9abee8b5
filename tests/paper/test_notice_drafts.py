import pytest

from documents import wording
from documents.notices import check, draft, edit, from_fields, from_yaml, text_hash, to_yaml
from tocsin.errors import Invalid

REQUIRED = ("situation-and-impact", "measures", "advice", "remedies")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_draft_reads_as_it_did_before(language, facts_of, a_plan, golden):
    golden(f"notice-{language}.yaml", to_yaml(draft(facts_of(), a_plan(), language)))


@pytest.mark.parametrize("language", wording.languages())
def test_a_draft_from_nothing_is_all_gaps_and_no_invention(language, a_plan):
    text = draft({"title": "x"}, {"organisation": {}}, language)
    for part in ("situation", "impact", "measures", "remedies", "contact", "short"):
        assert "[[" in getattr(text, part)
    assert "None" not in repr(text)
    assert "2026" not in repr(text)


@pytest.mark.parametrize("language", wording.languages())
def test_a_draft_is_never_fit_for_approval_as_it_is(language, facts_of, a_plan):
    facts = facts_of()
    gaps = {problem.part for problem in check(draft(facts, a_plan(), language), required=REQUIRED, facts=facts)}
    assert {"measures", "remedies"} <= gaps


@pytest.mark.parametrize("language", wording.languages())
def test_a_draft_whose_gaps_a_person_filled_is_fit_for_approval(language, facts_of, a_plan):
    facts = facts_of()
    filled = {
        "measures": "Der Server ist abgeschaltet." if language == "de" else "已关闭服务器。",
        "remedies": "Wir ersetzen das Schloss." if language == "de" else "免费更换门锁。",
    }
    if language in {"en", "fr"}:
        filled = {"measures": "The server is closed.", "remedies": "A new lock."}
    text = edit(draft(facts, a_plan(), language), filled)
    assert check(text, required=REQUIRED, facts=facts) == []


def test_the_dates_are_those_of_the_organisations_clock(facts_of, a_plan):
    facts = facts_of(times={"detected": "2026-11-19T20:00:00Z"})
    assert "first signs on 20 November 2026" in draft(facts, a_plan(), "en").situation
    assert "first signs on 19 November 2026" in draft(facts, a_plan(zone=None), "en").situation


def test_the_first_of_a_month_is_written_as_french_writes_it(facts_of, a_plan):
    text = draft(facts_of(), a_plan(), "fr")
    assert "Entre le 1er novembre 2026 et le 18 novembre 2026," in text.situation


@pytest.mark.parametrize(
    ("exfiltrated", "sentence"),
    [
        (True, "Personal data were copied and taken."),
        (False, "They were not copied."),
        (None, "We do not know yet whether they were copied."),
        ("unknown", "We do not know yet whether they were copied."),
    ],
)
def test_unknown_copying_is_said_to_be_unknown(exfiltrated, sentence, facts_of, a_plan):
    text = draft(facts_of(breach={"exfiltrated": exfiltrated}), a_plan(), "en")
    assert sentence in text.situation


@pytest.mark.parametrize(("key_safe", "comforting"), [(True, True), (None, True), (False, False)])
def test_encryption_comforts_nobody_when_the_key_is_gone(key_safe, comforting, facts_of, a_plan):
    text = draft(facts_of(breach={"encrypted": True, "key_safe": key_safe}), a_plan(), "en")
    assert ("encrypted" in text.situation) is comforting


@pytest.mark.parametrize(("place", "told"), [("US-CA", True), ("DE", False)])
def test_american_credit_advice_for_a_driving_licence_is_given_where_americans_are_affected(
    place, told, facts_of, a_plan
):
    facts = facts_of(data={"elements": ["driver-licence"]}) | {"people": {"by_place": {place: 3}}}
    assert ("Equifax" in draft(facts, a_plan(), "en").advice) is told


def test_free_words_about_data_are_a_gap_and_not_a_sentence(facts_of, a_plan):
    facts = facts_of(data={"other": ["door {{ codes }} ]]"]})
    text = draft(facts, a_plan(), "en")
    assert "[[Say in plain words: door {{ codes }} ]]" in text.impact
    assert {"gap", "template-code"} <= {problem.code for problem in check(text, required=())}


def test_a_plan_that_promises_a_remedy_puts_it_into_the_draft(facts_of, a_plan):
    plan = a_plan() | {"notice": {"remedies": {"en": "A new lock, free of charge.", "zh": "免费换锁。"}}}
    assert draft(facts_of(), plan, "en").remedies == "A new lock, free of charge."
    assert draft(facts_of(), plan, "zh").remedies == "免费换锁。"


def test_a_hold_by_the_police_is_told_as_a_delay(facts_of, a_plan):
    facts = facts_of() | {"holds": [{"by": "law-enforcement", "places": ["US-CA"]}]}
    assert "law-enforcement authority asked us to wait" in draft(facts, a_plan(), "en").situation
    assert "law-enforcement" not in draft(facts_of(), a_plan(), "en").situation


def test_a_name_that_ends_in_a_full_stop_ends_the_sentence(facts_of, a_plan):
    text = draft(facts_of(), a_plan(name={"en": "Example Co., Ltd."}), "en")
    assert "incident at Example Co., Ltd. We are sorry." in text.situation


def test_a_plan_without_a_name_takes_it_from_the_facts_or_leaves_a_gap(facts_of, a_plan):
    named = draft(facts_of(organisation={"name": "Acme"}), a_plan(name={}), "en")
    assert "incident at Acme." in named.situation
    assert "[[name of the organisation]]" in draft(facts_of(), a_plan(name={}), "en").situation


def test_parts_that_are_said_to_be_unknown_are_gaps(a_plan):
    unknown = {"breach": {"kinds": "unknown"}, "data": {"elements": "unknown"}, "people": {"by_place": "unknown"}}
    for facts in (unknown, dict.fromkeys(("breach", "data", "people", "times", "holds"))):
        text = draft({"title": "x", **facts}, a_plan(), "en")
        assert "[[What happened to the data" in text.situation
        assert "[[Which data are affected]]" in text.impact
        assert check(text, required=(), facts=facts)


def test_a_time_that_is_none_is_refused_by_its_path(facts_of, a_plan):
    with pytest.raises(Invalid, match=r"`times\.detected`"):
        draft(facts_of(times={"detected": "yesterday"}), a_plan(), "en")


@pytest.mark.parametrize("language", wording.languages())
def test_a_file_to_edit_reads_back_to_the_same_text(language, facts_of, a_plan):
    text = draft(facts_of(), a_plan(), language)
    assert from_yaml(to_yaml(text)) == text


@pytest.mark.parametrize("title", ["1e5", "true", "2026", "~", "- x", "# x", "key: value", "'", '"', "a: b #c", "@x"])
def test_words_that_look_like_yaml_survive_the_file(title, a_text):
    text = a_text(title=title, short=f"{title}\n\n{title}")
    assert from_yaml(to_yaml(text)) == text


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("language: en\nlanguage: en\n", "twice"),
        ("a: &x [1]\nb: *x\n", "anchor|alias"),
        ("- 1\n", "list"),
        ("language: xx\n", "lacks `advice`"),
        ("language: en\nheadline: x\n", "no field `headline`"),
        ("title: [\n", "line"),
        ("layout: x\n", "not for editing"),
    ],
)
def test_a_wrong_file_is_refused_by_name_in_one_sentence(content, complaint, tmp_path):
    with pytest.raises(Invalid, match=complaint) as refused:
        from_yaml(content, source="en.yaml")
    assert str(refused.value).startswith("en.yaml")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("bad", ["a\x00b", "a\u202eb", "a\ue000b", "a\u2066b", "\x1b[31m"])
def test_invisible_characters_are_refused_by_their_code(bad, a_text):
    with pytest.raises(Invalid, match=r"`measures`.*U\+"):
        a_text(measures=bad)


def test_line_ends_and_trailing_space_make_no_difference(a_text):
    assert a_text(measures="a \r\n\r\n\r\n\r\nb\t") == a_text(measures="a\n\nb")


def test_stored_fields_come_back_whole_and_foreign_ones_are_refused(a_text):
    text = a_text()
    assert from_fields(text.fields()) == text
    with pytest.raises(Invalid, match="no field `extra`"):
        from_fields({**text.fields(), "extra": "x"})
    with pytest.raises(Invalid, match="lacks `short`"):
        from_fields({key: value for key, value in text.fields().items() if key != "short"})


def test_the_hash_does_not_depend_on_the_order_and_sees_one_letter(a_text):
    both = [a_text("en"), a_text("zh")]
    assert text_hash(both) == text_hash(both[::-1])
    assert text_hash(both) != text_hash([a_text("en", short=both[0].short + "."), both[1]])
    assert text_hash(both) != text_hash(both[:1])


def test_the_hash_covers_the_words_around_the_text(a_text):
    assert text_hash([a_text()]) != text_hash([a_text(layout="0" * 16)])


def test_editing_takes_todays_layout_and_leaves_language_and_kind(a_text):
    old = a_text(layout="0" * 16)
    assert edit(old, {"title": "New"}).layout == a_text().layout
    with pytest.raises(Invalid, match="no field `language`"):
        edit(old, {"language": "de"})
