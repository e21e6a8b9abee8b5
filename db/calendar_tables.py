"""The table of calendar feeds. No secret stands in it, only what proves one; people are staff, by their short name."""

from pendulum import DateTime
from sqlalchemy import Text
from sqlmodel import Field

from db.columns import Instant
from db.tables import Row


class CalendarFeed(Row, table=True):
    """A secret address at which deadlines are read, by its SHA-256: of one incident, of one person, or of all."""

    __tablename__ = "calendar_feed"

    hash: str = Field(primary_key=True, sa_type=Text)
    incident_id: str | None = Field(default=None, foreign_key="incident.id", sa_type=Text)
    person: str | None = Field(default=None, sa_type=Text)
    made_at: DateTime = Field(sa_type=Instant)
    made_by: str = Field(sa_type=Text)
    ended_at: DateTime | None = Field(default=None, sa_type=Instant)
