"""How somebody proves who they are: a token, or a password that opens a session.

Secrets are compared in constant time and kept as hashes only: scrypt (RFC 7914) for passwords, which people choose,
SHA-256 for tokens, which are 256 random bits. Failed log-ins make whoever tries wait.
"""

import base64
import hashlib
import hmac
import os
import secrets
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pendulum import DateTime
from sqlalchemy.orm import Session

from db import accounts
from db.account_tables import Account
from flows.wiring import House
from tocsin.errors import Invalid, Misconfigured, NotAllowed
from tocsin.roles import plain

TOKEN_FILE: Final = ".tocsin-token"  # noqa: S105 - a file name
PASSWORD_LEAST, PASSWORD_MOST = 12, 1024  # characters
SESSION_HOURS, IDLE_MINUTES = 12, 60
COST: Final = {"n": 2**15, "r": 8, "p": 3}  # 32 MiB; as strong as OWASP's n=2**17, p=1, and kinder to a small server
_MEMORY: Final = 256 * 1024 * 1024
_FORGOTTEN_MINUTES = 60
# Who tries: how many failures are free, before each further one doubles the wait from one minute to a quarter hour.
_FREE: Final = {"pair": 5, "address": 30, "name": 100}
_LONGEST_MINUTES = 15


def new_secret(kind: str) -> str:
    """A secret of 256 random bits, marked with what it is for."""
    return f"tocsin_{kind}_{secrets.token_urlsafe(32)}"


def digest(secret: str) -> str:
    """What is kept of such a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def holder(session: Session, environment: Mapping[str, str], *, now: DateTime) -> str | None:
    """The name of the active account whose token is in TOCSIN_TOKEN or in the token file; None without a good one."""
    token = environment.get("TOCSIN_TOKEN") or _from_file(environment)
    if not token:
        return None
    found = by_token(session, token.strip(), now=now)
    return found.name if found else None


def by_token(session: Session, token: str, *, now: DateTime) -> Account | None:
    """The active account of a token that has neither ended nor expired."""
    row = accounts.token(session, digest(token))
    if row is None or row.ended_at is not None or (row.expires_at is not None and row.expires_at <= now):
        return None
    return _active(session, row.account)


def _active(session: Session, key: str) -> Account | None:
    account = accounts.find(session, key)
    return account if account is not None and account.ended_at is None else None


def _from_file(environment: Mapping[str, str]) -> str | None:
    path = Path(environment.get("HOME") or "/nonexistent") / TOKEN_FILE
    try:
        with path.open(encoding="ascii", errors="replace") as file:
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                raise Misconfigured(f"{path} can be read by others: `chmod 600 {path}`, and have a new token made.")
            return file.read(200).strip()
    except OSError:
        return None


def hashed(password: str) -> str:
    """A password as it is kept; raises Invalid for one that is too short or too long."""
    if not PASSWORD_LEAST <= len(password) <= PASSWORD_MOST:
        raise Invalid(f"A password has {PASSWORD_LEAST} to {PASSWORD_MOST} characters: choose four words, for example.")
    salt = secrets.token_bytes(16)
    made = hashlib.scrypt(password.encode(), salt=salt, maxmem=_MEMORY, dklen=32, **COST)
    return _written(salt, made)


def _written(salt: bytes, made: bytes) -> str:
    return "$".join(("scrypt", *(str(COST[name]) for name in "nrp"), _text(salt), _text(made)))


def fits(password: str, kept: str | None) -> bool:
    """Whether a password is the one that is kept; as slow for an account without one, or for nobody's."""
    _, n, r, p, salt, made = (kept or _written(bytes(16), bytes(32))).split("$")
    tried = hashlib.scrypt(
        password[:PASSWORD_MOST].encode(errors="replace"),
        salt=_bytes(salt),
        n=int(n),
        r=int(r),
        p=int(p),
        maxmem=_MEMORY,
        dklen=32,
    )
    return hmac.compare_digest(tried, _bytes(made)) and kept is not None


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text)


@dataclass(frozen=True, kw_only=True)
class Login:
    """Somebody who has signed in: the name, the secret of the cookie, and when it ends."""

    name: str
    secret: str
    expires_at: DateTime


def log_in(house: House, name: str, password: str, *, address: str, now: DateTime) -> Login:
    """Open a session; raises NotAllowed in the same words whatever was wrong, or saying how long to wait."""
    tried = _keys(name, address)
    with house.database.reading() as session:
        until = accounts.throttled_until(session, list(tried.values()))
        account = accounts.find(session, name)
    if until is not None and now < until:
        minutes = 1 + int((until - now).total_seconds() // 60)
        raise NotAllowed(f"Signing in has failed too often: wait {minutes} minutes and try again.")
    with house.database.transaction() as session:
        _count(session, tried, now)  # before the slow part, so that a hundred tries at once are counted, too
    good = fits(password, account.password if account is not None else None)
    if account is None or not good or account.ended_at is not None:
        raise NotAllowed("The name and the password do not fit together: try again, or ask an administrator.")
    made = Login(name=account.name, secret=new_secret("session"), expires_at=now.add(hours=SESSION_HOURS))
    with house.database.transaction() as session:
        accounts.forget_failures(session, list(tried.values()))
        accounts.open_session(session, digest(made.secret), account.key, at=now, expires_at=made.expires_at)
        accounts.record(session, "logged-in", by=account.name, account=account.name, data={}, at=now)
    return made


def _keys(name: str, address: str) -> dict[str, str]:
    who = plain(name)
    words = {"pair": f"pair:{who}:{address}", "address": f"address:{address}", "name": f"name:{who}"}
    return {kind: digest(word) for kind, word in words.items()}


def _count(session: Session, tried: Mapping[str, str], now: DateTime) -> None:
    for kind, key in tried.items():
        before = accounts.failures(session, key)
        fresh = before is None or before.last_at.add(minutes=_FORGOTTEN_MINUTES) <= now
        number = 1 if before is None or fresh else before.failures + 1
        over = number - _FREE[kind]
        until = now.add(minutes=min(_LONGEST_MINUTES, 2 ** min(over, 10))) if over >= 0 else None
        accounts.count_failure(session, key, number=number, at=now, until=until)


def signed_in(house: House, secret: str, *, now: DateTime) -> Account | None:
    """The active account of a session that has not ended, expired or been left alone for an hour."""
    its_hash = digest(secret)
    with house.database.reading() as session:
        row = accounts.login(session, its_hash)
        if row is None or row.ended_at is not None or row.expires_at <= now:
            return None
        if row.seen_at.add(minutes=IDLE_MINUTES) <= now:
            return None
        account = _active(session, row.account)
    if account is not None and row.seen_at.add(minutes=1) <= now:
        with house.database.transaction() as session:
            accounts.touch_session(session, its_hash, now)
    return account


def log_out(house: House, secret: str, *, now: DateTime) -> None:
    """End a session."""
    with house.database.transaction() as session:
        accounts.end_sessions(session, now, its_hash=digest(secret))
