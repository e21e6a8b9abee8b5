"""Which duties there are, as the facts and our own acts stand now."""

import hashlib
from collections import Counter
from dataclasses import replace
from typing import Any

from pendulum import DateTime
from sqlalchemy.orm import Session

from db import duties as duty_store
from db import facts as facts_store
from db import incidents, ledger
from db.tables import Duty
from flows.steps import acts
from flows.steps.guarding import must_be_allowed, must_be_open
from flows.wiring import House
from tocsin import differences, duties
from tocsin import facts as fact_parser
from tocsin.ledger import EventType

_LEDGER_WORD = {
    "appeared": EventType.DUTY_APPEARED,
    "moved-earlier": EventType.DUTY_MOVED,
    "moved-later": EventType.DUTY_MOVED,
    "status-changed": EventType.DUTY_MOVED,
    "fell-away": EventType.DUTY_FELL_AWAY,
    "overdue-on-creation": EventType.DUTY_OVERDUE,
}


def assess(
    house: House, session: Session, incident: str, *, version: int | None = None, now: DateTime
) -> duties.Assessment:
    """The duties by one version of the facts (the latest by default) and what was done since."""
    stored = facts_store.get(session, incident, version) if version else facts_store.latest(session, incident)
    assert stored is not None
    document = with_acts(stored.document, acts.events(session, incident))
    document |= {"holds": [*(document.get("holds") or []), *acts.holds(session, incident)]}
    plan = house.plan(incidents.get(session, incident).plan)
    facts = fact_parser.parse(document, source=f"incident {incident}, facts version {stored.version}")
    return duties.assess(facts, (plan.promises, *house.regimes), as_of=now).gathered()


def with_acts(document: dict[str, Any], done: list[dict[str, Any]]) -> dict[str, Any]:
    """The facts with the acts of our own record among their events: filings and people told start further clocks."""
    return {**document, "events": [*(document.get("events") or []), *done]}


def reassess(
    house: House, session: Session, incident: str, *, by: str, now: DateTime
) -> tuple[differences.Change, ...]:
    """Assess again, store the duties, and put every difference on the ledger."""
    after = assess(house, session, incident, now=now)
    before = _before(session, incident, after)
    version = facts_store.latest(session, incident)
    assert version is not None
    rows = keyed(after)
    _mark_done(session, incident, rows, by=by, now=now)
    stored = duty_store.replace(session, incident, rows, facts_version=version.version, now=now)
    _mark_done(session, incident, rows, by=by, now=now)  # those that arose and were done at once
    _say_frozen(session, stored.frozen, now=now)
    changes = differences.compare(before, after)
    for change in changes:
        entry = {"change": change.kind, **_entry(change, after)}
        ledger.append(session, incident, _LEDGER_WORD[change.kind], actor=by, data=entry, at=now)
    return changes


def _lateness(done: Duty) -> dict[str, int]:
    """By how much a duty was done late; nothing where it was in time."""
    if done.overdue_at is None or done.done_at is None:
        return {}
    return {"late_seconds": int((done.done_at - done.overdue_at).total_seconds())}


def _say_frozen(session: Session, frozen: tuple[Duty, ...], *, now: DateTime) -> None:
    """What was found late before these facts could move it, and the watch has not seen yet."""
    for duty in frozen:
        assert duty.due is not None
        late = int((now - duty.due).total_seconds())
        entry = {"duty": duty.key, "due": duty.due.isoformat(), "late_seconds": late}
        ledger.append(session, duty.incident_id, EventType.DUTY_OVERDUE, actor="tocsin", data=entry, at=now)


def _before(session: Session, incident: str, after: duties.Assessment) -> duties.Assessment | None:
    recalled = tuple(duties.recall(duty.row) for duty in live(session, incident))
    return replace(after, duties=recalled) if recalled else None


def _entry(change: differences.Change, after: duties.Assessment) -> dict[str, Any]:
    found = next((duty for duty in after.duties if duty.id == change.duty), None)
    due = found.row()["due"] if found else None
    return {"duty": change.duty, "status": found.status if found else None, "due": due}


def _mark_done(session: Session, incident: str, rows: list[dict[str, Any]], *, by: str, now: DateTime) -> None:
    """Give duties that our acts have done the time of the act, so that lateness is judged by it and kept."""
    open_keys = {duty.key for duty in live(session, incident) if duty.done_at is None}
    done = acts.events(session, incident)
    for row in rows:
        if row["status"] == "done" and row["key"] in open_keys:
            at = acts.done_at(row, done) or now
            finished = duty_store.mark_done(session, incident, row["key"], by=by, at=at)
            entry = {"duty": row["key"], "at": at.isoformat(), **_lateness(finished)}
            ledger.append(session, incident, EventType.DUTY_DONE, actor=by, data=entry, at=now)


def keyed(assessment: duties.Assessment) -> list[dict[str, Any]]:
    """Rows for the store, each with a key of its own: several authorities may share one duty id."""
    rows = [duty.row() for duty in assessment.duties if duty.status != "not-owed"]
    shared = Counter(row["id"] for row in rows)
    return [{**row, "key": row["id"] if shared[row["id"]] == 1 else f"{row['id']}#{row['recipient']}"} for row in rows]


def still_owed(session: Session, incident: str) -> list[str]:
    """The keys of duties that are owed, undetermined or suspended and not done."""
    waiting = ("owed", "undetermined", "suspended")
    return [
        duty.key
        for duty in duty_store.listed(session, incident)
        if duty.status in waiting and duty.done_at is None and duty.fell_away_at is None
    ]


def finish(house: House, incident: str, duty: str, *, by: str, evidence: str | None, now: DateTime) -> None:
    """Record that a person did what a duty asks (a call to the police, an entry in the register).

    The evidence goes on the ledger as a hash only: it may name people.
    """
    with house.database.transaction() as session:
        must_be_open(session, incident)
        must_be_allowed(session, "duty.done", by=by, now=now, incident=incident)
        found = duty_store.mark_done(session, incident, duty, by=by, at=now)
        digest = hashlib.sha256(evidence.encode()).hexdigest() if evidence else None
        entry = {"duty": found.key, "at": now.isoformat(), "evidence_sha256": digest, **_lateness(found)}
        ledger.append(session, incident, EventType.DUTY_DONE, actor=by, data=entry, at=now)


def by_hand(house: House, incident: str) -> list[str]:
    """The owed duties to keep a record or to call the police, which only a person can say are done."""
    with house.database.reading() as session:
        return [
            duty.key
            for duty in live(session, incident)
            if duty.audience in {"record", "law-enforcement"} and duty.status == "owed" and duty.done_at is None
        ]


def live(session: Session, incident: str) -> list[Duty]:
    """The duties that have not fallen away."""
    return [duty for duty in duty_store.listed(session, incident) if duty.fell_away_at is None]
