"""A request by a name that is not the server's is not answered."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ingest.choices import AuthMode
from ingest.settings_access import AuthSettings
from ingest.settings_server import ServerSettings
from service.access.caller import Scope
from service.access.own_hosts import own_hosts
from tests.service.access.conftest import GuardedServer

pytestmark = pytest.mark.anyio

OFF = AuthSettings(mode=AuthMode.OFF)


async def asked_as(host: str, server: GuardedServer, key: str | None = None) -> int:
    async with server.client(key, host=host) as client:
        return (await client.get("/v1/collections")).status_code


async def test_only_names_of_its_own_are_answered(make_guarded: Callable[..., GuardedServer]) -> None:
    guarded = make_guarded(server=ServerSettings(trusted_hosts=("Docs.example", "*.docs.example")))
    key = guarded.key("app", Scope.QUERY)
    own = ("docs.example", "DOCS.example", "a.docs.example:8080")
    others = ("evil.example", "docs.example.evil.example", "evildocs.example", "[::1", "127.0.0.1", "")
    assert {await asked_as(host, guarded, key) for host in own} == {200}
    assert {await asked_as(host, guarded, key) for host in others} == {421}


async def test_without_keys_a_page_that_gave_its_name_to_this_machine_is_refused(
    make_guarded: Callable[..., GuardedServer],
) -> None:
    unguarded = make_guarded(auth=OFF)
    async with unguarded.client(host="evil.example:8080", origin="http://evil.example:8080") as client:
        refused = await client.get("/v1/collections")
    assert (refused.status_code, refused.json()["code"]) == (421, "unknown_host")
    assert "server.trusted_hosts" in refused.json()["detail"]
    for host in ("localhost:8080", "127.0.0.1:8080", "[::1]", "a.localhost", "10.0.0.7", ""):
        assert await asked_as(host, unguarded) == 200


@pytest.mark.parametrize(
    ("server", "auth"),
    [
        (ServerSettings(), AuthSettings(mode=AuthMode.KEYS)),
        (ServerSettings(), AuthSettings(mode=AuthMode.OFF, allow_anonymous=True)),
        (ServerSettings(host="0.0.0.0"), OFF),
        (ServerSettings(fd=3), OFF),
    ],
)
def test_a_server_for_others_answers_to_every_name_unless_told(
    server: ServerSettings, auth: AuthSettings
) -> None:
    assert own_hosts(server, auth) is None
