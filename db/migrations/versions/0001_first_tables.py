"""The first tables, and the triggers that make the ledger append-only.

Made by Alembic from db/tables.py, then read; the triggers are by hand. A released migration is never edited.
"""

import sqlalchemy as sa
from alembic import op

from db.columns import Instant, JsonText

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

LEDGER = ("ledger_event", "ledger_checkpoint")


def upgrade() -> None:
    """Make every table, then close the ledger."""
    _tables()
    if op.get_bind().dialect.name == "sqlite":
        _close_ledger_on_sqlite()
    else:
        _close_ledger_on_postgresql()


def downgrade() -> None:
    """Not offered: evidence is not taken apart."""
    raise NotImplementedError("There is no way back from this version: restore a copy of the database.")


def _close_ledger_on_sqlite() -> None:
    for table in LEDGER:
        for act in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_refuses_{act.lower()} BEFORE {act} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
    # A REPLACE deletes without firing DELETE triggers in a connection that did not ask for them, so the row that would
    # be replaced is looked for before. For events, the number must also follow the last one.
    op.execute(
        "CREATE TRIGGER ledger_event_follows BEFORE INSERT ON ledger_event "
        "WHEN NEW.seq <> 1 + (SELECT coalesce(max(seq), 0) FROM ledger_event WHERE incident_id = NEW.incident_id) "
        "BEGIN SELECT RAISE(ABORT, 'ledger_event is append-only'); END"
    )
    op.execute(
        "CREATE TRIGGER ledger_checkpoint_refuses_replace BEFORE INSERT ON ledger_checkpoint "
        "WHEN EXISTS (SELECT 1 FROM ledger_checkpoint WHERE incident_id = NEW.incident_id AND seq = NEW.seq) "
        "BEGIN SELECT RAISE(ABORT, 'ledger_checkpoint is append-only'); END"
    )


def _close_ledger_on_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION tocsin_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation'; END $$"
    )
    op.execute(
        "CREATE FUNCTION tocsin_follows() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF NEW.seq <> 1 + (SELECT coalesce(max(seq), 0) FROM ledger_event WHERE incident_id = NEW.incident_id) THEN "
        "RAISE EXCEPTION 'ledger_event is append-only' USING ERRCODE = 'restrict_violation'; END IF; "
        "RETURN NEW; END $$"
    )
    for table in LEDGER:
        op.execute(
            f"CREATE TRIGGER {table}_refuses_change BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION tocsin_refuse()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_refuses_truncate BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION tocsin_refuse()"
        )
    op.execute(
        "CREATE TRIGGER ledger_event_follows BEFORE INSERT ON ledger_event "
        "FOR EACH ROW EXECUTE FUNCTION tocsin_follows()"
    )


def _tables() -> None:
    op.create_table(
        "heartbeat",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_heartbeat")),
    )
    op.create_table(
        "incident",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("phase", sa.Text(), nullable=False),
        sa.Column("phases", JsonText(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("declared_at", Instant(), nullable=False),
        sa.Column("declared_by", sa.Text(), nullable=False),
        sa.Column("sealed_key", sa.LargeBinary(), nullable=True),
        sa.Column("key_destroyed_at", Instant(), nullable=True),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_until", Instant(), nullable=True),
        sa.Column("closed_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident")),
    )
    op.create_index(op.f("ix_incident_state"), "incident", ["state"], unique=False)
    op.create_table(
        "receipt",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("incident_id", sa.Text(), nullable=True),
        sa.Column("attempt_key", sa.Text(), nullable=True),
        sa.Column("provider_ref", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("received_at", Instant(), nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("matched", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("provider", "event_id", name=op.f("pk_receipt")),
    )
    op.create_index(
        "ix_receipt_unmatched",
        "receipt",
        ["provider", "provider_ref"],
        unique=False,
        sqlite_where=sa.text("matched = 0"),
        postgresql_where=sa.text("NOT matched"),
    )
    op.create_table(
        "signing_key",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_private", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signing_key")),
    )
    op.create_table(
        "announcement",
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("languages", JsonText(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("published_at", Instant(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("withdrawn_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_announcement_incident")),
        sa.PrimaryKeyConstraint("incident_id", "number", name=op.f("pk_announcement")),
    )
    op.create_table(
        "approval",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("void_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_approval_incident")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approval")),
    )
    op.create_index(
        op.f("ix_approval_incident_id_subject_hash"), "approval", ["incident_id", "subject", "hash"], unique=False
    )
    op.create_table(
        "duty",
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("regime", sa.Text(), nullable=False),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("due", Instant(), nullable=True),
        sa.Column("target", Instant(), nullable=True),
        sa.Column("row", JsonText(), nullable=False),
        sa.Column("facts_version", sa.Integer(), nullable=False),
        sa.Column("first_seen_at", Instant(), nullable=False),
        sa.Column("overdue_at", Instant(), nullable=True),
        sa.Column("done_at", Instant(), nullable=True),
        sa.Column("done_by", sa.Text(), nullable=True),
        sa.Column("fell_away_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_duty_incident")),
        sa.PrimaryKeyConstraint("incident_id", "key", name=op.f("pk_duty")),
    )
    op.create_index(op.f("ix_duty_status_target"), "duty", ["status", "target"], unique=False)
    op.create_table(
        "facts_version",
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("document", JsonText(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_facts_version_incident")),
        sa.PrimaryKeyConstraint("incident_id", "version", name=op.f("pk_facts_version")),
    )
    op.create_table(
        "ledger_checkpoint",
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_ledger_checkpoint_incident")),
        sa.ForeignKeyConstraint(["key_id"], ["signing_key.id"], name=op.f("fk_ledger_checkpoint_signing_key")),
        sa.PrimaryKeyConstraint("incident_id", "seq", name=op.f("pk_ledger_checkpoint")),
    )
    op.create_table(
        "ledger_event",
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("prev", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_ledger_event_incident")),
        sa.PrimaryKeyConstraint("incident_id", "seq", name=op.f("pk_ledger_event")),
    )
    op.create_table(
        "person",
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("has_push", sa.Boolean(), nullable=False),
        sa.Column("has_email", sa.Boolean(), nullable=False),
        sa.Column("has_sms", sa.Boolean(), nullable=False),
        sa.Column("has_phone", sa.Boolean(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=True),
        sa.Column("verdict_channel", sa.Text(), nullable=True),
        sa.Column("verdict_at", Instant(), nullable=True),
        sa.Column("next_at", Instant(), nullable=True),
        sa.Column("excluded_channels", JsonText(), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_person_incident")),
        sa.PrimaryKeyConstraint("incident_id", "id", name=op.f("pk_person")),
    )
    op.create_index(op.f("ix_person_incident_id_next_at"), "person", ["incident_id", "next_at"], unique=False)
    op.create_index(op.f("ix_person_incident_id_ref"), "person", ["incident_id", "ref"], unique=True)
    op.create_table(
        "report",
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("form", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("document", JsonText(), nullable=False),
        sa.Column("missing", JsonText(), nullable=False),
        sa.Column("duties", JsonText(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("filed_at", Instant(), nullable=True),
        sa.Column("filed_by", sa.Text(), nullable=True),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_report_incident")),
        sa.PrimaryKeyConstraint("incident_id", "form", "stage", "version", name=op.f("pk_report")),
    )
    op.create_table(
        "task",
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("phase", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("due", Instant(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("done_at", Instant(), nullable=True),
        sa.Column("done_by", sa.Text(), nullable=True),
        sa.Column("evidence", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_task_incident")),
        sa.PrimaryKeyConstraint("incident_id", "key", name=op.f("pk_task")),
    )
    op.create_table(
        "text",
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("fields", JsonText(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_text_incident")),
        sa.PrimaryKeyConstraint("incident_id", "kind", "language", "version", name=op.f("pk_text")),
    )
    op.create_index(op.f("ix_text_hash"), "text", ["hash"], unique=False)
    op.create_table(
        "warning",
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("level", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("to", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_warning_incident")),
        sa.PrimaryKeyConstraint("incident_id", "subject", "level", name=op.f("pk_warning")),
    )
    op.create_table(
        "wave",
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("file_sha256", sa.Text(), nullable=False),
        sa.Column("imported_at", Instant(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=True),
        sa.Column("people", sa.Integer(), nullable=True),
        sa.Column("merged", sa.Integer(), nullable=True),
        sa.Column("rejected", sa.Integer(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_wave_incident")),
        sa.PrimaryKeyConstraint("incident_id", "number", name=op.f("pk_wave")),
    )
    op.create_table(
        "attempt",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("claimed_at", Instant(), nullable=False),
        sa.Column("claim_owner", sa.Text(), nullable=True),
        sa.Column("claim_until", Instant(), nullable=True),
        sa.Column("not_before", Instant(), nullable=True),
        sa.Column("settled_at", Instant(), nullable=True),
        sa.Column("provider_ref", sa.Text(), nullable=True),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("text_hash", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["incident_id", "person_id"], ["person.incident_id", "person.id"], name=op.f("fk_attempt_person")
        ),
        sa.PrimaryKeyConstraint("key", "incident_id", name=op.f("pk_attempt")),
    )
    op.create_index(op.f("ix_attempt_incident_id_person_id"), "attempt", ["incident_id", "person_id"], unique=False)
    op.create_index(
        "ix_attempt_open",
        "attempt",
        ["incident_id", "claim_until"],
        unique=False,
        sqlite_where=sa.text("outcome = 'claimed'"),
        postgresql_where=sa.text("outcome = 'claimed'"),
    )
    op.create_index(op.f("ix_attempt_provider_provider_ref"), "attempt", ["provider", "provider_ref"], unique=False)
    op.create_table(
        "identity",
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["incident_id", "person_id"], ["person.incident_id", "person.id"], name=op.f("fk_identity_person")
        ),
        sa.PrimaryKeyConstraint("incident_id", "hash", name=op.f("pk_identity")),
    )
