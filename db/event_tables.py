"""The table of what providers told us of messages, as it came in. Nobody's address is in it."""

from pendulum import DateTime
from sqlalchemy import Index, Text, text
from sqlmodel import Field

from db.columns import Instant
from db.tables import Row


class ProviderEvent(Row, table=True):
    """One event of one provider, which counts once. `applied_at` is null until it has become a word on an attempt."""

    __tablename__ = "provider_event"
    __table_args__ = (
        Index(
            "ix_provider_event_waiting",
            "provider",
            "received_at",
            sqlite_where=text("applied_at IS NULL"),
            postgresql_where=text("applied_at IS NULL"),
        ),
    )

    provider: str = Field(primary_key=True, sa_type=Text)
    event_id: str = Field(primary_key=True, sa_type=Text)
    kind: str = Field(sa_type=Text)
    at: DateTime = Field(sa_type=Instant)
    received_at: DateTime = Field(sa_type=Instant)
    applied_at: DateTime | None = Field(default=None, sa_type=Instant)
    hard: bool | None = None
    attempt_key: str | None = Field(default=None, sa_type=Text)
    provider_ref: str | None = Field(default=None, sa_type=Text)
    recipient: str | None = Field(default=None, sa_type=Text)  # a keyed hash
    code: str | None = Field(default=None, sa_type=Text)
    reason: str | None = Field(default=None, sa_type=Text)
    word: str | None = Field(default=None, sa_type=Text)
