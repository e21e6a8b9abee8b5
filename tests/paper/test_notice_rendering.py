from html.parser import HTMLParser

import pytest

from documents import wording
from documents.notices import draft, render
from documents.notices.rendering import spoken_name
from tocsin.delivery import Channel
from tocsin.errors import Invalid, NotAllowed

HOSTILE = [
    "{{ 7*7 }}",
    "{{7*7}}",
    "{% for x in y %}",
    "<script>alert(1)</script>",
    "</p><h1>x",
    '"><img src=x>',
    "Ann\r\nBcc: all@example.com",
    "visit https://evil.example",
    "www.evil.example",
    "evil.example/win",
    "x" * 500,
    "\ue000\ue001",
    "a\u202eb",
    "\x1b[2J",
    "=cmd|calc",
    "&lt;b&gt;",
    "\udcff",
    "",
    "   ",
]


class Tags(HTMLParser):
    """Counts tags, and says whether every one that opens is closed."""

    def __init__(self):
        super().__init__()
        self.seen, self.open = [], []

    def handle_starttag(self, tag, _attrs):
        self.seen.append(tag)
        if tag not in {"meta", "link", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def tags(html):
    parser = Tags()
    parser.feed(html)
    parser.close()
    assert parser.open == []
    return parser.seen


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("channel", list(Channel))
def test_a_hostile_name_changes_nothing_but_the_greeting(name, channel, a_text):
    plain = render(a_text(), person_name=None, channel=channel, code="AB12")
    hostile = render(a_text(), person_name=name, channel=channel, code="AB12")
    assert hostile.subject == plain.subject
    assert "49" not in hostile.text.replace("AB12", "")
    assert hostile.text.count("\n") == plain.text.count("\n")
    if channel == Channel.EMAIL:
        assert tags(hostile.html) == tags(plain.html)
        assert "evil.example" not in hostile.html + hostile.text
    else:
        assert (hostile.text, hostile.html) == (plain.text, None)


@pytest.mark.parametrize(
    "name",
    [
        "Li Wei",
        "李伟",
        "Zoë O’Brien",
        "Anne-Marie D'Arcy (née Roux)",
        "अनिता शर्मा",
        "Jean & Paul",
        "نازنین‌زهرا",
        "山田·太郎",
    ],
)
def test_a_real_name_is_greeted(name, a_text):
    rendered = render(a_text(), person_name=name, channel=Channel.EMAIL, code="AB12")
    assert f"Hello {name}," in rendered.text
    assert f"Hello {name.replace('&', '&amp;').replace(chr(39), '&#x27;')}," in rendered.html


def test_a_name_on_several_lines_is_put_on_one():
    assert spoken_name(" Li \r\n\tWei ") == "Li Wei"


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_name_is_not_spoken(name):
    if name.startswith("Ann"):
        assert spoken_name(name) is None  # the address in it betrays it
    assert spoken_name(name) is None


@pytest.mark.parametrize("language", wording.languages())
def test_the_e_mail_says_all_six_things_under_their_headings_in_both_forms(language, facts_of, a_plan):
    text = draft(facts_of(), a_plan(), language)
    rendered = render(text, person_name="Li Wei", channel=Channel.EMAIL, code="AB12")
    headings = wording.words(language).headings
    positions = [rendered.text.index(f"{headings[part]}\n--") for part in wording.PARTS]
    assert positions == sorted(positions)
    assert [rendered.html.count(f"<h2>{headings[part]}</h2>") for part in wording.PARTS] == [1] * 6
    assert f'<html lang="{wording.words(language).tag}">' in rendered.html
    assert "AB12" in rendered.text
    assert "AB12" in rendered.html
    assert "Li Wei" in rendered.text


@pytest.mark.parametrize("language", wording.languages())
def test_push_and_sms_are_the_short_text_with_the_reference(language, facts_of, a_plan):
    text = draft(facts_of(), a_plan(), language)
    for channel in (Channel.PUSH, Channel.SMS):
        rendered = render(text, person_name="Li Wei", channel=channel, code="AB12")
        assert rendered.text.startswith(text.short)
        assert rendered.text.endswith("AB12")
        assert "Li Wei" not in rendered.text  # a locked screen shows it to others
        assert (rendered.subject, rendered.html) == (text.title, None)


def test_a_call_says_everything_twice_and_spells_the_reference(a_text):
    said = render(a_text(), person_name=None, channel=Channel.PHONE, code="AB-12").text
    assert said.count(a_text().short) == 2
    assert said.count("A, B, 1, 2") == 2


def test_template_code_in_an_approved_text_is_only_words(a_text):
    rendered = render(a_text(measures="{{ 7*7 }} {% raw %}"), person_name=None, channel=Channel.EMAIL, code="AB12")
    assert "{{ 7*7 }} {% raw %}" in rendered.text
    assert "{{ 7*7 }} {% raw %}" in rendered.html


@pytest.mark.parametrize("code", ["", "a b", "<b>", "x" * 41, "a\nb", "é"])
def test_an_ill_formed_reference_is_refused(code, a_text):
    with pytest.raises(Invalid, match="reference"):
        render(a_text(), person_name=None, channel=Channel.SMS, code=code)


def test_an_unknown_channel_is_refused_and_the_known_ones_named(a_text):
    with pytest.raises(Invalid, match="push, email, sms, phone"):
        render(a_text(), person_name=None, channel="pigeon", code="AB12")


def test_a_text_is_not_sent_in_words_that_were_not_approved_with_it(a_text):
    with pytest.raises(NotAllowed, match="approved"):
        render(a_text(layout="0" * 16), person_name=None, channel=Channel.SMS, code="AB12")


def test_an_announcement_is_not_sent_to_people(a_text):
    with pytest.raises(Invalid, match="published"):
        render(a_text(kind="announcement"), person_name=None, channel=Channel.SMS, code="AB12")


def test_two_texts_of_one_language_are_not_mixed_up(a_text):
    first = render(a_text(), person_name="A", channel=Channel.SMS, code="AB12")
    second = render(a_text(short="Other https://example.com"), person_name="A", channel=Channel.SMS, code="AB12")
    assert first.text != second.text
