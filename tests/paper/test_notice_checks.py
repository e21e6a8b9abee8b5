import pytest

from documents.notices import check, notes, regimes_of

REQUIRED = ("situation-and-impact", "measures", "advice", "remedies")


def codes(problems):
    return {(problem.code, problem.part) for problem in problems}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_whole_text_has_no_problem(language, a_text, facts_of):
    assert check(a_text(language), required=REQUIRED, regimes=["eu-gdpr", "us-ca", "cn-pipl"], facts=facts_of()) == []


@pytest.mark.parametrize("part", ["situation", "impact", "measures", "advice", "remedies"])
@pytest.mark.parametrize("words", ["", "   ", "...", "- "])
def test_each_of_the_four_things_must_be_said(part, words, a_text):
    assert codes(check(a_text(**{part: words}), required=REQUIRED)) == {("missing-part", part)}


def test_a_part_that_is_not_required_may_be_empty(a_text):
    assert check(a_text(remedies=""), required=["situation", "impact", "measures"]) == []


def test_a_regime_asks_for_its_parts_by_citation(a_text):
    (problem,) = check(a_text(contact=""), required=[], regimes=["eu-gdpr"])
    assert problem.code == "missing-part"
    assert "GDPR Art. 34(2)" in problem.sentence


@pytest.mark.parametrize("field", ["title", "situation", "measures", "contact", "short"])
def test_a_gap_is_found_in_every_field(field, a_text):
    text = a_text()
    found = check(a_text(**{field: getattr(text, field) + " [[who]]"}), required=REQUIRED)
    assert codes(found) == {("gap", field)}


@pytest.mark.parametrize("code", ["{{ name }}", "{% if x %}", "{# x #}", "}}"])
def test_template_code_is_found(code, a_text):
    assert ("template-code", "measures") in codes(check(a_text(measures=f"We {code} did"), required=()))


def test_contact_must_name_a_way_to_reach_us(a_text):
    assert codes(check(a_text(contact="Come and see us."), required=())) == {("no-contact", "contact")}
    assert check(a_text(contact="Call +49 30 123456."), required=()) == []


def test_the_short_text_must_say_where_the_whole_is(a_text):
    assert codes(check(a_text(short="Your data are affected."), required=())) == {("no-contact", "short")}


@pytest.mark.parametrize(
    "link",
    ["http://example.com/notice", "www.example.com", "https://bit.ly/x", "https://example.com/?utm_source=sms&a=1"],
)
def test_links_that_hide_or_count_are_refused(link, a_text):
    assert ("link", "advice") in codes(check(a_text(advice=f"Read {link} today."), required=()))


def test_a_plain_https_link_next_to_chinese_is_fine(a_text):
    assert check(a_text("zh", advice="请访问https://www.example.com/notice查询，并修改密码。"), required=()) == []


@pytest.mark.parametrize("words", ["Get a special offer now", "立即购买新门锁，限时优惠", "Click to unsubscribe"])
def test_a_warning_sells_nothing(words, a_text):
    assert ("selling", "remedies") in codes(check(a_text(remedies=words), required=()))


def test_an_english_text_sent_as_chinese_is_noticed(a_text):
    english = a_text("en").fields()
    text = a_text(
        "zh", **{key: english[key] for key in ("title", "situation", "impact", "measures", "advice", "remedies")}
    )
    assert ("language", None) in codes(check(text, required=()))


def test_a_chinese_text_sent_as_english_is_noticed(a_text):
    chinese = a_text("zh").fields()
    text = a_text("en", **{key: chinese[key] for key in ("situation", "impact", "measures", "advice", "remedies")})
    assert ("language", None) in codes(check(text, required=()))


def test_a_german_text_sent_as_french_is_noticed(a_text):
    german = (
        "Wir schreiben Ihnen, weil Daten über Sie von einem Vorfall betroffen sind. Das tut uns leid. "
        "Die Daten wurden kopiert, und wir wissen noch nicht, von wem sie genutzt werden."
    )
    changes = dict.fromkeys(("title", "situation", "impact", "measures", "advice", "remedies"), german)
    (problem,) = [one for one in check(a_text("fr", **changes), required=()) if one.code == "language"]
    assert "Deutsch" in problem.sentence


def test_a_californian_notice_must_carry_its_statutory_title(a_text):
    text = a_text(title="About your data")
    assert codes(check(text, required=(), regimes=["us-ca"])) == {("title", "title")}
    assert check(text, required=(), regimes=["eu-gdpr"]) == []


def test_a_californian_notice_needs_all_five_headings(a_text):
    found = check(a_text(advice=""), required=(), regimes=["us-ca"])
    assert {("missing-part", "advice"), ("heading", None)} == codes(found)
    assert any("What you can do" in str(problem) for problem in found)


def test_californian_form_is_asked_of_english_only(a_text):
    assert check(a_text("zh"), required=(), regimes=["us-ca"]) == []


@pytest.mark.parametrize(
    ("by_place", "regimes"),
    [
        ({"US-CA": 1}, ("us-ca",)),
        ({"US": 1}, ()),
        ({"US-CA": 0}, ()),
        ({"DE": 1, "CN-44": 5}, ("cn-pipl", "eu-gdpr")),
        ({"NO": 1}, ("eu-gdpr",)),
        ({"GB": {"at_least": 1, "at_most": 2}}, ("uk-gdpr",)),
        ({}, ()),
    ],
)
def test_the_places_where_people_live_bring_their_regimes(by_place, regimes):
    assert regimes_of({"people": {"by_place": by_place}}) == regimes


def test_facts_alone_make_the_californian_title_binding(a_text, facts_of):
    assert ("title", "title") in codes(check(a_text(title="About your data"), required=(), facts=facts_of()))


def test_an_unknown_part_in_a_plan_is_named(a_text):
    (problem,) = check(a_text(), required=["apology"])
    assert "`apology`" in str(problem)


def test_a_text_written_for_other_words_around_it_must_be_edited(a_text):
    assert codes(check(a_text(layout="0" * 16), required=())) == {("layout", None)}


def test_a_problem_is_one_sentence_that_names_the_language(a_text):
    for problem in check(a_text(title="", contact="", short="", advice="{{ x }}"), required=REQUIRED):
        assert str(problem).startswith("The notice (en) ")
        assert str(problem).endswith(".")
        assert "\n" not in str(problem)


def test_the_length_as_sms_is_told_and_refused_only_beyond_reason(a_text):
    link = "https://example.com/notice"
    assert notes(a_text(short=f"{'a' * 200} {link}")) == [
        "As an SMS the short text (en) takes 2 segments (242 units in GSM-7)."
    ]
    assert check(a_text(short=f"{'a' * 1000} {link}"), required=()) == []
    assert codes(check(a_text(short=f"{'a' * 1300} {link}"), required=())) == {("too-long", "short")}
