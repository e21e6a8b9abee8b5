import pytest

from documents import wording
from documents.notices import NoticeText, draft
from tocsin.errors import NotFound
from tocsin.vocabulary import ELEMENTS


def test_every_data_element_has_a_name_in_every_language_and_a_kind_of_harm():
    assert set(wording.elements()) == ELEMENTS
    for element in wording.elements().values():
        assert element.groups
        assert all(element.label(language) for language in wording.languages())


@pytest.mark.parametrize("language", wording.languages())
def test_every_language_has_harm_and_advice_for_every_group_and_all_headings(language):
    groups = {
        group
        for element in wording.elements().values()
        for group in (*element.groups, *(one for more in element.groups_in.values() for one in more))
    }
    assert set(wording.words(language).groups) == groups
    assert set(wording.words(language).headings) == set(wording.PARTS)


@pytest.mark.parametrize("name", ["kinds", "causes", "statuses", "incident_types", "risks", "verdicts"])
def test_no_language_lacks_a_word_that_another_has(name):
    keys = {language: set(getattr(wording.words(language).reporting, name)) for language in wording.languages()}
    assert all(found == keys["en"] for found in keys.values())


def test_a_regional_tag_finds_its_language():
    assert wording.resolve("zh-Hans-CN") == "zh"
    assert wording.resolve("DE-at") == "de"


def test_an_unknown_language_is_refused_and_the_known_ones_named():
    with pytest.raises(NotFound, match=r"'xx'.*de, en, fr, zh"):
        wording.words("xx")


def test_a_language_cannot_name_a_path():
    with pytest.raises(NotFound):
        wording.words("../words/en")


@pytest.mark.parametrize("language", wording.languages())
@pytest.mark.parametrize("element", sorted(ELEMENTS))
def test_every_element_can_be_drafted_in_every_language(language, element, a_plan):
    text = draft({"title": "x", "data": {"elements": [element]}}, a_plan(), language)
    assert isinstance(text, NoticeText)
    assert f"- {wording.elements()[element].label(language)}" in text.impact
    assert wording.words(language).groups[wording.elements()[element].groups[0]].impact in text.impact


def test_paragraphs_escape_what_they_hold_and_link_only_addresses():
    html = str(wording.paragraphs('a <b> & "c"\n\n- https://example.com/x.\n- me@example.com'))
    assert html == (
        "<p>a &lt;b&gt; &amp; &#34;c&#34;</p>\n"
        '<ul><li><a href="https://example.com/x">https://example.com/x</a>.</li>'
        '<li><a href="mailto:me@example.com">me@example.com</a></li></ul>'
    )


def test_an_address_inside_a_chinese_sentence_is_linked_without_the_sentence():
    html = str(wording.paragraphs("请通过privacy@example.com向我们查询，或访问https://example.com/notice查询。"))
    assert '通过<a href="mailto:privacy@example.com">privacy@example.com</a>向' in html
    assert '<a href="https://example.com/notice">https://example.com/notice</a>查询。' in html


def test_a_javascript_address_is_never_a_link():
    assert "<a" not in str(wording.paragraphs("javascript:alert(1) http://x.example data:text/html,x"))


def test_required_parts_by_regime_are_parts_that_notices_have():
    for requirement in wording.requirements().values():
        assert set(requirement.parts) <= set(wording.PARTS)
        assert requirement.citation
        assert requirement.source.startswith("http")
