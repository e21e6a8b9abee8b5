"""The truth: tables, sessions, queries by noun, sealed personal data, and the ledger, on SQLite or PostgreSQL."""
