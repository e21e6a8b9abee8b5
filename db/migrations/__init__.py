"""How the tables came to be, version by version; driven by `Database.migrate`."""
