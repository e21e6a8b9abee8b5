import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import pendulum
import pytest

import documents
from documents import wording
from documents.announcements import draft, fill_from_notice, page
from documents.notices import check
from tocsin.errors import Invalid, NotAllowed

AT = pendulum.datetime(2026, 11, 22, 10, 0, tz="UTC")
ATOM = "{http://www.w3.org/2005/Atom}"
VOID = {"meta", "link", "br"}
LANGUAGES = ("zh", "en", "de", "fr")


class Outline(HTMLParser):
    """Elements in order with their attributes; fails on tags that do not close."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.elements, self.open, self.text = [], [], []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

    def every(self, tag):
        return [attrs for name, attrs in self.elements if name == tag]


def outline(content):
    parser = Outline()
    parser.feed(content.decode())
    parser.close()
    assert parser.open == []
    return parser


@pytest.fixture
def announced(facts_of, a_plan):
    def build(*languages, **options):
        texts = [draft(facts_of(), a_plan(), language) for language in languages or LANGUAGES]
        return page(texts, plan=a_plan(), **{"incident_ref": "2026-0001", "published_at": AT, **options})

    return build


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_has_language_title_main_one_heading_and_its_alternates(language, announced):
    content = outline(announced()[f"{language}.html"])
    assert content.every("html") == [{"lang": wording.words(language).tag}]
    assert len(content.every("title")) == len(content.every("main")) == len(content.every("h1")) == 1
    alternates = {link["hreflang"]: link["href"] for link in content.every("link") if "hreflang" in link}
    assert alternates == {
        "zh-Hans": "zh.html",
        "en": "en.html",
        "de": "de.html",
        "fr": "fr.html",
        "x-default": "index.html",
    }
    assert [attrs["id"] for attrs in content.every("h2")] == list(wording.PARTS)


def test_every_section_is_named_by_its_heading(announced):
    content = outline(announced()["en.html"])
    assert [attrs["aria-labelledby"] for attrs in content.every("section")] == list(wording.PARTS)


def test_the_skip_link_leads_to_the_notice(announced):
    content = outline(announced()["en.html"])
    assert content.every("a")[0]["href"] == "#notice"
    assert content.every("main") == [{"id": "notice"}]


def test_pages_hold_no_script_and_fetch_nothing(announced):
    for name, content in announced().items():
        if name.endswith(".html"):
            found = outline(content)
            names = {tag for tag, _ in found.elements}
            assert names.isdisjoint({"script", "img", "iframe", "form", "object", "embed", "video"})
            assert all(link["rel"] == "alternate" for link in found.every("link"))
            assert b"@import" not in content
            assert b"url(" not in content
            assert not [attrs for _, attrs in found.elements if any(key.startswith("on") for key in attrs)]


def test_the_policy_of_the_page_lets_in_its_own_style_and_nothing_else(announced):
    content = announced()["en.html"].decode()
    style = re.search(r"<style>(.*?)</style>", content, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'" in content.replace("&#39;", "'")


def test_the_index_leads_to_every_language_in_its_own_words(announced):
    content = outline(announced()["index.html"])
    links = {attrs["href"]: attrs["lang"] for attrs in content.every("a") if "lang" in attrs}
    assert links == {"zh.html": "zh-Hans", "en.html": "en", "de.html": "de", "fr.html": "fr"}
    assert "阅读中文公告" in content.text
    assert "Lire cet avis en français" in content.text


def test_a_page_in_one_language_offers_no_other(announced):
    files = announced("en")
    assert set(files) == {"SHA256SUMS", "en.html", "feed.atom", "feed.json", "index.html"}
    assert outline(files["en.html"]).every("nav") == []


def test_an_organisation_that_the_plan_does_not_name_is_named_by_the_facts(a_text, a_plan):
    text, plan = a_text(kind="announcement"), a_plan(name={})
    named = page([text], plan=plan, facts={"organisation": {"name": "Acme"}}, incident_ref="x", published_at=AT)
    assert "Notice of Data Breach – Acme" in outline(named["en.html"]).text
    nameless = page([text], plan=plan, incident_ref="x", published_at=AT)
    assert "Notice of Data Breach" in outline(nameless["en.html"]).text
    assert ET.fromstring(nameless["feed.atom"]).findtext(f"{ATOM}author/{ATOM}name") == "Public notice"


def test_the_same_texts_and_time_are_the_same_bytes(announced):
    assert announced() == announced()


def test_the_chinese_page_reads_as_it_did_before(announced, golden):
    golden("announcement-zh.html", announced("zh", "en")["zh.html"].decode())


def test_checksums_are_those_of_the_files(announced):
    files = announced()
    lines = dict(reversed(line.split("  ")) for line in files.pop("SHA256SUMS").decode().splitlines())
    assert lines == {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}


def test_the_feed_is_atom_with_all_that_rfc_4287_requires(announced):
    feed = ET.fromstring(announced(base_url="https://example.com/n/")["feed.atom"])
    assert feed.tag == f"{ATOM}feed"
    for name in ("id", "title", "updated"):
        assert len(feed.findall(f"{ATOM}{name}")) == 1
    assert feed.findtext(f"{ATOM}author/{ATOM}name") == "示例智能家居"
    entries = feed.findall(f"{ATOM}entry")
    assert len(entries) == 4
    for entry in entries:
        for name in ("id", "title", "updated", "content"):
            assert len(entry.findall(f"{ATOM}{name}")) == 1
        pendulum.parse(entry.findtext(f"{ATOM}updated"))
    links = {link.get("rel"): link.get("href") for link in feed.findall(f"{ATOM}link")}
    assert links == {"self": "https://example.com/n/feed.atom", "alternate": "https://example.com/n/index.html"}
    assert len({entry.findtext(f"{ATOM}id") for entry in entries}) == 4


def test_the_json_feed_says_the_same_as_the_atom_feed(announced):
    files = announced()
    atom = ET.fromstring(files["feed.atom"])
    items = json.loads(files["feed.json"])["items"]
    assert [item["id"] for item in items] == [one.findtext(f"{ATOM}id") for one in atom.findall(f"{ATOM}entry")]
    assert [item["content_html"] for item in items] == [
        one.findtext(f"{ATOM}content") for one in atom.findall(f"{ATOM}entry")
    ]


def test_markup_in_a_text_or_a_reference_is_shown_and_not_obeyed(a_text, a_plan):
    text = a_text(kind="announcement", title="<script>x</script> ]]>", measures="</section><b>&amp;")
    plan = a_plan(name="<i>Org</i> & Co")
    files = page([text], plan=plan, incident_ref='"><script>', published_at=AT)
    found = outline(files["en.html"])
    assert {"script", "b", "i"}.isdisjoint({tag for tag, _ in found.elements})
    assert "<script>x</script> ]]>" in found.text
    feed = ET.fromstring(files["feed.atom"])
    assert feed.findtext(f"{ATOM}entry/{ATOM}title") == "<script>x</script> ]]>"
    assert "<b>" not in feed.findtext(f"{ATOM}entry/{ATOM}content")


def test_the_time_is_shown_on_the_organisations_clock_and_kept_in_utc(announced):
    content = announced()["en.html"].decode()
    assert '<time datetime="2026-11-22T10:00:00Z">22 November 2026, 18:00 (UTC+08:00)</time>' in content


@pytest.mark.parametrize("base_url", ["example.com/", "https://example.com/n", "javascript:x/", 'https://a/"x/'])
def test_an_address_that_is_no_folder_of_the_web_is_refused(base_url, announced):
    with pytest.raises(Invalid, match="last slash"):
        announced(base_url=base_url)


def test_pages_are_made_from_announcements_only_and_one_a_language(a_text, a_plan):
    options = {"plan": a_plan(), "incident_ref": "x", "published_at": AT}
    with pytest.raises(Invalid, match="announcement texts"):
        page([a_text()], **options)
    with pytest.raises(Invalid, match="at least one"):
        page([], **options)
    with pytest.raises(Invalid, match="one language"):
        page([a_text(kind="announcement")] * 2, **options)
    with pytest.raises(NotAllowed, match="approved again"):
        page([a_text(kind="announcement", layout="0" * 16)], **options)


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_announcement_speaks_to_everyone_and_says_how_to_check(language, facts_of, a_plan):
    text = draft(facts_of(), a_plan(), language)
    assert text.kind == "announcement"
    assert "privacy@example.com" in text.impact
    assert {problem.part for problem in check(text, required=())} == {"impact", "measures", "remedies"}


def test_an_announcement_takes_over_what_the_notice_already_says(facts_of, a_plan, a_text):
    filled = fill_from_notice(draft(facts_of(), a_plan(), "en"), a_text())
    assert filled.measures == a_text().measures
    assert filled.remedies == a_text().remedies
    assert "everyone whose personal data" in filled.situation
    assert {problem.part for problem in check(filled, required=())} == {"impact"}


def test_gaps_of_a_notice_are_not_taken_over(facts_of, a_plan, a_text):
    text = draft(facts_of(), a_plan(), "en")
    assert fill_from_notice(text, a_text(measures="[[what]]")).measures == text.measures
    assert fill_from_notice(text, None) == text
    assert fill_from_notice(text, a_text("zh")) == text


def _luminance(colour):
    parts = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_text_stands_out_from_its_ground_in_light_and_dark():
    css = (Path(documents.__file__).parent / "templates" / "page.css").read_text()
    palettes = [
        dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block)) for block in re.findall(r":root \{([^}]*)\}", css)
    ]
    assert len(palettes) == 2
    for palette in palettes:
        for ink in ("ink", "quiet", "link"):
            for ground in ("paper", "ground"):
                light, dark = sorted((_luminance(palette[ink]), _luminance(palette[ground])), reverse=True)
                assert (light + 0.05) / (dark + 0.05) >= 7  # WCAG 2.2, 1.4.6 (level AAA)
