"""What people said about a channel: that they do not want it, or want it again. It becomes `person.excluded_channels`.

Words come late, twice and out of order, and before their message is known. So each is kept, once, and what counts is
always worked out from all of them: for one person and channel the latest by the provider's clock; at the same instant
the one that does not want. Who is not surely told yet is looked at again at once, for another channel may be theirs.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pendulum import DateTime
from sqlalchemy import and_, case, literal, or_, select, update
from sqlalchemy.orm import Session

from db import batches, call_tables, rows, tables
from tocsin.delivery import Event, Kind, Verdict

_WISH = tables.core(call_tables.Wish)
_ATTEMPT = tables.core(tables.Attempt)
_PERSON = tables.core(tables.Person)
_AT_ONCE = 1000


def keep(session: Session, events: Iterable[Event]) -> int:
    """Keep those events that are a word about a channel, once each; how many are new. `apply` takes them on."""
    values = {(one.provider, one.event_id): _row(one) for one in events if one.wish is not None}
    if not values:
        return 0
    statement = rows.insert_new(session, _WISH).returning(_WISH.c.event_id)
    return len(list(session.execute(statement, [values[key] for key in sorted(values)])))


def apply(session: Session, now: DateTime) -> tuple[int, dict[str, Counter[str]]]:
    """Take on a thousand words whose message is known by now.

    Returns how many they were, and for each incident how many people lost a channel (`sms:opted-out`) or got it back
    (`sms:wanted-again`).
    """
    found = _matched(session)
    matched = list({(row["provider"], row["event_id"]): row for row in found}.values())
    for incident_id in sorted({row["incident_id"] for row in matched}):
        rows.lock_incident(session, incident_id)  # before people, as everyone does
    _name(session, matched)
    touched: dict[str, set[int]] = defaultdict(set)
    for row in matched:
        touched[row["incident_id"]].add(row["person_id"])
    changed = {
        incident_id: _settle(session, incident_id, sorted(person_ids), now)
        for incident_id, person_ids in sorted(touched.items())
    }
    return len(found), changed


def _row(event: Event) -> dict[str, Any]:
    return {
        "provider": event.provider,
        "event_id": event.event_id,
        "kind": event.wish,
        "at": event.at,
        "attempt_key": event.key,
        "provider_ref": event.provider_ref,
        "incident_id": None,
        "person_id": None,
        "channel": None,
    }


def _matched(session: Session) -> list[Mapping[str, Any]]:
    """Words of which the message has become known, with whose it is; nobody else's at the moment."""
    whose = (_ATTEMPT.c.incident_id, _ATTEMPT.c.person_id, _ATTEMPT.c.channel)
    of_message = or_(
        _ATTEMPT.c.key == _WISH.c.attempt_key,
        and_(_ATTEMPT.c.provider == _WISH.c.provider, _ATTEMPT.c.provider_ref == _WISH.c.provider_ref),
    )
    query = (
        select(_WISH.c.provider, _WISH.c.event_id, *whose)
        .join(_ATTEMPT, of_message)
        .where(_WISH.c.incident_id.is_(None))
        .order_by(_WISH.c.provider, _WISH.c.event_id, _ATTEMPT.c.key == _WISH.c.attempt_key)  # the key counts most
        .limit(_AT_ONCE)
        .with_for_update(of=_WISH, skip_locked=True)
    )
    return [dict(row) for row in session.execute(query).mappings()]


def _name(session: Session, matched: Sequence[Mapping[str, Any]]) -> None:
    for incident_id in {row["incident_id"] for row in matched}:
        names = {"its_provider": "provider", "its_event": "event_id", "whose": "person_id", "its_channel": "channel"}
        values = [
            (row["provider"], row["event_id"], row["person_id"], row["channel"])
            for row in matched
            if row["incident_id"] == incident_id
        ]
        given = batches.rows_of(session, _WISH, names, values, incident_id)
        statement = (
            update(_WISH)
            .where(_WISH.c.provider == given.c.its_provider, _WISH.c.event_id == given.c.its_event)
            .values(incident_id=given.c.incident_id, person_id=given.c.whose, channel=given.c.its_channel)
        )
        session.execute(statement)


def _settle(session: Session, incident_id: str, person_ids: Sequence[int], now: DateTime) -> Counter[str]:
    """Bring the excluded channels of these people to what their words say."""
    wanted = _wanted(session, incident_id, person_ids)
    query = select(_PERSON.c.id, _PERSON.c.excluded_channels).where(
        _PERSON.c.incident_id == incident_id, batches.among(session, _PERSON.c.id, person_ids)
    )
    counts: Counter[str] = Counter()
    changes = []
    for person_id, before in session.execute(query.order_by(_PERSON.c.id)):
        said = wanted[person_id]
        after = {channel for channel in before if said.get(channel) is not True}
        after |= {channel for channel, wants in said.items() if not wants}
        if after != set(before):
            counts.update(f"{channel}:opted-out" for channel in after.difference(before))
            counts.update(f"{channel}:wanted-again" for channel in set(before) - after)
            changes.append((person_id, sorted(after)))
    if changes:
        names = {"its_id": "id", "without": "excluded_channels"}
        given = batches.rows_of(session, _PERSON, names, changes, incident_id)
        where = (_PERSON.c.incident_id == given.c.incident_id, _PERSON.c.id == given.c.its_id)
        told = _PERSON.c.verdict == Verdict.DELIVERED.value
        turn = case((told, _PERSON.c.next_at), else_=literal(now, _PERSON.c.next_at.type))
        session.execute(update(_PERSON).where(*where).values(excluded_channels=given.c.without, next_at=turn))
    return counts


def _wanted(session: Session, incident_id: str, person_ids: Sequence[int]) -> dict[int, dict[str, bool]]:
    """For each person and channel that they said something about: whether they want it."""
    query = select(_WISH.c.person_id, _WISH.c.channel, _WISH.c.at, _WISH.c.kind).where(
        _WISH.c.incident_id == incident_id, batches.among(session, _WISH.c.person_id, person_ids)
    )
    said = sorted(((at, bool(Kind(kind).wanted), one, channel) for one, channel, at, kind in session.execute(query)),
                  key=lambda word: (word[0], not word[1]))  # fmt: skip
    wanted: dict[int, dict[str, bool]] = defaultdict(dict)
    for _, wants, person_id, channel in said:
        wanted[person_id][channel] = wants
    return wanted
