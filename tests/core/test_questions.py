"""What to find out first, and the words in which it is asked."""

import pytest

from flows import library
from tocsin import duties, facts, moments, questions
from tocsin.attributes import ATTRIBUTES
from tocsin.duty import Duty
from tocsin.facts import schema
from tocsin.vocabulary import CHANNELS

_ROW = {
    "id": "xx-act/authority", "regime": "xx-act", "audience": "authority", "recipient": "authority",
    "status": "undetermined", "due": None, "target": None, "undated": None, "starts": None, "starts_at": None,
    "unknown": [], "advised": None, "people": None, "stage": None, "order": [], "channels": [], "content": [],
    "citation": "s. 1", "source": "act", "in_force": {"from": None, "until": None}, "confidence": "text",
    "explained": [],
}  # fmt: skip


def a_duty(key, *unknown, day=None, **changes) -> Duty:
    """An undetermined duty that turns on some facts, due on a day of December."""
    at = None if day is None else f"2026-12-{day:02}T12:00:00Z"
    return duties.recall({**_ROW, "id": f"xx-act/{key}", "unknown": unknown, "due": at, "target": at, **changes})


def asked(*open_duties):
    return [question.fact for question in questions.ranked(open_duties)]


def test_only_what_is_undetermined_asks():
    owed = a_duty("owed", "people.total", day=1, status="owed")
    assert asked(owed, a_duty("open", "records", day=2)) == ["records"]
    assert asked() == []


def test_what_the_earliest_day_turns_on_comes_first_however_little_it_decides():
    later = [a_duty(f"later-{number}", "records", day=2) for number in range(9)]
    assert asked(*later, a_duty("early", "people.total", "breach.cause", day=1)) == [
        "people.total",
        "breach.cause",
        "records",
    ]


def test_on_one_day_the_fact_that_decides_alone_comes_first():
    together = a_duty("together", "people.total", "breach.cause", day=1)
    assert asked(together, a_duty("alone", "records", day=1))[0] == "records"


def test_a_fact_that_decides_the_early_duty_alone_goes_before_one_that_only_helps():
    early = [a_duty("both", "breach.cause", "records", day=1), a_duty("one", "records", day=1)]
    assert asked(*early) == ["records", "breach.cause"]


def test_of_two_that_decide_alone_the_one_that_decides_more_comes_first():
    open_duties = [
        a_duty("first", "people.total", day=1),
        a_duty("second", "records", day=1),
        a_duty("third", "records", day=9),
    ]
    assert asked(*open_duties) == ["records", "people.total"]


def test_of_two_that_decide_alike_the_one_on_which_more_turns_comes_first():
    open_duties = [
        a_duty("first", "people.total", day=1),
        a_duty("second", "records", day=1),
        a_duty("third", "records", "breach.cause", day=9),
    ]
    assert asked(*open_duties) == ["records", "people.total", "breach.cause"]


def test_a_fact_counts_for_its_share_of_every_duty_that_hangs_on_it():
    # Three halves are more than one whole.
    halves = [a_duty(f"half-{part}", "records", part, day=1) for part in ("breach.cause", "breach.kinds", "risk.basis")]
    assert asked(a_duty("whole", "people.total", day=1), *halves)[:2] == ["records", "people.total"]
    assert asked(a_duty("whole", "people.total", day=1), *halves[:1])[:2] == ["people.total", "records"]


def test_what_is_due_later_decides_only_between_equals():
    early = [a_duty("a", "people.total", day=1), a_duty("b", "records", day=1)]
    later = [a_duty(f"later-{number}", "records", "breach.cause", day=2) for number in range(3)]
    assert asked(*early, *later) == ["records", "people.total", "breach.cause"]
    alone = [a_duty("c", "people.total", "breach.kinds", day=1), *early]
    assert asked(*alone, *later)[0] == "people.total"


def test_what_has_no_day_comes_last_and_in_its_order():
    undated = [a_duty("a", "breach.cause"), a_duty("b", "records")]
    assert asked(*undated, a_duty("c", "people.total", "people.children", day=31)) == [
        "people.total",
        "people.children",
        "breach.cause",
        "records",
    ]


def test_a_question_names_what_it_decides_what_it_touches_and_before_when():
    late, early = a_duty("late", "records", day=9), a_duty("early", "records", "people.total", day=3)
    question = questions.ranked([late, early, a_duty("undated", "records")])[0]
    assert question.row() == {
        "fact": "records",
        "question": "How many records are affected?",
        "decides": ["xx-act/late", "xx-act/undated"],
        "touches": ["xx-act/late", "xx-act/early", "xx-act/undated"],
        "before": "2026-12-03T12:00:00Z",
    }
    assert questions.ranked([a_duty("undated", "records")])[0].before is None


def test_it_is_asked_before_the_day_one_works_to_not_the_last_one():
    duty = a_duty("rolled", "records", due="2026-12-07T23:59:59Z", target="2026-12-05T23:59:59Z")
    assert questions.ranked([duty])[0].before == moments.parse("2026-12-05T23:59:59Z")


def reads_well(fact):
    words = questions.words(fact)
    assert words.endswith("?")
    assert words[0].isupper()
    assert "`" not in words, words
    assert "_" not in words, words
    return words


PATHS = tuple(schema._paths())


@pytest.mark.parametrize("path", PATHS)
def test_every_fact_has_a_question_that_a_person_can_answer(path):
    reads_well(path)


def test_no_two_facts_have_the_same_question():
    places = [f"people.by_place.{code}" for code in ("DE", "US-CA", "CN")]
    attributes = [f"organisation.attributes.{name}" for name in ATTRIBUTES]
    channels = [f"people.contactable.{name}" for name in CHANNELS]
    every = [*PATHS, *places, *attributes, *channels]
    assert len({reads_well(fact) for fact in every}) == len(every)


def test_a_place_a_channel_and_a_law_stand_in_their_questions():
    assert questions.words("people.by_place.DE") == "How many of the people live in Germany?"
    assert "by no channel at all" in questions.words("people.contactable.none")
    assert "eu-nis2" in questions.words("significance.found.eu-nis2")


def test_whatever_a_law_that_ships_may_ask_is_asked_in_words():
    """An incident of which nothing is known makes every law ask its first questions."""
    found = duties.assess(
        facts.parse({"title": "x"}, source="f"), library.regimes(), as_of=moments.parse("2026-11-22T00:00:00Z")
    )
    open_facts = {fact for duty in found.duties for fact in duty.unknown}
    assert len(open_facts) > 20
    for fact in open_facts:
        reads_well(fact)
    assert {question.fact for question in questions.ranked(found.duties)} == open_facts
