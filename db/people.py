"""The affected people of an incident. Who they are stands sealed; everything here works on numbers and keyed hashes."""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import repeat
from typing import Any, NamedTuple

from pendulum import DateTime
from sqlalchemy import Integer, and_, bindparam, case, cast, func, literal, select, update
from sqlalchemy.orm import Session

from db import attempts, batches, loading, rows, tables
from db.attempts import Attempt
from db.columns import Instant, JsonText
from tocsin.delivery import NOT_REACHED, Channel, Verdict
from tocsin.ledger import canonical

_PERSON = tables.core(tables.Person)
_IDENTITY = tables.core(tables.Identity)
_AT, _LIST = Instant(), JsonText()
_BATCH = 1000


class NewPerson(NamedTuple):
    """A person about to be stored; `sealed` comes from `IncidentKey.seal` with `person_aad`."""

    id: int
    wave: int
    ref: str
    place: str
    language: str
    sealed: bytes
    has_push: bool = False
    has_email: bool = False
    has_sms: bool = False
    has_phone: bool = False
    next_at: DateTime | None = None
    excluded_channels: Sequence[str] = ()


class Resealed(NamedTuple):
    """New sealed data of a known person, after another address was merged in."""

    id: int
    sealed: bytes
    has_push: bool
    has_email: bool
    has_sms: bool
    has_phone: bool


@dataclass(frozen=True, kw_only=True)
class Person:
    """A person as recorded."""

    id: int
    wave: int
    ref: str
    place: str
    language: str
    sealed: bytes
    has_push: bool
    has_email: bool
    has_sms: bool
    has_phone: bool
    verdict: Verdict | None
    verdict_channel: Channel | None
    verdict_at: DateTime | None
    next_at: DateTime | None
    excluded_channels: tuple[str, ...]
    verdict_reason: str | None

    @property
    def channels(self) -> frozenset[Channel]:
        """The channels on which there is an address that may be used."""
        having = {
            Channel.PUSH: self.has_push,
            Channel.EMAIL: self.has_email,
            Channel.SMS: self.has_sms,
            Channel.PHONE: self.has_phone,
        }
        return frozenset(channel for channel, has in having.items() if has and channel not in self.excluded_channels)


@dataclass(frozen=True, kw_only=True)
class Due(Person):
    """A person whose turn it is, with every attempt so far, oldest first."""

    attempts: tuple[Attempt, ...]


class Settle(NamedTuple):
    """What became of one person, the channel that led to it, and why in a closed word where it did not."""

    person_id: int
    verdict: Verdict
    channel: Channel | None
    at: DateTime
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class PlaceSettled:
    """How far the people of one place are. `settled_at` is the time of the latest verdict."""

    place: str
    open: int
    not_reached: int
    settled_at: DateTime | None


@dataclass(frozen=True, kw_only=True)
class Counts:
    """How many people there are; `pending` lack a verdict. `by_channel` counts channels that led to a verdict."""

    total: int
    pending: int
    by_verdict: Mapping[Verdict, int]
    by_channel: Mapping[Channel, int]
    by_language: Mapping[str, int]
    by_place: Mapping[str, int]


def next_id(session: Session, incident_id: str) -> int:
    """The number for the next person; other importers of this incident wait until the caller commits."""
    rows.lock_incident(session, incident_id)
    highest = session.execute(select(func.max(_PERSON.c.id)).where(_PERSON.c.incident_id == incident_id)).scalar()
    return 1 + (highest or 0)


def insert_many(session: Session, incident_id: str, people: Sequence[NewPerson]) -> None:
    """Store new people."""
    if not people:
        return
    dialect = session.get_bind().dialect
    *plain, next_at, excluded = zip(*people, strict=True)  # by columns: a million rows are too many to touch one by one
    times = [at and _AT.process_bind_param(at, dialect) for at in next_at]
    lists = [_LIST.process_bind_param(list(some), dialect) if some else "[]" for some in excluded]
    values = zip(repeat(incident_id), *plain, times, lists, strict=False)
    loading.load(session, _PERSON, ("incident_id", *NewPerson._fields), values)


@contextmanager
def enrolling(session: Session, incident_id: str, *, new: int) -> Iterator[None]:
    """What is done before and after so many people of a wave are stored; one importer of an incident at a time."""
    loading.queue_imports(session, incident_id)
    with loading.index_made_after(session, _PERSON, "ix_person_incident_id_ref", rows=new):
        yield


def known(session: Session, incident_id: str, hashes: Sequence[str]) -> dict[str, int]:
    """Which of these identity hashes belong to somebody, and to whom."""
    found: dict[str, int] = {}
    for some in rows.chunks(hashes):
        query = select(_IDENTITY.c.hash, _IDENTITY.c.person_id).where(
            _IDENTITY.c.incident_id == incident_id, _IDENTITY.c.hash.in_(some)
        )
        found.update((key, value) for key, value in session.execute(query))
    return found


def add_identities(session: Session, incident_id: str, identities: Sequence[tuple[str, int]]) -> int:
    """Note (hash, person id) pairs; a hash that belongs to somebody already stays theirs. Returns how many are new.

    Raises IntegrityError for a person that there is not.
    """
    if not identities:
        return 0
    person = select(_PERSON.c.id).where(
        _PERSON.c.incident_id == bindparam("its_incident"), _PERSON.c.id == bindparam("its_person")
    )
    statement = rows.insert_new(session, _IDENTITY).values(
        incident_id=bindparam("its_incident"), hash=bindparam("its_hash"), person_id=person.scalar_subquery()
    )
    values = [
        {"its_incident": incident_id, "its_hash": identity, "its_person": person_id}
        for identity, person_id in identities
    ]
    return len(list(session.scalars(statement.returning(_IDENTITY.c.hash), values)))


def load_identities(session: Session, incident_id: str, hashes: Sequence[str], person_ids: Sequence[int]) -> None:
    """The same for hashes that nobody has, of people just stored; nothing is looked up. Cheapest in order of hashes."""
    values = zip(repeat(incident_id), hashes, person_ids, strict=False)
    loading.load(session, _IDENTITY, ("incident_id", "hash", "person_id"), values)


def get_many(session: Session, incident_id: str, person_ids: Sequence[int]) -> dict[int, Person]:
    """People by number; numbers that nobody has are absent."""
    found: dict[int, Person] = {}
    for some in rows.chunks(person_ids):
        query = _query(incident_id).where(_PERSON.c.id.in_(some))
        found |= {person.id: person for person in _read(session, query)}
    return found


def update_sealed_many(session: Session, incident_id: str, people: Sequence[Resealed]) -> None:
    """Replace sealed data and what addresses there are."""
    columns = ("sealed", "has_push", "has_email", "has_sms", "has_phone")
    values = [{"its_id": one.id, **{f"new_{name}": getattr(one, name) for name in columns}} for one in people]
    _update_each(session, incident_id, {name: bindparam(f"new_{name}") for name in columns}, values)


def due(
    session: Session,
    incident_id: str,
    now: DateTime,
    limit: int,
    *,
    between: tuple[int, int] | None = None,
) -> list[Due]:
    """People whose `next_at` has come, longest waiting first, with all their attempts; `between` takes a range of ids.

    A settled person is due again only when a receipt or a schedule asked for it.
    """
    query = _query(incident_id).where(_PERSON.c.next_at <= now)
    if between is not None:
        query = query.where(_PERSON.c.id.between(*between))
    people = _read(session, query.order_by(_PERSON.c.next_at, _PERSON.c.id).limit(limit))
    tried = attempts.of_people(session, incident_id, [person.id for person in people])
    return [Due(**vars(person), attempts=tuple(tried.get(person.id, ()))) for person in people]


def any_due(session: Session, incident_id: str, now: DateTime) -> bool:
    """Whether it is anybody's turn."""
    query = select(_PERSON.c.id).where(_PERSON.c.incident_id == incident_id, _PERSON.c.next_at <= now)
    return session.execute(query.limit(1)).first() is not None


def next_look(session: Session, incident_id: str) -> DateTime | None:
    """When the next person's turn is; None if nobody waits."""
    query = select(func.min(_PERSON.c.next_at)).where(_PERSON.c.incident_id == incident_id)
    return session.execute(query).scalar()


def schedule_many(session: Session, incident_id: str, schedule: Sequence[tuple[int, DateTime | None]]) -> None:
    """Set when the ladder looks at each person again; None for never."""
    _change(session, incident_id, {"then": "next_at"}, schedule)


def mark_all_due(session: Session, incident_id: str, wave: int | None, now: DateTime) -> int:
    """Make everybody without a verdict due, in one wave or in all; returns how many.

    Whoever can be told in one way only comes before the others (see `tocsin.ladder.standing`).
    """
    statement = update(_PERSON).where(_PERSON.c.incident_id == incident_id, _PERSON.c.verdict.is_(None))
    if wave is not None:
        statement = statement.where(_PERSON.c.wave == wave)
    ways = sum((cast(_PERSON.c[f"has_{channel}"], Integer) for channel in Channel), literal(0))
    instant = _PERSON.c.next_at.type
    turn = case((ways == 1, literal(now.subtract(seconds=1), instant)), else_=literal(now, instant))
    return rows.changed(session, statement.values(next_at=turn))


def reopen_many(session: Session, incident_id: str, schedule: Sequence[tuple[int, DateTime]]) -> None:
    """Take the verdict back from people for whom there is more to do (a late bounce), and look at them again then."""
    cleared = dict.fromkeys(("verdict", "verdict_channel", "verdict_at", "verdict_reason"))
    _change(session, incident_id, {"then": "next_at"}, schedule, **cleared)


def give_new_chance(
    session: Session, incident_id: str, person_ids: Sequence[int], verdicts: Collection[Verdict], now: DateTime
) -> None:
    """Take the verdict back from those of these people who have one of `verdicts`, and look at them again now."""
    cleared = dict.fromkeys(("verdict", "verdict_channel", "verdict_at", "verdict_reason"))
    columns: dict[str, Any] = {**cleared, "next_at": now}
    where = (_PERSON.c.incident_id == incident_id, _PERSON.c.verdict.in_([verdict.value for verdict in verdicts]))
    for some in rows.chunks(sorted(person_ids)):
        session.execute(update(_PERSON).where(*where, _PERSON.c.id.in_(some)).values(**columns))


def settle_many(session: Session, incident_id: str, verdicts: Sequence[Settle]) -> None:
    """Record what became of people; nobody of them is due any more. A verdict that is the same again keeps its time."""
    if not verdicts:
        return
    names = {"new_verdict": "verdict", "its_channel": "verdict_channel", "then": "verdict_at", "why": "verdict_reason"}
    given, where = _given(session, incident_id, names, verdicts)
    columns = {column: given.c[name] for name, column in names.items()}
    before = func.coalesce(_PERSON.c.verdict_channel, "") == func.coalesce(given.c.its_channel, "")
    same = and_(_PERSON.c.verdict == given.c.new_verdict, before)
    columns["verdict_at"] = case((same, _PERSON.c.verdict_at), else_=given.c.then)
    session.execute(update(_PERSON).where(*where).values(**columns, next_at=None))


def counts(session: Session, incident_id: str) -> Counts:
    """How many people have which verdict, channel, language and place, counted by the database."""
    by = (_PERSON.c.verdict, _PERSON.c.verdict_channel, _PERSON.c.language, _PERSON.c.place)
    query = select(*by, func.count()).where(_PERSON.c.incident_id == incident_id).group_by(*by)
    tallies: tuple[Counter[Any], ...] = (Counter(), Counter(), Counter(), Counter())
    for *values, count in session.execute(query):
        for tally, value in zip(tallies, values, strict=True):
            tally[value] += count
    verdicts, channels, languages, places = tallies
    return Counts(
        total=verdicts.total(),
        pending=verdicts.pop(None, 0),
        by_verdict={Verdict(verdict): count for verdict, count in verdicts.items()},
        by_channel={Channel(channel): count for channel, count in channels.items() if channel is not None},
        by_language=dict(sorted(languages.items())),
        by_place=dict(sorted(places.items())),
    )


def by_place_settled(session: Session, incident_id: str) -> list[PlaceSettled]:
    """How far each place is, counted by the database."""
    not_reached = case((_PERSON.c.verdict.in_([verdict.value for verdict in NOT_REACHED]), 1), else_=0)
    query = (
        select(
            _PERSON.c.place,
            func.sum(case((_PERSON.c.verdict.is_(None), 1), else_=0)),
            func.sum(not_reached),
            func.max(_PERSON.c.verdict_at),
        )
        .where(_PERSON.c.incident_id == incident_id)
        .group_by(_PERSON.c.place)
        .order_by(_PERSON.c.place)
    )
    return [
        PlaceSettled(place=place, open=pending, not_reached=missed, settled_at=at)
        for place, pending, missed, at in session.execute(query)
    ]


def iterate(session: Session, incident_id: str, *, wave: int | None = None, batch: int = _BATCH) -> Iterator[Person]:
    """Everybody in the order of ids, `batch` at a time in memory."""
    query = _query(incident_id).order_by(_PERSON.c.id).limit(batch)
    if wave is not None:
        query = query.where(_PERSON.c.wave == wave)
    after = 0
    while people := _read(session, query.where(_PERSON.c.id > after)):
        yield from people
        after = people[-1].id


def verdict_hash(session: Session, incident_id: str) -> str:
    """One SHA-256 over everybody's verdict, for the ledger: lines of canonical JSON `[ref, verdict, channel, at]`.

    Lines are in the order of refs, each ended by a line feed; whoever holds the list can prove it the one meant.
    """
    columns = (_PERSON.c.ref, _PERSON.c.verdict, _PERSON.c.verdict_channel, _PERSON.c.verdict_at)
    query = select(*columns).where(_PERSON.c.incident_id == incident_id).order_by(_PERSON.c.ref).limit(_BATCH)
    running, after = hashlib.sha256(), ""
    while found := session.execute(query.where(_PERSON.c.ref > after)).all():
        for ref, verdict, channel, at in found:
            written = None if at is None else at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            running.update(canonical([ref, verdict, channel, written]) + b"\n")
        after = found[-1][0]
    return running.hexdigest()


def _query(incident_id: str) -> Any:
    columns = (column for column in _PERSON.c if column.name != "incident_id")
    return select(*columns).where(_PERSON.c.incident_id == incident_id)


def _read(session: Session, query: Any) -> list[Person]:
    return [_person(dict(row)) for row in session.execute(query).mappings()]


def _person(row: Mapping[str, Any]) -> Person:
    verdict, channel = row["verdict"], row["verdict_channel"]
    return Person(
        **{
            **row,
            "sealed": bytes(row["sealed"]),
            "verdict": verdict and Verdict(verdict),
            "verdict_channel": channel and Channel(channel),
            "excluded_channels": tuple(row["excluded_channels"]),
        }
    )


def _change(
    session: Session, incident_id: str, names: Mapping[str, str], values: Sequence[Sequence[Any]], **fixed: Any
) -> None:
    """Set columns of people in one statement: each row is a number and the values of `names`; `fixed` is for all."""
    if not values:
        return
    given, where = _given(session, incident_id, names, values)
    columns = {column: given.c[name] for name, column in names.items()}
    session.execute(update(_PERSON).where(*where).values(**columns, **fixed))


def _given(session: Session, incident_id: str, names: Mapping[str, str], values: Sequence[Sequence[Any]]) -> Any:
    given = batches.rows_of(session, _PERSON, {"its_id": "id", **names}, values, incident_id)
    return given, (_PERSON.c.incident_id == given.c.incident_id, _PERSON.c.id == given.c.its_id)


def _update_each(
    session: Session, incident_id: str, columns: Mapping[str, Any], values: Sequence[Mapping[str, Any]]
) -> None:
    """Update people one by one in one round trip, in the order of ids so that two writers never wait in a ring."""
    if not values:
        return
    where = (_PERSON.c.incident_id == incident_id, _PERSON.c.id == bindparam("its_id"))
    ordered = sorted(values, key=lambda value: int(value["its_id"]))
    session.connection().execute(update(_PERSON).where(*where).values(**columns), ordered)
