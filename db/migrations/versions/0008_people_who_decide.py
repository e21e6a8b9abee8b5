"""The people who act, what proves who they are, and what an approval is bound to.

Made by Alembic from db/account_tables.py and db/approval_tables.py, then read. A released migration is never edited.
"""

import sqlalchemy as sa
from alembic import op

from db.columns import Instant, JsonText

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables, empty. Approvals of before keep their hash of the words alone, which approves nothing now."""
    op.create_table(
        "account",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("roles", JsonText(), nullable=False),
        sa.Column("incident_roles", JsonText(), nullable=False),
        sa.Column("plan_roles", JsonText(), nullable=False),
        sa.Column("password", sa.Text(), nullable=True),
        sa.Column("made_at", Instant(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_account")),
    )
    _proofs()
    _deciding()
    op.create_table(
        "account_act",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=True),
        sa.Column("data", JsonText(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_act")),
    )
    _close_acts()
    op.add_column("approval", sa.Column("binding", JsonText(), nullable=True))
    op.add_column("approval", sa.Column("on_behalf_of", sa.Text(), nullable=True))


def _close_acts() -> None:
    """As the ledger: what stands there is neither changed nor taken away."""
    if op.get_bind().dialect.name == "sqlite":
        for act in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER account_act_refuses_{act.lower()} BEFORE {act} ON account_act "
                "BEGIN SELECT RAISE(ABORT, 'account_act is append-only'); END"
            )
        return
    op.execute(
        "CREATE TRIGGER account_act_refuses_change BEFORE UPDATE OR DELETE ON account_act "
        "FOR EACH ROW EXECUTE FUNCTION tocsin_refuse()"
    )
    op.execute(
        "CREATE TRIGGER account_act_refuses_truncate BEFORE TRUNCATE ON account_act "
        "FOR EACH STATEMENT EXECUTE FUNCTION tocsin_refuse()"
    )


def _proofs() -> None:
    op.create_table(
        "access_token",
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("made_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=True),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["account"], ["account.key"], name=op.f("fk_access_token_account")),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_access_token")),
    )
    op.create_index(op.f("ix_access_token_account"), "access_token", ["account"], unique=False)
    op.create_table(
        "login_session",
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("made_at", Instant(), nullable=False),
        sa.Column("seen_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["account"], ["account.key"], name=op.f("fk_login_session_account")),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_login_session")),
    )
    op.create_index(op.f("ix_login_session_account"), "login_session", ["account"], unique=False)
    op.create_table(
        "login_throttle",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_at", Instant(), nullable=False),
        sa.Column("until", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_login_throttle")),
    )


def _deciding() -> None:
    op.create_table(
        "delegation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("giver", sa.Text(), nullable=False),
        sa.Column("taker", sa.Text(), nullable=False),
        sa.Column("made_at", Instant(), nullable=False),
        sa.Column("until", Instant(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["giver"], ["account.key"], name=op.f("fk_delegation_account")),
        sa.ForeignKeyConstraint(["taker"], ["account.key"], name=op.f("fk_delegation_account_taker")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delegation")),
    )
    op.create_index(op.f("ix_delegation_taker"), "delegation", ["taker"], unique=False)
    op.create_table(
        "decision_link",
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("subject_hash", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("made_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("used_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_decision_link_incident")),
        sa.ForeignKeyConstraint(["account"], ["account.key"], name=op.f("fk_decision_link_account")),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_decision_link")),
    )
    op.create_index(
        op.f("ix_decision_link_incident_id_subject_account"),
        "decision_link",
        ["incident_id", "subject", "account"],
        unique=False,
    )


def downgrade() -> None:
    """Not offered: evidence is not taken apart."""
    raise NotImplementedError("There is no way back from this version: restore a copy of the database.")
