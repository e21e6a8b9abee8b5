"""What a dead, a hung and a faraway process leave behind, and what the next one makes of it."""

import json
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import update

from db import attempts, ledger, people, tables
from flows.steps import approving, enrolling, leasing, notifying, recovering, sending
from flows.steps.claiming import Claim
from flows.wiring import House
from notifiers import dispatch as dispatching
from notifiers.http_channel import Handover
from notifiers.journal import Journal
from tocsin.delivery import Channel, Outcome, Settled, Verdict
from tocsin.ledger import EventType
from tocsin.plan import Plan

REAL_DISPATCH = sending.dispatch


@pytest.fixture
def settle(installation) -> Callable[[House, str], None]:
    """Sends, and moves the clock to the next look, until everyone has a verdict."""

    def settled(house: House, incident: str) -> None:
        for _ in range(60):
            notifying.run(house, incident)
            with house.database.reading() as session:
                following = people.next_look(session, incident)
                if not people.counts(session, incident).pending:
                    return
            time.sleep(0.25)  # the fakes' receipts come later, on the real clock
            if following is not None and following > house.now():
                installation.set_clock(following)
        pytest.fail("not everyone got a verdict")

    return settled


class Died(BaseException):
    """Stands for the end of a process: what follows it does not run."""


def outbox(folder: Path) -> Counter[tuple[str, str]]:
    lines = (json.loads(line) for path in folder.glob("*.jsonl") for line in path.read_text().splitlines())
    return Counter((line["type"], line["key"]) for line in lines if line.get("type") in {"message", "repeat"})


def attempts_of(house: House, incident: str) -> list[attempts.Attempt]:
    with house.database.reading() as session:
        tried = attempts.of_people(session, incident, [person.id for person in people.iterate(session, incident)])
    return [one for some in tried.values() for one in some]


def of_push(house: House, incident: str) -> dict[str, attempts.Attempt]:
    return {one.key: one for one in attempts_of(house, incident) if one.channel is Channel.PUSH}


def held(house: House, incident: str) -> int:
    with house.database.reading() as session:
        return sum(len(attempts.claimed_by(session, incident, owner)) for owner, _ in attempts.claim_owners(session))


def dying_dispatch(*, on_the_wire: int = 0, answered: int = 0) -> Callable[..., Iterator[Settled]]:
    """Journals some messages as a sender would, and dies."""

    def dispatch(messages, provider, *, journal, now, stop, **_):
        for number, message in enumerate(messages):
            if number >= on_the_wire + answered:
                break
            journal.sending(message.key)
            if number >= on_the_wire:
                journal.settled(Settled(key=message.key, outcome=Outcome.ACCEPTED, provider=provider.name, at=now()))
        assert not stop()
        raise Died
        yield

    return dispatch


@pytest.fixture
def die(installation, prepare: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Prepares an incident and dies while sending to it."""

    def died(**how: int) -> str:
        incident = prepare(installation.house)
        monkeypatch.setattr(sending, "dispatch", dying_dispatch(**how))
        with suppress(Died):
            notifying.run(installation.house, incident)
        monkeypatch.setattr(sending, "dispatch", REAL_DISPATCH)
        return incident

    return died


def test_a_process_that_dies_before_the_first_message_leaves_no_doubt_and_costs_no_try(
    installation, die: Callable[..., str], settle: Callable[[House, str], None]
) -> None:
    incident = die()
    house = installation.house
    before = attempts_of(house, incident)
    assert held(house, incident) == len(before) > 0

    assert recovering.recover(house, incident, now=house.now()) == len(before)

    after = attempts_of(house, incident)
    assert {(one.outcome, one.claim_owner, one.tries, one.reason) for one in after} == {
        (Outcome.CLAIMED, None, 0, None)
    }
    settle(house, incident)
    with house.database.reading() as session:
        assert people.counts(session, incident).by_verdict[Verdict.DELIVERED] == 3
    assert max(outbox(installation.outbox).values()) == 1


def test_what_was_answered_is_recorded_and_what_was_on_the_wire_goes_again_with_its_key(
    installation, die: Callable[..., str], settle: Callable[[House, str], None]
) -> None:
    incident = die(on_the_wire=1, answered=1)
    house = installation.house

    recovering.recover(house, incident, now=house.now())

    found = attempts_of(house, incident)
    answered = [one for one in found if one.outcome is Outcome.ACCEPTED]
    doubtful = [one for one in found if one.reason == recovering.LOST]
    assert (len(answered), len(doubtful)) == (1, 1)
    assert doubtful[0].outcome is Outcome.CLAIMED
    settle(house, incident)
    assert outbox(installation.outbox)["message", doubtful[0].key] == 1
    assert outbox(installation.outbox)["message", answered[0].key] == 0  # the dead process's answer was believed


def test_where_the_plan_holds_doubts_the_message_on_the_wire_stays_unknown(
    installation, die: Callable[..., str], monkeypatch: pytest.MonkeyPatch, settle: Callable[[House, str], None]
) -> None:
    monkeypatch.setattr(Plan, "doubt", "hold")
    incident = die(on_the_wire=2)
    house = installation.house

    recovering.recover(house, incident, now=house.now())

    unknown = [one for one in attempts_of(house, incident) if one.outcome is Outcome.UNKNOWN]
    assert [one.reason for one in unknown] == [recovering.LOST] * 2
    settle(house, incident)
    assert all(outbox(installation.outbox)["message", one.key] == 0 for one in unknown)


@pytest.mark.parametrize("installation", ["sqlite"], indirect=True)
def test_a_doubt_does_not_go_through_another_provider(
    installation, die: Callable[..., str], settle: Callable[[House, str], None]
) -> None:
    incident = die(on_the_wire=1)
    house = installation.house
    recovering.recover(house, incident, now=house.now())
    (doubtful,) = [one for one in attempts_of(house, incident) if one.reason == recovering.LOST]
    path = installation.folder / "settings.yaml"
    path.write_text(path.read_text().replace(f"name: {doubtful.provider}\n", "name: successor\n"))
    other = installation.house
    approving.approve(other, incident, "notice", by="Zhao Min", now=other.now())  # it goes another way now

    settle(installation.house, incident)

    assert of_push(house, incident)[doubtful.key].outcome is Outcome.UNKNOWN
    assert outbox(installation.outbox)["message", doubtful.key] == 0


@pytest.mark.parametrize("installation", ["sqlite"], indirect=True)
def test_a_live_process_keeps_its_claim_though_the_clock_jumps(installation, die: Callable[..., str]) -> None:
    incident = die()
    house = installation.house
    with house.database.reading() as session:
        ((owner, until),) = attempts.claim_owners(session, incident)
    now = house.now()
    assert now < until

    with Journal(recovering.journal_path(house, owner)):  # as its living writer holds it
        assert recovering.recover(house, incident, now=now) == 0
        assert recovering.recover(house, incident, now=until.add(days=1)) == 0
    assert recovering.recover(house, incident, now=now) > 0


@pytest.mark.parametrize("installation", ["sqlite"], indirect=True)
def test_a_process_that_hangs_loses_its_claim_once_it_has_run_out(installation, die: Callable[..., str]) -> None:
    incident = die(on_the_wire=1)
    house = installation.house
    with house.database.reading() as session:
        ((owner, until),) = attempts.claim_owners(session, incident)
    path = recovering.journal_path(house, owner)

    with Journal(path):
        long_ago = time.time() - 3600
        os.utime(path, (long_ago, long_ago))
        assert recovering.recover(house, incident, now=until.subtract(seconds=1)) == 0
        assert recovering.recover(house, incident, now=until) > 0
        assert path.exists()
    assert len([one for one in attempts_of(house, incident) if one.reason == recovering.LOST]) == 1


def test_a_claim_whose_journal_is_elsewhere_must_run_out_and_is_then_all_in_doubt(
    installation, die: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Plan, "doubt", "hold")
    incident = die()
    house = installation.house
    with house.database.reading() as session:
        ((owner, until),) = attempts.claim_owners(session, incident)
    recovering.journal_path(house, owner).unlink()

    assert recovering.recover(house, incident, now=until.subtract(seconds=1)) == 0
    assert recovering.recover(house, incident, now=until) > 0

    assert {one.outcome for one in attempts_of(house, incident)} == {Outcome.UNKNOWN}


def as_if_of_another_machine(house: House, incident: str) -> attempts.Attempt:
    """Let whoever died have died elsewhere, and its journal with it; returns one of its attempts."""
    with house.database.transaction() as session:
        ((owner, _until),) = attempts.claim_owners(session, incident)
        _place, *process = owner.rsplit(":", 3)
        elsewhere = ":".join(["faraway~00000000~1", *process])
        session.execute(update(tables.Attempt).values(claim_owner=elsewhere))
    recovering.journal_path(house, owner).rename(house.folder / "faraway.journal")
    return attempts_of(house, incident)[0]


@pytest.mark.parametrize("installation", ["postgresql"], indirect=True)
def test_when_a_machine_is_gone_for_good_another_takes_its_people_up_and_marks_what_may_have_left(
    installation, die: Callable[..., str], settle: Callable[[House, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Plan, "doubt", "hold")
    incident = die(on_the_wire=1, answered=1)
    house = installation.house
    claimed = len(attempts_of(house, incident))
    until = as_if_of_another_machine(house, incident).claim_until
    assert until is not None

    notifying.run(house, incident)

    assert held(house, incident) >= claimed > 1  # it may live: its lease has not ended
    assert not any(kind == "message" for kind, _key in outbox(installation.outbox))

    installation.set_clock(until.add(seconds=1))
    settle(house, incident)  # somebody runs it again, as the watch does each minute

    lost = [one for one in attempts_of(house, incident) if one.reason == recovering.LOST]
    assert len(lost) == claimed
    assert {one.outcome for one in lost} == {Outcome.UNKNOWN}
    assert not {one.key for one in lost} & {key for _kind, key in outbox(installation.outbox)}
    with house.database.reading() as session:
        (said,) = ledger.listed(session, incident, event_type=EventType.DELIVERY_DOUBT)
        counts = people.counts(session, incident)
    assert said.data == {"in_doubt": claimed, "held": claimed, "sent_again_with_same_key": 0}
    assert counts.pending == 0
    assert counts.by_verdict[Verdict.UNCERTAIN] > 0  # who had another address was told there


@pytest.mark.parametrize("installation", ["sqlite"], indirect=True)
def test_a_long_run_takes_up_what_a_machine_left_that_died_meanwhile(
    installation, die: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    incident = die()
    house = installation.house
    until = as_if_of_another_machine(house, incident).claim_until
    assert until is not None
    rounds = recovering.Rounds(house, incident)
    rounds.make()
    installation.set_clock(until.add(seconds=1))

    rounds.make()

    assert held(house, incident) == 0


@pytest.mark.parametrize("installation", ["postgresql"], indirect=True)
def test_a_machine_that_comes_back_late_ends_the_doubts_that_its_journal_can_answer(
    installation, die: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Plan, "doubt", "hold")
    incident = die(on_the_wire=1, answered=2)
    house = installation.house
    with house.database.reading() as session:
        ((mine, _until),) = attempts.claim_owners(session, incident)
    until = as_if_of_another_machine(house, incident).claim_until
    assert until is not None
    recovering.recover(house, incident, now=until)
    (house.folder / "faraway.journal").rename(recovering.journal_path(house, mine))
    monkeypatch.setattr(leasing, "surely_dead", lambda _owner: True)  # the machine has been started anew

    recovering.recover(house, incident, now=until)
    recovering.recover(house, incident, now=until)

    after = Counter(one.outcome for one in attempts_of(house, incident))
    assert after[Outcome.ACCEPTED] == 2
    assert set(after) == {Outcome.ACCEPTED, Outcome.UNKNOWN}
    assert list((house.folder / recovering.JOURNALS).iterdir()) == []
    with house.database.reading() as session:
        said = [event.data for event in ledger.listed(session, incident, event_type=EventType.SENDING_BATCH)]
    assert [one["recovered"] for one in said] == [2]


@pytest.mark.parametrize("installation", ["sqlite"], indirect=True)
def test_the_lock_of_a_journal_on_a_shared_folder_says_nothing_of_another_machine(
    installation, die: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    incident = die(on_the_wire=1)
    house = installation.house
    until = attempts_of(house, incident)[0].claim_until
    assert until is not None
    monkeypatch.setattr(leasing, "_place", lambda: "another~00000000~1")

    assert recovering.recover(house, incident, now=until.subtract(seconds=1)) == 0
    assert recovering.recover(house, incident, now=until) > 0


@pytest.mark.parametrize("installation", ["sqlite"], indirect=True)
def test_a_journal_that_cannot_be_read_makes_doubts_and_stops_nobody(
    installation, die: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Plan, "doubt", "hold")
    incident = die()
    house = installation.house
    with house.database.reading() as session:
        ((owner, _until),) = attempts.claim_owners(session, incident)
    recovering.journal_path(house, owner).write_text("\nno journal\n")

    assert recovering.recover(house, incident, now=house.now()) > 0

    assert {one.outcome for one in attempts_of(house, incident)} == {Outcome.UNKNOWN}


def test_a_second_recovery_finds_nothing_to_do(installation, die: Callable[..., str]) -> None:
    incident = die(on_the_wire=1, answered=1)
    house = installation.house
    recovering.recover(house, incident, now=house.now())
    with house.database.reading() as session:
        before = ledger.length(session, incident)

    assert recovering.recover(installation.house, incident, now=house.now()) == 0

    with house.database.reading() as session:
        assert ledger.length(session, incident) == before
    assert list((house.folder / recovering.JOURNALS).iterdir()) == []


@pytest.mark.parametrize("installation", ["sqlite"], indirect=True)
def test_journals_that_nobody_needs_are_swept_and_those_of_the_living_are_not(
    installation, prepare: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    house = installation.house
    incident = prepare(house)
    mine = leasing.new_owner()
    place, _pid, _started, nonce = mine.rsplit(":", 3)
    dead = f"{place}:{os.getpid()}:1:{nonce}"
    for owner in (mine, dead):
        recovering.journal_path(house, owner).touch()

    recovering.recover(house, incident, now=house.now())

    assert list((house.folder / recovering.JOURNALS).iterdir()) == [recovering.journal_path(house, mine)]


def test_the_clock_jumping_past_the_claim_while_it_is_sent_tells_nobody_twice(
    installation, prepare: Callable[..., str], settle: Callable[[House, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    house = installation.house
    incident = prepare(house)
    real = Handover.send
    jumped: list[int] = []

    def send(self, message, *wire, **how):
        taken = real(self, message, *wire, **how)
        if not jumped:
            jumped.append(1)
            installation.set_clock(house.now().add(hours=2))
            other = installation.house
            jumped.append(recovering.recover(other, incident, now=other.now()))
        return taken

    monkeypatch.setattr(Handover, "send", send)

    settle(house, incident)

    assert jumped == [1, 0]
    assert max(outbox(installation.outbox).values()) == 1
    with house.database.reading() as session:
        counts = people.counts(session, incident)
    assert counts.pending == 0
    assert counts.by_verdict[Verdict.DELIVERED] >= 2


def test_a_process_that_wakes_after_its_claim_was_taken_over_sends_nothing_more(
    installation, prepare: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = installation.house
    incident = prepare(house)
    path = tmp_path / "many.csv"
    rows = (f"m{n},DE,en,tok-{n:016x}" for n in range(60))
    path.write_text("account,place,language,push_token\n" + "\n".join(rows) + "\n")
    enrolling.enrol(house, incident, path, mapping=[], by="Lin Wei", now=house.now())
    approving.approve(house, incident, "notice", by="Zhao Min", now=house.now())  # they are more now
    real, seen = Handover.send, threading.Lock()
    freed: list[int] = []
    late: list[str] = []

    def send(self, message, *wire, **how):
        with seen:
            if not freed:
                installation.set_clock(house.now().add(hours=2))
                monkeypatch.setattr(recovering, "_silent", lambda _path: True)
                other = installation.house
                freed.append(recovering.recover(other, incident, now=other.now()))
            else:
                late.append(message.key)
        return real(self, message, *wire, **how)

    monkeypatch.setattr(Handover, "send", send)
    prolong, once = Claim.prolong, iter([sending._claim_next])
    monkeypatch.setattr(Claim, "prolong", lambda claim: prolong(claim) if freed else None)  # it hangs so long
    # One batch and no more: a claim ahead could take up, rightly, whom the other process gave back.

    def claim(*arguments):
        return next(once, lambda *_: None)(*arguments)

    monkeypatch.setattr(sending, "_claim_next", claim)

    notifying.run(house, incident)

    assert freed[0] >= 60
    assert len(late) < 2 * 4  # what the connections of two providers had begun; the rest stays where it is


def test_an_owner_who_was_taken_over_cannot_give_back_what_is_another_s_by_now(
    installation, die: Callable[..., str]
) -> None:
    incident = die()
    house = installation.house
    rows = attempts_of(house, incident)
    owner = rows[0].claim_owner
    assert owner is not None
    recovering.recover(house, incident, now=house.now())
    later = house.now().add(minutes=2)
    claims = [
        attempts.NewAttempt(**{name: getattr(row, name) for name in attempts.NewAttempt.__dataclass_fields__})
        for row in rows
    ]
    with house.database.transaction() as session:
        attempts.claim_many(session, incident, claims, "rival", later.add(minutes=10), later)

    with house.database.transaction() as session:
        retries = [attempts.Retry(key=row.key, not_before=later) for row in rows]
        attempts.retry_later(session, incident, retries, owner=owner)
        assert not attempts.renew(session, incident, owner, later.add(days=1))

    assert {one.claim_owner for one in attempts_of(house, incident)} == {"rival"}


@pytest.mark.parametrize("installation", ["sqlite"], indirect=True)
def test_one_broken_record_holds_up_nobody_else(
    installation, prepare: Callable[..., str], settle: Callable[[House, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    house = installation.house
    incident = prepare(house)
    real = sending._message

    def message(errand, step):
        if step.person.id == 1:
            raise KeyError("broken")
        return real(errand, step)

    monkeypatch.setattr(sending, "_message", message)

    first = notifying.run(house, incident)

    assert any("fake-push-cn: unwritable, 1 messages put off" in line for line in first.did)
    assert any(kind == "message" for kind, _key in outbox(installation.outbox))
    monkeypatch.setattr(sending, "_message", real)
    settle(house, incident)
    with house.database.reading() as session:
        assert people.counts(session, incident).by_verdict[Verdict.DELIVERED] == 3


@pytest.mark.parametrize("installation", ["sqlite"], indirect=True)
def test_a_plugin_that_cannot_be_opened_does_not_hang_the_sending(
    installation, prepare: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(dispatching, "open_carrier", broken)
    house = installation.house
    incident = prepare(house)

    progress = notifying.run(house, incident)

    assert any("RuntimeError" in line for line in progress.did)
    assert held(house, incident) == 0
