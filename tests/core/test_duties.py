"""Duties from small made-up laws: clocks, chains, holds, extensions, differences."""

import copy

import pytest

from tocsin import differences, duties, facts, moments, regimes

SOURCE = {"title": "A statute", "link": "https://example.org/law", "read_on": "2026-11-22", "confidence": "text"}
AWARE = {"starts": {"at": "aware"}, "within": {"hours": 72}, "rule": "exact"}


def a_duty(**changes):
    base = {
        "audience": "authority",
        "recipient": "authority",
        "when": {"always": True},
        "citation": "s. 1",
        "source": "act",
    }
    return {**base, **({} if {"undated", "clocks", "same_time_as"} & changes.keys() else {"clock": AWARE}), **changes}


def a_law(duties, **changes):
    document = {
        "id": "xx-act", "title": "An Act", "law": "Act", "place": "DE", "citation": "s. 0", "source": "act",
        "sources": {"act": SOURCE}, "applies": {"always": True}, "duties": duties, **changes,
    }  # fmt: skip
    return regimes.parse(copy.deepcopy(document), source="xx/act.yaml")


def assessed(law, as_of="2026-11-25T00:00:00Z", **parts):
    times = {"aware": "2026-11-20T10:00:00+01:00", **parts.pop("times", {})}
    document = {"title": "x", "times": {name: at for name, at in times.items() if at}, **parts}
    return duties.assess(facts.parse(document, source="f"), [law], as_of=moments.parse(as_of))


def one(law, key="authority", **how):
    return {duty.id: duty for duty in assessed(law, **how).duties}[f"xx-act/{key}"]


def filed(key, at):
    return {"event": "filed", "duty": f"xx-act/{key}", "at": at}


EARLIER_OF_TWO = {
    "clocks": [
        {"starts": {"at": "classified"}, "within": {"hours": 4}, "rule": "exact"},
        {"starts": {"at": "aware"}, "within": {"hours": 24}, "rule": "exact"},
    ]
}


@pytest.mark.parametrize(
    ("classified", "expected"),
    [
        ("2026-11-20T12:00:00+01:00", "2026-11-20T16:00:00+01:00"),
        ("2026-11-21T09:00:00+01:00", "2026-11-21T10:00:00+01:00"),
        (None, "2026-11-21T10:00:00+01:00"),
    ],
)
def test_the_earlier_of_two_clocks_decides(classified, expected):
    duty = one(a_law({"authority": a_duty(**EARLIER_OF_TWO)}), times={"classified": classified})
    assert moments.text(duty.due) == expected


def test_the_later_of_two_clocks_needs_both():
    law = a_law({"authority": a_duty(**EARLIER_OF_TWO, take="latest")})
    assert one(law).unknown == ("times.classified",)
    assert moments.text(one(law, times={"classified": "2026-11-20T12:00:00+01:00"}).due) == "2026-11-21T10:00:00+01:00"


def test_a_chain_starts_only_once_the_earlier_stage_is_filed():
    final = a_duty(
        clock={"starts": {"event": "filed", "duty": "authority"}, "within": {"months": 1}, "rule": "eu-1182-71"}
    )
    law = a_law({"authority": a_duty(), "final": {**final, "order": ["authority"]}})
    waiting = one(law, "final")
    assert (waiting.status, waiting.due, waiting.starts_at, waiting.order) == (
        "conditional",
        None,
        "filed",
        ("xx-act/authority",),
    )
    begun = one(law, "final", events=[filed("authority", "2026-11-22T10:00:00+01:00")])
    assert (begun.status, moments.text(begun.due)) == ("owed", "2026-12-22T23:59:59+01:00")
    assert one(law, events=[filed("authority", "2026-11-22T10:00:00+01:00")]).status == "done"


def test_an_act_after_the_moment_of_the_view_has_not_happened():
    law = a_law({"authority": a_duty()})
    assert (
        one(law, as_of="2026-11-21T00:00:00Z", events=[filed("authority", "2026-11-22T10:00:00+01:00")]).status
        == "owed"
    )


def test_a_late_filing_is_done_and_said_to_be_late():
    duty = one(a_law({"authority": a_duty()}), events=[filed("authority", "2026-11-24T10:00:00+01:00")])
    assert duty.status == "done"
    assert "after it was due" in duty.explained[-1]


def test_the_same_time_as_the_people_is_their_day_or_the_day_they_were_told():
    people = a_duty(
        audience="individuals", clock={"starts": {"at": "aware"}, "within": {"days": 30}, "rule": "calendar-days"}
    )
    law = a_law({"individuals": people, "authority": a_duty(same_time_as="individuals")})
    assert moments.text(one(law).due) == "2026-12-20T23:59:59+01:00"
    told = one(law, events=[{"event": "individuals-notified", "at": "2026-11-24T10:00:00+01:00"}])
    assert (moments.text(told.due), told.starts_at) == ("2026-11-24T10:00:00+01:00", "individuals-notified")


THIRTY = {"clock": {"starts": {"at": "aware"}, "within": {"days": 3}, "rule": "calendar-days"}}
EXTENSION = {
    "extension": {"within": {"days": 15}, "grounds": "good cause in writing", "citation": "s. 3", "source": "act"}
}


def test_an_extension_counts_only_when_it_was_filed_in_time():
    law = a_law({"authority": a_duty(**THIRTY, **EXTENSION)})
    ask = {"event": "extension-filed", "duty": "xx-act/authority"}
    assert moments.text(one(law).due) == "2026-11-23T23:59:59+01:00"
    assert (
        moments.text(one(law, events=[{**ask, "at": "2026-11-23T23:59:59+01:00"}]).due) == "2026-12-08T23:59:59+01:00"
    )
    assert (
        moments.text(one(law, events=[{**ask, "at": "2026-11-24T00:00:00+01:00"}]).due) == "2026-11-23T23:59:59+01:00"
    )


def a_hold(**changes):
    return {"by": "law-enforcement", "from": "2026-11-21T00:00:00Z", **changes}


def held(**tail):
    rule = {"written": True, "citation": "s. 4", "source": "act", **tail}
    return a_law({"authority": a_duty(**THIRTY, holds=[rule])})


def test_a_hold_suspends_only_where_the_law_knows_it_and_in_its_form():
    assert one(held(), holds=[a_hold(written=True)]).status == "suspended"
    assert one(held(), holds=[a_hold(written=False)]).status == "owed"
    assert (one(held(), holds=[a_hold()]).status, "holds.written" in str(one(held(), holds=[a_hold()]).explained)) == (
        "owed",
        True,
    )
    assert one(held(), holds=[a_hold(by="insurer")]).status == "owed"
    assert one(a_law({"authority": a_duty()}), holds=[a_hold()]).status == "owed"
    assert one(held(), holds=[a_hold(**{"from": "2026-11-26T00:00:00Z"})]).status == "owed"


def test_after_a_hold_the_later_of_the_ordinary_day_and_the_tail_is_due():
    tail = {"then_within": {"days": 7}}
    late = one(
        held(**tail), as_of="2026-12-02T00:00:00Z", holds=[a_hold(until="2026-12-01T10:00:00+01:00", written=True)]
    )
    assert (late.status, moments.text(late.due)) == ("owed", "2026-12-08T23:59:59+01:00")
    assert moments.text(late.target) == "2026-12-08T23:59:59+01:00"


def test_after_a_hold_without_a_number_nothing_is_invented():
    duty = one(
        held(then="promptly"),
        as_of="2026-12-02T00:00:00Z",
        holds=[a_hold(until="2026-12-01T10:00:00+01:00", written=True)],
    )
    assert (duty.status, duty.due, duty.undated) == ("owed", None, "promptly")


def test_a_disabled_regime_says_nothing():
    draft = a_law({"authority": a_duty()}, status="not-in-force", status_note="a bill, looked at on 2026-11-22")
    assert assessed(draft).duties == ()


def test_rows_come_owed_by_target_then_undated_then_what_is_open():
    law = a_law(
        {
            "record": a_duty(undated="always"),
            "late": a_duty(clock={**AWARE, "within": {"hours": 90}}),
            "open": a_duty(when={"fact": "breach.encrypted", "is": False}),
            "chain": a_duty(clock={"starts": {"event": "ransom-paid"}, "within": {"hours": 1}, "rule": "exact"}),
            "early": a_duty(clock={**AWARE, "within": {"hours": 9}}),
            "never": a_duty(when={"fact": "breach.ransomware", "is": True}),
        }
    )
    found = assessed(law, breach={"ransomware": False})
    assert [duty.id.partition("/")[2] for duty in found.duties] == ["early", "late", "record", "open", "chain", "never"]
    assert [row["id"] for row in found.document(everything=False)["duties"]][-1] == "xx-act/chain"


def test_a_row_has_the_keys_of_the_contract_in_their_order():
    assert list(one(a_law({"authority": a_duty()})).row()) == [
        "id", "regime", "audience", "recipient", "status", "due", "target", "undated", "starts", "starts_at", "unknown",
        "advised", "people", "stage", "order", "channels", "content", "citation", "source", "in_force", "confidence",
        "explained",
    ]  # fmt: skip


RISKY = a_law(
    {"individuals": a_duty(audience="individuals", when={"fact": "risk.to_people", "is": "high"}, undated="soon")}
)
LEAK = {
    "data": {"elements": ["name", "ssn"]},
    "breach": {"kinds": ["confidentiality"], "cause": "attack", "exfiltrated": True, "encrypted": False},
}


def test_a_humans_decision_replaces_the_advice():
    advised = one(RISKY, "individuals", **LEAK)
    assert (advised.status, advised.unknown, advised.advised) == ("undetermined", ("risk.to_people",), "owed")
    decided = one(RISKY, "individuals", **LEAK, risk={"to_people": "unlikely", "determined_by": "counsel"})
    assert (decided.status, decided.advised) == ("not-owed", None)


def test_without_data_elements_there_is_no_advice():
    assert one(RISKY, "individuals").advised is None
    assert assessed(RISKY).advice.risk == "undetermined"


def kinds(before, after):
    return [change.kind for change in differences.compare(before, after)]


LAW = a_law({"authority": a_duty(when={"people_in": "DE", "over": 10})})


def people(number):
    return {"people": {"total": number, "by_place": {"DE": number}}}


def test_the_first_assessment_makes_everything_appear_and_says_what_is_late_already():
    assert kinds(None, assessed(LAW, "2026-11-21T00:00:00Z", **people(11))) == ["appeared"]
    assert kinds(None, assessed(LAW, "2026-11-24T00:00:00Z", **people(11))) == ["appeared", "overdue-on-creation"]
    assert kinds(None, assessed(LAW, **people(10))) == []


def test_a_change_of_facts_names_what_appeared_moved_and_fell_away():
    small, large = assessed(LAW, **people(10)), assessed(LAW, "2026-11-21T00:00:00Z", **people(11))
    earlier = assessed(LAW, "2026-11-21T00:00:00Z", times={"aware": "2026-11-20T09:00:00+01:00"}, **people(11))
    assert kinds(small, large) == ["appeared"]
    assert kinds(large, earlier) == ["moved-earlier"]
    assert kinds(earlier, large) == ["moved-later"]
    assert kinds(large, small) == ["fell-away"]
    assert kinds(large, large) == []


def test_a_duty_that_becomes_certain_after_its_day_is_overdue_on_creation():
    unknown, known = assessed(LAW, "2026-11-24T00:00:00Z"), assessed(LAW, "2026-11-24T00:00:00Z", **people(11))
    assert kinds(unknown, known) == ["status-changed", "overdue-on-creation"]


def test_every_change_is_one_sentence_that_names_the_duty():
    for change in differences.compare(None, assessed(LAW, **people(11))):
        assert change.sentence.startswith("xx-act/authority (authority): ")
        assert change.sentence.endswith(".")
        assert change.row()["duty"] == "xx-act/authority"
