"""Identities lie in the order of their hashes, once, and refer to no person by a key of the database.

A million people have three million of them. On SQLite the rows are now the index itself; a foreign key that is looked
up for each row was a third of an import there, and locked every person on PostgreSQL.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Keep every row."""
    if op.get_bind().dialect.name != "sqlite":
        op.drop_constraint("fk_identity_person", "identity", type_="foreignkey")
        return
    op.rename_table("identity", "identity_before")
    op.create_table(
        "identity",
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("incident_id", "hash", name=op.f("pk_identity")),
        sqlite_with_rowid=False,
    )
    op.execute("INSERT INTO identity SELECT incident_id, hash, person_id FROM identity_before ORDER BY 1, 2")
    op.drop_table("identity_before")


def downgrade() -> None:
    """Not offered: evidence is not taken apart."""
    raise NotImplementedError("There is no way back from this version: restore a copy of the database.")
