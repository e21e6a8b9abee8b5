import copy

import pytest

from tocsin import facts, plan
from tocsin.delivery import Channel
from tocsin.errors import Invalid
from tocsin.plantext import Announcement

DOCUMENT = {
    "id": "acme",
    "organisation": {
        "name": {"en": "Acme"},
        "seat": "CN",
        "zone": "Asia/Shanghai",
        "contact": {"email": "p@acme.example"},
    },
    "policy": {
        "title": "Acme Privacy Policy",
        "place": "website",
        "language": "en",
        "read_on": "2026-11-22",
        "clauses": {"tell": {"at": "4(4)", "about": "incidents", "says": "People are told within ten days."}},
    },
    "places": ["CN"],
    "promises": {
        "id": "plan-acme",
        "title": "What Acme promises",
        "law": "Acme Privacy Policy",
        "kind": "plan",
        "place": "CN",
        "citation": "Acme Privacy Policy, clause 4(4)",
        "source": "policy",
        "sources": {"policy": {"title": "Acme Privacy Policy", "read_on": "2026-11-22", "confidence": "text"}},
        "applies": {"always": True},
        "duties": {
            "individuals": {
                "citation": "Acme Privacy Policy, clause 4(4)",
                "source": "policy",
                "audience": "individuals",
                "recipient": "users",
                "when": {"always": True},
                "clock": {"starts": {"at": "aware"}, "within": {"days": 10}, "rule": "calendar-days"},
            }
        },
    },
    "phases": {
        "contain": [
            {"key": "stop", "title": "Stop it", "owner": "security", "within": "PT24H", "clause": "tell"},
            {
                "key": "reset",
                "title": "Reset passwords",
                "owner": "security",
                "when": {"fact": "data.elements", "has": "password-hash"},
            },
        ],
        "review": [{"key": "learn", "title": "Learn", "owner": "lead"}],
    },
    "notice": {"requires": ["situation-and-impact", "measures", "advice", "remedies"], "languages": ["zh", "en"]},
    "ladder": {
        "default": [
            {"channel": "push", "wait": "PT30M"},
            {"channel": "email", "wait": "PT2H", "settles_on": "accepted"},
        ],
        "exceptions": [
            {"places": ["US"], "rungs": [{"channel": "email", "wait": "PT1H"}]},
            {"languages": ["de"], "rungs": [{"channel": "sms", "wait": "PT1H"}]},
        ],
    },
    "approvals": {"notice": {"roles": ["legal"], "count": 2, "four_eyes": True}},
    "announcement": {},
    "residency": [{"places": ["CN"], "providers_marked": ["CN"], "stores_marked": ["CN"]}],
    "regulators": {"reports": ["cn-cac-incident"]},
}


def a_plan(change=lambda _: None):
    document = copy.deepcopy(DOCUMENT)
    change(document)
    return plan.parse(document, source="acme.yaml")


def refusal(change):
    with pytest.raises(Invalid) as caught:
        a_plan(change)
    return str(caught.value)


def setting(path, value):
    def change(document):
        *parents, last = path
        for step in parents:
            document = document[step]
        document[last] = value

    return change


def test_a_plan_is_read_whole():
    made = a_plan()

    assert (made.id, made.promises.id, made.doubt) == ("acme", "plan-acme", "hold")
    assert [task.key for task in made.tasks("contain")] == ["stop", "reset"]
    assert made.tasks("assess") == ()
    assert made.tasks("contain")[0].within == "PT24H"
    assert made.organisation.contact.email == "p@acme.example"


@pytest.mark.parametrize(
    ("place", "language", "channels"),
    [
        ("CN", "zh", [Channel.PUSH, Channel.EMAIL]),
        ("US-CA", "de", [Channel.EMAIL]),
        ("DE", "de", [Channel.SMS]),
        ("", "", [Channel.PUSH, Channel.EMAIL]),
    ],
)
def test_the_first_exception_that_fits_replaces_the_ladder(place, language, channels):
    assert [rung.channel for rung in a_plan().ladder_for(place=place, language=language)] == channels


def test_quiet_hours_are_those_of_the_place_and_an_exception_may_have_its_own():
    def quiet(document):
        document["ladder"]["quiet"] = {"begins": "21:00", "ends": "08:00"}
        document["ladder"]["exceptions"][1]["quiet"] = {"begins": "22:00", "ends": "07:00", "channels": ["phone"]}

    made = a_plan(quiet)

    def night(place, language):
        found = made.night_for(place=place, language=language)
        return found.zone, found.hours.begins.hour, len(found.hours.channels)

    assert night("CN", "zh") == ("Asia/Shanghai", 21, 3)
    assert night("US-CA", "en") == ("America/Los_Angeles", 21, 3)  # another ladder, the same hours
    assert night("DE", "de") == ("Europe/Berlin", 22, 1)
    assert night("", "en") == ("Asia/Shanghai", 21, 3)
    assert a_plan().night_for(place="CN", language="zh") is None


@pytest.mark.parametrize(
    ("elements", "applies"), [({"elements": ["password-hash"]}, True), ({"elements": ["name"]}, False), ({}, True)]
)
def test_a_task_with_a_condition_is_owed_unless_the_facts_rule_it_out(elements, applies):
    known = facts.parse({"title": "x", "data": elements}, source="facts")

    assert a_plan().tasks("contain")[1].applies(known) is applies


def test_an_approval_rule_that_is_not_written_down_is_one_other_pair_of_eyes():
    made = a_plan()

    assert (made.approval("notice").count, made.approval("notice").roles) == (2, ("legal",))
    assert (made.approval("report").count, made.approval("report").four_eyes) == (1, True)


@pytest.mark.parametrize(("marks", "missing"), [(["CN"], ()), ("*", ("CN",)), (["DE"], ("CN",)), (["CN", "*"], ())])
def test_a_store_without_the_mark_is_named(marks, missing):
    assert a_plan().stores_missing(marks) == missing


def test_the_hash_changes_with_any_word_of_the_plan_and_with_nothing_else():
    assert a_plan().hash == a_plan().hash
    assert a_plan().hash != a_plan(setting(["policy", "clauses", "tell", "says"], "Within eleven days.")).hash


def test_documents_get_the_organisation_and_the_required_parts_as_plain_data():
    shown = a_plan().for_documents()

    assert shown["organisation"]["name"] == {"en": "Acme"}
    assert shown["organisation"]["zone"] == "Asia/Shanghai"
    assert shown["requires"] == ["situation-and-impact", "measures", "advice", "remedies"]
    assert "clauses" not in str(shown)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (setting(["organisaton"], {}), ["`organisaton`", "`organisation`"]),
        (setting(["organisation", "zone"], "Asia/Shanghay"), ["`organisation.zone`", "no time zone"]),
        (setting(["places"], ["UK"]), ["`places[0]`", "GB"]),
        (setting(["notice", "requires"], ["advise"]), ["`notice.requires[0]`", "`advice`"]),
        (setting(["notice", "languages"], []), ["`notice.languages`"]),
        (setting(["ladder", "default", 1, "channel"], "push"), ["`ladder.default`", "two rungs on `push`"]),
        (setting(["ladder", "default", 0, "wait"], "half an hour"), ["`ladder.default[0].wait`", "PT30M"]),
        (setting(["ladder", "default", 0, "tries"], 0), ["`ladder.default[0].tries`"]),
        (setting(["ladder", "quiet"], {"begins": "9 pm", "ends": "08:00"}), ["`ladder.quiet.begins`", "21:00"]),
        (setting(["ladder", "quiet"], {"from": "21:00", "ends": "08:00"}), ["`ladder.quiet", "from"]),
        (
            setting(["ladder", "exceptions", 0], {"rungs": [{"channel": "sms", "wait": "PT1H"}]}),
            ["neither `places` nor"],
        ),
        (setting(["ladder", "clause"], "tel"), ["`ladder.clause`", "`tell`"]),
        (setting(["phases", "contain", 1, "key"], "stop"), ["`phases.contain[1]`", "`stop`"]),
        (setting(["phases", "contain", 0, "clause"], "nope"), ["`phases.contain[0].clause`", "policy.clauses"]),
        (
            setting(["phases", "contain", 1, "when"], {"fact": "data.elements", "has": "passwort"}),
            ["`phases.contain[1]`.when"],
        ),
        (setting(["phases", "notify"], []), ["`phases.notify"]),
        (setting(["promises", "id"], "acme"), ["`id: plan-acme`"]),
        (setting(["promises", "kind"], "law"), ["link"]),
        (
            setting(["promises", "duties", "individuals", "citation"], "clause 9"),
            ["`promises.duties.individuals.citation`"],
        ),
        (setting(["promises", "duties", "individuals", "clock", "within"], {"fortnights": 1}), ["promises", "within"]),
        (setting(["approvals", "notice", "count"], 0), ["`approvals.notice.count`"]),
        (setting(["residency", 0, "places"], ["XX"]), ["`residency[0].places[0]`"]),
        (setting(["watch"], {"warn_at": [100]}), ["`watch.warn_at[0]`"]),
        (
            setting(["silent"], [{"topic": "t", "filled_by": "the law", "law_of": "CN", "note": "n"}]),
            ["`silent[0].filled_by`"],
        ),
    ],
)
def test_what_does_not_hold_together_is_refused_with_its_path_and_what_to_do(change, said):
    sentence = refusal(change)

    assert sentence.startswith("acme.yaml")
    assert all(part in sentence for part in said), sentence
    assert "\n" not in sentence


@pytest.mark.parametrize(
    ("percent", "unreached", "total", "wanted"),
    [(0, 0, 10, False), (0, 1, 1000, True), (10, 9, 100, False), (10, 10, 100, True), (100, 99, 100, False)],
)
def test_an_announcement_is_wanted_from_the_plan_s_share_of_unreached_people(percent, unreached, total, wanted):
    assert Announcement(unreached_percent=percent).wanted(unreached=unreached, total=total) is wanted
