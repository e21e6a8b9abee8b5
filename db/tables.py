"""Every table. A row class accepts anything (SQLModel validates no table), so values are checked before they come here.

Times are aware and come out as `pendulum.DateTime` in UTC. `sealed…` columns hold ciphertext only.
"""

from datetime import datetime
from typing import Any

from pendulum import DateTime
from sqlalchemy import BigInteger, ForeignKeyConstraint, Index, Integer, MetaData, Table, Text, text
from sqlmodel import Field, SQLModel

from db.columns import Instant, JsonText, utc

_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Row(SQLModel):
    """What every table shares: one metadata of ours, with constraint names that migrations can rely on."""

    metadata = MetaData(naming_convention=_NAMES)
    model_config = {"arbitrary_types_allowed": True}


def core(model: type[Row]) -> Table:
    """The Core table behind a row class, for statements on hot paths."""
    return Row.metadata.tables[str(model.__tablename__)]


def _key(**more: Any) -> Any:
    return Field(primary_key=True, sa_type=Text, **more)


def _incident() -> Any:
    return Field(primary_key=True, foreign_key="incident.id", sa_type=Text)


def _text() -> Any:
    return Field(sa_type=Text)


def _maybe_text() -> Any:
    return Field(default=None, sa_type=Text)


def _at() -> Any:
    return Field(sa_type=Instant)


def _maybe_at() -> Any:
    return Field(default=None, sa_type=Instant)


def _json() -> Any:
    return Field(sa_type=JsonText)


def _number_key() -> Any:
    return Field(primary_key=True, sa_type=Integer, sa_column_kwargs={"autoincrement": False})


def _looked_at(table: str) -> Index:
    """What the watch looks for: its cost does not grow with what is not due."""
    given = text("look_at IS NOT NULL")
    return Index(f"ix_{table}_look_at", "look_at", sqlite_where=given, postgresql_where=given)


class Incident(Row, table=True):
    """One incident. Without `sealed_key` its people cannot be read any more."""

    __tablename__ = "incident"

    id: str = _key()
    title: str = _text()
    plan: str = _text()
    phase: str = _text()
    phases: list[tuple[str, str]] = (
        _json()
    )  # [phase, entered or finished], in the order in which they were first marked
    state: str = Field(default="open", sa_type=Text, index=True)
    declared_at: DateTime = _at()
    declared_by: str = _text()
    sealed_key: bytes | None = None
    key_destroyed_at: DateTime | None = _maybe_at()
    lease_owner: str | None = _maybe_text()
    lease_until: DateTime | None = _maybe_at()
    closed_at: DateTime | None = _maybe_at()
    sending_paused_at: DateTime | None = _maybe_at()


class FactsVersion(Row, table=True):
    """What was known at one time; versions are never changed."""

    __tablename__ = "facts_version"

    incident_id: str = _incident()
    version: int = _number_key()
    document: dict[str, Any] = _json()
    hash: str = _text()
    by: str = _text()
    at: DateTime = _at()


class Duty(Row, table=True):
    """A duty as last assessed. `overdue_at` is the missed `due`; once set it stays, whatever the facts become."""

    __tablename__ = "duty"
    __table_args__ = (Index(None, "status", "target"), _looked_at("duty"))

    incident_id: str = _incident()
    key: str = _key()
    id: str = _text()
    regime: str = _text()
    audience: str = _text()
    recipient: str = _text()
    status: str = _text()
    due: DateTime | None = _maybe_at()
    target: DateTime | None = _maybe_at()
    row: dict[str, Any] = _json()
    facts_version: int
    first_seen_at: DateTime = _at()
    overdue_at: DateTime | None = _maybe_at()
    done_at: DateTime | None = _maybe_at()
    done_by: str | None = _maybe_text()
    fell_away_at: DateTime | None = _maybe_at()
    look_at: DateTime | None = _maybe_at()  # when the watch has something to do about it; null: never

    @property
    def unknown(self) -> list[str]:
        """The paths of the facts that decide, where the duty is undetermined."""
        return list(self.row.get("unknown") or ())

    @property
    def starts(self) -> DateTime | None:
        """When the clock of this duty started."""
        written = self.row.get("starts")
        return utc(datetime.fromisoformat(written)) if written else None


class Task(Row, table=True):
    """Something a person must do, from the plan."""

    __tablename__ = "task"
    __table_args__ = (_looked_at("task"),)

    incident_id: str = _incident()
    key: str = _key()
    phase: str = _text()
    title: str = _text()
    owner: str = _text()
    due: DateTime | None = _maybe_at()
    state: str = Field(default="open", sa_type=Text)
    done_at: DateTime | None = _maybe_at()
    done_by: str | None = _maybe_text()
    evidence: str | None = _maybe_text()
    look_at: DateTime | None = _maybe_at()  # when the watch says that it is late; null: never


class Wave(Row, table=True):
    """One import of a roster. Counts are null while it runs."""

    __tablename__ = "wave"

    incident_id: str = _incident()
    number: int = _number_key()
    file_sha256: str = _text()
    imported_at: DateTime = _at()
    by: str = _text()
    rows: int | None = None
    people: int | None = None
    merged: int | None = None
    rejected: int | None = None
    reason: str | None = _maybe_text()


class Person(Row, table=True):
    """One affected person; who it is stands in `sealed` only. `next_at` is when the ladder looks again; null: never."""

    __tablename__ = "person"
    __table_args__ = (Index(None, "incident_id", "next_at"), Index(None, "incident_id", "ref", unique=True))

    incident_id: str = _incident()
    id: int = _number_key()
    wave: int
    ref: str = _text()
    place: str = _text()
    language: str = _text()
    sealed: bytes
    has_push: bool
    has_email: bool
    has_sms: bool
    has_phone: bool
    verdict: str | None = _maybe_text()
    verdict_channel: str | None = _maybe_text()
    verdict_at: DateTime | None = _maybe_at()
    next_at: DateTime | None = _maybe_at()
    excluded_channels: list[str] = _json()
    verdict_reason: str | None = _maybe_text()


class Identity(Row, table=True):
    """A keyed hash of one address, so that the same person is found again without reading anybody's address.

    No foreign key: to check each of three million rows for itself is half of an import. `db/people.py` sees to it.
    """

    __tablename__ = "identity"
    __table_args__ = ({"sqlite_with_rowid": False},)

    incident_id: str = _key()
    hash: str = _key()
    person_id: int


class Attempt(Row, table=True):
    """One message to one person on one channel; `key` can be claimed once. `settled_at` is the time of the outcome."""

    __tablename__ = "attempt"
    __table_args__ = (
        ForeignKeyConstraint(["incident_id", "person_id"], ["person.incident_id", "person.id"]),
        Index(None, "incident_id", "person_id"),
        Index(None, "provider", "provider_ref"),
        Index(
            "ix_attempt_open",
            "incident_id",
            "claim_until",
            sqlite_where=text("outcome = 'claimed'"),
            postgresql_where=text("outcome = 'claimed'"),
        ),
    )

    key: str = _key()  # first, so that a receipt finds it without knowing the incident
    incident_id: str = _key()
    person_id: int
    wave: int
    channel: str = _text()
    provider: str = _text()
    outcome: str = _text()
    tries: int
    claimed_at: DateTime = _at()
    claim_owner: str | None = _maybe_text()
    claim_until: DateTime | None = _maybe_at()
    not_before: DateTime | None = _maybe_at()
    settled_at: DateTime | None = _maybe_at()
    provider_ref: str | None = _maybe_text()
    code: str | None = _maybe_text()
    reason: str | None = _maybe_text()
    text_hash: str = _text()


class Receipt(Row, table=True):
    """A provider's later word; one event of a provider counts once. `matched` is false until its attempt is known."""

    __tablename__ = "receipt"
    __table_args__ = (
        Index(
            "ix_receipt_unmatched",
            "provider",
            "provider_ref",
            sqlite_where=text("matched = 0"),
            postgresql_where=text("NOT matched"),
        ),
        Index("ix_receipt_latest", "provider", "received_at"),
    )

    provider: str = _key()
    event_id: str = _key()
    incident_id: str | None = _maybe_text()
    attempt_key: str | None = _maybe_text()
    provider_ref: str | None = _maybe_text()
    outcome: str = _text()
    at: DateTime = _at()
    received_at: DateTime = _at()
    code: str | None = _maybe_text()
    reason: str | None = _maybe_text()
    matched: bool


class TextVersion(Row, table=True):
    """The words of a notice or an announcement in one language; versions are never changed."""

    __tablename__ = "text"

    incident_id: str = _incident()
    kind: str = _key()
    language: str = _key()
    version: int = _number_key()
    fields: dict[str, Any] = _json()
    hash: str = Field(sa_type=Text, index=True)
    author: str = _text()
    at: DateTime = _at()


class Announcement(Row, table=True):
    """A public notice as published."""

    __tablename__ = "announcement"

    incident_id: str = _incident()
    number: int = _number_key()
    hash: str = _text()
    languages: list[str] = _json()
    path: str = _text()
    published_at: DateTime = _at()
    by: str = _text()
    withdrawn_at: DateTime | None = _maybe_at()


class Report(Row, table=True):
    """A regulator's form, filled. A filed version is never touched again."""

    __tablename__ = "report"

    incident_id: str = _incident()
    form: str = _key()
    stage: str = _key()
    version: int = _number_key()
    document: dict[str, Any] = _json()
    missing: list[Any] = _json()
    duties: list[str] = _json()  # ids of the duties that handing it in fulfils
    hash: str = _text()
    at: DateTime = _at()
    by: str = _text()
    filed_at: DateTime | None = _maybe_at()
    filed_by: str | None = _maybe_text()
    reference: str | None = _maybe_text()


class WarningSent(Row, table=True):
    """A warning that went out, so that it goes out once."""

    __tablename__ = "warning"

    incident_id: str = _incident()
    subject: str = _key()
    level: int = _number_key()
    at: DateTime = _at()
    to: str = _text()


class Heartbeat(Row, table=True):
    """When something that must run last ran."""

    __tablename__ = "heartbeat"

    name: str = _key()
    at: DateTime = _at()
    detail: str | None = _maybe_text()


class LedgerEvent(Row, table=True):
    """One entry of a ledger; triggers refuse every change. `data` is the canonical JSON text that was hashed."""

    __tablename__ = "ledger_event"

    incident_id: str = _incident()
    seq: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    at: DateTime = _at()
    type: str = _text()
    actor: str = _text()
    data: str = _text()
    prev: str = _text()
    hash: str = _text()


class SigningKey(Row, table=True):
    """An Ed25519 key of this installation; the private half is sealed with the master key."""

    __tablename__ = "signing_key"

    id: str = _key()
    public_key: bytes
    sealed_private: bytes
    created_at: DateTime = _at()


class LedgerCheckpoint(Row, table=True):
    """A signature over a ledger up to `seq`; triggers refuse every change."""

    __tablename__ = "ledger_checkpoint"

    incident_id: str = _incident()
    seq: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    hash: str = _text()
    at: DateTime = _at()
    key_id: str = Field(foreign_key="signing_key.id", sa_type=Text)
    signature: str = _text()
