"""Scenarios of drills: checked whole, merged, fitted to a plan; and when the cast works."""

from datetime import timedelta
from typing import Any

import pendulum
import pytest

from tocsin import scenario
from tocsin.cast import Calendar, Member
from tocsin.errors import Invalid

WHOLE: dict[str, Any] = {
    "id": "short",
    "title": "A short one",
    "plan": "kaiconn",
    "starts": {"at": "2026-09-30T16:20", "zone": "Asia/Shanghai"},
    "lasts": "PT5H",
    "facts": {"title": "Copied records", "breach": {"kinds": ["confidentiality"]}},
    "cast": {"lin": {"name": "Lin Wei", "roles": ["responder"], "zone": "Asia/Shanghai"}},
}


def with_(**more: Any) -> dict[str, Any]:
    return {**WHOLE, **more}


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (with_(colour="red"), "`colour` is no name known here"),
        (with_(lasts="PT0S"), "`lasts` must be longer than nothing"),
        (with_(injects=[{"at": "PT6H", "facts": {}}]), "`injects[0].at` lies behind the end"),
        (with_(injects=[{"at": "PT1H"}]), "must hold exactly one of facts, people"),
        (with_(injects=[{"at": "PT1H", "outage": "email"}]), "of kind `outage` needs `lasts`"),
        (with_(injects=[{"at": "PT1H", "facts": {}, "lasts": "PT1H"}]), "of kind `facts` has no `lasts`"),
        (with_(injects=[{"at": "PT1H", "absent": "ann", "lasts": "PT1H"}]), "'ann', who is not in the cast"),
        (with_(expect=[{"reached": 90}]), "needs `within`"),
        (with_(facts={"title": "x", "breach": {"kinds": ["smell"]}}), "scenario x, facts: `breach.kinds"),
        (with_(injects=[{"at": "PT1H", "facts": {"times": {"aware": "noon"}}}]), "injects[0].facts: `times.aware`"),
    ],
)
def test_a_bad_scenario_is_refused_in_one_sentence(document, said):
    with pytest.raises(Invalid) as refused:
        scenario.parse(document, source="scenario x")

    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_new_facts_are_laid_over_what_is_known_and_null_forgets():
    known = {"people": {"total": 5, "children": 1}, "data": {"elements": ["name"]}}

    found = scenario.merged(known, {"people": {"total": 6, "children": None}, "data": {"elements": ["email"]}})

    assert found == {"people": {"total": 6}, "data": {"elements": ["email"]}}
    assert known["people"] == {"total": 5, "children": 1}


def member(**more: Any) -> Member:
    return Member.model_validate({"name": "Wang", "roles": ["legal"], "zone": "Asia/Shanghai", "place": "CN", **more})


SHANGHAI = "Asia/Shanghai"


@pytest.mark.parametrize(
    ("asked", "hours", "done"),
    [
        # begun in the last half hour before the National Day week, and ended on the first working day after it
        ("2026-09-30T17:30", 2, "2026-10-08T10:30"),
        ("2026-09-29T10:00", 2, "2026-09-29T12:00"),
        ("2026-09-29T03:00", 1, "2026-09-29T10:00"),
        ("2026-10-10T12:00", 1, "2026-10-10T13:00"),  # a Saturday that is worked to make up for the week
    ],
)
def test_office_work_knows_holidays(asked, hours, done):
    calendar = Calendar(member(hours="office"), ())
    at = pendulum.parse(asked, tz=SHANGHAI).in_timezone("UTC")

    ends = calendar.done_at(at, timedelta(hours=hours))

    assert ends == pendulum.parse(done, tz=SHANGHAI)


def test_work_is_broken_off_by_an_absence():
    begins = pendulum.datetime(2026, 11, 2, 8)
    calendar = Calendar(member(), [(begins.add(hours=1), begins.add(hours=25))])

    assert calendar.done_at(begins, timedelta(hours=2)) == begins.add(hours=26)
    assert not calendar.works_at(begins.add(hours=2))
