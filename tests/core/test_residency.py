import pytest

from tocsin import residency


@pytest.mark.parametrize(
    ("marks", "place", "covered"),
    [
        (["CN"], "CN", True),
        (["CN"], "CN-44", True),
        (["CN-44"], "CN", False),
        (["CN-44"], "CN-44", True),
        (["C"], "CN", False),
        ("*", "DE", True),
        ("*", "US-CA", True),
        ("*", "CN", False),
        ("*", "CN-44", False),
        (["*", "CN"], "CN-44", True),
        (["DE", "FR"], "FR", True),
        (["DE", "FR"], "GB", False),
        ([], "DE", False),
        ("CN", "CN-44", True),
    ],
)
def test_a_mark_covers_its_place_and_the_star_never_mainland_china(marks, place, covered):
    assert residency.covers(marks, place) is covered


@pytest.mark.parametrize("place", ["CN-HK", "CN-MO", "CN-TW", "CN-91", "HK"])
def test_hong_kong_macau_and_taiwan_are_not_the_mainland(place):
    assert not residency.covers(["CN"], place)
    assert residency.covers("*", place)


def test_nobody_is_marked_for_a_person_whose_place_is_unknown():
    assert not residency.covers(["*", "CN", "DE"], "")
