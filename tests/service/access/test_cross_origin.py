"""A page of another origin changes nothing in its reader's name."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ingest.choices import AuthMode
from ingest.settings_access import AuthSettings
from ingest.settings_server import ServerSettings
from tests.service.access.conftest import GuardedServer

pytestmark = pytest.mark.anyio

INTRANET = "https://intranet.example"


@pytest.fixture
def unguarded(make_guarded: Callable[..., GuardedServer]) -> GuardedServer:
    """A server that asks nobody for a key, and lets one other origin ask."""
    return make_guarded(auth=AuthSettings(mode=AuthMode.OFF), server=ServerSettings(cors_origins=(INTRANET,)))


async def asked_with(server: GuardedServer, **headers: str) -> int:
    async with server.client(**headers) as client:
        return (await client.post("/v1/search", json={"query": "fusion"})).status_code


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site", "origin": "https://evil.example"},
        {"sec-fetch-site": "same-site", "origin": "http://other.troika"},
        {"sec-fetch-site": "cross-site"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost:8081"},
    ],
)
async def test_a_page_of_another_origin_is_refused(unguarded: GuardedServer, headers: dict[str, str]) -> None:
    async with unguarded.client(**headers) as client:
        refused = await client.post("/v1/documents", files={"files": ("leave.md", b"# Leave")})
    assert (refused.status_code, refused.json()["code"]) == (403, "cross_origin")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"sec-fetch-site": "same-origin", "origin": "http://localhost"},
        {"sec-fetch-site": "none"},
        {"origin": "http://localhost"},
        {"sec-fetch-site": "cross-site", "origin": INTRANET},
    ],
)
async def test_its_own_page_and_programs_and_named_origins_are_served(
    unguarded: GuardedServer, headers: dict[str, str]
) -> None:
    assert await asked_with(unguarded, **headers) == 200


async def test_what_only_reads_is_served_to_any_page(unguarded: GuardedServer) -> None:
    async with unguarded.client(**{"sec-fetch-site": "cross-site"}) as client:
        assert (await client.get("/v1/collections")).status_code == 200


async def test_where_all_origins_may_ask_all_are_served(make_guarded: Callable[..., GuardedServer]) -> None:
    server = make_guarded(auth=AuthSettings(mode=AuthMode.OFF), server=ServerSettings(cors_origins=("*",)))
    assert await asked_with(server, origin="https://anywhere.example") == 200
