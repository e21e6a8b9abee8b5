"""The tables around a task: its checklist, what people said about it, and the machine's own action for it."""

from typing import Any

from pendulum import DateTime
from sqlalchemy import ForeignKeyConstraint, Index, Text, text
from sqlmodel import Field

from db.columns import Instant
from db.tables import Row


def _key() -> Any:
    return Field(primary_key=True, sa_type=Text)


def _number_key() -> Any:
    return Field(primary_key=True, sa_column_kwargs={"autoincrement": False})


def _maybe_text() -> Any:
    return Field(default=None, sa_type=Text)


def _maybe_at() -> Any:
    return Field(default=None, sa_type=Instant)


def _task() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["incident_id", "key"], ["task.incident_id", "task.key"])


class TaskItem(Row, table=True):
    """One line of a task's checklist; ticked by name."""

    __tablename__ = "task_item"
    __table_args__ = (_task(),)

    incident_id: str = _key()
    key: str = _key()
    number: int = _number_key()
    says: str = Field(sa_type=Text)
    ticked_at: DateTime | None = _maybe_at()
    ticked_by: str | None = _maybe_text()


class TaskNote(Row, table=True):
    """What somebody said about a task, sealed: it may name people."""

    __tablename__ = "task_note"
    __table_args__ = (_task(),)

    incident_id: str = _key()
    key: str = _key()
    number: int = _number_key()
    sealed: bytes
    at: DateTime = Field(sa_type=Instant)
    by: str = Field(sa_type=Text)


class ActionRun(Row, table=True):
    """The automatic action of a task: run once. `spec` is the hash of what the settings said that it is.

    `output` is what it said, bounded and sealed; `look_at` is when it is to be run or looked after; null: never.
    """

    __tablename__ = "action_run"
    __table_args__ = (
        _task(),
        Index(
            "ix_action_run_look_at",
            "look_at",
            sqlite_where=text("look_at IS NOT NULL"),
            postgresql_where=text("look_at IS NOT NULL"),
        ),
    )

    incident_id: str = _key()
    key: str = _key()
    action: str = Field(sa_type=Text)
    state: str = Field(sa_type=Text)
    spec: str | None = _maybe_text()
    tries: int = 0
    approved_by: str | None = _maybe_text()
    approved_at: DateTime | None = _maybe_at()
    claim_owner: str | None = _maybe_text()
    claim_until: DateTime | None = _maybe_at()
    look_at: DateTime | None = _maybe_at()
    settled_at: DateTime | None = _maybe_at()
    settled_by: str | None = _maybe_text()
    code: str | None = _maybe_text()  # how it ended: `exit-0`, `http-503`, `timeout`
    output_sha256: str | None = _maybe_text()
    output: bytes | None = None
