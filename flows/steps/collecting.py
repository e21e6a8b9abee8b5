"""Receipts and bounces: the providers' later words come back and change what is known of an attempt."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from pendulum import DateTime
from sqlalchemy.orm import Session

from db import ledger, receipts, watch
from flows.wiring import House
from notifiers import receipts as feeds
from tocsin.delivery import Receipt
from tocsin.errors import Misconfigured, Unavailable
from tocsin.ledger import EventType


@dataclass(frozen=True, kw_only=True)
class Collected:
    """How many receipts changed an attempt, and one sentence for each feed that could not be read."""

    applied: int
    troubles: tuple[str, ...]


def collect(house: House, *, now: DateTime) -> Collected:
    """Fetch what each provider's feed has that is new.

    A feed that cannot be reached now is asked again next time: its cursor moves only with what was recorded.
    """
    applied, troubles = 0, []
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
    return Collected(applied=applied, troubles=tuple(troubles))


def _record(
    provider: str, found: Sequence[Receipt], cursor_name: str, after: str | None, now: DateTime, session: Session
) -> int:
    recorded = receipts.record_many(session, found, now)
    for incident, counts in sorted(recorded.by_incident.items()):
        entry = {"provider": provider, **{str(outcome): number for outcome, number in sorted(counts.items())}}
        ledger.append(session, incident, EventType.RECEIPT_BATCH, actor="tocsin", data=entry, at=now)
    watch.beat(session, cursor_name, now, detail=after)
    return recorded.applied
