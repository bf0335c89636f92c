"""A question says which release answers it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from ingest.settings import Settings
from ingest.settings_routing import RoutingSettings
from service.app import Parts, create_app
from service.releases.release_history import BASE
from tests.service.releases.test_adapters import keep
from tests.service.releases.test_canary import Service, service
from tests.service.routing.test_releases import Shelf

__all__ = ["service"]

pytestmark = pytest.mark.anyio

QUESTION = "Which rank is the default for an adapter?"


@pytest.fixture
def adapter(service: Service) -> str:
    return keep(service.home, b"one").name


@pytest.fixture
async def client(service: Service, adapter: str, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    pipelines = Shelf(service, RoutingSettings(aliases={"support": adapter})).pipelines
    app = create_app(Settings(home=tmp_path / "home"), Parts(pipelines, service.history))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as opened:
        yield opened
    await pipelines.aclose()


async def asked(client: httpx.AsyncClient, **fields: Any) -> httpx.Response:
    return await client.post("/v1/query", json={"question": QUESTION, **fields})


async def test_an_adapter_an_alias_and_the_base_model_answer_when_named(
    client: httpx.AsyncClient, adapter: str
) -> None:
    for named, answering in ((adapter, adapter), ("support", adapter), (BASE, BASE), (None, BASE)):
        assert (await asked(client, release=named)).json()["release"] == answering


async def test_a_stream_is_of_the_named_release_too(client: httpx.AsyncClient, adapter: str) -> None:
    response = await asked(client, release="support", stream=True)
    done = response.text.strip().rpartition("data: ")[2]
    assert json.loads(done)["release"] == adapter


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("release", "status", "code"),
    [
        ("unheard-of", 404, "adapter_not_found"),
        ("../adapters/one", 404, "adapter_not_found"),
        ("", 422, "request_invalid"),
        ("x" * 201, 422, "request_invalid"),
        (3, 422, "request_invalid"),
    ],
)
async def test_what_is_no_release_gets_its_status_before_any_event(
    client: httpx.AsyncClient, release: object, status: int, code: str, stream: bool
) -> None:
    response = await asked(client, release=release, stream=stream)
    assert (response.status_code, response.json()["code"]) == (status, code)
