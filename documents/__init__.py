"""Texts into bytes: notices to people, public announcements, regulators' reports. No database, no network, no clock."""
