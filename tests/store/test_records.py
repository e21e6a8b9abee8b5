"""Duties, tasks, texts, approvals, announcements, reports and the monitor's memory."""

from collections.abc import Callable
from typing import Any

import pendulum
import pytest
from pendulum import DateTime

from db import announcements, approvals, duties, incidents, reports, tasks, texts, watch, waves
from db.sealing import IncidentKey
from db.sessions import Database
from db.tasks import NewTask
from tocsin.errors import Invalid, NotAllowed, NotFound

NOON = pendulum.datetime(2026, 11, 22, 12)
AnIncident = Callable[..., IncidentKey]


def a_row(key: str = "us-ca/individuals", *, due: DateTime | str | None = None, **changes: Any) -> dict[str, Any]:
    written = due.isoformat() if isinstance(due, DateTime) else due
    row = {
        "key": key,
        "id": key.partition("#")[0],
        "regime": key.partition("/")[0],
        "audience": "individuals",
        "recipient": "affected residents",
        "status": "owed",
        "due": written,
        "target": written,
        "starts": "2026-11-20T09:30:00+01:00",
        "unknown": [],
        "people": 501,
    }
    return {**row, **changes}


def test_an_assessment_says_what_appeared_moved_and_fell_away(database: Database, an_incident: AnIncident) -> None:
    an_incident()
    with database.transaction() as session:
        first = duties.replace(session, "leak", [a_row("a/x", due=NOON.add(days=3)), a_row("b/x")], 1, NOON)
        later = [a_row("a/x", due=NOON.add(days=5)), a_row("c/x", status="undetermined", unknown=["people.total"])]
        second = duties.replace(session, "leak", later, 2, NOON.add(hours=1))
        third = duties.replace(session, "leak", [*later, a_row("b/x")], 3, NOON.add(hours=2))

    assert [duty.key for duty in first.appeared] == ["a/x", "b/x"]
    assert [duty.key for duty in second.appeared] == ["c/x"]
    assert [(moved.before.due, moved.after.due) for moved in second.moved] == [(NOON.add(days=3), NOON.add(days=5))]
    assert [duty.key for duty in second.fell_away] == ["b/x"]
    assert ([duty.key for duty in third.appeared], third.moved, third.fell_away) == (["b/x"], (), ())


def test_a_duty_that_fell_away_is_kept_but_not_listed_and_keeps_its_first_sight_when_it_returns(
    database: Database, an_incident: AnIncident
) -> None:
    an_incident()
    with database.transaction() as session:
        duties.replace(session, "leak", [a_row("a/x")], 1, NOON)
        duties.replace(session, "leak", [], 2, NOON.add(hours=1))
        assert duties.listed(session, "leak") == []
        (fallen,) = duties.listed(session, "leak", fallen=True)
        assert fallen.fell_away_at == NOON.add(hours=1)

        duties.replace(session, "leak", [a_row("a/x")], 3, NOON.add(hours=2))
        (back,) = duties.listed(session, "leak")

    assert (back.fell_away_at, back.first_seen_at, back.facts_version) == (None, NOON, 3)


def test_a_duty_keeps_its_zone_in_the_row_and_its_instant_in_the_column(
    database: Database, an_incident: AnIncident
) -> None:
    an_incident()
    with database.transaction() as session:
        row = a_row("a/x", due="2026-12-20T23:59:59-08:00", unknown=["risk.to_people"])
        duties.replace(session, "leak", [row], 1, NOON)
        duty = duties.get(session, "leak", "a/x")

    assert duty.row["due"] == "2026-12-20T23:59:59-08:00"
    assert duty.due == pendulum.datetime(2026, 12, 21, 7, 59, 59)
    assert duty.starts == pendulum.datetime(2026, 11, 20, 8, 30)
    assert duty.unknown == ["risk.to_people"]
    assert "key" not in duty.row


def test_lateness_once_frozen_is_not_unfrozen_by_editing_a_date(database: Database, an_incident: AnIncident) -> None:
    an_incident()
    due = NOON.add(days=3)
    with database.transaction() as session:
        duties.replace(session, "leak", [a_row("a/x", due=due)], 1, NOON)
        assert duties.freeze_overdue(session, due) == []  # the last instant is still in time
        frozen = duties.freeze_overdue(session, due.add(seconds=1))
        assert [(duty.key, duty.overdue_at) for duty in frozen] == [("a/x", due)]
        assert duties.freeze_overdue(session, due.add(days=1)) == []  # said once

        duties.replace(session, "leak", [a_row("a/x", due=due.add(days=30))], 2, due.add(days=1))
        assert duties.get(session, "leak", "a/x").overdue_at == due
        duties.replace(session, "leak", [], 3, due.add(days=1))
        assert [duty.overdue_at for duty in duties.listed(session, "leak")] == [due]  # missed, so still shown


def test_a_due_time_that_passed_unseen_is_frozen_before_new_facts_can_move_it(
    database: Database, an_incident: AnIncident
) -> None:
    an_incident()
    due = NOON.add(hours=1)
    with database.transaction() as session:
        duties.replace(session, "leak", [a_row("a/x", due=due)], 1, NOON)
        duties.replace(session, "leak", [a_row("a/x", due=NOON.add(days=9))], 2, NOON.add(hours=2))

        assert duties.get(session, "leak", "a/x").overdue_at == due


@pytest.mark.parametrize("status", ["suspended", "undetermined", "conditional"])
def test_only_owed_duties_become_overdue(database: Database, an_incident: AnIncident, status: str) -> None:
    an_incident()
    with database.transaction() as session:
        duties.replace(session, "leak", [a_row("a/x", due=NOON, status=status)], 1, NOON)

        assert duties.freeze_overdue(session, NOON.add(days=1)) == []
        looked_at = [duty.key for duty, _ in duties.to_look_at(session, NOON.add(days=1), 10)]
        assert looked_at == (["a/x"] if status == "undetermined" else [])  # unknown never means no


def test_done_stays_done_and_done_late_is_late(database: Database, an_incident: AnIncident) -> None:
    an_incident()
    due = NOON.add(hours=1)
    with database.transaction() as session:
        duties.replace(session, "leak", [a_row("a/x", due=due), a_row("b/x", due=due)], 1, NOON)
        in_time = duties.mark_done(session, "leak", "a/x", by="anna", at=due)
        late = duties.mark_done(session, "leak", "b/x", by="anna", at=due.add(seconds=1))
        assert (in_time.status, in_time.overdue_at, late.overdue_at) == ("done", None, due)

        changes = duties.replace(session, "leak", [a_row("a/x", due=due.add(days=1))], 2, due.add(hours=1))
        assert changes.fell_away == ()
        assert {duty.key: duty.status for duty in duties.listed(session, "leak")} == {"a/x": "done", "b/x": "done"}
        assert duties.freeze_overdue(session, due.add(days=9)) == []
        with pytest.raises(NotAllowed, match="done before"):
            duties.mark_done(session, "leak", "a/x", by="ben", at=NOON)
        with pytest.raises(NotFound, match="no duty 'z/x'"):
            duties.mark_done(session, "leak", "z/x", by="ben", at=NOON)


def test_the_watch_looks_at_what_is_new_or_moved_in_open_incidents_and_at_nothing_else(
    database: Database, an_incident: AnIncident
) -> None:
    later, target = NOON.add(hours=1), NOON.add(hours=9)
    for name in ("one", "two", "closed"):
        an_incident(name)
        with database.transaction() as session:
            duties.replace(session, name, [a_row("a/x", due=target), a_row("b/x", due=target), a_row("c/x")], 1, NOON)
    with database.transaction() as session:
        incidents.close(session, "closed", NOON)

    def looks(now: DateTime) -> list[tuple[str, str, str]]:
        with database.transaction() as session:
            found = [(duty.incident_id, duty.key, plan) for duty, plan in duties.to_look_at(session, now, 10)]
            duties.schedule_looks(session, [(incident, key, target) for incident, key, _ in found])
        return found

    plan = "conex-easykey"
    assert looks(NOON.subtract(seconds=1)) == []
    assert looks(NOON) == [(name, key, plan) for name in ("one", "two") for key in ("a/x", "b/x")]  # none undated
    with database.transaction() as session:
        rows = [a_row("a/x", due=target, people=502), a_row("b/x", due=NOON.add(days=3)), a_row("c/x")]
        duties.replace(session, "one", rows, 2, later)
        duties.mark_done(session, "two", "a/x", by="anna", at=later)
    assert looks(later) == [("one", "b/x", plan)]  # the one that moved
    assert looks(target) == [("one", "a/x", plan), ("one", "b/x", plan), ("two", "b/x", plan)]


def test_an_assessment_with_the_same_key_twice_or_a_naive_time_changes_nothing(
    database: Database, an_incident: AnIncident
) -> None:
    an_incident()

    with pytest.raises(Invalid, match="one duty twice"), database.transaction() as session:
        duties.replace(session, "leak", [a_row("a/x"), a_row("a/x")], 1, NOON)
    with pytest.raises(Invalid, match="without offset"), database.transaction() as session:
        duties.replace(session, "leak", [a_row("a/x", due="2026-12-20T23:59:59")], 1, NOON)

    with database.reading() as session:
        assert duties.listed(session, "leak", fallen=True) == []


def test_tasks_open_once_and_finish_once(database: Database, an_incident: AnIncident) -> None:
    an_incident()
    wanted = [
        NewTask(key="later", phase="contain", title="Rotate keys", owner="ops"),
        NewTask(key="first", phase="contain", title="Take it down", owner="ops", due=NOON.add(hours=1)),
    ]
    with database.transaction() as session:
        assert tasks.open_many(session, "leak", wanted) == ["later", "first"]
        assert tasks.open_many(session, "leak", [*wanted, NewTask(key="new", phase="x", title="t", owner="o")]) == [
            "new"
        ]
        assert tasks.open_many(session, "leak", []) == []
        assert [task.key for task in tasks.listed(session, "leak")] == ["first", "later", "new"]

        done = tasks.finish(session, "leak", "first", by="anna", at=NOON, evidence="ticket 4")
        assert (done.state, done.done_by, done.evidence) == ("done", "anna", "ticket 4")
        tasks.finish(session, "leak", "new", by="anna", at=NOON, evidence=None, state="skipped")
        with pytest.raises(NotAllowed, match="done already"):
            tasks.finish(session, "leak", "first", by="ben", at=NOON, evidence=None)
        with pytest.raises(NotFound, match="tocsin tasks"):
            tasks.finish(session, "leak", "nothing", by="ben", at=NOON, evidence=None)
        with pytest.raises(Invalid, match="'open'"):
            tasks.finish(session, "leak", "later", by="ben", at=NOON, evidence=None, state="open")
        assert tasks.open_many(session, "leak", wanted) == []  # a finished task is not opened again
        assert [task.key for task in tasks.listed(session, "leak", state="open")] == ["later"]


def test_phases_are_marked_once_and_the_incident_is_in_the_first_unfinished_one(
    database: Database, an_incident: AnIncident
) -> None:
    an_incident()
    steps = [
        ("contain", False, True, "contain"),
        ("assess", True, True, "contain"),
        ("assess", True, False, "contain"),
        ("notify", False, True, "contain"),
        ("contain", True, True, "notify"),
        ("assess", False, True, "assess"),
    ]
    with database.transaction() as session:
        for phase, finished, new, current in steps:
            assert incidents.mark_phase(session, "leak", phase, finished=finished) is new
            assert incidents.get(session, "leak").phase == current


def put_text(database: Database, words: str, *, language: str = "en", author: str = "anna") -> tuple[int, str]:
    with database.transaction() as session:
        fields = {"subject": "News", "body": words}
        text = texts.put(session, "leak", kind="notice", language=language, fields=fields, author=author, at=NOON)
    return text.version, text.hash


def test_a_text_gets_a_new_version_and_hash_only_when_its_words_change(
    database: Database, an_incident: AnIncident
) -> None:
    an_incident()

    first = put_text(database, "Hello")
    same = put_text(database, "Hello", author="ben")
    second = put_text(database, "Hallo")
    chinese = put_text(database, "Hallo", language="zh")
    back = put_text(database, "Hello")

    assert first == same
    assert (first[0], second[0], back[0]) == (1, 2, 3)
    assert first[1] == back[1] != second[1] != chinese[1]
    with database.reading() as session:
        newest = texts.all_latest(session, "leak", "notice")
        assert {language: text.version for language, text in newest.items()} == {"en": 3, "zh": 1}
        assert texts.all_latest(session, "leak", "announcement") == {}
        assert texts.latest(session, "leak", "notice", "fr") is None
        assert texts.by_hash(session, "leak", second[1]).fields["body"] == "Hallo"
        with pytest.raises(NotFound, match="no text with hash"):
            texts.by_hash(session, "leak", "0" * 64)


def test_an_approval_stands_for_its_hash_alone_once_a_person(database: Database, an_incident: AnIncident) -> None:
    an_incident()
    with database.transaction() as session:
        first = approvals.give(session, "leak", subject="notice", of_hash="h1", by="anna", at=NOON)
        again = approvals.give(session, "leak", subject="notice", of_hash="h1", by="anna", at=NOON.add(hours=1))
        approvals.give(session, "leak", subject="notice", of_hash="h1", by="ben", at=NOON.add(hours=2))

        assert first.id == again.id
        assert [one.by for one in approvals.standing(session, "leak", "notice", "h1")] == ["anna", "ben"]
        assert approvals.standing(session, "leak", "notice", "h2") == []
        assert approvals.standing(session, "leak", "announcement", "h1") == []


def test_a_refusal_voids_every_approval_of_the_subject(database: Database, an_incident: AnIncident) -> None:
    an_incident()
    with database.transaction() as session:
        approvals.give(session, "leak", subject="notice", of_hash="h1", by="anna", at=NOON)
        approvals.give(session, "leak", subject="notice", of_hash="h2", by="anna", at=NOON)
        approvals.give(session, "leak", subject="report:x:y", of_hash="h1", by="anna", at=NOON)
        approvals.refuse(session, "leak", subject="notice", of_hash="h1", by="ben", at=NOON, reason="wrong date")

        assert approvals.standing(session, "leak", "notice", "h1") == []
        assert approvals.standing(session, "leak", "notice", "h2") == []
        assert len(approvals.standing(session, "leak", "report:x:y", "h1")) == 1
        listed = approvals.listed(session, "leak", "notice")
        assert [one.decision for one in listed] == ["approved", "approved", "refused"]


def put_announcement(database: Database, of_hash: str) -> int:
    with database.transaction() as session:
        return announcements.put(
            session,
            "leak",
            of_hash=of_hash,
            languages=["zh", "en"],
            path="leak/index.html",
            published_at=NOON,
            by="anna",
        ).number


def test_the_same_announcement_is_noted_once_while_it_is_up(database: Database, an_incident: AnIncident) -> None:
    an_incident()

    assert [put_announcement(database, of_hash) for of_hash in ("h1", "h1", "h2", "h1")] == [1, 1, 2, 3]
    with database.transaction() as session:
        announcements.withdraw(session, "leak", 3, NOON.add(days=1))
        announcements.withdraw(session, "leak", 3, NOON.add(days=2))
        with pytest.raises(NotFound):
            announcements.withdraw(session, "leak", 9, NOON)
    assert put_announcement(database, "h1") == 4
    with database.reading() as session:
        listed = announcements.listed(session, "leak")
        assert [one.withdrawn_at for one in listed] == [None, None, NOON.add(days=1), None]
        assert listed[0].languages == ["zh", "en"]


def put_report(database: Database, answer: str) -> int:
    with database.transaction() as session:
        return reports.put(
            session,
            "leak",
            form="eu-gdpr-33",
            stage="initial",
            document={"answer": answer},
            missing=["data.elements"],
            duties=["eu-gdpr/authority"],
            by="anna",
            at=NOON,
        ).version


def test_a_later_report_never_erases_a_filed_one(database: Database, an_incident: AnIncident) -> None:
    an_incident()
    assert [put_report(database, "1"), put_report(database, "1")] == [1, 1]

    with database.transaction() as session:
        filed = reports.mark_filed(
            session, "leak", "eu-gdpr-33", "initial", 1, at=NOON.add(hours=1), by="anna", reference="R-1"
        )
        assert (filed.filed_by, filed.reference, filed.duties) == ("anna", "R-1", ["eu-gdpr/authority"])
        with pytest.raises(NotAllowed, match="filed before"):
            reports.mark_filed(session, "leak", "eu-gdpr-33", "initial", 1, at=NOON, by="ben", reference="R-2")
        with pytest.raises(NotFound, match="draft it first"):
            reports.mark_filed(session, "leak", "eu-gdpr-33", "initial", 7, at=NOON, by="ben", reference=None)

    assert put_report(database, "2") == 2
    with database.reading() as session:
        first, second = reports.listed(session, "leak")
        assert (first.document, first.reference, second.filed_at) == ({"answer": "1"}, "R-1", None)
        latest = reports.latest(session, "leak", "eu-gdpr-33", "initial")
        assert latest is not None
        assert latest.version == 2
        assert reports.latest(session, "leak", "eu-gdpr-33", "final") is None


def test_a_warning_goes_out_once_a_level(database: Database, an_incident: AnIncident) -> None:
    an_incident()
    with database.transaction() as session:
        sent = [
            watch.warn_once(session, "leak", subject=subject, level=level, to="dpo", at=NOON)
            for subject, level in (("a", 1), ("a", 1), ("a", 2), ("b", 1))
        ]
        assert sent == [True, False, True, True]
        assert [(one.subject, one.level) for one in watch.warnings(session, "leak")] == [("a", 1), ("a", 2), ("b", 1)]


def test_a_heartbeat_is_the_last_one(database: Database) -> None:
    with database.transaction() as session:
        assert watch.last_beat(session, "watch") is None
        watch.beat(session, "watch", NOON)
        watch.beat(session, "watch", NOON.add(minutes=1), detail="3 incidents")
        watch.beat(session, "other", NOON)
        last = watch.last_beat(session, "watch")

    assert last is not None
    assert (last.at, last.detail) == (NOON.add(minutes=1), "3 incidents")


def test_waves_are_numbered_and_closed_with_their_counts(database: Database, an_incident: AnIncident) -> None:
    an_incident()
    with database.transaction() as session:
        first = waves.open_wave(session, "leak", file_sha256="aa", at=NOON, by="anna")
        second = waves.open_wave(session, "leak", file_sha256="bb", at=NOON, by="anna")
        closed = waves.close_wave(session, "leak", first, read=10, people=7, merged=2, rejected=1)

        assert (first, second) == (1, 2)
        assert (closed.rows, closed.people, closed.merged, closed.rejected) == (10, 7, 2, 1)
        assert [wave.people for wave in waves.listed(session, "leak")] == [7, None]
        with pytest.raises(NotFound, match="no wave 3"):
            waves.close_wave(session, "leak", 3, read=0, people=0, merged=0, rejected=0)
