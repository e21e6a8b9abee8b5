"""The tables of legal holds and of evidence: who asked to wait, and the files that show what was done.

Files and their names are sealed with the incident's key; what stands open is hashes, sizes, dates and names of staff.
"""

from typing import Any

from pendulum import DateTime
from sqlalchemy import Index, Text, text
from sqlmodel import Field

from db.columns import Instant, JsonText
from db.tables import Row


def _incident() -> Any:
    return Field(primary_key=True, foreign_key="incident.id", sa_type=Text)


def _number_key() -> Any:
    return Field(primary_key=True, sa_column_kwargs={"autoincrement": False})


def _maybe_text() -> Any:
    return Field(default=None, sa_type=Text)


def _maybe_at() -> Any:
    return Field(default=None, sa_type=Instant)


class LegalHold(Row, table=True):
    """An authority's request to wait. It stands from `from_at` until it is lifted, or `until`.

    `places` null: everywhere. `by` is the kind of authority, as laws name it; `paper` is the number of its evidence.
    """

    __tablename__ = "legal_hold"
    __table_args__ = (
        Index(
            "ix_legal_hold_look_at",
            "look_at",
            sqlite_where=text("look_at IS NOT NULL"),
            postgresql_where=text("look_at IS NOT NULL"),
        ),
    )

    incident_id: str = _incident()
    number: int = _number_key()
    by: str = Field(sa_type=Text)
    authority: str = Field(sa_type=Text)
    places: list[str] | None = Field(default=None, sa_type=JsonText)
    written: bool | None = None
    paper: int | None = None
    from_at: DateTime = Field(sa_type=Instant)
    until: DateTime | None = _maybe_at()
    placed_at: DateTime = Field(sa_type=Instant)
    placed_by: str = Field(sa_type=Text)
    review_at: DateTime | None = _maybe_at()  # the next review; null: none is wanted
    reviewed_at: DateTime | None = _maybe_at()
    reviewed_by: str | None = _maybe_text()
    lifted_at: DateTime | None = _maybe_at()
    lifted_by: str | None = _maybe_text()
    lift_reason: str | None = _maybe_text()
    look_at: DateTime | None = _maybe_at()  # when the watch has something to do about it; null: never


class Evidence(Row, table=True):
    """A file that shows something: of a task (`task:KEY`) or a hold (`hold`). `sealed` is its name and a note."""

    __tablename__ = "evidence"
    __table_args__ = (Index(None, "incident_id", "about", "sha256", unique=True),)

    incident_id: str = _incident()
    number: int = _number_key()
    about: str = Field(sa_type=Text)
    sha256: str = Field(sa_type=Text)
    size: int  # bytes
    sealed: bytes
    added_at: DateTime = Field(sa_type=Instant)
    added_by: str = Field(sa_type=Text)


class EvidencePiece(Row, table=True):
    """A piece of a file, sealed, by the SHA-256 of the whole: the same file is kept once in an incident."""

    __tablename__ = "evidence_piece"

    incident_id: str = _incident()
    sha256: str = Field(primary_key=True, sa_type=Text)
    number: int = _number_key()
    sealed: bytes
