"""The truth: tables, sessions, queries by noun, sealed personal data, and the ledger, on SQLite or PostgreSQL."""

import db.account_tables
import db.approval_tables
import db.calendar_tables
import db.call_tables
import db.event_tables
import db.hold_tables
import db.provider_tables
import db.task_tables
import db.watch_tables  # noqa: F401 - no table is missing from the metadata, whichever module is imported
