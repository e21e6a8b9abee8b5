import io
import re

import pendulum
import pypdf
import pytest

from documents import forms, reports
from tocsin.errors import Invalid

AT = pendulum.datetime(2026, 11, 22, 10, tz="UTC")


@pytest.fixture
def paper(facts_of, a_plan, duty_rows):
    def build(form="cn-cac-incident", *, version=3, languages=None, **extra):
        chosen = forms.find(form)
        duty_rows[1]["status"] = "owed"
        report = reports.fill(chosen, facts_of(), duties=duty_rows, plan=a_plan(), stage="initial", extra=extra, now=AT)
        return report, reports.as_pdf(chosen, report, version=version, at=AT, languages=languages)

    return build


def text_of(pdf):
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages)


def squeezed(text):
    return re.sub(r"\s+", "", text)


def test_the_chinese_report_holds_its_words_in_both_languages(paper):
    _, pdf = paper(measures="已关闭服务器")
    text = squeezed(text_of(pdf))
    for words in (
        "网络安全事件报告",
        "首次报告",
        "示例智能家居",
        "经哈希处理的密码",
        "已关闭服务器",
        "尚缺信息",
        "网络攻击事件",
    ):
        assert words in text
    for words in ("Cybersecurityincidentreport", "passwordinscrambled(hashed)form", "Stillmissing"):
        assert words in text


def test_the_paper_shows_every_label_and_every_answer(paper):
    report, pdf = paper("eu-gdpr-33")
    text = squeezed(text_of(pdf))
    for section in report.document["sections"]:
        for one in section["fields"]:
            assert squeezed(one["label"]["en"]) in text
            assert squeezed(one["text"]["en"]) in text
    for one in report.missing:
        assert squeezed(one.why) in text


def test_every_page_has_its_number_the_version_and_the_whole_hash(paper):
    report, pdf = paper(version=7)
    pages = pypdf.PdfReader(io.BytesIO(pdf)).pages
    assert len(pages) >= 2
    for number, page in enumerate(pages, start=1):
        text = squeezed(page.extract_text())
        assert f"{number}/{len(pages)}" in text
        assert "版本7" in text
        assert report.hash in text


def test_the_same_report_is_the_same_bytes_and_another_version_is_not(paper):
    assert paper()[1] == paper()[1]
    assert paper()[1] != paper(version=4)[1]


def test_a_report_can_be_printed_in_one_of_its_languages(paper):
    text = text_of(paper(languages=["en"])[1])
    assert "Cybersecurity incident report" in text
    assert "事发单位名称" not in text
    with pytest.raises(Invalid, match="written in zh, en"):
        paper(languages=["fr"])


@pytest.mark.parametrize(
    "words",
    [
        '#panic("x")',
        '#read("/etc/passwd")',
        "*bold* _it_ $x^2$ `raw`",
        '] #import "x": * [',
        "= Heading\n- list",
        "<label> @reference \\ // comment",
        "\\u{48}",
        '"; sys.exit()',
    ],
)
def test_typst_code_in_an_answer_is_printed_and_not_run(words, paper):
    _, pdf = paper(measures=words)
    assert squeezed(words) in squeezed(text_of(pdf))


def test_the_file_is_an_archive_with_tags_a_title_and_the_versions_date(paper):
    reader = pypdf.PdfReader(io.BytesIO(paper()[1]))
    assert reader.metadata.title == "网络安全事件报告"
    assert reader.metadata.creation_date.isoformat().startswith("2026-11-22T10:00:00")
    assert reader.trailer["/Root"]["/MarkInfo"]["/Marked"] == True  # noqa: E712 - pypdf's own boolean
    assert reader.trailer["/Root"]["/Lang"] == "zh"
    assert b"pdfaid" in reader.trailer["/Root"]["/Metadata"].get_data()


def test_the_only_font_is_the_one_that_ships(paper):
    reader = pypdf.PdfReader(io.BytesIO(paper()[1]))
    fonts = {
        str(font.get_object()["/BaseFont"]) for page in reader.pages for font in page["/Resources"]["/Font"].values()
    }
    assert fonts
    assert all("NotoSansSC" in font for font in fonts)


def test_a_late_report_says_so_on_its_first_page(paper):
    _, late = paper("cn-cac-incident")
    _, timely = paper("eu-gdpr-33")
    assert "本报告已超过期限" in squeezed(text_of(late))
    assert "time limit has passed" not in text_of(timely)
