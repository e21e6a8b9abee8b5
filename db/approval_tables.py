"""The table of decisions on what may leave the company."""

from typing import Any

from pendulum import DateTime
from sqlalchemy import Index, Integer, Text
from sqlmodel import Field

from db.columns import Instant, JsonText
from db.tables import Row


class Approval(Row, table=True):
    """A decision on one hash. A void approval no longer allows anything; it is never deleted.

    `binding` is the document behind the hash; `on_behalf_of` is whoever let `by` decide for them.
    """

    __tablename__ = "approval"
    __table_args__ = (Index(None, "incident_id", "subject", "hash"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=Integer)
    incident_id: str = Field(foreign_key="incident.id", sa_type=Text)
    subject: str = Field(sa_type=Text)
    hash: str = Field(sa_type=Text)
    decision: str = Field(sa_type=Text)
    by: str = Field(sa_type=Text)
    at: DateTime = Field(sa_type=Instant)
    reason: str | None = Field(default=None, sa_type=Text)
    void_at: DateTime | None = Field(default=None, sa_type=Instant)
    binding: dict[str, Any] | None = Field(default=None, sa_type=JsonText)
    on_behalf_of: str | None = Field(default=None, sa_type=Text)
