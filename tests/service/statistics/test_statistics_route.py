from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from ingest.settings import Settings
from service.access.caller import Scope
from service.app import Parts, create_app
from service.history.history import History
from tests.fakes import MemoryPipeline, OnePipeline
from tests.service.access.conftest import GuardedServer, guarded, make_guarded
from tests.small_handbook import small_handbook

__all__ = ["guarded", "make_guarded"]

pytestmark = pytest.mark.anyio


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    history = History(tmp_path / "history.sqlite")
    pipeline = MemoryPipeline(small_handbook(), history)
    app = create_app(Settings(home=tmp_path), Parts(OnePipeline(pipeline), history))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as opened:
        yield opened
    history.close()


async def test_what_was_answered_and_judged_is_told(client: httpx.AsyncClient) -> None:
    question = {"question": "Which rank is the default for an adapter?"}
    answer = (await client.post("/v1/query", json=question)).json()
    await client.post("/v1/query", json={"question": "今天午饭吃什么"})
    await client.post("/v1/feedback", json={"answer_id": answer["id"], "verdict": "up"})
    body = (await client.get("/v1/statistics")).json()
    assert (body["bucket_seconds"], len(body["buckets"])) == (1800, 48)
    last = body["buckets"][-1]
    assert body["releases"] == [{"release": "base"} | {name: last[name] for name in last if name != "start"}]
    assert (last["answers"], last["abstained"], last["thumbs_up"]) == (2, 1, 1)
    assert last["latency_ms"] == {"p50": 1280.0, "p95": 1280.0}
    assert last["first_token_ms"] == {"p50": 412.0, "p95": 412.0}


async def test_without_answers_there_are_empty_buckets(client: httpx.AsyncClient) -> None:
    body = (await client.get("/v1/statistics", params={"hours": 1})).json()
    assert {bucket["answers"] for bucket in body["buckets"]} == {0}
    assert {bucket["latency_ms"] for bucket in body["buckets"]} == {None}
    assert body["releases"] == []


@pytest.mark.parametrize("hours", ["0", "745", "a day", "1.5"])
async def test_hours_out_of_bounds_are_refused(client: httpx.AsyncClient, hours: str) -> None:
    response = await client.get("/v1/statistics", params={"hours": hours})
    assert (response.status_code, response.json()["code"]) == (422, "request_invalid")


async def test_only_who_runs_the_server_sees_them(guarded: GuardedServer) -> None:
    # All keys before the first request: a server looks for new ones only now and then.
    keys = {scope: guarded.key(scope.value, scope) for scope in Scope}
    statuses = {scope: await guarded.status("GET", "/v1/statistics", key) for scope, key in keys.items()}
    assert statuses == {scope: 200 if scope is Scope.ADMIN else 403 for scope in Scope}
