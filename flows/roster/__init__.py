"""The affected people of an incident, read from files."""
