"""The watch is level-triggered: what it says it says once, and a gap in its runs is seen."""

from collections.abc import Callable

from db import duties as duty_store
from db import ledger
from flows.steps import health, watching


def events(house, incident: str, kind: str) -> list[dict]:  # type: ignore[type-arg]
    with house.database.reading() as session:
        return [event.data for event in ledger.listed(session, incident) if event.type == kind]


def test_a_duty_that_is_late_is_frozen_and_warned_of_once(installation, prepare: Callable[..., str]) -> None:
    house = installation.house
    incident = prepare(house, upto="declared")
    installation.set_clock(house.now().add(days=4))

    first = watching.run(house)
    again = watching.run(house)

    late = {entry["duty"] for entry in events(house, incident, "duty.overdue")}
    assert {"eu-gdpr/authority-DE", "eu-gdpr/authority-FR"} <= late
    assert f"{incident} eu-gdpr/authority-DE" in first.overdue
    assert again.overdue == ()
    assert again.warned == ()
    with house.database.reading() as session:
        frozen = duty_store.get(session, incident, "eu-gdpr/authority-DE")
    assert frozen.overdue_at == frozen.due


def test_warnings_come_at_the_shares_of_time_that_the_plan_names(installation, prepare: Callable[..., str]) -> None:
    house = installation.house
    incident = prepare(house, upto="declared")
    seen = []
    for hours in (0, 40, 16, 12):
        installation.set_clock(house.now().add(hours=hours))
        seen.append([text for text in watching.run(house).warned if "eu-gdpr/authority-DE" in text])

    assert seen == [
        [],
        [f"{incident} eu-gdpr/authority-DE: 50 % of the time is gone"],
        [f"{incident} eu-gdpr/authority-DE: 75 % of the time is gone"],
        [f"{incident} eu-gdpr/authority-DE: 90 % of the time is gone"],
    ]


def test_a_watch_that_was_away_says_for_how_long(installation, prepare: Callable[..., str]) -> None:
    house = installation.house
    incident = prepare(house, upto="declared")
    watching.run(house)
    installation.set_clock(house.now().add(minutes=45))

    assert health.state(house)["ok"] is False
    assert watching.run(house).missed_minutes == 45
    assert health.state(house)["ok"] is True
    assert [entry["minutes"] for entry in events(house, incident, "watch.missed")] == [45]


def test_an_incident_with_people_whose_turn_it_is_is_ready(installation, prepare: Callable[..., str]) -> None:
    from flows.steps import responding

    house = installation.house
    incident = prepare(house)
    assert watching.run(house).ready == ()
    responding.respond(house, incident)
    installation.set_clock(house.now().add(hours=1))

    assert watching.run(house).ready == (incident,)


def test_what_a_dead_process_had_claimed_is_taken_up_by_the_next_look(
    installation, prepare: Callable[..., str]
) -> None:
    from db import attempts, people
    from flows.steps import leasing, recovering
    from notifiers.journal import Journal
    from tocsin.delivery import Channel

    house = installation.house
    incident = prepare(house)
    now, owner = house.now(), leasing.new_owner()
    until = now.add(minutes=10)
    claim = attempts.NewAttempt(
        key="ab" * 32, person_id=1, wave=1, channel=Channel.PUSH, provider="fake-push-cn", text_hash="t"
    )
    with house.database.transaction() as session:
        attempts.claim_many(session, incident, [claim], owner, until, now)
        people.schedule_many(session, incident, [(1, until)])
    with Journal(recovering.journal_path(house, owner)):
        assert watching.run(house).ready == ()  # its writer is alive

    assert watching.run(house).ready == (incident,)  # dead: the lock of its journal is gone
