"""Documents from outside: what is read, and what is refused with one sentence."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin import reading
from tocsin.errors import Invalid


def refusal(text):
    with pytest.raises(Invalid) as caught:
        reading.document(text, source="f.yaml")
    sentence = str(caught.value)
    assert sentence.startswith("f.yaml")
    assert "\n" not in sentence
    return sentence


def test_only_yaml_1_2_words_are_more_than_text():
    text = (
        "a: NO\nb: yes\nc: 2026-11-20\nd: 1:30\ne: true\nf: null\ng: 12\nh: 007\ni: 0x1f\nj: 1_000\nk: 2.5\nl:\nm: .inf"
    )
    read = reading.document(text, source="f.yaml")
    assert read == {
        "a": "NO", "b": "yes", "c": "2026-11-20", "d": "1:30", "e": True, "f": None, "g": 12, "h": "007", "i": "0x1f",
        "j": "1_000", "k": 2.5, "l": None, "m": ".inf",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("title: x\na:\n  b: 1\n  b: 2", "line 4: `b` stands there twice"),
        ('{"a": {"b": 1, "b": 2}}', "`b` stands there twice"),
        ("a: &x 1\nb: *x", "line 1: anchors"),
        ("a: *x", "line 1: anchors"),
        ("a: !!python/object:os.system ls", "line 1: tags"),
        ("a: !!timestamp 2026-11-20", "line 1: tags"),
        ("a: 1\n---\nb: 2", "another document"),
        ("a: [", "not readable"),
        ("a: {b: 1", "not readable"),
        ("1: x", "must be text"),
        ("[a]: x", "must be text"),
        ("- a", "not a list"),
        ("just words", "not one value"),
        ("", "is empty"),
        ("# nothing", "is empty"),
        ('{"a": NaN}', "NaN is no number"),
        ('{"a": 1e999}', "`a` is not a finite number"),
        ("a: 1e999", "`a` is not a finite number"),
        ("a: " + "9" * 40, "`a` has too many digits"),
        ("a: " + "9" * 5000, "too long"),
        ('{"a": ' + "9" * 5000 + "}", "too long"),
        ("[" * 100, "nested deeper"),
        ('{"a":' * 60 + "1" + "}" * 60, "nested deeper"),
        ('{"a":' * 100_000, "nested deeper"),
        ("a: x\x07", "character"),
        (b"a: \xff\xfe", "not UTF-8"),
        ("a: " + "x" * reading.MAX_BYTES, "larger than 1024 KiB"),
    ],
)
def test_what_is_doubtful_is_refused(text, says):
    assert says in refusal(text)


def test_a_bomb_of_aliases_is_refused_before_it_is_built():
    bomb = "a: &a [x]\n" + "\n".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]" for n in range(20)
    )
    assert "anchors" in refusal(bomb)


def test_a_refusal_never_quotes_the_text_around_it():
    assert "Miller" not in refusal('title: "Anna Miller')


def test_a_byte_order_mark_is_no_part_of_the_document():
    assert reading.document(b"\xef\xbb\xbftitle: x", source="f.yaml") == {"title": "x"}


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abcdefgh", min_size=1, max_size=5), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.text("abcdefgh", min_size=1, max_size=5), plain, min_size=1, max_size=4))
def test_json_is_read_as_json_reads_it(document):
    assert reading.document(json.dumps(document), source="f.json") == document


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_and_nothing_else(text):
    with contextlib.suppress(Invalid):
        assert isinstance(reading.document(text, source="f.yaml"), dict)
