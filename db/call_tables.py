"""Tables of the telephone list, of what callers reported, and of what people said about a channel.

No name, number or word of an affected person is in them: who is to be called stands in `person.sealed` only.
"""

from pendulum import DateTime
from sqlalchemy import ForeignKeyConstraint, Index, Text, text
from sqlmodel import Field

from db.columns import Instant
from db.tables import Row


class CallTask(Row, table=True):
    """One person to be called, for one attempt: `key` is the attempt's, so that nobody is put on the list twice.

    `not_before` is when the person asked to be called back, or when to try again. `owner` is who took the task.
    """

    __tablename__ = "call_task"
    __table_args__ = (
        ForeignKeyConstraint(["key", "incident_id"], ["attempt.key", "attempt.incident_id"]),
        Index(None, "incident_id", "state"),
    )

    key: str = Field(primary_key=True, sa_type=Text)
    incident_id: str = Field(primary_key=True, sa_type=Text)
    person_id: int
    state: str = Field(sa_type=Text)
    opened_at: DateTime = Field(sa_type=Instant)
    not_before: DateTime | None = Field(default=None, sa_type=Instant)
    owner: str | None = Field(default=None, sa_type=Text)
    tries: int = 0  # calls that nobody answered
    last_result: str | None = Field(default=None, sa_type=Text)
    last_at: DateTime | None = Field(default=None, sa_type=Instant)


class CallReport(Row, table=True):
    """What came of one call. A person is called once at a time, so that a report that comes again counts once."""

    __tablename__ = "call_report"
    __table_args__ = (ForeignKeyConstraint(["key", "incident_id"], ["call_task.key", "call_task.incident_id"]),)

    key: str = Field(primary_key=True, sa_type=Text)
    incident_id: str = Field(primary_key=True, sa_type=Text)
    at: DateTime = Field(primary_key=True, sa_type=Instant)
    result: str = Field(sa_type=Text)
    call_again_at: DateTime | None = Field(default=None, sa_type=Instant)
    by: str = Field(sa_type=Text)
    recorded_at: DateTime = Field(sa_type=Instant)


class Wish(Row, table=True):
    """A person's word about a channel, as a provider told it: an opt-out, a complaint, or that they want it again.

    Its attempt says whose it is; until that is known `incident_id` is null.
    """

    __tablename__ = "wish"
    __table_args__ = (
        Index(
            "ix_wish_unmatched",
            "provider",
            "provider_ref",
            sqlite_where=text("incident_id IS NULL"),
            postgresql_where=text("incident_id IS NULL"),
        ),
        Index("ix_wish_person", "incident_id", "person_id"),
    )

    provider: str = Field(primary_key=True, sa_type=Text)
    event_id: str = Field(primary_key=True, sa_type=Text)
    kind: str = Field(sa_type=Text)
    at: DateTime = Field(sa_type=Instant)
    attempt_key: str | None = Field(default=None, sa_type=Text)
    provider_ref: str | None = Field(default=None, sa_type=Text)
    incident_id: str | None = Field(default=None, sa_type=Text)
    person_id: int | None = None
    channel: str | None = Field(default=None, sa_type=Text)
