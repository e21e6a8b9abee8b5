"""Laws of which it is open whether they apply at all: one row, one thing to settle, nothing lost."""

import pytest

from tocsin import duties, facts, moments, places, regimes, unsettled

SOURCE = {"title": "A statute", "link": "https://example.org/law", "read_on": "2026-11-22", "confidence": "text"}


def a_duty(hours=72, **changes):
    return {
        "audience": "authority",
        "recipient": "the authority",
        "when": {"always": True},
        "clock": {"starts": {"at": "aware"}, "within": {"hours": hours}, "rule": "exact"},
        "citation": "s. 1",
        "source": "act",
        **changes,
    }


def a_law(name, applies, **duties):
    document = {
        "id": name, "title": name, "law": name, "place": "DE", "citation": "s. 0", "source": "act",
        "sources": {"act": SOURCE}, "applies": applies, "duties": duties or {"authority": a_duty()},
    }  # fmt: skip
    return regimes.parse(document, source=f"{name}.yaml")


def in_place(place):
    return {"people_in": [place], "at_least": 1}


def assessed(*laws, **parts):
    document = {"title": "x", "times": {"aware": "2026-11-20T10:00:00Z"}, **parts}
    return duties.assess(facts.parse(document, source="f"), laws, as_of=moments.parse("2026-11-21T00:00:00Z"))


GERMAN, FRENCH = a_law("de-act", in_place("DE")), a_law("fr-act", in_place("FR"), early=a_duty(24), late=a_duty(96))
UNDATED = {**{name: part for name, part in a_duty().items() if name != "clock"}, "undated": "soon"}
IN_GERMANY = {"people": {"by_place": {"DE": 3}}}


def ids(assessment):
    return [duty.id for duty in assessment.duties]


def test_the_duties_of_laws_that_may_not_apply_stand_in_one_row():
    found = assessed(GERMAN, FRENCH, **IN_GERMANY)
    assert found.unsettled == {"fr-act"}
    assert ids(found) == ["de-act/authority", "fr-act/early", "fr-act/late"]
    assert ids(found.gathered()) == ["de-act/authority", "unsettled/laws"]


def test_what_surely_applies_or_surely_does_not_is_left_as_it_is():
    for parts in (IN_GERMANY, {"people": {"by_place": {"DE": 3, "FR": 0}, "unlocated": 0}}):
        only = assessed(GERMAN, **parts)
        assert only.gathered() is only
    elsewhere = assessed(GERMAN, FRENCH, people={"by_place": {"IT": 3}, "unlocated": 0})
    assert elsewhere.gathered() is elsewhere


def test_a_law_that_applies_keeps_its_undetermined_duties_apart():
    law = a_law("de-act", in_place("DE"), authority=a_duty(when={"fact": "breach.ransomware", "is": True}))
    assert ids(assessed(law, **IN_GERMANY).gathered()) == ["de-act/authority"]


def test_the_row_is_due_when_the_first_of_them_would_be_and_names_it():
    (row,) = assessed(FRENCH).gathered().duties
    assert moments.text(row.due) == "2026-11-21T11:00:00+01:00"
    assert (row.status, row.target, row.undated) == ("undetermined", row.due, None)
    assert row.explained[0] == "1 further law with 2 duties may apply: fr-act."
    assert row.explained[-1] == "The first of them would be fr-act/early."


def test_the_row_asks_what_settles_it():
    (row,) = assessed(FRENCH, GERMAN).gathered().duties
    assert row.unknown == ("people.by_place.FR", "people.by_place.DE")  # the French law has the earlier day
    assert row.explained[1:3] == (
        "How many of the people live in France? (people.by_place.FR)",
        "How many of the people live in Germany? (people.by_place.DE)",
    )
    assert row.recipient == "2 further laws that may apply"


def test_the_number_of_laws_and_of_duties_is_said_in_plain_english():
    (row,) = assessed(GERMAN).gathered().duties
    assert row.explained[0] == "1 further law with 1 duty may apply: de-act."
    assert row.recipient == "1 further law that may apply"


def test_without_any_day_the_row_has_none():
    law = a_law("de-act", in_place("DE"), soon=UNDATED)
    (row,) = assessed(law).gathered().duties
    assert (row.due, row.target) == (None, None)
    assert not any("first of them" in step for step in row.explained)


@pytest.mark.parametrize(("number", "more"), [(12, None), (13, "and 1 more"), (40, "and 28 more")])
def test_of_many_laws_a_dozen_are_named_and_the_rest_counted(number, more):
    codes = sorted(places.COUNTRIES)[:number]
    (row,) = assessed(*(a_law(f"{code.lower()}-act", in_place(code)) for code in codes)).gathered().duties
    assert row.explained[0].startswith(f"{number} further laws with {number} duties may apply: ")
    assert row.explained[0].endswith(f" {more}." if more else f"{codes[-1].lower()}-act.")
    assert len(row.unknown) == min(number, 12)


def test_the_row_keeps_its_place_among_the_others_and_can_be_written_down():
    waiting = a_law(
        "ch-act",
        {"always": True},
        chain={**a_duty(), "clock": {**a_duty()["clock"], "starts": {"event": "ransom-paid"}}},
    )
    found = assessed(waiting, FRENCH, GERMAN, **IN_GERMANY).gathered()
    assert ids(found) == ["de-act/authority", "unsettled/laws", "ch-act/chain"]
    row = found.duties[1]
    assert duties.recall(row.row()) == row
    assert found.gathered() == found


def test_a_plain_call_gives_the_same_row():
    apart = assessed(FRENCH, GERMAN).duties
    assert unsettled.row(apart) == assessed(FRENCH, GERMAN).gathered().duties[0]
