"""Bring the tables of a history up to date, whatever version of Troika wrote them last.

The steps are Alembic's, in ``migrations``; here is when they run. SQLite files from before Alembic have the
number of their format in ``user_version``. A lock holds the database meanwhile, so that of several servers
that start together one upgrades it and the others wait.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from ingest.errors import SettingsError
from service.history.tables import FORMAT

_LOCK = {
    "sqlite": "BEGIN IMMEDIATE",
    # Any number will do that no other program takes: these are the letters of "Troika".
    "postgresql": f"SELECT pg_advisory_xact_lock({int.from_bytes(b'Troika')})",
}


def upgrade(engine: Engine, place: str) -> None:
    """Make or upgrade the tables of the database behind ``engine``; ``place`` names it in errors.

    Raises:
        SettingsError: a newer Troika wrote it.
    """
    with engine.begin() as connection:
        found = _format(connection)
        if found is not None and found > FORMAT:
            raise SettingsError(
                f"{place} has format {found}, and this Troika knows formats up to {FORMAT}: "
                "upgrade Troika or set another home or history.url."
            )
        if found == FORMAT:
            return
    with engine.begin() as connection:
        connection.exec_driver_sql(_LOCK[engine.dialect.name])
        _run_migrations(connection)


def _run_migrations(connection: Connection) -> None:
    # Alembic is loaded only where there is something to do: a history is opened for every question asked.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    found = _format(connection)
    if found is not None:
        command.stamp(config, found)
    command.upgrade(config, FORMAT)
    if connection.dialect.name == "sqlite":
        # An older Troika looks here, and leaves a newer file alone.
        connection.exec_driver_sql(f"PRAGMA user_version = {int(FORMAT)}")


def _format(connection: Connection) -> str | None:
    """The format that the tables have; None where there are none."""
    if inspect(connection).has_table("alembic_version"):
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if connection.dialect.name == "sqlite":
        number = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
        return f"{number:04}" if number else None
    return None
