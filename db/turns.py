"""Whose turn it is: people taken for one claim, so that several senders never wait for each other.

On PostgreSQL a row that another sender holds is passed over (`SKIP LOCKED`); on SQLite there is one writer anyway. Who
takes turns waits for nobody afterwards, and therefore needs no lock of the incident.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from json import loads

from pendulum import DateTime
from sqlalchemy import Text, select, type_coerce, update
from sqlalchemy.orm import Session

from db import attempts, batches, holds, tables
from db.attempts import Attempt
from tocsin.delivery import Channel

_PERSON = tables.core(tables.Person)
_HAVING = {
    Channel.PUSH: _PERSON.c.has_push,
    Channel.EMAIL: _PERSON.c.has_email,
    Channel.SMS: _PERSON.c.has_sms,
    Channel.PHONE: _PERSON.c.has_phone,
}


@dataclass(frozen=True, slots=True)
class Turn:
    """What sending must know of a person whose turn it is, with every attempt so far, oldest first.

    `channels` are those with an address that may be used.
    """

    id: int
    wave: int
    place: str
    language: str
    sealed: bytes
    channels: frozenset[Channel]
    attempts: Sequence[Attempt]


def take(
    session: Session,
    incident_id: str,
    now: DateTime,
    limit: int,
    *,
    only: Sequence[int] | None = None,
    held: holds.Held | None = None,
) -> list[Turn]:
    """People whose `next_at` has come, longest waiting first; they are the caller's until its transaction ends.

    A settled person is due again only when a receipt or a schedule asked for it. `only` are numbers of people: then
    nobody else is taken. People of `held` places are passed over.
    """
    wanted = (_PERSON.c.id, _PERSON.c.wave, _PERSON.c.place, _PERSON.c.language, _PERSON.c.sealed)
    excluded = type_coerce(_PERSON.c.excluded_channels, Text)
    query = (
        select(*wanted, excluded, *_HAVING.values())
        .where(_PERSON.c.incident_id == incident_id, _PERSON.c.next_at <= now)
        .order_by(_PERSON.c.next_at)  # the index gives this order; a second word would sort everybody due, every time
        .limit(limit)
        .with_for_update(skip_locked=True, key_share=True)
    )
    if only is not None:
        query = query.where(batches.among(session, _PERSON.c.id, only))
    if held:
        query = query.where(~held.people())
    found = sorted(session.connection().execute(query), key=lambda row: int(row[0]))
    tried = attempts.of_people(session, incident_id, [row[0] for row in found])
    return [
        Turn(number, wave, place, language, bytes(sealed), _channels(without, *having), tried.get(number, ()))
        for number, wave, place, language, sealed, without, *having in found
    ]


def wait_for_word(
    session: Session, incident_id: str, waits: Sequence[tuple[int, DateTime]], *, claimed_until: DateTime
) -> None:
    """Look again at people of a claim when their waits end; whom something else made due meanwhile stays due.

    `claimed_until` is what the claim had put there.
    """
    if not waits:
        return
    given = batches.rows_of(session, _PERSON, {"its_id": "id", "later": "next_at"}, waits, incident_id)
    where = (
        _PERSON.c.incident_id == given.c.incident_id,
        _PERSON.c.id == given.c.its_id,
        _PERSON.c.next_at == claimed_until,
    )
    session.execute(update(_PERSON).where(*where).values(next_at=given.c.later))


@lru_cache(maxsize=4096)
def _channels(excluded: str, *having: bool) -> frozenset[Channel]:
    without = loads(excluded)
    return frozenset(channel for channel, has in zip(_HAVING, having, strict=True) if has and channel not in without)
