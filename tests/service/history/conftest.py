"""The history on both of its databases."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.answer import Answer, Degradation
from service.history.history import History
from service.pipeline import fold
from service.question import Inquiry
from tests.fakes import MemoryPipeline
from tests.postgres_server import PostgresServer, postgres_server
from tests.small_handbook import small_handbook


@pytest.fixture(autouse=True)
def copied_histories() -> None:
    """Here the tables are made, and not copied."""


@pytest.fixture(scope="session")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as started:
        yield started


@pytest.fixture
def server_url(server: PostgresServer) -> str:
    """An empty database."""
    server.run("DROP SCHEMA public CASCADE", "CREATE SCHEMA public")
    return server.url()


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """Where a history is kept: a file that is not there yet, or an empty database."""
    if request.param == "sqlite":
        return tmp_path / "state" / "history.sqlite"
    return request.getfixturevalue("server_url")


@pytest.fixture
def history(place: Path | str) -> Iterator[History]:
    opened = History(place)
    yield opened
    opened.close()


@pytest.fixture
def answer() -> Answer:
    async def ask() -> Answer:
        pipeline = MemoryPipeline(small_handbook(), degraded=Degradation.LANGUAGE)
        return await fold(pipeline.stream(Inquiry("Which rank is the default? 𠮷野家")))

    return asyncio.run(ask())
