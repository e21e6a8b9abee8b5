"""Legal holds: which stand, for which people, and when somebody must look at them again.

People of a held place keep no verdict and no turn: `park` takes the turn of those whose time has come, `release` gives
it back. Everything is one statement for all of them.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from pendulum import DateTime
from sqlalchemy import ColumnElement, and_, false, func, or_, select, true, update
from sqlalchemy.orm import Session

from db import rows, tables
from db.hold_tables import LegalHold
from tocsin import residency
from tocsin.errors import NotAllowed, NotFound

_HOLD = tables.core(LegalHold)
_PERSON = tables.core(tables.Person)
_INCIDENT = tables.core(tables.Incident)
SUBJECT = "hold:"  # of warnings about a hold, before its number
PARKED = "hold"  # why a person without verdict has no turn


@dataclass(frozen=True, kw_only=True)
class Held:
    """The places of the holds that stand."""

    everywhere: bool = False
    places: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.everywhere or bool(self.places)

    def people(self) -> ColumnElement[bool]:
        """Whether a person lives in one of them. Whose place is not known lives in none that is named."""
        if self.everywhere:
            return true()
        return or_(false(), *(_lives_in(place) for place in self.places))


def _lives_in(area: str) -> ColumnElement[bool]:
    """`tocsin.residency.within` in SQL."""
    place = _PERSON.c.place
    own = residency.OWN_CODE.get(area, area)
    inside = [code for code in residency.OWN_CODE if residency.within(code, area)]
    outside = [code for code in residency.OWN_CODE if code not in inside]
    below = or_(place == own, place.like(f"{own}-%"))
    return or_(and_(below, place.not_in(outside)), place.in_(inside))


def add(session: Session, hold: LegalHold) -> LegalHold:
    """Keep a new hold under the next number of its incident; the number given is not looked at."""
    rows.lock_incident(session, hold.incident_id)
    hold.number = last_number(session, hold.incident_id) + 1
    return rows.add(session, hold)


def listed(session: Session, incident_id: str, *, standing: bool = False) -> list[LegalHold]:
    """The holds of an incident in their order; only those that stand, if asked."""
    query = select(LegalHold).where(_HOLD.c.incident_id == incident_id)
    if standing:
        query = query.where(_HOLD.c.lifted_at.is_(None))
    return rows.every(session, query.order_by(_HOLD.c.number))


def get(session: Session, incident_id: str, number: int) -> LegalHold:
    """One hold; raises NotFound."""
    mine = (_HOLD.c.incident_id == incident_id, _HOLD.c.number == number)
    found = rows.one(session, select(LegalHold).where(*mine))
    if found is None:
        raise NotFound(f"Incident {incident_id} has no hold {number}: `tocsin hold list` shows them.")
    return found


def last_number(session: Session, incident_id: str) -> int:
    """The number of the hold placed last, 0 before the first: whoever sends sees by it that one was placed."""
    query = select(func.max(_HOLD.c.number)).where(_HOLD.c.incident_id == incident_id)
    return session.execute(query).scalar() or 0


def change(session: Session, incident_id: str, number: int, **values: Any) -> LegalHold:
    """Change a hold that stands; raises NotFound, or NotAllowed if it was lifted before."""
    rows.lock_incident(session, incident_id)
    mine = (_HOLD.c.incident_id == incident_id, _HOLD.c.number == number)
    if rows.changed(session, update(_HOLD).where(*mine, _HOLD.c.lifted_at.is_(None)).values(**values)) == 0:
        get(session, incident_id, number)
        raise NotAllowed(f"Hold {number} of {incident_id} was lifted before: place a new one if an authority asks.")
    return get(session, incident_id, number)


def put_off(session: Session, hold: LegalHold, at: DateTime) -> None:
    """Look at a hold again later, or at its own end if that comes first."""
    mine = (_HOLD.c.incident_id == hold.incident_id, _HOLD.c.number == hold.number)
    following = at if hold.until is None else min(at, hold.until)
    session.execute(update(_HOLD).where(*mine, _HOLD.c.lifted_at.is_(None)).values(look_at=following))


def held(session: Session, incident_id: str) -> Held:
    """The places for whose people an authority asked to wait, by the holds that stand."""
    query = select(_HOLD.c.places).where(_HOLD.c.incident_id == incident_id, _HOLD.c.lifted_at.is_(None))
    standing = list(session.scalars(query))
    named = {place for places in standing for place in places or ()}
    return Held(everywhere=any(places is None for places in standing), places=tuple(sorted(named)))


def park(session: Session, incident_id: str, those: Held, now: DateTime) -> int:
    """Take the turn of held people whose time has come; returns how many. Whom a sender has in hand keeps it."""
    if not those:
        return 0
    mine = (_PERSON.c.incident_id == incident_id, _PERSON.c.next_at <= now, those.people())
    due = select(_PERSON.c.id).where(*mine).with_for_update(skip_locked=True, key_share=True)
    statement = update(_PERSON).where(_PERSON.c.incident_id == incident_id, _PERSON.c.id.in_(due))
    parked = {"next_at": None, "verdict": None, "verdict_channel": None, "verdict_at": None, "verdict_reason": PARKED}
    return rows.changed(session, statement.values(**parked))


def release(session: Session, incident_id: str, still: Held, now: DateTime) -> int:
    """Give back the turn to everybody who was parked and is held no more; returns how many."""
    parked = and_(_PERSON.c.verdict.is_(None), _PERSON.c.verdict_reason == PARKED)
    mine = (_PERSON.c.incident_id == incident_id, parked, ~still.people())
    return rows.changed(session, update(_PERSON).where(*mine).values(next_at=now, verdict_reason=None))


def people_held(session: Session, incident_id: str, those: Held | None = None) -> int:
    """How many people without verdict live in held places: their verdict is `held` for as long as the holds stand."""
    those = held(session, incident_id) if those is None else those
    if not those:
        return 0
    mine = (_PERSON.c.incident_id == incident_id, _PERSON.c.verdict.is_(None), those.people())
    return session.execute(select(func.count()).select_from(_PERSON).where(*mine)).scalar() or 0


def people_elsewhere_unknown(session: Session, incident_id: str, those: Held) -> int:
    """How many people without verdict may live in held places: only their country is known, or nothing."""
    if not those or those.everywhere:
        return 0
    countries = {place.partition("-")[0] for place in those.places if "-" in place}
    mine = (_PERSON.c.incident_id == incident_id, _PERSON.c.verdict.is_(None), ~those.people())
    maybe = _PERSON.c.place.in_(["", *sorted(countries)])
    return session.execute(select(func.count()).select_from(_PERSON).where(*mine, maybe)).scalar() or 0


def standing(session: Session, pairs: Collection[tuple[str | None, str]]) -> set[tuple[str, str]]:
    """Those of these subjects of warnings (incident, `hold:NUMBER`) that are about a hold that stands."""
    asked = sorted({incident or "" for incident, subject in pairs if subject.startswith(SUBJECT)})
    if not asked:
        return set()
    query = select(_HOLD.c.incident_id, _HOLD.c.number).where(
        _HOLD.c.incident_id.in_(asked), _HOLD.c.lifted_at.is_(None)
    )
    return {(incident, f"{SUBJECT}{number}") for incident, number in session.execute(query)}


def to_look_at(session: Session, now: DateTime) -> list[tuple[LegalHold, str]]:
    """Holds of open incidents whose time has come, with their incident's plan."""
    query = select(LegalHold).where(_HOLD.c.look_at <= now, _HOLD.c.lifted_at.is_(None))
    query = query.order_by(_HOLD.c.look_at, _HOLD.c.incident_id, _HOLD.c.number)
    found = rows.every(session, query)
    wanted = sorted({one.incident_id for one in found})
    if not wanted:
        return []
    states = select(_INCIDENT.c.id, _INCIDENT.c.plan).where(_INCIDENT.c.id.in_(wanted), _INCIDENT.c.state == "open")
    plans = {row.id: row.plan for row in session.execute(states)}
    return [(one, plans[one.incident_id]) for one in found if one.incident_id in plans]
