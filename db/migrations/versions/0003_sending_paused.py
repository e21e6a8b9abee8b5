"""Since when the sending of an incident is paused.

Made by Alembic from db/tables.py, then read. A released migration is never edited.
"""

import sqlalchemy as sa
from alembic import op

from db.columns import Instant

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the time; every incident goes on sending."""
    op.add_column("incident", sa.Column("sending_paused_at", Instant(), nullable=True))


def downgrade() -> None:
    """Not offered: evidence is not taken apart."""
    raise NotImplementedError("There is no way back from this version: restore a copy of the database.")
