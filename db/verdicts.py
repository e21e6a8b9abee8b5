"""What became of people, counted, and the list behind each count. Nobody's address is opened here."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pendulum import DateTime
from sqlalchemy import ColumnElement, Text, and_, case, func, or_, select, type_coerce, update
from sqlalchemy.orm import Session

from db import attempts, batches, rows, tables
from db.attempts import Attempt
from tocsin.delivery import OPTED_OUT, Channel, Outcome, Verdict

_PERSON = tables.core(tables.Person)
_ATTEMPT = tables.core(tables.Attempt)
_AT_ONCE = 1000
OPEN = "open"  # in place of a verdict: the climb goes on
NONE_GIVEN, NO_RUNG = "none-given", "no-rung"

_HAS_ANY = or_(*(_PERSON.c[f"has_{channel}"] for channel in Channel))
_NO_ADDRESS_BECAUSE = case(
    (and_(_HAS_ANY, type_coerce(_PERSON.c.excluded_channels, Text) != "[]"), OPTED_OUT),
    (_HAS_ANY, NO_RUNG),
    else_=NONE_GIVEN,
)
#: Why a verdict is what it is, in a closed word; null where it needs no reason.
_REASON = case((_PERSON.c.verdict == Verdict.NO_ADDRESS.value, _NO_ADDRESS_BECAUSE), else_=_PERSON.c.verdict_reason)


@dataclass(frozen=True, kw_only=True)
class Tally:
    """How many people have a verdict, and which they are: by the channel it rests on, place, language, wave, reason."""

    verdict: str
    people: int
    by: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, kw_only=True)
class Listed:
    """One person of a list. `sealed` is who it is; `last` the attempt of which something was heard last."""

    id: int
    ref: str
    wave: int
    place: str
    language: str
    sealed: bytes
    verdict: str
    reason: str | None
    channel: str | None
    at: DateTime | None
    last: Attempt | None


def tally(session: Session, incident_id: str) -> list[Tally]:
    """One tally for each verdict, all seven of them, and one for those who have none yet; counted by the database."""
    by = {
        "channel": _PERSON.c.verdict_channel,
        "reason": _REASON,
        "place": _PERSON.c.place,
        "language": _PERSON.c.language,
        "wave": _PERSON.c.wave,
    }
    columns = [column.label(f"by_{name}") for name, column in by.items()]
    query = select(_PERSON.c.verdict, *columns, func.count()).where(_PERSON.c.incident_id == incident_id)
    totals: Counter[str] = Counter()
    parts: dict[str, dict[str, Counter[str]]] = {
        verdict: {name: Counter() for name in by} for verdict in (*Verdict, OPEN)
    }
    for verdict, *values, count in session.execute(query.group_by(_PERSON.c.verdict, *columns)):
        totals[verdict or OPEN] += count
        for name, value in zip(by, values, strict=True):
            if value is not None:
                parts[verdict or OPEN][name][str(value)] += count
    return [
        Tally(verdict=verdict, people=totals[verdict], by={k: dict(sorted(v.items())) for k, v in some.items()})
        for verdict, some in parts.items()
    ]


def listed(
    session: Session, incident_id: str, verdict: str, *, reason: str | None = None, most: int | None = None
) -> Iterator[Listed]:
    """The people behind one count, in the order in which they were enrolled; a thousand at a time in memory."""
    columns = [_PERSON.c[name] for name in ("id", "ref", "wave", "place", "language", "sealed")]
    settled = [_REASON.label("reason"), _PERSON.c.verdict_channel.label("channel"), _PERSON.c.verdict_at.label("at")]
    query = select(*columns, *settled).where(_PERSON.c.incident_id == incident_id, _has(verdict)).order_by(_PERSON.c.id)
    if reason is not None:
        query = query.where(_REASON.in_([reason]))
    after, left = 0, most
    while left is None or left > 0:
        limit = _AT_ONCE if left is None else min(left, _AT_ONCE)
        found = session.execute(query.where(_PERSON.c.id > after).limit(limit)).mappings().all()
        if not found:
            return
        made = attempts.of_people(session, incident_id, [row["id"] for row in found])
        for row in found:
            last = max(made.get(row["id"], ()), key=_heard, default=None)
            yield Listed(**{**row, "sealed": bytes(row["sealed"])}, verdict=verdict, last=last)
        after, left = found[-1]["id"], None if left is None else left - len(found)


def of_refs(session: Session, incident_id: str, refs: Collection[str]) -> dict[str, tuple[int, Verdict | None]]:
    """The number and the verdict of people by their refs; refs that nobody has are absent."""
    query = select(_PERSON.c.ref, _PERSON.c.id, _PERSON.c.verdict).where(
        _PERSON.c.incident_id == incident_id, batches.among(session, _PERSON.c.ref, sorted(refs))
    )
    return {ref: (number, verdict and Verdict(verdict)) for ref, number, verdict in session.execute(query)}


def refs_with(session: Session, incident_id: str, verdict: Verdict) -> list[str]:
    """The refs of everybody with a verdict."""
    query = select(_PERSON.c.ref).where(_PERSON.c.incident_id == incident_id, _PERSON.c.verdict == verdict.value)
    return list(session.scalars(query.order_by(_PERSON.c.id)))


def doubts(session: Session, incident_id: str, person_ids: Sequence[int]) -> list[Attempt]:
    """The messages to these people that may or may not have left."""
    made = attempts.of_people(session, incident_id, person_ids)
    return [attempt for some in made.values() for attempt in some if attempt.outcome is Outcome.UNKNOWN]


def release_doubts(session: Session, incident_id: str, person_ids: Sequence[int], now: DateTime) -> int:
    """Let messages in doubt go once more, under the same key, because somebody decided so; returns how many.

    The only way back from a word to none: nothing else unsays a doubt.
    """
    fresh = {"outcome": Outcome.CLAIMED.value, "tries": 0, "claim_owner": None, "claim_until": None, "claimed_at": now}
    unsaid = dict.fromkeys(("settled_at", "code", "reason"))
    where = (
        _ATTEMPT.c.incident_id == incident_id,
        _ATTEMPT.c.outcome == Outcome.UNKNOWN.value,
        batches.among(session, _ATTEMPT.c.person_id, person_ids),
    )
    return rows.changed(session, update(_ATTEMPT).where(*where).values(**fresh, **unsaid, not_before=now))


def _has(verdict: str) -> ColumnElement[bool]:
    return _PERSON.c.verdict.is_(None) if verdict == OPEN else _PERSON.c.verdict == verdict


def _heard(attempt: Attempt) -> DateTime:
    return attempt.settled_at or attempt.claimed_at
