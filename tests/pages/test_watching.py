"""`tocsin watch` through the command line: one look, its answers, and what is refused."""

from collections.abc import Callable
from pathlib import Path

import pendulum
import pytest
from pendulum import DateTime

from notifiers import pager

DUTY = "eu-gdpr/authority-DE"
PEOPLE = {"lin-wei": {"name": "Lin Wei", "urls": ["json://127.0.0.1:9/"], "groups": ["responders"]}}


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every warning that a person heard."""
    heard: list[str] = []
    monkeypatch.setattr(pager, "tell", lambda person, _urls, *, title, **_: heard.append(f"{person}: {title}"))
    return heard


def test_a_warning_is_given_answered_and_explained(
    tocsin, told: list[str], facts_files: Callable[[DateTime], tuple[Path, Path]]
) -> None:
    tocsin.change_settings(simulated_clock=True, people=PEOPLE)
    now = pendulum.datetime(2026, 11, 21, 2, tz="Asia/Shanghai")
    tocsin.set_clock(now)
    _, facts = facts_files(now.subtract(hours=2))
    tocsin.ok("declare", str(facts), "--plan", "conex-easykey")
    tocsin.set_clock(now.add(days=5))

    seen = tocsin.ok("watch", "--once", "--json").json
    again = tocsin.ok("watch", "--once")
    listed = tocsin.ok("watch", "list", "--json").json
    acked = tocsin.ok("watch", "ack", "-", DUTY, "--as", "Lin Wei")
    after = tocsin.ok("watch", "list", "-", "--json").json
    early = tocsin("watch", "snooze", "-", DUTY, "--for", "an hour", "--reason", "The form is being filled.")
    tocsin.ok("watch", "snooze", "-", DUTY, "--for", "PT1H", "--reason", "The form is being filled.")
    why = tocsin.ok("watch", "late", "-", DUTY, "--reason", "The extent was not known before.")
    late = {row["duty"]: row["reason"] for row in tocsin.ok("watch", "list", "--late", "--json").json}

    assert any(DUTY in item for item in seen["overdue"])
    assert (seen["troubles"], len(told)) == ([], 2)  # the tasks are one message, the duties another
    assert "0 newly overdue, 0 warnings" in again.out
    assert {row["about"] for row in listed} - {row["about"] for row in after} == {DUTY}
    assert "acknowledged" in acked.out
    assert (early.code, "ISO 8601" in early.err) == (2, True)
    assert "late by" in why.out
    assert late[DUTY] == "The extent was not known before."
    assert "tocsin watch late" in next(reason for duty, reason in late.items() if duty != DUTY)


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("watch", 2, "--once"),
        ("watch --once list", 2, "stand behind"),
        ("watch nothing", 2, "No such command"),
        ("watch ack nowhere a/x", 2, "no incident"),
        ("watch ack - a/x", 2, "no open incident"),
        ("watch late - a/x", 2, "--reason"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(tocsin, line: str, code: int, said: str) -> None:
    before = tocsin.record()
    done = tocsin(*line.split())

    assert (done.code, done.out) == (code, "")
    assert said in done.err
    assert done.err.count("\n") == 1
    assert tocsin.record() == before
