"""People counted in crowds that the ladder sees alike, for whoever wants to know what a sending would do.

Reads only. Whoever was sent nothing of a text is one of a crowd, and a million of them are a few hundred rows; those to
whom something was sent already, and whose turn it is, are handed out one by one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from json import loads
from typing import Any

from pendulum import DateTime
from sqlalchemy import ColumnElement, Text, and_, func, or_, select, type_coerce
from sqlalchemy.orm import Session

from db import attempts, batches, chosen, holds, tables
from db.turns import Turn
from tocsin.delivery import Channel

_PERSON = tables.core(tables.Person)
_HAVING = tuple(_PERSON.c[f"has_{channel}"] for channel in Channel)
_BATCH = 1000


@dataclass(frozen=True, slots=True)
class Crowd:
    """So many people alike. `alike` stands for each of them; `open` is whether they lack a verdict."""

    people: int
    open: bool
    due: bool
    fresh: bool  # nothing of the text was sent to them
    alike: Turn


@dataclass(frozen=True, kw_only=True)
class Question:
    """Which people are meant: those whose turn has come, and those of waves that a sending would open.

    `people` are the numbers of chosen ones; None means everybody.
    """

    incident_id: str
    now: DateTime
    text_hash: str
    unopened: Sequence[int]
    people: Sequence[int] | None = None

    def due(self) -> ColumnElement[bool]:
        """Whether it is a person's turn once the sending is opened."""
        opened = and_(_PERSON.c.verdict.is_(None), _PERSON.c.wave.in_(self.unopened))
        return or_(and_(_PERSON.c.next_at.is_not(None), _PERSON.c.next_at <= self.now), opened)

    def where(self, session: Session) -> list[ColumnElement[bool]]:
        """Whether a person is meant at all; nobody is whom an authority asked to leave waiting."""
        whole = [_PERSON.c.incident_id == self.incident_id]
        if held := holds.held(session, self.incident_id):
            whole.append(~held.people())
        return whole if self.people is None else [*whole, batches.among(session, _PERSON.c.id, self.people)]


def counted(session: Session, question: Question) -> list[Crowd]:
    """Everybody meant, in crowds, the largest first."""
    excluded = type_coerce(_PERSON.c.excluded_channels, Text)
    inner = (
        select(
            _PERSON.c.verdict.is_(None).label("open"),
            question.due().label("due"),
            chosen.untold(question.text_hash).label("fresh"),
            _PERSON.c.wave,
            _PERSON.c.place,
            _PERSON.c.language,
            excluded.label("excluded"),
            *_HAVING,
        )
        .where(*question.where(session))
        .subquery("person_")
    )
    query = select(func.count(), *inner.c).group_by(*inner.c).order_by(func.count().desc(), *inner.c)
    return [_crowd(row) for row in session.execute(query)]


def begun(session: Session, question: Question) -> Iterator[Turn]:
    """People whose turn it is and who were sent something of the text before, a thousand at a time in memory."""
    columns = (_PERSON.c.id, _PERSON.c.wave, _PERSON.c.place, _PERSON.c.language)
    excluded = type_coerce(_PERSON.c.excluded_channels, Text)
    query = (
        select(*columns, excluded, *_HAVING)
        .where(*question.where(session), question.due(), ~chosen.untold(question.text_hash))
        .order_by(_PERSON.c.id)
        .limit(_BATCH)
    )
    after = 0
    while found := session.execute(query.where(_PERSON.c.id > after)).all():
        tried = attempts.of_people(session, question.incident_id, [row[0] for row in found])
        for number, wave, place, language, without, *having in found:
            yield Turn(number, wave, place, language, b"", _channels(without, having), tried.get(number, ()))
        after = found[-1][0]


def _crowd(row: Any) -> Crowd:
    people, opened, due, fresh, wave, place, language, excluded, *having = row
    turn = Turn(0, wave, place, language, b"", _channels(excluded, having), ())
    return Crowd(int(people), bool(opened), bool(due), bool(fresh), turn)


def _channels(excluded: str, having: Sequence[bool]) -> frozenset[Channel]:
    without = loads(excluded)
    return frozenset(
        channel for channel, has in zip(Channel, having, strict=True) if has and channel.value not in without
    )
