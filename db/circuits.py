"""What processes tell each other about a provider account in trouble: how well it works, and until when it rests.

Kept beside the heartbeats, one row an account. Times are of the database's own clock, in seconds since 1970. A process
that knows an older version of a row has it replaced by the newer one, unless it has seen new trouble itself.
"""

import json
from collections.abc import Collection
from dataclasses import asdict, dataclass

from pendulum import DateTime
from sqlalchemy import select
from sqlalchemy.orm import Session

from db import rates, tables, watch
from db.tables import Heartbeat

PROBING_SECONDS = 60.0
_HEARTBEAT = tables.core(Heartbeat)
_PREFIX = "circuit:"


@dataclass(frozen=True, kw_only=True)
class Circuit:
    """One account, as last told. `until` is None while it is asked; after it, `prober` alone tries it for a while."""

    version: int = 0
    health: float = 1.0
    rest_seconds: float = 0.0
    until: float | None = None
    prober: str | None = None
    probing_until: float = 0.0

    def rests(self, now: float) -> float | None:
        """For how many seconds it is still to be left alone; None where it is asked."""
        return None if self.until is None else max(self.until - now, 0.0)

    def is_free_to_try(self, owner: str, now: float) -> bool:
        """Whether `owner` may be the one who tries it."""
        rested = self.until is not None and self.until <= now
        return rested and (self.prober in {None, owner} or self.probing_until <= now)


def read(session: Session, providers: Collection[str]) -> tuple[dict[str, Circuit], float]:
    """The accounts of which something was told, and the database's time."""
    names = [_PREFIX + provider for provider in providers]
    query = select(_HEARTBEAT.c.name, _HEARTBEAT.c.detail).where(_HEARTBEAT.c.name.in_(names))
    found = {name.removeprefix(_PREFIX): _parsed(detail) for name, detail in session.execute(query)}
    return found, rates.clock(session) if found else 0.0


def tell(
    session: Session,
    provider: str,
    *,
    knew: int,
    health: float,
    rest_seconds: float,
    open_for_seconds: float | None,
    at: DateTime,
) -> tuple[Circuit, float]:
    """Say how an account works; returns what holds now, another's word where that is newer than `knew`, and the time.

    New trouble counts whoever told what in between; `open_for_seconds` is None where there is none.
    """
    now, _ = rates.lock(session, provider)
    before = _one(session, provider)
    if open_for_seconds is None:
        if before.version != knew:
            return before, now
        told = Circuit(version=knew + 1, health=health)
    else:
        told = Circuit(
            version=before.version + 1,
            health=min(health, before.health),
            rest_seconds=max(rest_seconds, before.rest_seconds if before.until is not None else 0.0),
            until=max(now + open_for_seconds, before.until or 0.0),
        )
    _write(session, provider, told, at)
    return told, now


def try_out(session: Session, provider: str, owner: str, *, at: DateTime) -> bool:
    """Whether `owner` alone may try an account that has rested, for the next `PROBING_SECONDS`."""
    now, _ = rates.lock(session, provider)
    before = _one(session, provider)
    if not before.is_free_to_try(owner, now):
        return False
    trying = {**asdict(before), "prober": owner, "probing_until": now + PROBING_SECONDS}
    _write(session, provider, Circuit(**trying), at)
    return True


def _one(session: Session, provider: str) -> Circuit:
    beat = watch.last_beat(session, _PREFIX + provider)
    return _parsed(beat.detail) if beat is not None else Circuit()


def _write(session: Session, provider: str, circuit: Circuit, at: DateTime) -> None:
    watch.beat(session, _PREFIX + provider, at, detail=json.dumps(asdict(circuit)))


def _parsed(detail: str | None) -> Circuit:
    return Circuit(**json.loads(detail or "{}"))
