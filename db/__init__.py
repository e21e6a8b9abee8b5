"""The truth: tables, sessions, queries by noun, sealed personal data, and the ledger, on SQLite or PostgreSQL."""

import db.event_tables
import db.provider_tables  # noqa: F401 - no table is missing from the metadata, whichever module is imported
