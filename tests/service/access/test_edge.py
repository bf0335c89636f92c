from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from ingest.settings_server import ServerSettings
from tests.service.access.conftest import GuardedServer

pytestmark = pytest.mark.anyio

ORIGIN = "https://intranet.example"
PREFLIGHT = {
    "origin": ORIGIN,
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization,content-type,x-stainless-lang",
}


async def preflight(guarded: GuardedServer, **changed: str) -> httpx.Response:
    async with guarded.client(**(PREFLIGHT | changed)) as client:
        return await client.options("/v1/query")


async def test_pages_of_other_origins_are_not_answered_unless_they_are_named(guarded: GuardedServer) -> None:
    refused = await preflight(guarded)
    assert refused.status_code == 401
    assert "access-control-allow-origin" not in refused.headers


async def test_pages_of_named_origins_may_ask_with_a_key(make_guarded: Callable[..., GuardedServer]) -> None:
    guarded = make_guarded(server=ServerSettings(cors_origins=(ORIGIN,)))
    allowed = await preflight(guarded)
    assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (200, ORIGIN)
    assert "authorization" in allowed.headers["access-control-allow-headers"].lower()
    assert "access-control-allow-credentials" not in allowed.headers
    stranger = await preflight(guarded, origin="https://stranger.example")
    assert stranger.headers.get("access-control-allow-origin") is None
    async with guarded.client(origin=ORIGIN) as client:
        refused = await client.post("/v1/query", json={})
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, ORIGIN)
