"""`tocsin drill` on the command line: what is refused, and what is shown of drills that were held."""

import pendulum
import pytest

from flows.drill import filing

REPORT = {
    "format": 1,
    "drill": {"scenario": "short", "title": "A short one", "plan": "kaiconn", "plan_hash": "ab", "seed": 7,
              "begins": "2026-09-28T16:20:00+08:00", "ends": "2026-09-28T17:20:00+08:00", "lasts": "PT1H"},
    "score": {"percent": 50, "duties_in_time": 1, "duties_late": 1, "duties_late_and_open": 0, "duties_unsettled": 0,
              "expectations_met": 0, "expectations": 0},
    "expectations": [], "tasks": [], "decisions": [], "bottlenecks": [], "left": [], "course": [],
    "duties": [{"duty": "cn-cac/authority", "to": "CAC", "audience": "authority", "state": "late",
                "due": "2026-09-28T17:00:00+08:00", "done": None, "late_by": "PT20M", "because": "wang was away"}],
    "people": {"total": 0, "open": 0, "by_verdict": {}, "not_reached": []},
    "warnings": {"warnings": 0, "by_person": {}, "answered": 0, "longest_to_answer": None},
    "watch": {"away_minutes": 0, "passed_unsaid": [], "seen_late": []},
}  # fmt: skip


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("kaiconn", "--speed", "fast"), "--speed 'fast' is no speed"),
        (("kaiconn", "--scenario", "nix"), "There is no scenario 'nix'"),
        (("kaiconn", "--scenario", "konzen-festival"), "for plan konzen, not for kaiconn"),
        (("nix",), "There is no plan 'nix'"),
        (("show", "last"), "`tocsin drill list`"),
    ],
)
def test_bad_words_are_refused_in_one_sentence(tocsin, words, said):
    done = tocsin("drill", *words)

    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert done.err.count("\n") == 1


def test_drills_that_were_held_are_listed_shown_and_compared(tocsin):
    held = pendulum.datetime(2026, 11, 20, 10)
    filing.keep(tocsin.home, REPORT, at=held)
    better = {**REPORT, "duties": [{**REPORT["duties"][0], "state": "in time", "late_by": None}]}
    filing.keep(tocsin.home, better, at=held.add(hours=1))

    listed = tocsin.ok("drill", "list", "--json").json
    differing = tocsin.ok("drill", "compare", "20261120T100000Z-short").out

    assert [row["drill"] for row in listed["drills"]] == ["20261120T100000Z-short", "20261120T110000Z-short"]
    assert listed["due"][0]["due"].startswith("2027-11-20")
    assert "wang was away" in tocsin.ok("drill", "show", "20261120T10").out
    assert "late by PT20M" in differing
    assert "in time" in differing
