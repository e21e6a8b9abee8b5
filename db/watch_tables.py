"""The tables of the watch: what was said about each duty, and the messages to the company's people.

Nobody affected is in them: staff appear by the short name that the settings give them.
"""

from pendulum import DateTime
from sqlalchemy import ForeignKeyConstraint, Index, Text, text
from sqlmodel import Field

from db.columns import Instant, JsonText
from db.tables import Row


class DutyWatch(Row, table=True):
    """What people were told of a duty and said about it. `step` was said last, about `target`."""

    __tablename__ = "duty_watch"
    __table_args__ = (ForeignKeyConstraint(["incident_id", "key"], ["duty.incident_id", "duty.key"]),)

    incident_id: str = Field(primary_key=True, sa_type=Text)
    key: str = Field(primary_key=True, sa_type=Text)
    step: str | None = Field(default=None, sa_type=Text)
    target: DateTime | None = Field(default=None, sa_type=Instant)
    acked_at: DateTime | None = Field(default=None, sa_type=Instant)
    acked_by: str | None = Field(default=None, sa_type=Text)
    acked_step: str | None = Field(default=None, sa_type=Text)
    acked_target: DateTime | None = Field(default=None, sa_type=Instant)
    snoozed_until: DateTime | None = Field(default=None, sa_type=Instant)
    snoozed_by: str | None = Field(default=None, sa_type=Text)
    snooze_reason: str | None = Field(default=None, sa_type=Text)
    late_reason: str | None = Field(default=None, sa_type=Text)
    late_by: str | None = Field(default=None, sa_type=Text)
    late_at: DateTime | None = Field(default=None, sa_type=Instant)


class WarningMessage(Row, table=True):
    """One warning to one person. `look_at` is when something is to be done about it; null: never again.

    `place` counts up the people of `chain`. A message that was put into another one names it in `within`.
    """

    __tablename__ = "warning_message"
    __table_args__ = (
        Index(
            "ix_warning_message_look_at",
            "look_at",
            sqlite_where=text("look_at IS NOT NULL"),
            postgresql_where=text("look_at IS NOT NULL"),
        ),
        Index(None, "incident_id", "subject"),
        Index(None, "within"),
    )

    key: str = Field(primary_key=True, sa_type=Text)
    incident_id: str | None = Field(default=None, foreign_key="incident.id", sa_type=Text)
    subject: str = Field(sa_type=Text)
    step: str = Field(sa_type=Text)
    target: DateTime = Field(sa_type=Instant)
    person: str = Field(sa_type=Text)
    place: int
    chain: list[str] = Field(sa_type=JsonText)
    escalate_seconds: int | None = None
    title: str = Field(sa_type=Text)
    body: str = Field(sa_type=Text)
    within: str | None = Field(default=None, sa_type=Text)
    state: str = Field(sa_type=Text)
    look_at: DateTime | None = Field(default=None, sa_type=Instant)
    tries: int = 0
    claim_owner: str | None = Field(default=None, sa_type=Text)
    made_at: DateTime = Field(sa_type=Instant)
    settled_at: DateTime | None = Field(default=None, sa_type=Instant)
