"""An application that asks for keys, over a pipeline in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from ingest.choices import AuthMode
from ingest.settings import Settings
from ingest.settings_access import AuthSettings
from service.access.caller import Scope
from service.access.key_store import KeyStore
from service.access.keys import KeyGrant
from service.app import Parts, create_app
from service.history.history import History
from tests.fakes import MemoryPipeline, OnePipeline
from tests.small_handbook import small_handbook


class GuardedServer:
    """The application with its keys at hand."""

    def __init__(self, home: Path, opened: ExitStack, **sections: Any) -> None:
        self.home = home
        self.keys = KeyStore(home)
        opened.callback(self.keys.close)
        history = History(home / "history.sqlite")
        opened.callback(history.close)
        self.pipeline = MemoryPipeline(small_handbook(), history)
        settings = Settings.model_validate(
            {"home": home, "auth": AuthSettings(mode=AuthMode.KEYS)} | sections
        )
        self.app = create_app(settings, Parts(OnePipeline(self.pipeline), history))

    def key(self, name: str, *scopes: Scope, ends_in: timedelta | None = None, **granted: Any) -> str:
        grant = KeyGrant(name, frozenset(scopes), **granted)
        return self.keys.create(grant, None if ends_in is None else datetime.now(UTC) + ends_in)[0]

    def client(self, key: str | None = None, **headers: str) -> httpx.AsyncClient:
        """Someone who asks, with a key or without."""
        sent = headers if key is None else {"authorization": f"Bearer {key}", **headers}
        transport = httpx.ASGITransport(self.app)
        return httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=sent)

    async def status(self, method: str, path: str, key: str | None = None) -> int:
        """The answer to a path as it is spelled: clients would put it straight first."""
        statuses: list[int] = []
        headers = [] if key is None else [(b"x-api-key", key.encode())]
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": [(b"host", b"localhost"), *headers],
        }

        sent = iter([{"type": "http.request", "body": b"", "more_body": False}])

        async def receive() -> dict[str, Any]:
            return next(sent, {"type": "http.disconnect"})

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])

        await self.app(scope, receive, send)
        return statuses[0]


@pytest.fixture
def make_guarded(tmp_path: Path) -> Iterator[Callable[..., GuardedServer]]:
    with ExitStack() as opened:
        yield lambda **sections: GuardedServer(tmp_path, opened, **sections)


@pytest.fixture
def guarded(make_guarded: Callable[..., GuardedServer]) -> GuardedServer:
    return make_guarded()
