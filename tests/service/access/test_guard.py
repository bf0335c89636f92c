from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.routing import BaseRoute, Mount

from ingest.choices import AuthMode
from ingest.settings_access import AuthSettings, LimitSettings
from ingest.settings_observe import ObserveSettings
from service.access.caller import Scope
from service.access.guard import OPEN_PATHS
from service.access.rates import Rate
from service.pipeline import fold
from service.question import Inquiry
from tests.service.access.conftest import GuardedServer

pytestmark = pytest.mark.anyio

ASK = {"question": "Which rank is the default for an adapter?"}
METHODS = ("GET", "HEAD", "POST", "DELETE", "OPTIONS", "get")


def code_of(response: httpx.Response) -> str:
    return response.json()["code"]


def routes_of(guarded: GuardedServer) -> Iterator[tuple[str, BaseRoute]]:
    """Every path that is served, with words for its parameters."""
    for context in iter_route_contexts(guarded.app.routes):
        yield re.sub(r"\{[^}]*\}", "x", context.path or ""), context.original_route


def spellings(path: str) -> Iterator[str]:
    """Ways to write a path that something between the client and the routes may take for the same."""
    yield from (
        path,
        f"{path}/",
        f"/{path}",
        f"//{path}",
        path.upper(),
        path.title(),
        f"/.{path}",
        f"{path}/.",
    )
    yield from (
        f"/x/..{path}",
        f"/v1/../{path.lstrip('/')}",
        path.replace("/", "//"),
        path.replace("/", "\\"),
    )
    yield from (f"{path};x=/docs", f"{path}?/docs", f"{path}\0", f"{path}%2f", path.replace("q", "%71"))
    yield from (
        f"/docs{path}",
        f"/healthz{path}",
        f"/docs/..{path}",
        f"/openapi.json{path}",
        path.lstrip("/"),
    )


async def test_nobody_gets_past_without_a_key_however_the_path_is_spelled(guarded: GuardedServer) -> None:
    paths = {path for path, route in routes_of(guarded) if not isinstance(route, Mount)} - OPEN_PATHS
    assert {"/v1/query", "/v1/search", "/v1/collections", "/metrics"} <= paths
    let_through = [
        (method, spelling, status)
        for path in sorted({*paths, "/v1/nothing", "/admin"})
        for spelling in spellings(path)
        for method in METHODS
        if (status := await guarded.status(method, spelling)) != 401
    ]
    assert let_through == []


async def test_the_open_folders_lead_nowhere_else(guarded: GuardedServer) -> None:
    mounted = {route.path for _, route in routes_of(guarded) if isinstance(route, Mount)}
    assert mounted == {"/assets", "/swagger"}
    for folder in mounted:
        for path in ("/../v1/collections", "/..%2fv1/collections", "//v1/collections", "/../../app.py", "/"):
            assert await guarded.status("GET", folder + path) in (404, 401)


async def test_what_is_open_needs_no_key(guarded: GuardedServer) -> None:
    asked = {path for path in OPEN_PATHS if await guarded.status("GET", path) in (401, 403)}
    assert asked == set()
    assert await guarded.status("GET", "/swagger/swagger-ui.css") == 200


async def test_every_route_asks_for_a_scope(guarded: GuardedServer) -> None:
    key = guarded.key("nothing")
    served = [(path, route) for path, route in routes_of(guarded) if isinstance(route, APIRoute)]
    unasked = [
        (method, path, status)
        for path, route in served
        for method in route.methods or ()
        if path not in OPEN_PATHS and (status := await guarded.status(method, path, key)) != 403
    ]
    assert unasked == []


async def test_a_scope_opens_its_routes_and_admin_all(guarded: GuardedServer) -> None:
    keys = {scope: guarded.key(scope.value, scope) for scope in Scope}
    for method, path, needed in (
        ("POST", "/v1/query", Scope.QUERY),
        ("POST", "/v1/search", Scope.QUERY),
        ("POST", "/v1/chat/completions", Scope.QUERY),
        ("GET", "/v1/collections", Scope.QUERY),
        ("GET", "/v1/documents/x", Scope.QUERY),
        ("GET", "/v1/answers/x", Scope.QUERY),
        ("POST", "/v1/feedback", Scope.FEEDBACK),
        ("GET", "/metrics", Scope.METRICS),
        ("GET", "/v1/statistics", Scope.ADMIN),
    ):
        let_in = {scope for scope in Scope if await guarded.status(method, path, keys[scope]) != 403}
        assert let_in == {needed, Scope.ADMIN}


async def test_credentials_are_a_bearer_or_a_field_of_their_own(guarded: GuardedServer) -> None:
    key = guarded.key("app", Scope.QUERY)
    for headers in (
        {"authorization": f"Bearer {key}"},
        {"authorization": f"bearer  {key} "},
        {"x-api-key": key},
        {"authorization": "Basic eDp5", "x-api-key": key},
    ):
        async with guarded.client(**headers) as client:
            assert (await client.get("/v1/collections")).status_code == 200


async def test_what_is_not_a_valid_key_is_refused_with_what_to_send(guarded: GuardedServer) -> None:
    key = guarded.key("app", Scope.QUERY)
    ended = guarded.key("ended", Scope.QUERY, ends_in=timedelta())
    id_of_ended_with_secret_of_app = ended[:16] + key[16:]
    for headers in (
        {},
        {"authorization": key},
        {"authorization": "Bearer"},
        {"authorization": f"Bearer {key}x"},
        {"authorization": f"Bearer {key[:-1]}"},
        {"authorization": f"Bearer {key.upper()}"},
        {"authorization": f"Bearer {id_of_ended_with_secret_of_app}"},
        {"authorization": f"Bearer {ended}"},
        {"authorization": f"Token {key}"},
        {"x-api-key": ""},
        {"cookie": f"key={key}"},
    ):
        async with guarded.client(**headers) as client:
            refused = await client.get("/v1/collections", params={"api_key": key})
        assert (refused.status_code, code_of(refused)) == (401, "unauthenticated")
        assert refused.headers["www-authenticate"] == 'Bearer realm="troika"'
        assert refused.headers["content-type"] == "application/problem+json"
        assert "default-src 'none'" in refused.headers["content-security-policy"]
        assert key[16:] not in refused.text


async def test_a_missing_scope_is_said(guarded: GuardedServer) -> None:
    async with guarded.client(guarded.key("app", Scope.FEEDBACK)) as client:
        refused = await client.post("/v1/query", json=ASK)
    assert (refused.status_code, code_of(refused)) == (403, "forbidden")
    assert 'error="insufficient_scope"' in refused.headers["www-authenticate"]


async def test_a_revoked_key_ends_on_a_running_server_within_a_second(guarded: GuardedServer) -> None:
    async with guarded.client(guarded.key("app", Scope.QUERY)) as client:
        assert (await client.get("/v1/collections")).status_code == 200
        guarded.keys.revoke("app")
        give_up = time.monotonic() + 1.5
        while (await client.get("/v1/collections")).status_code == 200:
            assert time.monotonic() < give_up


async def test_openai_clients_get_errors_in_their_own_form(guarded: GuardedServer) -> None:
    for key, status, code in ((None, 401, "invalid_api_key"), (guarded.key("none"), 403, "forbidden")):
        async with guarded.client(key) as client:
            refused = await client.post("/v1/chat/completions", json={"model": "troika", "messages": []})
        assert (refused.status_code, refused.json()["error"]["code"]) == (status, code)


async def test_a_rate_is_told_and_kept(guarded: GuardedServer) -> None:
    async with guarded.client(guarded.key("app", Scope.QUERY, rate=Rate(2, 3600))) as client:
        first, second, third = [await client.get("/v1/collections") for _ in range(3)]
    assert (first.status_code, second.status_code, third.status_code) == (200, 200, 429)
    assert first.headers["ratelimit-policy"] == '"rate";q=2;w=3600'
    assert second.headers["ratelimit"].startswith('"rate";r=0;')
    assert code_of(third) == "rate_exceeded"
    assert 1700 < int(third.headers["retry-after"]) <= 1800


async def test_who_has_no_rate_of_their_own_has_that_of_the_settings(
    make_guarded: Callable[..., GuardedServer],
) -> None:
    guarded = make_guarded(limits=LimitSettings(quota="1/day"))
    async with guarded.client(guarded.key("app", Scope.QUERY)) as client:
        first, second = await client.get("/v1/collections"), await client.get("/v1/collections")
    assert (first.status_code, second.status_code, code_of(second)) == (200, 429, "quota_exceeded")


async def test_an_answer_is_read_and_judged_by_who_asked_for_it_alone(guarded: GuardedServer) -> None:
    scopes = (Scope.QUERY, Scope.FEEDBACK)
    async with (
        guarded.client(guarded.key("anna", *scopes)) as anna,
        guarded.client(guarded.key("ben", *scopes)) as ben,
        guarded.client(guarded.key("boss", Scope.ADMIN)) as boss,
    ):
        hers, his = [(await client.post("/v1/query", json=ASK)).json()["id"] for client in (anna, ben)]
        hidden, never = await ben.get(f"/v1/answers/{hers}"), await ben.get("/v1/answers/never")
        assert hidden.status_code == never.status_code == 404
        assert hidden.json()["detail"].replace(hers, "") == never.json()["detail"].replace("never", "")
        judged = await ben.post("/v1/feedback", json={"answer_id": hers, "verdict": "up"})
        compared = {"answer_id": his, "verdict": "up", "preferred_over": hers}
        assert judged.status_code == (await ben.post("/v1/feedback", json=compared)).status_code == 404
        judged = await anna.post("/v1/feedback", json={"answer_id": hers, "verdict": "up"})
        assert judged.status_code == 201
        assert (await boss.get(f"/v1/answers/{hers}")).json()["feedback"] == [judged.json()]


@pytest.mark.parametrize(
    ("groups", "is_theirs"),
    [((), True), (("hr",), True), (("hr", "it"), False), (("it",), False), (None, False)],
)
async def test_an_answer_is_gone_for_who_is_no_longer_in_the_groups_it_was_given_to(
    guarded: GuardedServer, groups: tuple[str, ...] | None, is_theirs: bool
) -> None:
    asked = Inquiry(ASK["question"], groups=None if groups is None else frozenset(groups), asker="anna")
    answer = await fold(guarded.pipeline.stream(asked))
    anna = guarded.key("anna", Scope.QUERY, Scope.FEEDBACK, groups=frozenset({"hr"}))
    for key, is_found in ((anna, is_theirs), (guarded.key("boss", Scope.ADMIN), True)):
        async with guarded.client(key) as client:
            read = await client.get(f"/v1/answers/{answer.id}")
            judged = await client.post("/v1/feedback", json={"answer_id": answer.id, "verdict": "up"})
        assert (read.status_code, judged.status_code) == ((200, 201) if is_found else (404, 404))


async def test_only_who_sees_everything_is_told_how_much_there_is(guarded: GuardedServer) -> None:
    counts: list[Any] = []
    for key in (guarded.key("app", Scope.QUERY), guarded.key("boss", Scope.ADMIN)):
        async with guarded.client(key) as client:
            (collection,) = (await client.get("/v1/collections")).json()["collections"]
        counts.append((collection["documents"], collection["chunks"]))
    assert counts == [(None, None), (3, 8)]


async def test_no_part_of_a_secret_is_logged(
    guarded: GuardedServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    key = guarded.key("app", Scope.QUERY)
    for sent in (key, f"{key}x", key[:-1]):
        async with guarded.client(sent) as client:
            await client.get("/v1/collections", params={"key": sent})
            await client.post("/v1/query", json=ASK)
    logged = "\n".join(str(record.__dict__) for record in caplog.records if record.name != "httpx")
    assert key[16:40] not in logged


async def test_metrics_can_be_opened_to_a_scraper(make_guarded: Callable[..., GuardedServer]) -> None:
    guarded = make_guarded(observe=ObserveSettings(metrics_public=True))
    assert await guarded.status("GET", "/metrics") == 200
    assert await guarded.status("GET", "/metrics/") == 401


async def test_the_description_names_the_ways_to_say_who_asks(guarded: GuardedServer) -> None:
    async with guarded.client() as client:
        described = (await client.get("/openapi.json")).json()
    assert set(described["components"]["securitySchemes"]) == {"bearer", "key"}
    assert described["security"] == [{"bearer": []}, {"key": []}]
    open_paths = {
        path
        for path, operations in described["paths"].items()
        if any(operation.get("security") == [] for operation in operations.values())
    }
    assert open_paths == {"/healthz", "/readyz"}


async def test_without_authentication_everybody_may_everything(
    make_guarded: Callable[..., GuardedServer],
) -> None:
    guarded = make_guarded(auth=AuthSettings(mode=AuthMode.OFF))
    async with guarded.client() as client:
        answer = (await client.post("/v1/query", json=ASK)).json()
        assert (await client.get(f"/v1/answers/{answer['id']}")).status_code == 200
        (collection,) = (await client.get("/v1/collections")).json()["collections"]
        described = (await client.get("/openapi.json")).json()
    assert collection["documents"] == 3
    assert "security" not in described


async def test_without_a_key_readiness_is_told_without_details(guarded: GuardedServer) -> None:
    async with guarded.client() as client:
        checks = (await client.get("/readyz")).json()["checks"]
    assert {check["detail"] for check in checks.values()} == {""}
    assert all("ok" in check for check in checks.values())
