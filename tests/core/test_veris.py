"""VERIS incidents made into facts: what is sure is put, what is not is asked, and nothing is lost."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.errors import Invalid
from tocsin.importing import sectors, veris
from tocsin.importing.leaves import Leaves


def an_incident(**changes):
    document = {
        "schema_version": "1.3.7",
        "incident_id": "A1",
        "timeline": {"incident": {"year": 2013, "month": 7, "day": 4}},
        "action": {"hacking": {"variety": ["SQLi"], "vector": ["Web application"]}},
        "actor": {"external": {"variety": ["Unknown"], "motive": ["Unknown"]}},
        "victim": {"victim_id": "A hospital", "country": ["US"], "industry": "622110"},
        "attribute": {"confidentiality": {"data_disclosure": "Yes", "data": [{"variety": "Medical"}]}},
    }
    return copy.deepcopy(document) | changes


def imported(zone=None, **changes):
    return veris.incident(an_incident(**changes), source="a.json", zone=zone)


def fact(path, **changes):
    return imported(**changes).facts.value(path)


def asked(**changes):
    return {question.path for question in imported(**changes).questions}


def confidentiality(**parts):
    return {"confidentiality": {"data_disclosure": "Yes", **parts}}


def test_what_is_sure_becomes_a_fact():
    made = imported(zone="America/New_York")

    assert made.facts.document() == {
        "title": "VERIS incident A1",
        "organisation": {"name": "A hospital", "seat": "US", "sectors": ["health"]},
        "times": {"occurred_from": "2013-07-04T00:00:00-04:00"},
        "breach": {"kinds": ["confidentiality"], "cause": "attack"},
        "data": {"elements": ["medical"], "other": ["whatever VERIS does not name"]},
    }
    assert {one.path: one.value for one in made.unmapped} == {
        "schema_version": "1.3.7",
        "victim.industry": "622110",
        "action.hacking.variety": ["SQLi"],
        "action.hacking.vector": ["Web application"],
        "actor.external.variety": ["Unknown"],
        "actor.external.motive": ["Unknown"],
    }


@pytest.mark.parametrize(
    ("day", "known"), [({}, "2013 only"), ({"month": 7}, "2013-07 only"), ({"day": 4}, "2013 only")]
)
def test_a_month_or_a_year_is_no_instant_even_with_a_zone(day, known):
    made = imported(zone="Europe/Berlin", timeline={"incident": {"year": 2013, **day}})

    assert made.facts.times.occurred_from is None
    assert [q.words for q in made.questions if q.path == "times.occurred_from"] == [
        f"the record says {known}: when exactly?"
    ]
    assert "timeline.incident.year" in {one.path for one in made.unmapped}


def test_a_day_without_a_zone_is_a_question_and_stays_as_it_was():
    made = imported()

    assert made.facts.times.occurred_from is None
    assert "`times.occurred_from`: it was on 2013-07-04: at what time, in which zone?" in map(str, made.questions)
    assert {"timeline.incident.year", "timeline.incident.month", "timeline.incident.day"} <= {
        one.path for one in made.unmapped
    }


def test_a_day_with_a_zone_is_its_first_instant_and_says_so():
    made = imported(zone="Asia/Shanghai")

    assert made.facts.document()["times"] == {"occurred_from": "2013-07-04T00:00:00+08:00"}
    assert made.assumed == ("`times.occurred_from` is the start of 2013-07-04 in Asia/Shanghai: no time is given",)


@pytest.mark.parametrize(("time", "clock"), [("16:20", "16:20:00"), ("05:45:00 PM", "17:45:00")])
def test_a_time_is_kept_where_the_zone_is_known(time, clock):
    timeline = {"incident": {"year": 2013, "month": 7, "day": 4, "time": time}}
    made = imported(zone="Europe/Berlin", timeline=timeline)

    assert made.facts.document()["times"] == {"occurred_from": f"2013-07-04T{clock}+02:00"}
    assert made.assumed == ()
    assert asked(timeline=timeline) >= {"times.occurred_from"}


def test_a_time_that_cannot_be_read_gives_no_instant():
    timeline = {"incident": {"year": 2013, "month": 7, "day": 4, "time": "25:00"}}

    assert "times.occurred_from" in asked(zone="Europe/Berlin", timeline=timeline)


def test_how_long_it_took_is_no_date():
    timeline = {**an_incident()["timeline"], "discovery": {"unit": "Weeks", "value": 4}}
    made = imported(zone="Europe/Berlin", timeline=timeline)

    assert made.facts.times.detected is None
    assert "`times.detected`: it was 4 weeks after the compromise: when exactly?" in map(str, made.questions)
    assert "times.detected" not in asked(timeline={**timeline, "discovery": {"unit": "Unknown"}})


EXTERNAL, INTERNAL, PARTNER = {"external": {}}, {"internal": {}}, {"partner": {}}


@pytest.mark.parametrize(
    ("action", "actor", "cause"),
    [
        ({"malware": ["Worm"]}, EXTERNAL, "attack"),
        ({"hacking": ["SQLi"], "social": ["Phishing"]}, EXTERNAL, "attack"),
        ({"hacking": ["Brute force"]}, INTERNAL, "insider"),
        ({"hacking": ["Brute force"]}, PARTNER, None),
        ({"hacking": ["Brute force"]}, {**EXTERNAL, **INTERNAL}, None),
        ({"misuse": ["Privilege abuse"]}, INTERNAL, "insider"),
        ({"misuse": ["Privilege abuse"]}, EXTERNAL, None),
        ({"physical": ["Theft"]}, INTERNAL, "theft"),
        ({"physical": ["Skimmer"]}, EXTERNAL, "attack"),
        ({"error": ["Loss"]}, INTERNAL, "loss"),
        ({"error": ["Misdelivery"]}, INTERNAL, "error"),
        ({"error": ["Malfunction"]}, INTERNAL, "failure"),
        ({"error": ["Loss", "Disposal error"]}, INTERNAL, None),
        ({"environmental": ["Power failure"]}, EXTERNAL, "failure"),
        ({"environmental": ["Flood"]}, EXTERNAL, None),
        ({"hacking": ["SQLi"], "error": ["Misconfiguration"]}, {**EXTERNAL, **INTERNAL}, None),
    ],
)
def test_the_cause_is_named_where_it_can_be_only_one(action, actor, cause):
    actions = {name: {"variety": varieties} for name, varieties in action.items()}

    assert fact("breach.cause", action=actions, actor=actor) == cause
    assert ("breach.cause" in asked(action=actions, actor=actor)) == (cause is None)


def test_an_action_of_unknown_kind_has_no_cause():
    assert fact("breach.cause", action={"unknown": {}}, actor={"unknown": {}}) is None


@pytest.mark.parametrize(
    ("attribute", "kinds"),
    [
        ({"confidentiality": {"data_disclosure": "Yes"}}, ("confidentiality",)),
        ({"integrity": {"variety": ["Defacement"]}}, ("integrity",)),
        (
            {"availability": {"variety": ["Loss"]}, "confidentiality": {"data_disclosure": "Yes"}},
            ("availability", "confidentiality"),
        ),
        ({"availability": {"variety": ["Loss"]}, "confidentiality": {"data_disclosure": "No"}}, ("availability",)),
        ({"availability": {"variety": ["Loss"]}, "confidentiality": {"data_disclosure": "Potentially"}}, None),
        ({"confidentiality": {"data_disclosure": "Unknown"}}, None),
        ({"confidentiality": {"data_disclosure": "No"}}, None),
        ({"unknown": {}, "integrity": {"variety": ["Defacement"]}}, None),
    ],
)
def test_a_list_of_what_was_lost_is_put_only_when_it_is_whole(attribute, kinds):
    assert fact("breach.kinds", attribute=attribute) == kinds
    assert ("breach.kinds" in asked(attribute=attribute)) == (kinds is None)


@pytest.mark.parametrize(
    ("states", "encrypted", "question"),
    [
        (["Stored encrypted"], True, False),
        (["Stored encrypted", "Transmitted encrypted"], True, False),
        (["Stored unencrypted", "Unknown"], False, False),
        (["Printed"], False, False),
        (["Stored"], None, False),
        (["Stored encrypted", "Processed"], None, True),
        (["Stored encrypted", "Stored unencrypted"], None, True),
    ],
)
def test_encryption_is_said_of_all_the_data_or_not_at_all(states, encrypted, question):
    attribute = confidentiality(state=states)

    assert fact("breach.encrypted", attribute=attribute) is encrypted
    assert ("breach.encrypted" in asked(attribute=attribute)) is question


def test_kinds_of_data_never_close_the_list_of_elements():
    attribute = confidentiality(data=[{"variety": v} for v in ("Payment", "Personal", "Unknown", "Credentials")])
    made = imported(attribute=attribute)

    assert made.facts.data.elements == ("payment-card",)
    assert made.facts.data.other == ("Personal (VERIS)", "Credentials (VERIS)")
    assert [(one.path, one.value) for one in made.unmapped if "data" in one.path] == [
        ("attribute.confidentiality.data[2].variety", "Unknown")
    ]


@pytest.mark.parametrize(
    ("parts", "records"),
    [
        ({"data_total": 3700, "data": [{"variety": "Medical", "amount": 3700}]}, 3700),
        ({"data": [{"variety": "Medical", "amount": 100}, {"variety": "Bank", "amount": 7}]}, {"at_least": 100}),
        ({"data_total": 0}, None),
        ({"data_total": 3, "data": [{"variety": "Medical", "amount": 9}]}, None),
        ({}, None),
    ],
)
def test_records_are_counted_and_people_are_asked_for(parts, records):
    made = imported(attribute=confidentiality(**parts))

    assert made.facts.document().get("records") == records
    assert made.facts.people.total is None
    assert ("people.total" in {one.path for one in made.questions}) == (records is not None)


@pytest.mark.parametrize(
    ("variety", "duration", "length"),
    [
        ("Interruption", {"unit": "Days", "value": 3}, "P3D"),
        ("Interruption", {"unit": "Hours", "value": 1.5}, "PT1H30M"),
        ("Interruption", {"unit": "Months", "value": 1}, None),
        ("Interruption", {"unit": "Weeks", "value": 10**8 - 1}, None),
        ("Interruption", {"unit": "Weeks", "value": 10**12}, None),
        ("Interruption", {"unit": "Hours", "value": -1}, None),
        ("Interruption", {"unit": "Never"}, None),
        ("Loss", {"unit": "Days", "value": 3}, None),
    ],
)
def test_an_interruption_has_a_length_where_its_unit_has_one(variety, duration, length):
    attribute = {"availability": {"variety": [variety], "duration": duration}}

    assert imported(attribute=attribute).facts.document().get("significance", {}) == (
        {"service_interruption": length} if length else {}
    )


def test_ransomware_and_what_left_the_house_are_said_only_when_the_record_does():
    action = {
        "malware": {"variety": ["Ransomware", "Worm"], "vector": ["Unknown"], "result": ["Exfiltrate", "Persist"]}
    }
    made = imported(action=action)

    assert (made.facts.breach.ransomware, made.facts.breach.exfiltrated) == (True, True)
    left = {one.path: one.value for one in made.unmapped}
    assert (left["action.malware.variety"], left["action.malware.result"]) == (["Worm"], ["Persist"])
    assert (fact("breach.ransomware"), fact("breach.exfiltrated")) == (None, None)


def test_never_is_a_no_and_contradicted_a_question():
    timeline = {**an_incident()["timeline"], "exfiltration": {"unit": "Never"}}
    acted = {"hacking": {"variety": ["SQLi"], "result": ["Exfiltrate"]}}

    assert fact("breach.exfiltrated", timeline=timeline) is False
    assert "breach.exfiltrated" in asked(timeline=timeline, action=acted)
    assert fact("breach.exfiltrated", timeline={**timeline, "exfiltration": {"unit": "Days"}}) is True


@pytest.mark.parametrize(
    ("victim", "seat"), [(["DE"], "DE"), (["US", "MX"], None), (["Unknown"], None), (["Other"], None), (["XK"], None)]
)
def test_the_seat_is_the_one_country(victim, seat):
    assert fact("organisation.seat", victim={"country": victim, "industry": "00"}) == seat
    assert fact("organisation.seat", victim={"country": ["US"], "state": "NE"}) == "US"


@pytest.mark.parametrize(
    ("code", "tags"),
    [
        ("622110", ("health",)), ("62", ()), ("624410", ()), ("923140", ("government",)), ("44-45", ("retail",)),
        ("522110", ("finance", "bank")), ("522130", ("finance", "credit-union")), ("52", ()), ("5241", ("insurance",)),
        ("31-33", ()), ("517", ("telecom",)), ("51", ()), ("486", ("pipeline",)), ("48", ()), ("2213", ("water",)),
        ("00", ()), ("611", ("education",)),
    ],
)  # fmt: skip
def test_an_industry_is_a_sector_where_its_code_means_nothing_else(code, tags):
    assert sectors.of_industry(code) == tags


def test_a_public_body_is_known_by_its_level_of_government():
    assert fact("organisation.sectors", victim={"country": ["US"], "government": ["Local"]}) == ("government",)
    assert fact("organisation.sectors", victim={"country": ["US"], "government": ["NA"]}) is None


def test_the_title_names_nobody():
    made = imported(summary="Ms Example lost her laptop")

    assert made.facts.title == "VERIS incident A1"
    assert "title" in {one.path for one in made.questions}
    assert fact("title", incident_id="") == "VERIS incident"


def test_what_is_only_suspected_is_asked_about():
    assert "breach.kinds" in asked(security_incident="Suspected")
    assert "breach.kinds" not in asked(security_incident="Confirmed")


BROKEN = {
    "another version": ({"schema_version": "1.2"}, "schema_version"),
    "no action": ({"action": {}}, "action"),
    "a strange action": ({"action": {"magic": {}}}, "action"),
    "an action that is no mapping": ({"action": {"error": []}}, "action.error"),
    "a word twice": ({"action": {"error": {"variety": ["Loss", "Loss"]}}}, "action.error.variety"),
    "no actor": ({"actor": None}, "actor"),
    "no year": ({"timeline": {"incident": {"month": 2}}}, "timeline.incident.year"),
    "a year as text": ({"timeline": {"incident": {"year": "2014"}}}, "timeline.incident.year"),
    "the 31st of June": ({"timeline": {"incident": {"year": 2014, "month": 6, "day": 31}}}, "timeline.incident"),
    "a disclosure in other words": ({"attribute": confidentiality(data_disclosure="Perhaps")}, "data_disclosure"),
    "less than nothing": ({"attribute": confidentiality(data_total=-1)}, "data_total"),
    "yes as a number": ({"attribute": confidentiality(data_total=True)}, "data_total"),
    "a length that is none": (
        {"attribute": {"availability": {"variety": ["Loss"], "duration": {"unit": "Days", "value": "3"}}}},
        "duration.value",
    ),
    "countries as text": ({"victim": {"country": "US"}}, "victim.country"),
    "letters for an industry": ({"victim": {"industry": "62a"}}, "victim.industry"),
    "a name as a number": ({"victim": {"victim_id": 7}}, "victim.victim_id"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_the_facts_depend_on_must_be_whole(name):
    changes, path = BROKEN[name]
    with pytest.raises(Invalid, match=r"^a\.json is no VERIS incident that can be read: .*mend it there\.$") as refused:
        imported(**changes)

    assert path in str(refused.value)


def test_half_a_letter_is_refused():
    with pytest.raises(Invalid, match="half a letter"):
        imported(notes="\ud83d")


def test_a_zone_that_does_not_exist_is_refused():
    with pytest.raises(Invalid, match=r"^`--zone` names no IANA time zone"):
        imported(zone="Atlantis/Centre")


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


def scalars(value):
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return [value] if not parts else [leaf for part in parts for leaf in scalars(part)]


@given(st.dictionaries(st.text(max_size=3), _VALUES, min_size=1, max_size=4))
def test_no_value_of_a_foreign_record_is_lost(document):
    left = [
        leaf for one in Leaves(document).left() for leaf in (one.value if isinstance(one.value, list) else [one.value])
    ]

    told = [leaf for leaf in scalars(document) if leaf != []]
    assert sorted(map(repr, (leaf for leaf in left if leaf != []))) == sorted(map(repr, told))
