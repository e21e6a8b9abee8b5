"""People to be called and what came of the calls; what people said about a channel; why a verdict is what it is.

Made by Alembic from db/call_tables.py, then read. A released migration is never edited.
"""

import sqlalchemy as sa
from alembic import op

from db.columns import Instant

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables, empty, and the column: verdicts from before stand without a reason."""
    op.create_table(
        "call_task",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("opened_at", Instant(), nullable=False),
        sa.Column("not_before", Instant(), nullable=True),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("last_result", sa.Text(), nullable=True),
        sa.Column("last_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(
            ["key", "incident_id"], ["attempt.key", "attempt.incident_id"], name=op.f("fk_call_task_attempt")
        ),
        sa.PrimaryKeyConstraint("key", "incident_id", name=op.f("pk_call_task")),
    )
    op.create_index("ix_call_task_incident_id_state", "call_task", ["incident_id", "state"], unique=False)
    op.create_table(
        "call_report",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("call_again_at", Instant(), nullable=True),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["key", "incident_id"], ["call_task.key", "call_task.incident_id"], name=op.f("fk_call_report_call_task")
        ),
        sa.PrimaryKeyConstraint("key", "incident_id", "at", name=op.f("pk_call_report")),
    )
    _make_wishes()
    op.add_column("person", sa.Column("verdict_reason", sa.Text(), nullable=True))


def _make_wishes() -> None:
    op.create_table(
        "wish",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("attempt_key", sa.Text(), nullable=True),
        sa.Column("provider_ref", sa.Text(), nullable=True),
        sa.Column("incident_id", sa.Text(), nullable=True),
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("provider", "event_id", name=op.f("pk_wish")),
    )
    op.create_index(
        "ix_wish_unmatched",
        "wish",
        ["provider", "provider_ref"],
        unique=False,
        sqlite_where=sa.text("incident_id IS NULL"),
        postgresql_where=sa.text("incident_id IS NULL"),
    )
    op.create_index("ix_wish_person", "wish", ["incident_id", "person_id"], unique=False)


def downgrade() -> None:
    """Not offered: evidence is not taken apart."""
    raise NotImplementedError("There is no way back from this version: restore a copy of the database.")
