"""Worked cases of a law: reading them, what they find wrong, and the edges that no case has tried."""

import copy
from datetime import date, timedelta

import pytest

from tocsin import lawcases, regimes
from tocsin.errors import Invalid

SOURCE = {"title": "A statute", "link": "https://example.org/law", "read_on": "2026-11-22", "confidence": "text"}
CITED = {"citation": "s. 1", "source": "act"}
THREE_DAYS = {"starts": {"at": "aware"}, "within": {"hours": 72}, "rule": "exact"}
FIRST_DAY = {"in_force": {"from": "2026-01-01"}}


def a_law(*, duty=None, **changes):
    authority = {"audience": "authority", "recipient": "a", "when": {"always": True}, "clock": THREE_DAYS, **CITED}
    document = {
        "id": "xx-act", "title": "An Act", "law": "Act", "place": "DE", "citation": "s. 0", "source": "act",
        "sources": {"act": SOURCE}, "applies": {"always": True}, "duties": {"authority": {**authority, **(duty or {})}},
        **changes,
    }  # fmt: skip
    return regimes.parse(copy.deepcopy(document), source="xx/act.yaml")


def cases(*listed, **parts):
    base = {"title": "x", "times": {"aware": "2026-11-20T10:00:00+01:00"}, **parts}
    document = {"base": base, "as_of": "2026-11-21T00:00:00Z", "cases": list(listed)}
    return lawcases.read(document, source="xx/act.yaml")


def a_case(expect=(), name="a sentence", **parts):
    return {"name": name, "expect": list(expect), **parts}


def of(key="authority", **expected):
    return {"id": f"xx-act/{key}", **expected}


# Reading


def test_a_case_takes_the_base_and_changes_what_it_names():
    (case,) = cases(
        a_case(facts={"times": {"detected": "2026-11-19T00:00:00Z"}, "breach": None}, as_of="2026-12-01T00:00:00Z"),
        breach={"encrypted": True},
    )
    assert case.facts.times.aware is not None
    assert case.facts.times.detected is not None
    assert case.facts.breach.encrypted is None
    assert case.as_of.day == 1


def test_a_time_may_be_taken_away_and_the_people_are_replaced_whole():
    (case,) = cases(a_case(facts={"times": {"aware": None}, "people": {"total": 1}}), people={"children": 1})
    assert (case.facts.times.aware, case.facts.people.children) == (None, None)


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"base": {}, "cases": []}, "must hold `base`, `as_of` and a list of `cases`"),
        ({"base": {}, "as_of": "x", "cases": []}, "must hold"),
        ({"base": {}, "as_of": "x", "cases": {}, "more": 1}, "must hold"),
        ({"base": {}, "as_of": "x", "cases": [{"name": "x"}]}, "each case must hold `name` and `expect`"),
        ({"base": {}, "as_of": "x", "cases": ["x"]}, "each case must hold"),
        ({"base": {}, "as_of": "x", "cases": [{"name": "x", "expect": [], "fact": {}}]}, "each case must hold"),
        ({"base": {"title": "x"}, "as_of": "x", "cases": [{"name": "one", "expect": []}]}, "`one`: `as_of` must be"),
        (
            {"base": {"titel": "x"}, "as_of": "2026-01-01T00:00:00Z", "cases": [{"name": "one", "expect": []}]},
            "`one`.*`title`",
        ),
    ],
)
def test_a_case_file_that_breaks_the_form_is_refused_by_name(document, says):
    with pytest.raises(Invalid, match=says) as caught:
        lawcases.read(document, source="xx/act.yaml")
    assert str(caught.value).startswith("xx/act.yaml")


# Judging


RIGHT = of(status="owed", due="2026-11-23T10:00:00+01:00", overdue=False, undated=False, starts_at="aware")


def judged(*expected, law=None, **how):
    (case,) = cases(a_case(expected, **how))
    return lawcases.judge(law or a_law(), case)


def test_a_case_that_the_law_keeps_has_nothing_to_say():
    assert judged(RIGHT) == ()
    assert judged() == ()


@pytest.mark.parametrize(
    ("expected", "says"),
    [
        (of(status="done"), "xx-act/authority: `status` is owed, not done"),
        (of(due="2026-11-24T10:00:00+01:00"), "`due` is 2026-11-23T10:00:00+01:00, not 2026-11-24T10:00:00+01:00"),
        (of(due=None), "`due` is 2026-11-23T10:00:00+01:00, not None"),
        (of(overdue=True), "`overdue` is False, not True"),
        (of(undated=True), "`undated` is False, not True"),
        (of(in_force_from="2026-01-01"), "`in_force_from` is None, not 2026-01-01"),
        (of(explained_has="Saturday"), "`explained` lacks `Saturday`"),
        (of(explained_lack="Monday"), "`explained` has `Monday`"),
        (of(sttus="owed"), "`sttus` is no part of a duty, not owed"),
        (of("individuals"), "there is no duty `xx-act/individuals` among xx-act/authority"),
    ],
)
def test_a_wrong_value_is_named_beside_the_right_one(expected, says):
    (failure,) = judged(expected)
    assert says in failure


def test_every_wrong_value_is_named_with_the_derivation():
    failures = judged(of(status="done", people=3), RIGHT)
    assert len(failures) == 2
    assert "72 hours of elapsed time" in failures[0]


def test_a_view_of_its_own_makes_the_case_late():
    assert judged(of(overdue=True), as_of="2026-11-23T10:00:01+01:00") == ()
    assert judged(of(overdue=False), as_of="2026-11-23T10:00:00+01:00") == ()


def test_a_draft_is_judged_as_if_it_were_law():
    draft = a_law(status="not-in-force", status_note="a bill")
    assert judged(RIGHT, law=draft) == ()
    assert judged(of(status="done"), law=draft) != ()
    assert not draft.enabled


def test_a_place_without_a_duty_expects_nothing():
    silent = a_law(duties={}, status="no-duty", status_note="none found", applies={"people_in": ["DE"], "at_least": 1})
    tried = cases(a_case(facts={"people": {"total": 1, "by_place": {"DE": 1}}}), a_case(facts={"people": {"total": 0}}))
    assert [lawcases.judge(silent, case) for case in tried] == [(), ()]
    assert [bool(lawcases.assessed(silent, case).silent) for case in tried] == [True, False]
    assert lawcases.gaps(silent, tried) == ()
    assert lawcases.gaps(silent, tried[:1]) == ("no case has 0 at `DE` (at least 1)",)


# Gaps


ALL_TRIED = (
    a_case([RIGHT]),
    a_case([of(overdue=True)]),
)


def gaps(law, *listed, **parts):
    return lawcases.gaps(law, cases(*listed, **parts))


def test_a_law_with_its_day_and_both_sides_of_it_has_no_gap():
    assert gaps(a_law(), *ALL_TRIED) == ()


DAY = "2026-11-23T10:00:00+01:00"


@pytest.mark.parametrize(
    ("expected", "missing"),
    [
        ([of(overdue=False), of(overdue=True)], "no case gives the day on which `xx-act/authority` is due"),
        ([of(due=DAY, overdue=False)], "no case shows `xx-act/authority` too late"),
        ([of(due=DAY, overdue=True)], "no case shows `xx-act/authority` just in time"),
    ],
)
def test_each_side_of_a_deadline_wants_a_case(expected, missing):
    assert gaps(a_law(), a_case(expected)) == (missing,)


def test_a_day_that_is_expected_to_be_none_tries_no_deadline():
    assert "no case gives the day on which `xx-act/authority` is due" in gaps(a_law(), a_case([of(due=None)]))


def test_what_must_last_needs_no_late_case_and_what_has_no_number_needs_none():
    assert gaps(a_law(duty={"continuing": True}), a_case([of(due="2026-11-23T10:00:00+01:00")])) == ()
    undated = {
        "authority": {"audience": "authority", "recipient": "a", "when": {"always": True}, "undated": "soon", **CITED}
    }
    assert gaps(a_law(duties=undated), a_case([of(undated=True)])) == ()


def threshold(when, *facts_of_cases, **changes):
    """The gaps of a law with one threshold, beside cases that try its deadline."""
    listed = [a_case(facts=one) for one in facts_of_cases]
    return gaps(a_law(duty={"when": when, **changes}), *ALL_TRIED, *listed)


def people(number):
    return {"people": {"total": number, "by_place": {"DE": number}, "unlocated": 0}}


@pytest.mark.parametrize(
    ("comparison", "inside", "outside"),
    [("over", 501, 500), ("at_least", 500, 499), ("at_most", 500, 501), ("below", 499, 500)],
)
def test_each_side_of_a_threshold_wants_a_case(comparison, inside, outside):
    when = {"people_in": ["DE"], comparison: 500}
    said = f"at `DE` ({comparison.replace('_', ' ')} 500)"
    assert threshold(when, people(inside), people(outside)) == ()
    assert threshold(when, people(inside)) == (f"no case has {outside} {said}",)
    assert threshold(when, people(outside)) == (f"no case has {inside} {said}",)
    assert len(threshold(when, people(1000), people(1))) == 2  # far from the edge


@pytest.mark.parametrize(
    ("when", "first", "second"),
    [
        (
            {"fact": "people.cost_to_notify", "over": 250000, "currency": "USD"},
            {"people": {"cost_to_notify": {"amount": 250000, "currency": "USD"}}},
            {"people": {"cost_to_notify": {"amount": 250001, "currency": "USD"}}},
        ),
        (
            {"fact": "significance.service_interruption", "at_least": "PT1H"},
            {"significance": {"service_interruption": "PT60M"}},
            {"significance": {"service_interruption": "PT59M"}},
        ),
        ({"fact": "people.total", "at_least": 10}, {"people": {"total": 10}}, {"people": {"total": 9}}),
        ({"fact": "records", "below": 10}, {"records": 10}, {"records": 9}),
    ],
)
def test_a_threshold_of_money_time_or_records_wants_both_sides_too(when, first, second):
    assert threshold(when, first, second) == ()
    assert len(threshold(when, first)) == 1
    assert len(threshold(when, second)) == 1


MANY = {"people_in": ["DE"], "over": 500}


@pytest.mark.parametrize(
    "duty",
    [
        {"when": {"all": [{"always": True}, {"not": {"any": [MANY, {"always": True}]}}]}},
        {"unless": [{"when": MANY, "because": "many", **CITED}]},
        {"substitute": [{"when": MANY, "channels": ["website"], **CITED}]},
        {"clock": {**THREE_DAYS, "when": MANY}},
        {"when": {"proven": MANY}},
    ],
)
def test_a_threshold_is_found_wherever_it_stands(duty):
    assert len(gaps(a_law(duty=duty), *ALL_TRIED)) == 2
    assert gaps(a_law(duty=duty), *ALL_TRIED, a_case(facts=people(500)), a_case(facts=people(501))) == ()


def test_a_threshold_of_the_whole_law_and_of_its_definitions_is_found():
    assert len(gaps(a_law(applies=MANY), *ALL_TRIED)) == 2
    assert len(gaps(a_law(definitions={"many": MANY}, duty={"when": {"ref": "many"}}), *ALL_TRIED)) == 2


def test_the_first_day_of_a_version_and_the_day_before_want_a_case():
    law = a_law(duty={"versions": [FIRST_DAY, {"in_force": {"until": "2025-12-31"}}]})
    before, first = (
        a_case(facts={"times": {"aware": at}}) for at in ("2025-12-31T23:59:59+01:00", "2026-01-01T00:00:00+01:00")
    )
    assert gaps(law, *ALL_TRIED, before, first) == ()
    (missing,) = gaps(law, *ALL_TRIED, first)
    assert missing == "no case has `aware` on 2025-12-31, beside the first day of a version of `xx-act/authority`"
    assert len(gaps(law, *ALL_TRIED)) == 2


def test_one_row_for_each_place_is_tried_in_any_of_them():
    each = {
        "media-{place}": {
            "audience": "media",
            "recipient": "media of {place}",
            "each": ["US-TX", "US-VA"],
            "when": {"always": True},
            "clock": THREE_DAYS,
            **CITED,
        }
    }
    law = a_law(place="US", duties=each)
    expected = [of("media-US-TX", due="2026-11-23T04:00:00-05:00", overdue=False), of("media-US-VA", overdue=True)]
    assert gaps(law, a_case(expected)) == ()
    assert len(gaps(law, a_case())) == 3


# Growing old


@pytest.mark.parametrize(("today", "old"), [(date(2027, 11, 22), False), (date(2027, 11, 23), True)])
def test_a_source_that_was_read_too_long_ago_is_named(today, old):
    found = lawcases.stale(a_law(), today=today, after=timedelta(days=365))
    assert found == (("source `act` was last read on 2026-11-22",) if old else ())


def test_law_that_ended_without_a_successor_is_named():
    ended = a_law(duty={"in_force": {"until": "2026-06-30"}})
    year = timedelta(days=365)
    assert lawcases.stale(ended, today=date(2026, 6, 30), after=year) == ()
    assert lawcases.stale(ended, today=date(2026, 11, 22), after=year) == (
        "`xx-act/authority` ended on 2026-06-30 and has no later version",
    )
    followed = a_law(duty={"versions": [{"in_force": {"until": "2026-06-30"}}, {"in_force": {"from": "2026-07-01"}}]})
    assert lawcases.stale(followed, today=date(2026, 11, 22), after=year) == ()


# Reported, not mended yet


def test_a_case_of_another_duty_whose_name_begins_alike_tries_nothing():
    authority = a_law().document["duties"]["authority"]
    law = a_law(duties={"authority": authority, "authority-final": authority})
    final = [of("authority-final", due="2026-11-23T10:00:00+01:00", overdue=late) for late in (False, True)]
    assert len(gaps(law, a_case(final))) == 3


@pytest.mark.parametrize("expected", [{"status": "owed"}, of(deadline_has="x"), "authority"])
def test_an_expectation_that_names_nothing_is_refused_in_a_sentence(expected):
    try:
        assert judged(expected) != ()
    except Invalid as error:
        assert "xx/act.yaml" in str(error)  # noqa: PT017 - either way is right


def test_the_day_of_a_case_is_that_of_the_place_of_the_law():
    law = a_law(duty={"versions": [FIRST_DAY, {"in_force": {"until": "2025-12-31"}}]})
    # Half past midnight of the first day in Berlin.
    first = a_case(facts={"times": {"aware": "2025-12-31T23:30:00Z"}})
    (missing,) = gaps(law, *ALL_TRIED, first)
    assert "2025-12-31" in missing
