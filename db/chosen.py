"""Some people of an incident, chosen by a person: found by their refs, and made due without the others.

Everything here takes as many refs or numbers as there are, in one statement.
"""

from collections.abc import Sequence

from pendulum import DateTime
from sqlalchemy import ColumnElement, Integer, case, cast, exists, literal, select, update
from sqlalchemy.orm import Session

from db import batches, rows, tables
from tocsin.delivery import Channel

_PERSON = tables.core(tables.Person)
_ATTEMPT = tables.core(tables.Attempt)
WAYS: ColumnElement[int] = sum((cast(_PERSON.c[f"has_{channel}"], Integer) for channel in Channel), literal(0))


def numbers(session: Session, incident_id: str, refs: Sequence[str]) -> dict[str, int]:
    """The numbers of people by ref; refs that nobody has are absent."""
    query = select(_PERSON.c.ref, _PERSON.c.id).where(
        _PERSON.c.incident_id == incident_id, batches.among(session, _PERSON.c.ref, refs)
    )
    return {row.ref: row.id for row in session.execute(query)}


def untold(text_hash: str) -> ColumnElement[bool]:
    """Whether a person has no attempt of a text."""
    theirs = (_ATTEMPT.c.incident_id == _PERSON.c.incident_id, _ATTEMPT.c.person_id == _PERSON.c.id)
    return ~exists().where(*theirs, _ATTEMPT.c.text_hash == text_hash)


def mark_due(
    session: Session,
    incident_id: str,
    waves: Sequence[int],
    now: DateTime,
    *,
    people: Sequence[int] | None,
    most: int | None,
    text_hash: str,
) -> int:
    """Make chosen people of some waves due who have no verdict; returns how many.

    `people` are numbers; None means anybody. `most` takes the first so many to whom the text was not sent yet and who
    have an address, those with a single way to be told first.
    """
    where = [_PERSON.c.incident_id == incident_id, _PERSON.c.verdict.is_(None), _PERSON.c.wave.in_(waves)]
    if people is not None:
        where.append(batches.among(session, _PERSON.c.id, people))
    if most is not None:
        first = select(_PERSON.c.id).where(*where, WAYS > 0, untold(text_hash)).order_by(WAYS > 1, _PERSON.c.id)
        given = first.limit(most).subquery("first")
        where = [_PERSON.c.incident_id == incident_id, _PERSON.c.id.in_(select(given.c.id))]
    instant = _PERSON.c.next_at.type
    turn = case((WAYS == 1, literal(now.subtract(seconds=1), instant)), else_=literal(now, instant))
    return rows.changed(session, update(_PERSON).where(*where).values(next_at=turn))
