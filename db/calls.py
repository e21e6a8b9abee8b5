"""The list of people to be called, and what callers reported. Whose number it is stands sealed, with the person."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pendulum import DateTime
from sqlalchemy import ColumnElement, Text, and_, exists, func, literal, or_, select, type_coerce, update
from sqlalchemy.orm import Session

from db import batches, call_tables, rows, tables
from db.holds import Held
from tocsin.calls import Report, Result, Standing
from tocsin.delivery import Channel, Outcome

_TASK = tables.core(call_tables.CallTask)
_REPORT = tables.core(call_tables.CallReport)
_ATTEMPT = tables.core(tables.Attempt)
_PERSON = tables.core(tables.Person)
_OTHER = _ATTEMPT.alias("other")
OPEN, DONE = "open", "done"
_SHORTEST = 10  # characters of a task's key that may stand for it


@dataclass(frozen=True, kw_only=True)
class Task:
    """A person to be called, as recorded. `sealed` is who it is; `provider` is the list's name in the settings."""

    key: str
    person_id: int
    provider: str
    text_hash: str
    place: str
    language: str
    sealed: bytes
    state: str
    opened_at: DateTime
    not_before: DateTime | None
    owner: str | None
    tries: int
    last_result: str | None
    last_at: DateTime | None


@dataclass(frozen=True, kw_only=True)
class NewReport:
    """What somebody reported of one call."""

    key: str
    report: Report
    by: str


def open_missing(
    session: Session, providers: Sequence[str], now: DateTime, *, incident_id: str | None = None,
    keys: Sequence[str] | None = None,
) -> int:  # fmt: skip
    """Put everybody on the list whose message one of these lists took, once each; returns how many are new.

    May run as often as one likes. `keys` are those of attempts that were just recorded.
    """
    if not providers or keys == []:
        return 0
    taken = (
        select(_ATTEMPT.c.key, _ATTEMPT.c.incident_id, _ATTEMPT.c.person_id, literal(OPEN),
               literal(now, _TASK.c.opened_at.type), literal(0))
        .where(_ATTEMPT.c.provider.in_(sorted(providers)), _ATTEMPT.c.channel == Channel.PHONE.value)
        .where(_ATTEMPT.c.outcome == Outcome.ACCEPTED.value)
        .where(~exists().where(_TASK.c.key == _ATTEMPT.c.key, _TASK.c.incident_id == _ATTEMPT.c.incident_id))
    )  # fmt: skip
    if incident_id is not None:
        taken = taken.where(_ATTEMPT.c.incident_id == incident_id)
    if keys is not None:
        taken = taken.where(batches.among(session, _ATTEMPT.c.key, keys))
    columns = ("key", "incident_id", "person_id", "state", "opened_at", "tries")
    statement = rows.insert_new(session, _TASK).from_select(list(columns), taken)
    return rows.changed(session, statement)


def to_call(
    session: Session,
    incident_id: str,
    *,
    text_hash: str | None,
    now: DateTime | None,
    of_list: str | None = None,
    owners: Sequence[str | None] | None = None,
    most: int | None = None,
    held: Held | None = None,
) -> list[Task]:
    """Those still to be called, whose turn came first before the others.

    Left out are: who was told of it otherwise, who does not want to be called, and calls about another text than
    `text_hash`; with `now`, those whose time has not come; with `owners`, those of others; and people of `held` places.
    """
    told_otherwise = exists().where(
        _OTHER.c.incident_id == _TASK.c.incident_id,
        _OTHER.c.person_id == _TASK.c.person_id,
        _OTHER.c.text_hash == _ATTEMPT.c.text_hash,
        _OTHER.c.outcome == Outcome.DELIVERED.value,
    )
    excluded = type_coerce(_PERSON.c.excluded_channels, Text).like(f'%"{Channel.PHONE}"%')
    query = _query(incident_id).where(_TASK.c.state == OPEN, ~told_otherwise, ~excluded)
    if held:
        query = query.where(~held.people())
    if text_hash is not None:
        query = query.where(_ATTEMPT.c.text_hash == text_hash)
    if now is not None:
        query = query.where(or_(_TASK.c.not_before.is_(None), _TASK.c.not_before <= now))
    if of_list is not None:
        query = query.where(_ATTEMPT.c.provider == of_list)
    if owners is not None:
        query = query.where(_owned_by(owners))
    turn = func.coalesce(_TASK.c.not_before, _TASK.c.opened_at)
    return _read(session, query.order_by(turn, _TASK.c.key).limit(most))


def by_keys(session: Session, incident_id: str, keys: Iterable[str]) -> dict[str, Task]:
    """Tasks by their keys; keys that are no task's are absent."""
    query = _query(incident_id).where(batches.among(session, _TASK.c.key, sorted(set(keys))))
    return {task.key: task for task in _read(session, query)}


def beginning_with(session: Session, incident_id: str, start: str) -> list[Task]:
    """The tasks whose key begins so, two at most; none for a start that is too short."""
    if len(start) < _SHORTEST or not start.isalnum():
        return []
    return _read(session, _query(incident_id).where(_TASK.c.key.startswith(start)).order_by(_TASK.c.key).limit(2))


def counts(session: Session, incident_id: str) -> dict[tuple[str, str | None, str | None], int]:
    """How many tasks there are, by state, owner and last result."""
    by = (_TASK.c.state, _TASK.c.owner, _TASK.c.last_result)
    query = select(*by, func.count()).where(_TASK.c.incident_id == incident_id).group_by(*by)
    return {(state, owner, result): number for state, owner, result, number in session.execute(query)}


def give_to(session: Session, incident_id: str, keys: Sequence[str], owner: str) -> None:
    """Note who calls these people."""
    where = (_TASK.c.incident_id == incident_id, batches.among(session, _TASK.c.key, keys))
    session.execute(update(_TASK).where(*where).values(owner=owner))


def add_reports(session: Session, incident_id: str, reports: Sequence[NewReport], now: DateTime) -> None:
    """Keep reports; one of a call that is known already stays as it was."""
    values = [
        (one.key, one.report.at, one.report.result.value, one.report.call_again_at, one.by) for one in reports
    ]  # fmt: skip
    if values:
        names = ("key", "at", "result", "call_again_at", "by")
        fixed = {"incident_id": incident_id, "recorded_at": now}
        session.execute(batches.insert_new(session, _REPORT, names, values, fixed))


def reports_of(session: Session, incident_id: str, keys: Iterable[str]) -> dict[str, list[Report]]:
    """Every report of these tasks, oldest first; tasks without one are absent."""
    query = select(_REPORT.c.key, _REPORT.c.at, _REPORT.c.result, _REPORT.c.call_again_at).where(
        _REPORT.c.incident_id == incident_id, batches.among(session, _REPORT.c.key, sorted(set(keys)))
    )
    found: dict[str, list[Report]] = defaultdict(list)
    for key, at, result, again in session.execute(query.order_by(_REPORT.c.key, _REPORT.c.at)):
        found[key].append(Report(at=at, result=Result(result), call_again_at=again))
    return dict(found)


def note_standing(session: Session, incident_id: str, standings: Mapping[str, Standing]) -> None:
    """Write down how tasks stand."""
    if not standings:
        return
    names = {"its_key": "key", "its_state": "state", "later": "not_before", "times": "tries",
             "result": "last_result", "then": "last_at"}  # fmt: skip
    values = [
        (key, DONE if one.done else OPEN, one.not_before, one.tries, one.last.result.value, one.last.at)
        for key, one in standings.items()
    ]
    given = batches.rows_of(session, _TASK, names, values, incident_id)
    columns = {column: given.c[name] for name, column in names.items() if column != "key"}
    where = (_TASK.c.incident_id == given.c.incident_id, _TASK.c.key == given.c.its_key)
    session.execute(update(_TASK).where(*where).values(**columns))


def _owned_by(owners: Sequence[str | None]) -> ColumnElement[bool]:
    named = _TASK.c.owner.in_([owner for owner in owners if owner is not None])
    return or_(named, _TASK.c.owner.is_(None)) if None in owners else named


def _query(incident_id: str) -> Any:
    own = [_TASK.c[name] for name in ("key", "person_id", "state", "opened_at", "not_before", "owner", "tries",
                                      "last_result", "last_at")]  # fmt: skip
    return (
        select(*own, _ATTEMPT.c.provider, _ATTEMPT.c.text_hash, _PERSON.c.place, _PERSON.c.language, _PERSON.c.sealed)
        .join(_ATTEMPT, and_(_ATTEMPT.c.key == _TASK.c.key, _ATTEMPT.c.incident_id == _TASK.c.incident_id))
        .join(_PERSON, and_(_PERSON.c.incident_id == _TASK.c.incident_id, _PERSON.c.id == _TASK.c.person_id))
        .where(_TASK.c.incident_id == incident_id)
    )


def _read(session: Session, query: Any) -> list[Task]:
    return [Task(**{**row, "sealed": bytes(row["sealed"])}) for row in session.execute(query).mappings()]
