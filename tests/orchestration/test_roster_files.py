import base64
import hashlib
import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flows.roster import encodings
from flows.roster.files import open_roster
from tocsin import columns
from tocsin.errors import Invalid
from tocsin.roster import Trouble

CORPUS = Path(os.environ.get("TOCSIN_CORPUS", Path(__file__).parents[3] / "shared" / "corpus")) / "07-nasty"


@pytest.fixture
def written(tmp_path):
    def write(content, name="people.csv", encoding="utf-8"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return path

    return write


def rows(path, *, encoding=None, **chosen):
    file = open_roster(path, encoding=encoding, wanted=tuple(chosen.values()))
    used = columns.match(file.header, chosen, source="Roster")
    return list(file.rows(used))


def refusal(path, **options):
    with pytest.raises(Invalid) as caught:
        rows(path, **options)
    return str(caught.value)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_every_delimiter_and_line_end_is_understood(written, delimiter, line_end):
    table = [["email", "name", "note"], ["a@example.org", "Anna", "x"], ["b@example.org", "Ben", ""]]

    found = rows(written(line_end.join(delimiter.join(row) for row in table) + line_end))

    assert found == [(2, table[1]), (3, table[2])]


def test_a_quoted_field_may_hold_delimiters_quotation_marks_and_line_ends(written):
    found = rows(written('email,name\r\na@example.org,"Becker, ""Anna""\r\nMaria"\r\nb@example.org,Ben\r\n'))

    assert found == [(2, ["a@example.org", 'Becker, "Anna"\r\nMaria']), (3, ["b@example.org", "Ben"])]


def test_single_quotation_marks_and_backslashes_are_told_from_the_first_rows(written):
    assert rows(written("'email';'name'\n'a@example.org';'Becker; Anna'\n"))[0][1] == ["a@example.org", "Becker; Anna"]
    assert rows(written('email,name\na@example.org,"Anna \\"A\\" Becker, x"\n'))[0][1] == [
        "a@example.org",
        'Anna "A" Becker, x',
    ]


def test_an_apostrophe_in_a_name_is_no_quotation_mark(written):
    assert rows(written("name,email\nO'Neill,a@example.org\nD'Arc,b@example.org\n")) == [
        (2, ["O'Neill", "a@example.org"]),
        (3, ["D'Arc", "b@example.org"]),
    ]


def test_a_spreadsheet_s_separator_line_is_obeyed_and_counted(written):
    assert rows(written("sep=;\nemail;name\na@example.org;Anna, Maria\n")) == [(3, ["a@example.org", "Anna, Maria"])]


def test_a_delimiter_inside_names_does_not_win_over_the_one_that_the_headings_use(written):
    assert rows(written("email;name\na@example.org;Becker, Anna, Dr\nb@example.org;Li, Ben, Dr\n"))[0][1] == [
        "a@example.org",
        "Becker, Anna, Dr",
    ]


def test_empty_lines_are_passed_over_and_counted(written):
    assert rows(written("\nemail\n\na@example.org\n\n")) == [(4, ["a@example.org"])]


def test_empty_cells_after_the_last_column_do_not_reject_a_row(written):
    assert rows(written("email,name\na@example.org,Anna,,\n")) == [(2, ["a@example.org", "Anna"])]


def test_a_last_line_without_end_is_read(written):
    assert rows(written("email\na@example.org")) == [(2, ["a@example.org"])]


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not here: set TOCSIN_CORPUS to its folder")
def test_the_csv_corpus_is_read_as_it_should_be(written):
    cases = [json.loads(line) for line in (CORPUS / "csv_spectrum.jsonl").read_text(encoding="utf-8").splitlines()]
    for case in cases:
        wanted = case["expect"]
        first = next(iter(json.loads(json.dumps(wanted[0]))))
        path = written(base64.b64decode(case["b64"]))
        file = open_roster(path, wanted=(first,))
        used = columns.match(file.header, {"account": first}, source="Roster")
        found = [dict(zip((name.strip() for name in file.header), cells, strict=True)) for _, cells in file.rows(used)]
        assert found == wanted, case["id"]
    assert len(cases) >= 5


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_unicode_is_proved_by_its_bytes_or_its_mark(written, encoding):
    text = "邮箱,姓名\na@example.org,王伟 Zoë\n"

    assert rows(written(text, encoding=encoding)) == [(2, ["a@example.org", "王伟 Zoë"])]


def test_gb18030_is_proved_by_headings_that_read_as_known_words(written):
    text = "邮箱,姓名\na@example.org,王伟\n"

    assert rows(written(text, encoding="gb18030")) == [(2, ["a@example.org", "王伟"])]


def test_gb18030_without_known_headings_must_be_said(written):
    path = written("email,name\na@example.org,王伟\n", encoding="gb18030")

    assert "is not UTF-8 text at byte 25: " in refusal(path)
    assert "--encoding gb18030" in refusal(path)
    assert rows(path, encoding="gb18030") == [(2, ["a@example.org", "王伟"])]


def test_windows_1252_is_never_guessed(written):
    path = written("Courriel,Prénom\na@example.org,Zoë\n", encoding="windows-1252")

    assert "at byte 11" in refusal(path)
    assert rows(path, encoding="windows-1252") == [(2, ["a@example.org", "Zoë"])]


def test_a_byte_that_does_not_fit_far_into_the_file_is_named_before_anything_is_read(written):
    good = "email\n" + "a@example.org\n" * 200_000
    path = written(good.encode() + "é".encode("latin-1") + b"\n")

    assert f"at byte {len(good)}:" in refusal(path)


def test_a_character_across_two_reads_is_no_error(written, monkeypatch):
    monkeypatch.setattr(encodings, "_CHUNK", 7)
    path = written("email,name\na@example.org,王伟王伟王伟\n")

    assert rows(path)[0][1][1] == "王伟王伟王伟"
    with pytest.raises(Invalid, match="at byte 9:"):
        open_roster(written(b"email\n\xe7\x8e\x8b\xff\n", name="bad.csv"))


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_must_be_said(written, encoding):
    path = written("email\na@example.org\n", encoding=encoding)

    assert "--encoding utf-16" in refusal(path)
    assert rows(path, encoding=encoding) == [(2, ["a@example.org"])]


@pytest.mark.parametrize(
    ("name", "said"),
    [("klingon", "no such encoding"), ("base64", "no such encoding"), ("gb18030", "leave --encoding out")],
)
def test_an_encoding_that_cannot_be_right_is_refused(written, name, said):
    assert said in refusal(written("email\na@example.org\n", encoding="utf-8-sig"), encoding=name)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\n\n", "no heading row"),
        (b"PK\x03\x04....", "save the table as CSV"),
        (b"\x1f\x8b....", "unpack it first"),
        (b"%PDF-1.7", "export the table"),
        (b"Anna Becker,anna@example.org\n", "none of its 2 columns is usable"),
        (b"email\n" + b"x" * 3_000_000, "has a line of more than"),
    ],
)
def test_what_is_no_roster_is_refused_in_one_sentence_that_quotes_nothing(written, content, said):
    sentence = refusal(written(content))

    assert said in sentence
    assert "Becker" not in sentence
    assert "\n" not in sentence


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    assert "cannot be read" in refusal(tmp_path / "missing.csv")
    assert "cannot be read" in refusal(tmp_path)


def test_a_stray_quotation_mark_on_one_line_rejects_that_row_alone(written):
    found = rows(written('email,name\na@example.org,"Anna "A" Becker"\nb@example.org,Ben\n'))

    assert found == [(2, Trouble.QUOTES), (3, ["b@example.org", "Ben"])]


@pytest.mark.parametrize(
    "lines",
    [
        'a@example.org,"Anna\nb@example.org,Ben\nc@example.org,Carl\n',  # never closed
        'a@example.org,"Anna\nb@example.org,"Ben"\nc@example.org,Carl\n',  # closed by the next row's mark
        '"a@example.org\nb@example.org","Ben",x\n',  # more cells than headings, over two lines
    ],
)
def test_a_quotation_mark_that_swallows_the_next_people_refuses_the_file_and_says_where(written, lines):
    sentence = refusal(written("email,name\n" + lines))

    assert "line 2" in sentence
    assert "quotation mark is not closed" in sentence


def test_a_field_beyond_all_measure_rejects_its_row(written):
    found = rows(written("email,name\na@example.org," + "x" * 200_000 + "\nb@example.org,Ben\n"))

    assert found == [(2, Trouble.TOO_LONG), (3, ["b@example.org", "Ben"])]


def test_a_file_that_changes_while_it_is_read_is_refused(written):
    path = written("email\na@example.org\n")
    file = open_roster(path)
    used = columns.match(file.header, {}, source="Roster")
    path.write_text("email\na@example.org\nb@example.org\n")

    with pytest.raises(Invalid, match="changed while it was read"):
        list(file.rows(used))


def test_the_hash_is_that_of_the_bytes(written):
    content = "email\na@example.org\n".encode("utf-16")

    assert open_roster(written(content)).sha256 == hashlib.sha256(content).hexdigest()


def test_parquet_is_read_with_numbers_as_people_write_them(tmp_path):
    path = tmp_path / "people.parquet"
    table = pa.table(
        {
            "user id": [7, 8],
            "phone": [13800138000.0, None],
            "tags": [["a"], []],
            "email": ["a@example.org", None],
            "shoe size": [44, 45],
        }
    )
    pq.write_table(table, path)

    file = open_roster(path)
    found = list(file.rows(columns.match(file.header, {}, source="Roster")))

    assert found == [(2, ["7", "13800138000", "", "a@example.org", ""]), (3, ["8", "", "", "", ""])]
    assert file.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_damaged_parquet_file_is_refused(tmp_path):
    path = tmp_path / "people.parquet"
    pq.write_table(pa.table({"email": ["a@example.org"] * 5000}), path)
    path.write_bytes(path.read_bytes()[:-300])

    with pytest.raises(Invalid, match="damaged Parquet"):
        open_roster(path)
