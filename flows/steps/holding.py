"""Legal holds: an authority asks to wait with telling people, somewhere or everywhere.

While a hold stands nobody of its places is sent anything, and each duty's clock does what its own statute says
(`tocsin/holding.py`). Sendings that are under way stop within a second, and go on without these people.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pendulum import DateTime
from pydantic import ValidationError
from sqlalchemy.orm import Session

from db import alarms, incidents, ledger
from db import holds as store
from db.hold_tables import LegalHold
from flows.steps import assessing, evidence
from flows.steps.guarding import must_be_allowed, must_be_open
from flows.wiring import House
from tocsin import complaints, differences, moments
from tocsin.errors import Invalid, NotAllowed
from tocsin.facts import Hold
from tocsin.ledger import EventType
from tocsin.roles import MACHINE

REVIEW_DAYS = 14  # where nobody names a day: a hold that is forgotten keeps people from ever being told


@dataclass(frozen=True, kw_only=True)
class Request:
    """What an authority asked for, and what shows it. `review_at` None: after `REVIEW_DAYS`."""

    hold: Hold
    authority: str
    paper: Path | None = None
    review_at: DateTime | None = None


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A hold as it was placed or lifted, and what that did.

    `people` have to wait, or need not any more; `unplaced` may live there, but their place is not known that closely;
    `running` are individuals' duties that go on all the same.
    """

    number: int
    people: int
    unplaced: int
    changes: tuple[differences.Change, ...]
    running: tuple[str, ...]


def request(document: dict[str, Any], *, authority: str, paper: Path | None, review_at: DateTime | None) -> Request:
    """A request from the words of the facts document (`by`, `places`, `from`, `until`, `written`); raises Invalid."""
    try:
        hold = Hold.model_validate(document)
    except ValidationError as error:
        raise complaints.invalid(error, source="The hold") from None
    if not authority.strip():
        raise Invalid("A hold needs the authority that asked for it: give its name with --authority.")
    return Request(hold=hold, authority=" ".join(authority.split()), paper=paper, review_at=review_at)


def place(house: House, incident: str, asked: Request, *, by: str, now: DateTime) -> Placed:
    """Let the people of some places wait from now on; raises NotAllowed, Invalid."""
    hold = asked.hold
    began = hold.from_ or now
    _must_be_possible(began, hold.until, asked.review_at, now)
    review_at = asked.review_at or now.add(days=REVIEW_DAYS)
    with house.database.transaction() as session:
        must_be_open(session, incident)
        must_be_allowed(session, "hold.place", by=by, now=now, incident=incident, house=house)
        incidents.lock(session, incident)
        paper = None
        if asked.paper is not None:
            paper = evidence.keep(house, session, incident, evidence.HOLD, asked.paper, note="", by=by, now=now)
        row = store.add(
            session,
            LegalHold(
                incident_id=incident,
                number=0,
                by=hold.by,
                authority=asked.authority,
                places=None if hold.places is None else sorted(set(hold.places)),
                written=True if hold.written is None and paper is not None else hold.written,
                paper=paper.number if paper else None,
                from_at=began,
                until=hold.until,
                placed_at=now,
                placed_by=by,
                review_at=review_at,
                look_at=_look_at(review_at, hold.until),
            ),
        )
        those = store.held(session, incident)
        store.park(session, incident, those, now)
        people = store.people_held(session, incident, _of(row))
        entry = {**_entry(row), "people": people, "paper_sha256": paper.sha256 if paper else None}
        ledger.append(session, incident, EventType.HOLD_PLACED, actor=by, data=entry, at=now)
        changes = assessing.reassess(house, session, incident, by=by, now=now)
        return Placed(
            number=row.number,
            people=people,
            unplaced=store.people_elsewhere_unknown(session, incident, _of(row)),
            changes=changes,
            running=_running(session, incident),
        )


def lift(house: House, incident: str, number: int, *, by: str, reason: str, now: DateTime) -> Placed:
    """End a hold: its people's turn comes again, and each duty gets the time that its statute gives from now on."""
    with house.database.transaction() as session:
        must_be_open(session, incident)
        must_be_allowed(session, "hold.lift", by=by, now=now, incident=incident, house=house)
        return end(house, session, incident, number, by=by, reason=reason, at=now, now=now)


def end(
    house: House, session: Session, incident: str, number: int, *, by: str, reason: str, at: DateTime, now: DateTime
) -> Placed:
    """The same in the caller's transaction, `at` the time when it ended."""
    row = store.change(session, incident, number, lifted_at=at, lifted_by=by, lift_reason=reason, look_at=None)
    before = store.people_held(session, incident, _of(row))
    alarms.answered(session, incident, f"{store.SUBJECT}{number}", now=now)
    still = store.held(session, incident)
    store.release(session, incident, still, now)
    entry = {**_entry(row), "people": before, "ended": at.isoformat(), "by_itself": by == MACHINE}
    ledger.append(session, incident, EventType.HOLD_LIFTED, actor=by, data=entry, at=now)
    changes = assessing.reassess(house, session, incident, by=by, now=now)
    return Placed(
        number=number, people=before, unplaced=0, changes=changes, running=_running(session, incident)
    )  # others may still hold some of them


def review(
    house: House, incident: str, number: int, *, by: str, review_at: DateTime | None, until: DateTime | None,
    now: DateTime,
) -> LegalHold:  # fmt: skip
    """Say that a hold was looked at and stands, and when it is looked at next; `until` gives it another end."""
    following = review_at or now.add(days=REVIEW_DAYS)
    with house.database.transaction() as session:
        must_be_open(session, incident)
        must_be_allowed(session, "hold.review", by=by, now=now, incident=incident, house=house)
        incidents.lock(session, incident)
        before = store.get(session, incident, number)
        ends = until or before.until
        _must_be_possible(before.from_at, ends, following, now)
        changed = store.change(
            session,
            incident,
            number,
            review_at=following,
            reviewed_at=now,
            reviewed_by=by,
            until=ends,
            look_at=_look_at(following, ends),
        )
        alarms.answered(session, incident, f"{store.SUBJECT}{number}", now=now)
        entry = {"hold": number, "next": following.isoformat(), "until": ends.isoformat() if ends else None}
        ledger.append(session, incident, EventType.HOLD_REVIEWED, actor=by, data=entry, at=now)
        if ends != before.until:
            assessing.reassess(house, session, incident, by=by, now=now)
        return changed


def listed(house: House, incident: str, *, by: str, now: DateTime) -> list[dict[str, Any]]:
    """Every hold, as `tocsin hold list` shows it."""
    with house.database.reading() as session:
        must_be_allowed(session, "see", by=by, now=now, incident=incident)
        return [
            {
                "hold": row.number,
                "state": "lifted" if row.lifted_at else "stands",
                "by": row.by,
                "authority": row.authority,
                "places": "everywhere" if row.places is None else ", ".join(row.places),
                "written": row.written,
                "paper": row.paper,
                "from": _at(row.from_at),
                "until": _at(row.until),
                "review": _at(None if row.lifted_at else row.review_at),
                "people": 0 if row.lifted_at else store.people_held(session, incident, _of(row)),
                "placed_by": row.placed_by,
                "lifted_at": _at(row.lifted_at),
                "lifted_by": row.lifted_by,
            }
            for row in store.listed(session, incident)
        ]


def why_not_public(session: Session, incident: str) -> str | None:
    """Why nothing may be said to everybody: it would reach people whom an authority asked to leave waiting."""
    those = store.held(session, incident)
    if not those.everywhere and not store.people_held(session, incident, those):
        return None
    where = "everywhere" if those.everywhere else ", ".join(those.places)
    return (
        f"An authority asked to wait ({where}), and a public notice would tell its people: `tocsin hold list "
        f"{incident}` shows who asked; `tocsin hold lift` ends it."
    )


def must_not_stand(session: Session, incident: str) -> None:
    """Raise NotAllowed where nothing may be said to everybody."""
    if why := why_not_public(session, incident):
        raise NotAllowed(why)


def _must_be_possible(began: DateTime, until: DateTime | None, review_at: DateTime | None, now: DateTime) -> None:
    if began > now:
        raise Invalid("A hold counts from when it begins: place it then, or give a --from that has passed.")
    if until is not None and until <= now:
        raise Invalid("This hold would have ended already: give an --until that is still to come, or none.")
    if review_at is not None and review_at <= now:
        raise Invalid("The day of the review has passed: give one that is still to come.")


def _look_at(review_at: DateTime, until: DateTime | None) -> DateTime:
    return review_at if until is None else min(review_at, until)


def _at(at: DateTime | None) -> str | None:
    return moments.text(at.replace(microsecond=0)) if at else None


def _of(row: LegalHold) -> store.Held:
    return store.Held(everywhere=row.places is None, places=tuple(row.places or ()))


def _entry(row: LegalHold) -> dict[str, Any]:
    return {"hold": row.number, "by": row.by, "places": row.places, "written": row.written}


def _running(session: Session, incident: str) -> tuple[str, ...]:
    """Duties to individuals that no hold stays: their law knows none, or it covers only some of their people."""
    return tuple(
        duty.key
        for duty in assessing.live(session, incident)
        if duty.audience == "individuals" and duty.status == "owed" and duty.done_at is None
    )
