"""The tables by which processes share a provider account. No incident and nobody's data are in them.

`until` is a time of the database's own clock, in seconds since 1970, so that clocks of machines need not agree.
"""

from sqlalchemy import Double, Text
from sqlmodel import Field

from db.tables import Row


class ProviderPace(Row, table=True):
    """How far the messages of an account are given out: the next one may leave at `until`."""

    __tablename__ = "provider_pace"

    provider: str = Field(primary_key=True, sa_type=Text)
    until: float = Field(sa_type=Double)


class ProviderHold(Row, table=True):
    """How many connections of an account one process may have open until `until`, of those that it wants."""

    __tablename__ = "provider_hold"

    provider: str = Field(primary_key=True, sa_type=Text)
    owner: str = Field(primary_key=True, sa_type=Text)
    wanted: int
    held: int
    until: float = Field(sa_type=Double)
