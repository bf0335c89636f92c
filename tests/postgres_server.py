"""A real PostgreSQL server of a test's own, in a folder that goes with it."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

PASSWORD = "p@ss/w:rd 100%"
QUOTED_PASSWORD = "p%40ss%2Fw%3Ard%20100%25"


@dataclass(frozen=True)
class PostgresServer:
    """Where it listens."""

    port: int

    def url(self, password: str = QUOTED_PASSWORD, database: str = "postgres") -> str:
        return f"postgresql://troika:{password}@127.0.0.1:{self.port}/{database}"

    def run(self, *statements: str) -> None:
        import psycopg

        with psycopg.connect(self.url(), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Start a server; the test is skipped where PostgreSQL is not installed."""
    pytest.importorskip("psycopg", reason="the extra postgres is not installed")
    # Debian keeps them beside the path.
    folders = [os.environ.get("PATH", ""), *map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin")))]
    programs = {name: shutil.which(name, path=os.pathsep.join(folders)) for name in ("initdb", "pg_ctl")}
    if None in programs.values():
        pytest.skip("PostgreSQL's initdb and pg_ctl are not here: install Debian's postgresql")
    # The server refuses to run as root, and whoever it runs as must reach its folder.
    user = _ordinary_user()
    folder = Path(tempfile.mkdtemp(prefix="troika-postgres-"))
    if user is not None:
        shutil.chown(folder, user)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    password = folder / "password"
    password.write_text(PASSWORD)
    password.chmod(0o644)

    def run(*command: str) -> None:
        subprocess.run(command, cwd=folder, user=user, check=True, capture_output=True, timeout=120)

    data = str(folder / "data")
    try:
        run(
            *(str(programs["initdb"]), "-D", data, "-U", "troika", "--pwfile", str(password)),
            *("-A", "scram-sha-256", "-E", "UTF8", "--no-locale", "--no-sync"),
        )
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
        run(str(programs["pg_ctl"]), "-D", data, "-o", options, "-l", str(folder / "log"), "-w", "start")
        yield PostgresServer(port)
    finally:
        subprocess.run(
            [str(programs["pg_ctl"]), "-D", data, "-m", "immediate", "stop"],
            cwd=folder, user=user, check=False, capture_output=True, timeout=60,
        )  # fmt: skip
        shutil.rmtree(folder, ignore_errors=True)


def _ordinary_user() -> str | None:
    """Whom to run the server as; None for whoever runs this, who is not root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    pytest.skip("there is no user but root to run PostgreSQL as")
