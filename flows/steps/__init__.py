"""What each phase of an incident does, as plain functions over the database. No Prefect here."""
