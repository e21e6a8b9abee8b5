"""Facts: read, refused, asked, written back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin import facts
from tocsin.errors import Invalid
from tocsin.facts import Count

SAMPLE = """
title: Customer database copied from a staging server
organisation: {name: Example Ltd, role: controller, seat: DE, attributes: {nis2: important, dora: false}}
times:
  occurred_from: 2026-11-01T00:00:00Z
  aware: 2026-11-20T16:30:00+01:00
  detected: {at: 2026-11-20T09:30, zone: Europe/Berlin}
  confirmed: null
breach: {kinds: [confidentiality], cause: attack, exfiltrated: unknown, encrypted: false}
risk: {to_people: unknown}
data: {elements: [name, email, name], other: [shoe size]}
people:
  total: {at_least: 12000, at_most: 13000}
  by_place: {DE: 12000, NO: 300, US-CA: 501}
  unlocated: 0
  children: unknown
  contactable: {email: 11900, none: 85}
  cost_to_notify: {amount: 250000.5, currency: USD}
significance: {service_interruption: PT3H, economic_loss: {amount: 0, currency: CNY}}
holds: [{by: law-enforcement, places: [US-MD], from: 2026-11-21T00:00:00Z, until: null, written: true}]
events: [{event: filed, duty: eu-nis2/incident-notification, at: 2026-11-22T20:00:00Z}]
"""


def some(**parts):
    return facts.parse({"title": "x", **parts}, source="f.yaml")


def refusal(**parts):
    with pytest.raises(Invalid) as caught:
        some(**parts)
    sentence = str(caught.value)
    assert sentence.startswith("f.yaml: ")
    assert "\n" not in sentence
    return sentence


def test_a_document_written_back_gives_the_same_facts():
    read = facts.read(SAMPLE, source="f.yaml")
    assert facts.parse(read.document(), source="again") == read
    assert facts.parse(read.document(), source="again").document() == read.document()


def test_offsets_stay_as_they_were_given():
    times = facts.read(SAMPLE, source="f.yaml").document()["times"]
    assert times == {
        "occurred_from": "2026-11-01T00:00:00Z",
        "aware": "2026-11-20T16:30:00+01:00",
        "detected": "2026-11-20T09:30:00+01:00",
    }


def test_what_is_missing_null_or_unknown_is_unknown_and_false_is_known():
    read = facts.read(SAMPLE, source="f.yaml")
    for path in (
        "times.confirmed",
        "breach.exfiltrated",
        "risk.to_people",
        "times.classified",
        "organisation.attributes.cii",
    ):
        assert read.value(path) is None
    assert read.value("breach.encrypted") is False
    assert read.value("organisation.attributes.dora") is False


def test_elements_are_a_set_in_the_order_given():
    assert facts.read(SAMPLE, source="f.yaml").data.elements == ("name", "email")


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ({"people": {"totl": 3}}, "`people.totl` is no name known here: perhaps `total` is meant"),
        ({"poeple": {}}, "`poeple` is no name known here: perhaps `people` is meant"),
        ({"organisation": {"attributes": {"hippa": False}}}, "`organisation.attributes.hippa`"),
        ({"organisation": {"attributes": {"hipaa": "yes"}}}, "covered-entity"),
        (
            {"organisation": {"role": "controler"}},
            "`organisation.role`: `controler` is none of its words: perhaps `controller`",
        ),
        ({"times": {"aware": "2026-11-20T09:30"}}, "`times.aware` has no offset"),
        ({"times": {"aware": "2026-11-20"}}, "`times.aware` must be a date and time with offset"),
        ({"times": {"aware": "2026-02-30T00:00:00Z"}}, "does not exist"),
        ({"times": {"aware": {"at": "2026-03-29T02:30", "zone": "Europe/Berlin"}}}, "put forward"),
        ({"times": {"aware": {"at": "2026-10-25T02:30", "zone": "Europe/Berlin"}}}, "happened twice"),
        ({"times": {"aware": {"at": "2026-10-25T02:30", "zone": "Mars/Base"}}}, "no IANA time zone"),
        ({"times": {"occurred_from": "2026-11-02T00:00:00Z", "occurred_until": "2026-11-01T00:00:00Z"}}, "after"),
        ({"people": {"by_place": {"ZZ": 1}}}, "no place of ISO 3166"),
        ({"people": {"by_place": {"UK": 1}}}, "`GB`"),
        ({"people": {"by_place": {"us-ca": 1}}}, "`US-CA`"),
        ({"people": {"by_place": {"US-XX": 1}}}, "`people.by_place.US-XX`"),
        ({"organisation": {"seat": "Germany"}}, "`organisation.seat`"),
        ({"people": {"total": -1}}, "`people.total` must not be below zero"),
        ({"people": {"total": 1.5}}, "`people.total` must be a whole number"),
        ({"people": {"total": True}}, "`people.total` must be a whole number"),
        ({"people": {"total": {"at_least": 5, "at_most": 3}}}, "contradict"),
        ({"people": {"by_place": {"US": 4, "US-CA": 5}}}, "`by_place.US`"),
        ({"people": {"by_place": {"US": 4, "US-CA": 3, "US-NY": 2}}}, "its parts are 5"),
        ({"people": {"total": 3, "by_place": {"DE": 4}}}, "`by_place.DE` above `total`"),
        ({"people": {"total": 3, "contactable": {"email": 4}}}, "`contactable.email` above `total`"),
        ({"people": {"total": 3, "children": 4}}, "`children` above `total`"),
        ({"data": {"elements": ["pasword-hash"]}}, "perhaps `password-hash` is meant"),
        ({"data": {"elements": "name"}}, "must be a list"),
        ({"events": [{"event": "filed", "at": "2026-11-20T00:00:00Z"}]}, "without `duty`"),
        ({"events": [{"event": "told", "at": "2026-11-20T00:00:00Z"}]}, "`events[0].event`"),
        ({"holds": [{"by": "police", "from": "2026-11-20T00:00:00Z", "until": "2026-11-19T00:00:00Z"}]}, "after"),
        ({"breach": {"encrypted": "no"}}, "true, false or unknown"),
        ({"significance": {"service_interruption": "3 hours"}}, "ISO 8601"),
        ({"significance": {"economic_loss": {"amount": -1, "currency": "CNY"}}}, "below zero"),
        ({"title": ""}, "`title` must not be empty"),
        ({"organisation": []}, "`organisation` must hold"),
    ],
)
def test_what_cannot_be_is_refused_with_its_path(parts, says):
    assert says in refusal(**parts)


def test_a_refused_word_that_could_be_a_person_is_not_repeated():
    assert "Miller" not in refusal(data={"elements": ["Anna Miller"]})


def test_many_problems_are_told_as_the_first_three():
    sentence = refusal(people={"a": 1, "total": -1}, breach={"b": 1}, risk={"c": 1}, data={"d": 1}, times={"e": 1})
    assert sentence.endswith("; and 2 more.")


def test_only_the_title_is_needed():
    assert facts.parse({"title": "x"}, source="f").document() == {"title": "x"}
    with pytest.raises(Invalid, match="`title` is missing"):
        facts.parse({}, source="f")


@pytest.mark.parametrize(
    ("people", "where", "expected"),
    [
        ({}, "CN", Count(0, None)),
        ({"total": 10}, "CN", Count(0, 10)),
        ({"by_place": {"DE": 10}}, "CN", Count(0, None)),
        ({"by_place": {"DE": 10}, "unlocated": 0}, "CN", Count(0, 0)),
        ({"by_place": {"DE": 10}, "unlocated": 4}, "CN", Count(0, 4)),
        ({"total": 10, "by_place": {"DE": 10}}, "CN", Count(0, 0)),
        ({"total": 12, "by_place": {"DE": 10}}, "CN", Count(0, 2)),
        ({"total": 12, "by_place": {"DE": 10}, "unlocated": 0}, "CN", Count(0, 2)),
        ({"total": {"at_least": 10, "at_most": 12}, "by_place": {"DE": 10}, "unlocated": 0}, "CN", Count(0, 0)),
        ({"by_place": {"US": 500}, "unlocated": 0}, "US-CA", Count(0, 500)),
        ({"by_place": {"US": 500, "US-NY": 400}, "unlocated": 0}, "US-CA", Count(0, 100)),
        ({"by_place": {"US-CA": 501}, "unlocated": 0}, "US", Count(501, 501)),
        ({"by_place": {"US-CA": 501, "US-NY": 9}}, "US", Count(510, None)),
        ({"by_place": {"US": 600, "US-CA": 501}}, "US", Count(600, 600)),
        ({"by_place": {"CN": "unknown"}, "unlocated": 0}, "CN", Count(0, None)),
        ({"total": 9, "by_place": {"CN": "unknown"}}, "CN", Count(0, 9)),
        ({"by_place": {"DE": 5, "FR": {"at_least": 1, "at_most": 3}, "GB": 7}, "unlocated": 0}, "EEA", Count(6, 8)),
        ({"by_place": {"DE": 5, "GB": 7}, "unlocated": 2}, "EEA", Count(5, 7)),
    ],
)
def test_people_in_a_place_are_as_many_as_can_be_known(people, where, expected):
    assert some(people=people).people_in((where,)) == expected


def test_people_may_count_in_two_places_so_places_may_add_up_to_more_than_the_total():
    assert some(people={"total": 10, "by_place": {"DE": 8, "FR": 8}}).people_in(("CN",)) == Count(0, 0)


places = st.dictionaries(st.sampled_from(["DE", "FR", "CN", "US-CA", "US-NY", "GB"]), st.integers(0, 50), max_size=6)


@given(places, st.integers(0, 40), st.sampled_from([("CN",), ("US",), ("US-CA",), ("EEA",), ("DE", "GB")]))
def test_learning_where_one_more_person_lives_never_contradicts_what_was_known(by_place, unlocated, where):
    before = some(people={"by_place": by_place, "unlocated": unlocated}).people_in(where)
    located = {**by_place, "CN": by_place.get("CN", 0) + unlocated}
    after = some(people={"by_place": located, "unlocated": 0}).people_in(where)
    assert before.at_least <= after.at_least
    assert before.at_most is None or after.at_most is not None
    assert before.at_most is None or after.at_most <= before.at_most or where == ("CN",)
