"""What processes share of a provider account: its messages a second, and its connections.

Both are given out for a while: messages in blocks of about a second's work, connections for a minute. A process that
is killed takes what it held with it: its messages of that second are lost, its connections free after the minute; none
is ever given out twice. The clock is the database's own.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import Double, delete, extract, func, select, update
from sqlalchemy.orm import Session

from db import rows, tables
from db.provider_tables import ProviderHold, ProviderPace

_PACE = tables.core(ProviderPace)
_HOLD = tables.core(ProviderHold)

BLOCK_SECONDS = 1.0
AHEAD_SECONDS = 2.0  # nobody is given messages that leave later than this: who asks too early asks again
HOLD_SECONDS = 60.0


class Block(NamedTuple):
    """So many messages may leave, evenly spaced, the first after so many seconds. None: ask again then."""

    messages: int
    after_seconds: float


def take(session: Session, provider: str, *, per_second: float) -> Block:
    """The next block of an account's messages, for the caller alone once it has committed."""
    now, until = lock(session, provider)
    interval = 1.0 / per_second
    messages = max(1, int(per_second * BLOCK_SECONDS))
    horizon = max(AHEAD_SECONDS, interval)
    if until - now > 2 * horizon + messages * interval:
        until = now  # no block reaches so far: the clock was put back
    start = max(now, until)
    if start - now > horizon:
        return Block(0, start - now - horizon)
    _write_until(session, provider, start + messages * interval)
    return Block(messages, start - now)


def hold(session: Session, provider: str, owner: str, *, wanted: int, most: int, open_now: int = 0) -> int:
    """How many connections of an account `owner` may have open for the next `HOLD_SECONDS`; ask again well before.

    All owners together never hold more than `most`. Each gets what it wants where that is enough for all, else an equal
    share, as soon as the others have asked again. The `open_now` that are open stay the owner's, though they are more
    than its share, until it has closed them and asks again. Wanting none gives everything back.
    """
    now, _ = lock(session, provider)
    session.execute(delete(_HOLD).where(_HOLD.c.provider == provider, _HOLD.c.until <= now))
    query = select(_HOLD.c.owner, _HOLD.c.wanted, _HOLD.c.held).where(_HOLD.c.provider == provider)
    others = {name: (wish, held) for name, wish, held in session.execute(query) if name != owner}
    if wanted < 1:
        session.execute(delete(_HOLD).where(_HOLD.c.provider == provider, _HOLD.c.owner == owner))
        return 0
    wishes = {name: wish for name, (wish, _) in others.items()} | {owner: wanted}
    taken: int = sum(held for _, held in others.values())
    mine = max(min(shares(wishes, most)[owner], most - taken), 0)
    held = max(mine, open_now)
    row = {"provider": provider, "owner": owner, "wanted": wanted, "held": held, "until": now + HOLD_SECONDS}
    session.execute(rows.upsert(session, _HOLD, row, key=["provider", "owner"]))
    return mine


def shares(wanted: Mapping[str, int], most: int) -> dict[str, int]:
    """`most` things for owners who want some: equal shares, and what one does not want goes to the others."""
    left, given = most, dict.fromkeys(wanted, 0)
    while left and (hungry := [name for name in sorted(wanted) if given[name] < wanted[name]]):
        for name in hungry[:left]:
            given[name] += 1
        left -= len(hungry[:left])
    return given


def lock(session: Session, provider: str) -> tuple[float, float]:
    """The database's time and the account's `until`; other processes wait until the caller commits."""
    session.execute(rows.insert_new(session, _PACE).values(provider=provider, until=0.0))
    query = select(_PACE.c.until).where(_PACE.c.provider == provider).with_for_update()
    until = session.execute(query).scalar_one()
    return clock(session), float(until)  # asked for after the lock: waiting for it takes time


def clock(session: Session) -> float:
    """The database's time, in seconds since 1970."""
    if session.get_bind().dialect.name == "sqlite":
        clock: Any = (func.julianday("now", type_=Double) - 2440587.5) * 86400.0
    else:
        clock = extract("epoch", func.clock_timestamp())
    return float(session.execute(select(clock)).scalar_one())


def _write_until(session: Session, provider: str, until: float) -> None:
    session.execute(update(_PACE).where(_PACE.c.provider == provider).values(until=until))
