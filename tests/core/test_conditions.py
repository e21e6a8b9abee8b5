"""Conditions: three values, the facts that decide, and words."""

import itertools

import pytest

from tocsin import conditions, facts


def judged(form, **parts):
    return conditions.parse(form).judge(facts.parse({"title": "x", **parts}, source="f"))


YES = {"fact": "breach.encrypted", "is": True}
NO = {"fact": "breach.encrypted", "is": False}
OPEN = {"fact": "breach.key_safe", "is": True}
BY_VALUE = {True: YES, False: NO, None: OPEN}
KNOWN = {"breach": {"encrypted": True}}


@pytest.mark.parametrize(("a", "b"), list(itertools.product([True, False, None], repeat=2)))
def test_all_any_and_not_follow_kleene(a, b):
    both, either = (
        judged({"all": [BY_VALUE[a], BY_VALUE[b]]}, **KNOWN),
        judged({"any": [BY_VALUE[a], BY_VALUE[b]]}, **KNOWN),
    )
    order = {False: 0, None: 1, True: 2}
    assert both.value is min((a, b), key=order.__getitem__)
    assert either.value is max((a, b), key=order.__getitem__)
    assert judged({"not": BY_VALUE[a]}, **KNOWN).value is (None if a is None else not a)


def test_an_undetermined_condition_names_only_the_facts_that_decide():
    truth = judged({"all": [YES, OPEN, {"any": [YES, {"fact": "breach.recovered", "is": True}]}]}, **KNOWN)
    assert truth.value is None
    assert truth.unknown == ("breach.key_safe",)


def test_a_decided_condition_names_nothing_unknown():
    assert judged({"any": [OPEN, YES]}, **KNOWN).unknown == ()
    assert judged({"all": [OPEN, NO]}, **KNOWN).unknown == ()


@pytest.mark.parametrize(
    ("comparison", "at", "below", "above"),
    [
        ("over", False, False, True),
        ("at_least", True, False, True),
        ("below", False, True, False),
        ("at_most", True, True, False),
    ],
)
def test_each_comparison_at_below_and_above_its_bound(comparison, at, below, above):
    form = {"people_in": "US-CA", comparison: 500}
    for number, expected in ((500, at), (499, below), (501, above)):
        assert judged(form, people={"by_place": {"US-CA": number}}).value is expected
        assert judged({"fact": "people.total", comparison: 500}, people={"total": number}).value is expected


def test_a_range_that_straddles_the_bound_is_unknown_and_one_that_does_not_is_not():
    form = {"people_in": "US-CA", "over": 500}
    assert judged(form, people={"by_place": {"US-CA": {"at_least": 500, "at_most": 501}}}).unknown == (
        "people.by_place.US-CA",
    )
    assert judged(form, people={"by_place": {"US-CA": {"at_least": 501}}}).value is True
    assert judged(form, people={"by_place": {"US-CA": {"at_most": 500}}}).value is False


def test_a_group_of_places_counts_its_members():
    form = {"people_in": ["EEA"], "at_least": 1}
    assert judged(form, people={"by_place": {"NO": 1}}).value is True
    assert judged(form, people={"by_place": {"GB": 1}, "unlocated": 0}).value is False
    assert judged(form, people={"by_place": {"GB": 1}}).unknown == ("people.by_place",)


def test_free_words_beside_the_elements_switch_nothing_off():
    form = {"fact": "data.elements", "has_any": ["set:us-core"]}
    assert judged(form, data={"elements": ["email"]}).value is False
    assert judged(form, data={"elements": ["email"], "other": ["shoe size"]}).unknown == ("data.other",)
    assert judged(form, data={"elements": ["ssn"], "other": ["shoe size"]}).value is True


def test_has_all_needs_every_word():
    form = {"fact": "data.elements", "has_all": ["name", "ssn"]}
    assert judged(form, data={"elements": ["name"]}).value is False
    assert judged(form, data={"elements": ["ssn", "name"]}).value is True


def test_false_under_an_attribute_with_words_is_a_known_no():
    form = {"fact": "organisation.attributes.hipaa", "is": "covered-entity"}
    assert judged(form, organisation={"attributes": {"hipaa": False}}).value is False
    assert judged(form, organisation={"attributes": {}}).unknown == ("organisation.attributes.hipaa",)
    assert judged(form, organisation={"attributes": {"hipaa": "covered-entity"}}).value is True


def test_an_attribute_of_places_lies_in_one_or_not():
    form = {"fact": "organisation.attributes.public_agency", "in_places": ["US"]}
    assert judged(form, organisation={"attributes": {"public_agency": "US-ID"}}).value is True
    assert judged(form, organisation={"attributes": {"public_agency": []}}).value is False


def test_a_number_of_employees_is_compared_as_a_number():
    form = {"fact": "organisation.attributes.employees", "at_most": 10}
    assert judged(form, organisation={"attributes": {"employees": 10}}).value is True
    assert judged(form, organisation={"attributes": {"employees": {"at_least": 9, "at_most": 11}}}).value is None


def test_money_is_compared_in_its_own_currency_only():
    form = {"fact": "significance.economic_loss", "at_least": 5000000, "currency": "CNY"}
    assert judged(form, significance={"economic_loss": {"amount": 5000000, "currency": "CNY"}}).value is True
    assert judged(form, significance={"economic_loss": {"amount": 4999999.99, "currency": "CNY"}}).value is False
    assert judged(form, significance={"economic_loss": {"amount": 5000000, "currency": "USD"}}).value is None
    assert judged(form, significance={"economic_loss": {"amount": 0, "currency": "USD"}}).value is False


def test_a_length_of_time_is_compared():
    form = {"fact": "significance.service_interruption", "over": "PT2H"}
    assert judged(form, significance={"service_interruption": "PT120M"}).value is False
    assert judged(form, significance={"service_interruption": "PT121M"}).value is True


def test_what_is_recorded_is_true_and_what_is_not_is_unknown():
    form = {"recorded": "times.classified"}
    assert judged(form, times={"classified": "2026-11-20T00:00:00Z"}).value is True
    assert judged(form).unknown == ("times.classified",)


def test_an_act_not_recorded_was_not_done():
    assert judged({"event": "ransom-paid"}).value is False
    assert (
        judged({"event": "ransom-paid"}, events=[{"event": "ransom-paid", "at": "2026-11-20T00:00:00Z"}]).value is True
    )


def test_a_judgement_says_in_words_what_decided():
    truth = judged({"people_in": "US-CA", "over": 500}, people={"by_place": {"US-CA": 501}})
    assert truth.because == ("501 affected people live in California, more than 500",)


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({}, "a condition must be"),
        ([], "a condition must be"),
        ({"al": []}, "perhaps `all`"),
        ({"all": []}, "list of conditions"),
        ({"all": [YES], "any": [YES]}, "no meaning beside"),
        ({"fact": "breach.encryptd", "is": True}, "perhaps `breach.encrypted`"),
        ({"fact": "organisation.attributes.hippa", "is": "x"}, "is no attribute"),
        ({"fact": "breach.encrypted", "is": "yes"}, "can never be"),
        ({"fact": "organisation.role", "is": "controler"}, "perhaps `controller`"),
        ({"fact": "data.elements", "has": "credit-card"}, "can never have"),
        ({"fact": "data.elements", "has": "set:us-cor"}, "no shared set"),
        ({"fact": "breach.cause", "has": "attack"}, "is no list"),
        ({"fact": "breach.encrypted"}, "exactly one test"),
        ({"fact": "people.total", "over": "many"}, "cannot be compared"),
        ({"fact": "people.total", "over": 5, "below": 9}, "exactly one"),
        ({"fact": "significance.economic_loss", "over": 5}, "`currency` must stand beside money"),
        ({"fact": "people.total", "over": 5, "currency": "USD"}, "`currency` must stand beside money"),
        ({"people_in": ["ZZ"], "over": 5}, "no place of ISO 3166"),
        ({"people_in": ["DE"], "over": 5.5}, "whole number"),
        ({"fact": "organisation.seat", "in_places": ["EEE"]}, "no place of ISO 3166"),
        ({"event": "ransom-payed"}, "perhaps `ransom-paid`"),
        ({"ref": "nothing"}, "not defined"),
        ({"always": False}, "can only be true"),
        ({"recorded": "times.clasified"}, "is no fact"),
    ],
)
def test_a_condition_that_can_never_be_is_refused(form, says):
    with pytest.raises(ValueError, match=r"^[^\n]+$") as caught:
        conditions.parse(form)
    assert says in str(caught.value)
