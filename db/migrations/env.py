"""Alembic's entry: runs on the connection that `Database.migrate` hands over, inside its transaction."""

from alembic import context

from db.tables import Row

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Row.metadata,
    compare_type=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
