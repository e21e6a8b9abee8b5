"""Accounts of the people who act, and what proves that somebody is one of them. Only hashes of secrets are kept."""

from collections.abc import Mapping, Sequence
from typing import Any

from pendulum import DateTime
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from db import rows, tables
from db.account_tables import AccessToken, Account, AccountAct, Delegation, LoginSession, LoginThrottle
from tocsin.errors import Invalid, NotFound
from tocsin.roles import plain

_ACCOUNT = tables.core(Account)
_TOKEN = tables.core(AccessToken)
_SESSION = tables.core(LoginSession)
_THROTTLE = tables.core(LoginThrottle)
_DELEGATION = tables.core(Delegation)
_ACT = tables.core(AccountAct)


def none(session: Session) -> bool:
    """Whether nobody has an account here, so that everybody acts by name."""
    return session.execute(select(_ACCOUNT.c.key).limit(1)).scalar() is None


def add(
    session: Session,
    name: str,
    *,
    display_name: str,
    roles: Sequence[str],
    plan_roles: Sequence[str],
    by: str,
    at: DateTime,
) -> Account:
    """Make an account; raises Invalid where somebody has that name, or had it."""
    if find(session, name) is not None:
        raise Invalid(f"There is or was an account of {name!r}: names are not given twice; choose another.")
    return rows.add(
        session,
        Account(
            key=plain(name),
            name=name,
            display_name=display_name,
            roles=list(roles),
            incident_roles={},
            plan_roles=list(plan_roles),
            made_at=at,
            made_by=by,
        ),
    )


def find(session: Session, name: str) -> Account | None:
    """The account of that name, ended or not."""
    return rows.one(session, select(Account).where(_ACCOUNT.c.key == plain(name)))


def get(session: Session, name: str) -> Account:
    """The account of that name, ended or not; raises NotFound."""
    found = find(session, name)
    if found is None:
        raise NotFound(f"Nobody here is called {name!r}: `tocsin people list` shows everybody.")
    return found


def named(session: Session, names: Sequence[str]) -> dict[str, Account]:
    """The accounts of some names, by the form in which names are compared."""
    query = select(Account).where(_ACCOUNT.c.key.in_({plain(name) for name in names}))
    return {account.key: account for account in rows.every(session, query)}


def listed(session: Session) -> list[Account]:
    """Everybody, by name, ended accounts too."""
    return rows.every(session, select(Account).order_by(_ACCOUNT.c.key))


def change(session: Session, key: str, **values: Any) -> None:
    """Change columns of one account."""
    session.execute(update(_ACCOUNT).where(_ACCOUNT.c.key == key).values(**values))


def end(session: Session, key: str, at: DateTime) -> None:
    """End an account, and with it its tokens, its sessions and what it had let others decide."""
    change(session, key, ended_at=at)
    for table, owner in ((_TOKEN, "account"), (_SESSION, "account"), (_DELEGATION, "giver"), (_DELEGATION, "taker")):
        session.execute(update(table).where(table.c[owner] == key, table.c.ended_at.is_(None)).values(ended_at=at))


def put_token(session: Session, its_hash: str, key: str, *, at: DateTime, expires_at: DateTime | None) -> None:
    """Keep a new token of an account; those of before end, so that one that was lost can be replaced."""
    session.execute(update(_TOKEN).where(_TOKEN.c.account == key, _TOKEN.c.ended_at.is_(None)).values(ended_at=at))
    rows.add(session, AccessToken(hash=its_hash, account=key, made_at=at, expires_at=expires_at))


def token(session: Session, its_hash: str) -> AccessToken | None:
    """The token with a hash, whatever has become of it."""
    return rows.one(session, select(AccessToken).where(_TOKEN.c.hash == its_hash))


def open_session(session: Session, its_hash: str, key: str, *, at: DateTime, expires_at: DateTime) -> None:
    """Remember that somebody signed in."""
    rows.add(session, LoginSession(hash=its_hash, account=key, made_at=at, seen_at=at, expires_at=expires_at))


def login(session: Session, its_hash: str) -> LoginSession | None:
    """The session with a hash, whatever has become of it."""
    return rows.one(session, select(LoginSession).where(_SESSION.c.hash == its_hash))


def touch_session(session: Session, its_hash: str, at: DateTime) -> None:
    """Remember when somebody was last seen."""
    session.execute(update(_SESSION).where(_SESSION.c.hash == its_hash).values(seen_at=at))


def end_sessions(session: Session, at: DateTime, *, its_hash: str | None = None, key: str | None = None) -> None:
    """End one session, or every one of an account."""
    where = _SESSION.c.hash == its_hash if its_hash is not None else _SESSION.c.account == key
    session.execute(update(_SESSION).where(where, _SESSION.c.ended_at.is_(None)).values(ended_at=at))


def throttled_until(session: Session, keys: Sequence[str]) -> DateTime | None:
    """Until when whoever tries must wait."""
    until: DateTime | None = session.execute(
        select(func.max(_THROTTLE.c.until)).where(_THROTTLE.c.key.in_(keys))
    ).scalar()
    return until


def failures(session: Session, key: str) -> LoginThrottle | None:
    """How often it failed for one who tries."""
    return rows.one(session, select(LoginThrottle).where(_THROTTLE.c.key == key))


def count_failure(session: Session, key: str, *, number: int, at: DateTime, until: DateTime | None) -> None:
    """Remember that it failed once more."""
    values = {"key": key, "failures": number, "last_at": at, "until": until}
    session.execute(rows.upsert(session, _THROTTLE, values, key=["key"]))


def forget_failures(session: Session, keys: Sequence[str]) -> None:
    """Begin to count anew."""
    session.execute(_THROTTLE.delete().where(_THROTTLE.c.key.in_(keys)))


def delegate(session: Session, *, giver: str, taker: str, until: DateTime, by: str, at: DateTime) -> Delegation:
    """Let one account decide for another until then; an earlier word between the two ends."""
    end_delegation(session, giver=giver, taker=taker, at=at)
    return rows.add(session, Delegation(giver=giver, taker=taker, made_at=at, until=until, by=by))


def end_delegation(session: Session, *, giver: str, taker: str, at: DateTime) -> int:
    """Take it back; returns how many there were."""
    where = (_DELEGATION.c.giver == giver, _DELEGATION.c.taker == taker, _DELEGATION.c.ended_at.is_(None))
    return rows.changed(session, update(_DELEGATION).where(*where).values(ended_at=at))


def delegations(session: Session, now: DateTime, *, taker: str | None = None) -> list[Delegation]:
    """What holds now, oldest first: for one account, or all."""
    query = select(Delegation).where(
        _DELEGATION.c.ended_at.is_(None), _DELEGATION.c.made_at <= now, _DELEGATION.c.until > now
    )
    if taker is not None:
        query = query.where(_DELEGATION.c.taker == taker)
    return rows.every(session, query.order_by(_DELEGATION.c.id))


def record(session: Session, act: str, *, by: str, account: str | None, data: Mapping[str, Any], at: DateTime) -> None:
    """Write down what was done to an account, or an act that was denied and concerns no incident."""
    rows.add(session, AccountAct(at=at, by=by, act=act, account=account, data=dict(data)))


def acts(session: Session) -> list[AccountAct]:
    """Everything written down, oldest first."""
    return rows.every(session, select(AccountAct).order_by(_ACT.c.id))
