"""Alembic's entry point. It runs on the connection that ``migrate.py`` passes."""

from __future__ import annotations

from alembic import context

from app.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=False,  # the transaction is ours
)
context.run_migrations()
