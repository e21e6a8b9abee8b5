"""Secret addresses at which calendars read deadlines.

Made by Alembic from db/calendar_tables.py, then read. A released migration is never edited.
"""

import sqlalchemy as sa
from alembic import op

from db.columns import Instant

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table, empty."""
    op.create_table(
        "calendar_feed",
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("incident_id", sa.Text(), nullable=True),
        sa.Column("person", sa.Text(), nullable=True),
        sa.Column("made_at", Instant(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_calendar_feed_incident")),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_calendar_feed")),
    )


def downgrade() -> None:
    """Not offered: evidence is not taken apart."""
    raise NotImplementedError("There is no way back from this version: restore a copy of the database.")
