"""Warnings to the company's people: an outbox that several processes may empty, and what people answered.

A message is claimed before it is sent. One whose claim ran out may have left: it stays a doubt and is not sent again.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pendulum import DateTime
from sqlalchemy import ColumnElement, Table, and_, bindparam, or_, select, update
from sqlalchemy.orm import Session

from db import actions, holds, rows, tables, watch_tables
from db.columns import utc
from db.incidents import OPEN
from db.watch_tables import DutyWatch, WarningMessage

WAITING, CLAIMED, DELIVERED, FAILED = "waiting", "claimed", "delivered", "failed"
DOUBTFUL = "doubtful"  # claimed by a process that never said what became of it
NOBODY = "nobody"  # the settings name no person for the role
GATHERED = "gathered"  # stands in another message, a bundle or a digest
STOPPED = "stopped"  # acknowledged, done, or fallen away before it was sent
TASK, BUNDLE, DIGEST, FORECAST = "task:", "bundle:", "digest:", "forecast"
OTHERS = (TASK, FORECAST, holds.SUBJECT, actions.SUBJECT)  # how subjects begin that are no duty
_MESSAGE = tables.core(watch_tables.WarningMessage)
_WATCH = tables.core(DutyWatch)
_DUTY = tables.core(tables.Duty)
_TASK = tables.core(tables.Task)
_INCIDENT = tables.core(tables.Incident)


@dataclass(frozen=True, kw_only=True)
class Message:
    """A warning to one person, who is `chain[place]`; the next are asked if this one does not answer."""

    incident_id: str | None
    subject: str
    step: str
    target: DateTime
    person: str
    place: int
    chain: tuple[str, ...]
    escalate_seconds: int | None
    title: str
    body: str
    made_at: DateTime
    look_at: DateTime | None
    state: str = WAITING
    within: str | None = None

    @property
    def key(self) -> str:
        """What makes it one and the same: nobody is warned twice of one step of one deadline."""
        return key_of(self.incident_id, self.subject, self.step, self.target, self.person)


def key_of(incident_id: str | None, subject: str, step: str, target: DateTime, person: str) -> str:
    """The key of a message, from what makes it one."""
    return "|".join((incident_id or "", subject, step, utc(target).isoformat(), person))


def put(session: Session, messages: Sequence[Message]) -> set[str]:
    """Store those that are new; returns their keys."""
    values = [{**asdict(one), "chain": list(one.chain), "key": one.key, "tries": 0} for one in messages]
    if not values:
        return set()
    statement = rows.insert_new(session, _MESSAGE).returning(_MESSAGE.c.key)
    return set(session.scalars(statement, sorted(values, key=lambda one: str(one["key"]))))


def known(session: Session, keys: Collection[str]) -> set[str]:
    """Those of these keys that there is a message of: it was said before."""
    found: set[str] = set()
    for some in rows.chunks(sorted(keys)):
        found |= set(session.scalars(select(_MESSAGE.c.key).where(_MESSAGE.c.key.in_(some))))
    return found


def any_due(session: Session, now: DateTime) -> bool:
    """Whether there is anything to send, to repeat or to pass on."""
    return session.execute(select(_MESSAGE.c.key).where(_MESSAGE.c.look_at <= now).limit(1)).first() is not None


def due(session: Session, now: DateTime, limit: int) -> list[WarningMessage]:
    """Messages about which something is to be done, longest waiting first; no other process gets them meanwhile."""
    query = select(WarningMessage).where(_MESSAGE.c.look_at <= now).order_by(_MESSAGE.c.look_at, _MESSAGE.c.key)
    return rows.every(session, query.limit(limit).with_for_update(skip_locked=True))


def claim(session: Session, key: str, owner: str, until: DateTime, *, now: DateTime) -> bool:
    """Take one waiting message into our hands until a time, just before it is sent; False if it is not to be had."""
    waiting = (_MESSAGE.c.key == key, _MESSAGE.c.state == WAITING, _MESSAGE.c.look_at <= now)
    values = {"state": CLAIMED, "claim_owner": owner, "look_at": until}
    return rows.changed(session, update(_MESSAGE).where(*waiting).values(**values)) == 1


def rest(session: Session, keys: Sequence[str], state: str | None = None, *, now: DateTime) -> None:
    """Do nothing more about these messages."""
    values: dict[str, Any] = {"look_at": None}
    if state is not None:
        values |= {"state": state, "settled_at": now}
    if keys:
        session.execute(update(_MESSAGE).where(_MESSAGE.c.key.in_(keys)).values(**values))


def settle(
    session: Session, key: str, owner: str, *, state: str, look_at: DateTime | None, tried: bool, now: DateTime
) -> bool:
    """Say what became of a message that `owner` claimed; False if it is not theirs to say any more."""
    mine = (_MESSAGE.c.key == key, _MESSAGE.c.claim_owner == owner, _MESSAGE.c.state.in_((CLAIMED, DOUBTFUL)))
    values: dict[str, Any] = {"state": state, "look_at": look_at, "settled_at": now, "claim_owner": None}
    statement = update(_MESSAGE).where(*mine).values(**values, tries=_MESSAGE.c.tries + int(tried))
    return rows.changed(session, statement) == 1


def still_open(session: Session, messages: Collection[WarningMessage]) -> set[str]:
    """The keys of those messages whose matter is not settled meanwhile: a duty done needs no more warnings."""
    bundles = {one.subject for one in messages if one.subject.startswith(BUNDLE)}
    members = _members(session, bundles)
    asked = {(one.incident_id, one.subject) for one in messages} | {pair[1:] for pair in members}
    pressing = _pressing(session, {pair for pair in asked if pair[0] is not None})
    live_bundles = {bundle for bundle, *pair in members if tuple(pair) in pressing}
    return {one.key for one in messages if _is_open(one, pressing, live_bundles)}


def _is_open(one: WarningMessage, pressing: set[tuple[str, str]], bundles: set[str]) -> bool:
    if one.subject.startswith(BUNDLE):
        return one.subject in bundles
    return one.subject.startswith((DIGEST, FORECAST)) or (one.incident_id or "", one.subject) in pressing


def _members(session: Session, bundles: Collection[str]) -> list[tuple[str, str, str]]:
    if not bundles:
        return []
    columns = (_MESSAGE.c.within, _MESSAGE.c.incident_id, _MESSAGE.c.subject)
    query = select(*columns).where(_MESSAGE.c.within.in_(bundles), _MESSAGE.c.state == GATHERED)
    return [(row.within, row.incident_id, row.subject) for row in session.execute(query)]


def _pressing(session: Session, pairs: Collection[tuple[str | None, str]]) -> set[tuple[str, str]]:
    duties = [pair for pair in pairs if not pair[1].startswith(TASK)]
    tasks = [(incident, subject.removeprefix(TASK)) for incident, subject in pairs if subject.startswith(TASK)]
    found: set[tuple[str, str]] = set()
    for some in rows.chunks(duties):
        which = _among(_DUTY, some)
        live = and_(_DUTY.c.done_at.is_(None), _DUTY.c.fell_away_at.is_(None), _INCIDENT.c.state == OPEN)
        query = select(_DUTY.c.incident_id, _DUTY.c.key).join(_INCIDENT, _INCIDENT.c.id == _DUTY.c.incident_id)
        found |= {(row[0], row[1]) for row in session.execute(query.where(live, which))}
    for some in rows.chunks(tasks):
        which = _among(_TASK, some)
        query = select(_TASK.c.incident_id, _TASK.c.key).where(which, _TASK.c.state == "open")
        found |= {(incident, f"{TASK}{key}") for incident, key in session.execute(query)}
    found |= holds.standing(session, pairs) | actions.asking(session, pairs)
    return found & {(incident or "", subject) for incident, subject in pairs}


def _among(table: Table, pairs: Sequence[tuple[str | None, str]]) -> ColumnElement[bool]:
    """Rows with these incidents and these keys, and maybe more: for pairs of columns SQLite reads the whole table."""
    incident_ids, keys = {incident for incident, _ in pairs}, {key for _, key in pairs}
    return and_(table.c.incident_id.in_(incident_ids), table.c.key.in_(keys))


def concerned(session: Session, message: WarningMessage) -> list[str]:
    """The incidents that a message is about: its own, or those of the warnings in a bundle."""
    if message.incident_id is not None:
        return [message.incident_id]
    return sorted({incident for _, incident, _ in _members(session, {message.subject})})


def answered(session: Session, incident_id: str, subject: str, *, now: DateTime) -> int:
    """Stop what is still to be said of a subject, and bundles with nothing else in them; how many were stopped."""
    mine = (_MESSAGE.c.incident_id == incident_id, _MESSAGE.c.subject == subject)
    waiting = or_(_MESSAGE.c.look_at.is_not(None), _MESSAGE.c.state == GATHERED)
    concerned_rows = rows.every(session, select(WarningMessage).where(*mine, waiting))
    unsent = [one.key for one in concerned_rows if one.state in {WAITING, GATHERED}]
    passed_on = [one.key for one in concerned_rows if one.state == DELIVERED]
    rest(session, unsent, STOPPED, now=now)
    rest(session, passed_on, now=now)
    bundles = {one.within for one in concerned_rows if one.within and one.within.startswith(BUNDLE)}
    emptied = bundles - {bundle for bundle, *_ in _members(session, bundles)}
    if emptied:
        still = rows.every(
            session,
            select(WarningMessage).where(_MESSAGE.c.subject.in_(emptied), _MESSAGE.c.look_at.is_not(None)),
        )
        rest(session, [one.key for one in still if one.state == WAITING], STOPPED, now=now)
        rest(session, [one.key for one in still if one.state == DELIVERED], now=now)
    return len(unsent) + len(passed_on)


def put_off(session: Session, incident_id: str, subject: str, until: DateTime, *, but: str) -> None:
    """Send and repeat nothing about a subject before a time; the step `but` is not put off."""
    mine = (_MESSAGE.c.incident_id == incident_id, _MESSAGE.c.subject == subject, _MESSAGE.c.step != but)
    waiting = and_(_MESSAGE.c.look_at < until, _MESSAGE.c.state.in_((WAITING, DELIVERED)))
    session.execute(update(_MESSAGE).where(*mine, waiting).values(look_at=until))


def late_reasons(session: Session, incident_id: str) -> dict[str, str]:
    """Why duties were late, by key, as somebody wrote it down."""
    query = select(_WATCH.c.key, _WATCH.c.late_reason).where(_WATCH.c.incident_id == incident_id)
    return {row.key: row.late_reason for row in session.execute(query.where(_WATCH.c.late_reason.is_not(None)))}


def shift(session: Session, *, now: DateTime, back: Any) -> int:
    """Bring what was planned on a clock that ran ahead nearer by as much (`back`, a duration); how many messages."""
    late = select(_MESSAGE.c.key, _MESSAGE.c.look_at).where(_MESSAGE.c.look_at > now)
    changes = [{"its_key": key, "then": max(now, look_at - back)} for key, look_at in session.execute(late)]
    if changes:
        statement = update(_MESSAGE).where(_MESSAGE.c.key == bindparam("its_key")).values(look_at=bindparam("then"))
        session.connection().execute(statement, changes)
    return len(changes)


def listed(session: Session, incident_id: str | None = None, *, subject: str | None = None) -> list[WarningMessage]:
    """Messages as made, in order; of one incident (and subject), or of all."""
    query = select(WarningMessage)
    if incident_id is not None:
        query = query.where(_MESSAGE.c.incident_id == incident_id)
    if subject is not None:
        query = query.where(_MESSAGE.c.subject == subject)
    return rows.every(session, query.order_by(_MESSAGE.c.made_at, _MESSAGE.c.key))


def standings(session: Session, pairs: Sequence[tuple[str, str]]) -> dict[tuple[str, str], DutyWatch]:
    """What is remembered of duties, by incident and key; of those without a memory, nothing."""
    found: dict[tuple[str, str], DutyWatch] = {}
    for some in rows.chunks(pairs):
        query = select(DutyWatch).where(_among(_WATCH, some))
        found |= {(one.incident_id, one.key): one for one in rows.every(session, query)}
    return found


def remember_many(session: Session, said: Sequence[Mapping[str, Any]]) -> None:
    """Keep which `step` was said last of duties (`incident_id`, `key`), about which `target`."""
    _upsert(session, said, ("step", "target"))


def remember(session: Session, incident_id: str, key: str, **answer: Any) -> None:
    """Keep what somebody answered about a duty: columns of `DutyWatch`."""
    _upsert(session, [{"incident_id": incident_id, "key": key, **answer}], tuple(answer))


def _upsert(session: Session, values: Sequence[Mapping[str, Any]], changed: Sequence[str]) -> None:
    if not values:
        return
    from sqlalchemy.dialects import postgresql, sqlite

    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    statement = dialect.insert(_WATCH)
    new = {name: statement.excluded[name] for name in changed}
    session.execute(
        statement.on_conflict_do_update(index_elements=["incident_id", "key"], set_=new),
        [dict(one) for one in values],
    )
