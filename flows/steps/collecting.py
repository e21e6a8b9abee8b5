"""Receipts and bounces: the providers' later words come back and change what is known of an attempt."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from pendulum import DateTime
from sqlalchemy.orm import Session

from db import events, ledger, receipts, watch, wishes
from flows.steps import calling, mailboxes, receiving
from flows.wiring import House
from notifiers import receipts as feeds
from tocsin.delivery import Receipt
from tocsin.errors import Misconfigured, Unavailable
from tocsin.ledger import EventType

BATCH = 1000


@dataclass(frozen=True, kw_only=True)
class Collected:
    """How many receipts changed an attempt, and one sentence for each thing that somebody should look at.

    `refusing` are providers whose messages come back because of us: nothing more should leave through them.
    """

    applied: int
    troubles: tuple[str, ...]
    refusing: tuple[str, ...] = ()


def collect(house: House, *, now: DateTime) -> Collected:
    """Make receipts of what was pushed to us, and fetch what each provider's feed has that is new.

    A feed that cannot be reached now is asked again next time: its cursor moves only with what was recorded.
    """
    troubles = list(mailboxes.fetch(house, now=now))
    calling.open_missing(house, now=now)
    applied = _apply_pushed(house, now)
    for provider in house.settings.providers:
        if provider.receipts is None:
            continue
        cursor_name = f"receipts:{provider.name}"
        with house.database.transaction() as session:
            last = watch.last_beat(session, cursor_name)
        cursor = last.detail if last else None
        try:
            found, after = feeds.collect(provider, cursor)
        except (Unavailable, Misconfigured) as error:
            troubles.append(str(error))
            continue
        if not found and after == cursor:
            continue
        applied += house.database.transact(partial(_record, provider.name, found, cursor_name, after, now))
    refusing = tuple(
        provider.name for provider in house.settings.providers if receiving.refuses_us(house, provider.name, now=now)
    )
    troubles += [
        f"The last messages of provider {name} came back because of us: ask it why before more leave."
        for name in refusing
    ]
    return Collected(applied=applied, troubles=tuple(troubles), refusing=refusing)


def _apply_pushed(house: House, now: DateTime) -> int:
    """Take stored events over into attempts, a thousand at a time; each counts once, whoever else does the same."""
    with house.database.reading() as session:
        providers = events.waiting(session)
    applied = 0
    for provider in providers:
        taken = BATCH
        while taken == BATCH:
            taken, matched = house.database.transact(partial(_apply_batch, provider, now))
            applied += matched
    while house.database.transact(partial(_apply_wishes, now)) == BATCH:
        pass
    return applied


def _apply_batch(provider: str, now: DateTime, session: Session) -> tuple[int, int]:
    batch = events.pending(session, provider, BATCH)
    matched = _write(provider, [event.receipt for event in batch if event.receipt is not None], now, session)
    wishes.keep(session, batch)
    events.mark_applied(session, batch, now)
    return len(batch), matched


def _apply_wishes(now: DateTime, session: Session) -> int:
    """What people said about a channel changes on which of them they are told; one ledger entry for each incident."""
    taken, changed = wishes.apply(session, now)
    for incident, counts in sorted(changed.items()):
        if counts:
            entry = {"channels": dict(sorted(counts.items()))}
            ledger.append(session, incident, EventType.PERSON_WISHES, actor="tocsin", data=entry, at=now)
    return taken


def _record(
    provider: str, found: Sequence[Receipt], cursor_name: str, after: str | None, now: DateTime, session: Session
) -> int:
    applied = _write(provider, found, now, session)
    watch.beat(session, cursor_name, now, detail=after)
    return applied


def _write(provider: str, found: Sequence[Receipt], now: DateTime, session: Session) -> int:
    """Record receipts, and one ledger entry for each incident that they are about."""
    recorded = receipts.record_many(session, found, now)
    for incident, counts in sorted(recorded.by_incident.items()):
        entry = {"provider": provider, **{str(outcome): number for outcome, number in sorted(counts.items())}}
        ledger.append(session, incident, EventType.RECEIPT_BATCH, actor="tocsin", data=entry, at=now)
    return recorded.applied
