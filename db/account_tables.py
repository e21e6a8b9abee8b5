"""The tables of the people who act: accounts, how they prove who they are, and whom they let decide for them.

No password, token or link stands in them, only what proves one. Names are those of staff, never of affected people.
"""

from typing import Any

from pendulum import DateTime
from sqlalchemy import ForeignKeyConstraint, Index, Integer, Text
from sqlmodel import Field

from db.columns import Instant, JsonText
from db.tables import Row


def _maybe_at() -> Any:
    return Field(default=None, sa_type=Instant)


class Account(Row, table=True):
    """Somebody who may act. `key` is the name in the form in which names are compared; an ended account stays."""

    __tablename__ = "account"

    key: str = Field(primary_key=True, sa_type=Text)
    name: str = Field(sa_type=Text)
    display_name: str = Field(sa_type=Text)
    roles: list[str] = Field(sa_type=JsonText)
    incident_roles: dict[str, list[str]] = Field(sa_type=JsonText)
    plan_roles: list[str] = Field(sa_type=JsonText)
    password: str | None = Field(default=None, sa_type=Text)
    made_at: DateTime = Field(sa_type=Instant)
    made_by: str = Field(sa_type=Text)
    ended_at: DateTime | None = _maybe_at()


class AccessToken(Row, table=True):
    """A token for programs and the command line, by its SHA-256."""

    __tablename__ = "access_token"

    hash: str = Field(primary_key=True, sa_type=Text)
    account: str = Field(foreign_key="account.key", sa_type=Text, index=True)
    made_at: DateTime = Field(sa_type=Instant)
    expires_at: DateTime | None = _maybe_at()
    ended_at: DateTime | None = _maybe_at()


class LoginSession(Row, table=True):
    """A person signed in to the console, by the SHA-256 of the cookie."""

    __tablename__ = "login_session"

    hash: str = Field(primary_key=True, sa_type=Text)
    account: str = Field(foreign_key="account.key", sa_type=Text, index=True)
    made_at: DateTime = Field(sa_type=Instant)
    seen_at: DateTime = Field(sa_type=Instant)
    expires_at: DateTime = Field(sa_type=Instant)
    ended_at: DateTime | None = _maybe_at()


class LoginThrottle(Row, table=True):
    """How often signing in has failed for one who tries, by a hash: people type passwords into the wrong field."""

    __tablename__ = "login_throttle"

    key: str = Field(primary_key=True, sa_type=Text)
    failures: int
    last_at: DateTime = Field(sa_type=Instant)
    until: DateTime | None = _maybe_at()


class Delegation(Row, table=True):
    """One person decides for another, until then."""

    __tablename__ = "delegation"
    __table_args__ = (ForeignKeyConstraint(["taker"], ["account.key"], name="fk_delegation_account_taker"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=Integer)
    giver: str = Field(foreign_key="account.key", sa_type=Text)
    taker: str = Field(sa_type=Text, index=True)
    made_at: DateTime = Field(sa_type=Instant)
    until: DateTime = Field(sa_type=Instant)
    by: str = Field(sa_type=Text)
    ended_at: DateTime | None = _maybe_at()


class DecisionLink(Row, table=True):
    """A link that was sent to somebody who is asked to decide, by its SHA-256. It opens nothing without signing in."""

    __tablename__ = "decision_link"
    __table_args__ = (Index(None, "incident_id", "subject", "account"),)

    hash: str = Field(primary_key=True, sa_type=Text)
    incident_id: str = Field(foreign_key="incident.id", sa_type=Text)
    subject: str = Field(sa_type=Text)
    subject_hash: str = Field(sa_type=Text)
    account: str = Field(foreign_key="account.key", sa_type=Text)
    made_at: DateTime = Field(sa_type=Instant)
    expires_at: DateTime = Field(sa_type=Instant)
    used_at: DateTime | None = _maybe_at()


class AccountAct(Row, table=True):
    """What was done to accounts, and refused acts that concern no incident: those have no ledger to stand on."""

    __tablename__ = "account_act"

    id: int | None = Field(default=None, primary_key=True, sa_type=Integer)
    at: DateTime = Field(sa_type=Instant)
    by: str = Field(sa_type=Text)
    act: str = Field(sa_type=Text)
    account: str | None = Field(default=None, sa_type=Text)
    data: dict[str, Any] = Field(sa_type=JsonText)
