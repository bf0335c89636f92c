"""What Alembic runs to bring a history up to date: the connection is given by ``service.history.upgrade``."""

from __future__ import annotations

from alembic import context

from service.history.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
