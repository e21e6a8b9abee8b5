"""Legal holds, evidence, checklists and notes of tasks, and automatic actions.

Made by Alembic from db/hold_tables.py and db/task_tables.py, then read. A released migration is never edited.
"""

import sqlalchemy as sa
from alembic import op

from db.columns import Instant, JsonText

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables, empty."""
    op.create_table(
        "legal_hold",
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("authority", sa.Text(), nullable=False),
        sa.Column("places", JsonText(), nullable=True),
        sa.Column("written", sa.Boolean(), nullable=True),
        sa.Column("paper", sa.Integer(), nullable=True),
        sa.Column("from_at", Instant(), nullable=False),
        sa.Column("until", Instant(), nullable=True),
        sa.Column("placed_at", Instant(), nullable=False),
        sa.Column("placed_by", sa.Text(), nullable=False),
        sa.Column("review_at", Instant(), nullable=True),
        sa.Column("reviewed_at", Instant(), nullable=True),
        sa.Column("reviewed_by", sa.Text(), nullable=True),
        sa.Column("lifted_at", Instant(), nullable=True),
        sa.Column("lifted_by", sa.Text(), nullable=True),
        sa.Column("lift_reason", sa.Text(), nullable=True),
        sa.Column("look_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_legal_hold_incident")),
        sa.PrimaryKeyConstraint("incident_id", "number", name=op.f("pk_legal_hold")),
    )
    _looked_at("legal_hold")
    _evidence()
    _tasks()
    _actions()


def _looked_at(table: str) -> None:
    given = sa.text("look_at IS NOT NULL")
    op.create_index(f"ix_{table}_look_at", table, ["look_at"], sqlite_where=given, postgresql_where=given)


def _evidence() -> None:
    op.create_table(
        "evidence",
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("added_at", Instant(), nullable=False),
        sa.Column("added_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_evidence_incident")),
        sa.PrimaryKeyConstraint("incident_id", "number", name=op.f("pk_evidence")),
    )
    op.create_index(
        op.f("ix_evidence_incident_id_about_sha256"), "evidence", ["incident_id", "about", "sha256"], unique=True
    )
    op.create_table(
        "evidence_piece",
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_evidence_piece_incident")),
        sa.PrimaryKeyConstraint("incident_id", "sha256", "number", name=op.f("pk_evidence_piece")),
    )


def _tasks() -> None:
    op.create_table(
        "task_item",
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("says", sa.Text(), nullable=False),
        sa.Column("ticked_at", Instant(), nullable=True),
        sa.Column("ticked_by", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["incident_id", "key"], ["task.incident_id", "task.key"], name=op.f("fk_task_item_task")
        ),
        sa.PrimaryKeyConstraint("incident_id", "key", "number", name=op.f("pk_task_item")),
    )
    op.create_table(
        "task_note",
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["incident_id", "key"], ["task.incident_id", "task.key"], name=op.f("fk_task_note_task")
        ),
        sa.PrimaryKeyConstraint("incident_id", "key", "number", name=op.f("pk_task_note")),
    )


def _actions() -> None:
    op.create_table(
        "action_run",
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("spec", sa.Text(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("approved_by", sa.Text(), nullable=True),
        sa.Column("approved_at", Instant(), nullable=True),
        sa.Column("claim_owner", sa.Text(), nullable=True),
        sa.Column("claim_until", Instant(), nullable=True),
        sa.Column("look_at", Instant(), nullable=True),
        sa.Column("settled_at", Instant(), nullable=True),
        sa.Column("settled_by", sa.Text(), nullable=True),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("output_sha256", sa.Text(), nullable=True),
        sa.Column("output", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["incident_id", "key"], ["task.incident_id", "task.key"], name=op.f("fk_action_run_task")
        ),
        sa.PrimaryKeyConstraint("incident_id", "key", name=op.f("pk_action_run")),
    )
    _looked_at("action_run")


def downgrade() -> None:
    """Not offered: evidence is not taken apart."""
    raise NotImplementedError("There is no way back from this version: restore a copy of the database.")
