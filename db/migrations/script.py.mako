"""${message}."""

import sqlalchemy as sa
from alembic import op

from db.columns import Instant, JsonText

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    raise NotImplementedError("There is no way back: restore a copy of the database.")
