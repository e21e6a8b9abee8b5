"""When the watch looks again at duties and tasks, what people answered, and the messages to the company's people.

Made by Alembic from db/tables.py and db/watch_tables.py, then read. A released migration is never edited.
"""

import sqlalchemy as sa
from alembic import op

from db.columns import Instant, JsonText

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the columns and tables. What is not done is looked at by the next run of the watch."""
    for table in ("duty", "task"):
        op.add_column(table, sa.Column("look_at", Instant(), nullable=True))
        _index(table)
    waiting = "done_at IS NULL AND fell_away_at IS NULL AND target IS NOT NULL"
    op.execute(f"UPDATE duty SET look_at = first_seen_at WHERE {waiting}")  # noqa: S608 - no value of anybody's
    op.execute("UPDATE task SET look_at = due WHERE state = 'open'")
    op.create_table(
        "duty_watch",
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=True),
        sa.Column("target", Instant(), nullable=True),
        sa.Column("acked_at", Instant(), nullable=True),
        sa.Column("acked_by", sa.Text(), nullable=True),
        sa.Column("acked_step", sa.Text(), nullable=True),
        sa.Column("acked_target", Instant(), nullable=True),
        sa.Column("snoozed_until", Instant(), nullable=True),
        sa.Column("snoozed_by", sa.Text(), nullable=True),
        sa.Column("snooze_reason", sa.Text(), nullable=True),
        sa.Column("late_reason", sa.Text(), nullable=True),
        sa.Column("late_by", sa.Text(), nullable=True),
        sa.Column("late_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(
            ["incident_id", "key"], ["duty.incident_id", "duty.key"], name=op.f("fk_duty_watch_duty")
        ),
        sa.PrimaryKeyConstraint("incident_id", "key", name=op.f("pk_duty_watch")),
    )
    # What was said of a duty before is not said again.
    op.execute(
        "INSERT INTO duty_watch (incident_id, key, step, target) SELECT duty.incident_id, duty.key, CASE WHEN"
        " max(warning.level) = 100 THEN 'due' ELSE CAST(max(warning.level) AS TEXT) || '%' END, duty.target FROM duty"
        " JOIN warning ON warning.incident_id = duty.incident_id AND warning.subject = duty.key"
        " GROUP BY duty.incident_id, duty.key, duty.target"
    )
    op.create_table(
        "warning_message",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("incident_id", sa.Text(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("target", Instant(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("chain", JsonText(), nullable=False),
        sa.Column("escalate_seconds", sa.Integer(), nullable=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("within", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("look_at", Instant(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("claim_owner", sa.Text(), nullable=True),
        sa.Column("made_at", Instant(), nullable=False),
        sa.Column("settled_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_warning_message_incident")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_warning_message")),
    )
    _index("warning_message")
    op.create_index("ix_warning_message_incident_id_subject", "warning_message", ["incident_id", "subject"])
    op.create_index("ix_warning_message_within", "warning_message", ["within"])


def _index(table: str) -> None:
    given = sa.text("look_at IS NOT NULL")
    op.create_index(f"ix_{table}_look_at", table, ["look_at"], sqlite_where=given, postgresql_where=given)


def downgrade() -> None:
    """Not offered: evidence is not taken apart."""
    raise NotImplementedError("There is no way back from this version: restore a copy of the database.")
