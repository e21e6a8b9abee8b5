"""Refs of people as somebody hands them over."""

import pytest

from tocsin import refs
from tocsin.errors import Invalid

ONE, TWO = "0123456789abcdef" * 2, "fedcba9876543210" * 2


@pytest.mark.parametrize(
    "text",
    [
        f"{ONE},{TWO}",
        f"{ONE}\n{TWO}\n",
        f"\ufeff{ONE}\r\n\r\n  {TWO} ",
        f"{ONE}; {TWO},{ONE}",
        f"{ONE.upper()} {TWO}",
        f"ref,place\n{ONE},CN\n\n{TWO},DE\n",
        f'"place","Ref"\n"a, b",{ONE}\nDE,{TWO}\n',
    ],
    ids=["commas", "lines", "bom", "twice", "capitals", "csv", "csv with commas in it"],
)
def test_refs_are_read_from_lists_lines_and_tables(text):
    assert refs.parse(text, source="x") == (ONE, TWO)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (f"{ONE},wang@mail.example", "entry 2"),
        ("Wang Fang", "entry 1"),
        (ONE[:-1], "entry 1"),
        (f"{ONE}0", "entry 1"),
        (f"ref,name\n{ONE},x\nWang,y\n", "row 3"),
        (f"name,ref\nWang,{ONE}\nLi\n", "row 3"),
    ],
)
def test_what_is_no_ref_is_refused_by_its_place_and_never_quoted(text, where):
    with pytest.raises(Invalid, match=f"people.txt: {where} is no ref") as refused:
        refs.parse(text, source="people.txt")

    assert "ang" not in str(refused.value).replace("people.txt", "")


@pytest.mark.parametrize("text", ["", " ,\n", "ref\n"])
def test_a_list_of_nobody_is_refused(text):
    with pytest.raises(Invalid, match="names nobody"):
        refs.parse(text, source="x")
