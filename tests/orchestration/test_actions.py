"""Automatic actions: run once, only what the settings know, and what nobody knows is left to a person."""

import threading
from collections.abc import Callable
from dataclasses import replace

import pytest
import yaml

from db import actions, ledger, tasks
from flows import plans, settings, wiring
from flows.steps import acting, declaring, reminding
from flows.steps.warning import Plans
from flows.wiring import House
from tocsin import facts as fact_parser
from tocsin.errors import Invalid, Misconfigured, NotAllowed
from tocsin.ledger import EventType
from tocsin.plan import Plan

TASK, ACTION = "stop-the-leak", "revoke-tokens"
DEAD = "here:1:gone:00000000"


@pytest.fixture(autouse=True)
def asking(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """The shipped plan with an action in its first task; says whether it needs approval."""
    shipped = plans.get("conex-easykey")

    def ask(*, approval: bool) -> None:
        every = tuple(
            replace(task, action=ACTION, needs_approval=approval) if task.key == TASK else task
            for task in shipped.every_task
        )
        made = Plan(text=shipped.text, promises=shipped.promises, every_task=every, document=shipped.document)
        monkeypatch.setattr(House, "plan", lambda _self, _name: made)

    ask(approval=False)
    return ask


def settle_on(desk, **action: object) -> House:
    """The installation whose settings say that the action is this."""
    path = desk.folder / wiring.SETTINGS
    document = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump({**document, "actions": {ACTION: action}}))
    return desk.house


def shell(script: str) -> list[str]:
    return ["/bin/sh", "-c", script]


def state_of(house: House, incident: str) -> actions.ActionRun:
    with house.database.reading() as session:
        return actions.get(session, incident, TASK)


def said(house: House, incident: str, kind: EventType) -> list[dict]:
    with house.database.reading() as session:
        return [dict(entry.data) for entry in ledger.listed(session, incident, event_type=kind)]


def test_an_action_runs_once_however_many_run_it_and_tells_no_secret(desk, prepare, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("API_TOKEN", "hunter2-secret")
    script = f'echo ran >> {tmp_path}/ran; echo "$API_TOKEN $TOCSIN_MASTER_KEY $TOCSIN_TASK"; sleep 0.2'
    house = settle_on(desk, command=shell(script), environment=["API_TOKEN"])
    incident = prepare(house, upto="declared")
    others = [threading.Thread(target=acting.run_due, args=(one, incident), kwargs={"phase": "contain"})
              for one in (house, desk.house, desk.house)]  # fmt: skip
    for other in others:
        other.start()
    for other in others:
        other.join()
    acting.run_due(house, incident, phase="contain")
    row = acting.listed(house, incident, by="Lin Wei", now=house.now(), outputs=True)[0]
    ended = said(house, incident, EventType.ACTION_ENDED)

    assert (tmp_path / "ran").read_text() == "ran\n"
    assert (row["state"], row["tries"], row["output"]) == ("done", 1, f"***  {TASK}\n")
    assert [(one["state"], one["code"], one["output_bytes"]) for one in ended] == [("done", "exit-0", 19)]
    assert "hunter2" not in str(ended)
    with house.database.reading() as session:
        assert tasks.get(session, incident, TASK).state == "done"


def test_a_failing_action_is_tried_again_later_each_time_and_then_left_to_a_person(desk, prepare, tmp_path) -> None:
    script = f"echo x >> {tmp_path}/ran; exit 3"
    house = settle_on(desk, command=shell(script), retries=1)
    incident = prepare(house, upto="declared")
    first = acting.run_due(house, incident, phase="contain")
    early = acting.run_due(house, incident, phase="contain")
    desk.set_clock(house.now().add(seconds=31))
    acting.run_due(house, incident, phase="contain")
    told = reminding.waiting_actions(house, Plans(house), now=house.now())
    again = reminding.waiting_actions(house, Plans(house), now=house.now())
    failed = state_of(house, incident)
    with pytest.raises(Invalid, match="done, again, leave"):
        acting.decide(house, incident, TASK, "perhaps", by="Lin Wei", reason="x", now=house.now())
    acting.decide(house, incident, TASK, "leave", by="Lin Wei", reason="Done by hand.", now=house.now())
    acting.run_due(house, incident, phase="contain")

    assert "ready (exit-3)" in first.waiting[0]
    assert early.did == ()
    assert (tmp_path / "ran").read_text() == "x\nx\n"
    assert (failed.state, failed.code) == ("failed", "exit-3")
    assert (len(told), again) == (1, [])
    assert state_of(house, incident).state == "left"


@pytest.mark.parametrize("idempotent", [False, True])
def test_what_a_dead_process_had_in_hand_is_a_doubt_unless_it_may_run_twice(
    desk, prepare, tmp_path, idempotent
) -> None:
    house = settle_on(desk, command=shell(f"echo x >> {tmp_path}/ran"), idempotent=idempotent)
    incident = prepare(house, upto="declared")
    now = house.now()
    with house.database.transaction() as session:
        assert actions.claim(session, incident, TASK, owner=DEAD, until=now.subtract(seconds=1), spec="s", now=now)
    acting.run_due(house, incident, phase="contain")
    after = state_of(house, incident)

    assert (after.state, (tmp_path / "ran").exists()) == (("done", True) if idempotent else ("doubt", False))
    if not idempotent:
        acting.decide(house, incident, TASK, "done", by="Lin Wei", reason="Seen in the log.", now=house.now())
        assert state_of(house, incident).state == "done"
        assert not (tmp_path / "ran").exists()


def test_an_action_that_needs_approval_runs_only_as_it_was_approved(desk, prepare, tmp_path, asking) -> None:
    asking(approval=True)
    house = settle_on(desk, command=shell(f"echo one >> {tmp_path}/ran"))
    incident = prepare(house, upto="declared")
    before = acting.run_due(house, incident, phase="contain")
    acting.approve(house, incident, TASK, by="Zhao Min", now=house.now())
    changed = settle_on(desk, command=shell(f"echo two >> {tmp_path}/ran"))
    acting.run_due(changed, incident, phase="contain")
    unapproved = state_of(changed, incident).state
    acting.approve(changed, incident, TASK, by="Zhao Min", now=house.now())
    with pytest.raises(NotAllowed, match="is ready"):
        acting.approve(changed, incident, TASK, by="Zhao Min", now=house.now())
    acting.run_due(changed, incident, phase="contain")

    assert "wants-approval" in before.waiting[0]
    assert unapproved == "wants-approval"
    assert (tmp_path / "ran").read_text() == "two\n"


def test_a_plan_alone_runs_nothing_and_neither_does_an_exercise(desk, prepare, tmp_path) -> None:
    unknown = desk.house
    incident = prepare(unknown, upto="declared")
    waiting = acting.run_due(unknown, incident, phase="contain").waiting
    house = settle_on(desk, command=shell(f"echo x >> {tmp_path}/ran"))
    facts = fact_parser.parse({"title": "An exercise"}, source="a test")
    drill = declaring.declare(house, facts, plan="conex-easykey", by="Lin Wei", now=house.now(), drill=True).incident
    exercise = acting.run_due(house, drill, phase="contain").waiting

    assert "the settings do not know it" in waiting[0]
    assert "exercise" in exercise[0]
    assert not (tmp_path / "ran").exists()
    for wrong, why in (
        ({"command": ["x"], "webhook": "https://example.com"}, "exactly one of command, webhook"),
        ({"webhook": "http://example.com/hook"}, "https"),
        ({"command": []}, "at least 1"),
    ):
        with pytest.raises(Misconfigured, match=why):
            settings.parse({"actions": {ACTION: wrong}}, home=tmp_path, source="a test")
