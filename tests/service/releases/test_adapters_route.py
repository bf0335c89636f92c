from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import Request, Response

from ingest.choices import GeneratorKind
from ingest.settings import GeneratorSettings, Settings
from service.access.caller import Caller, Scope
from service.app import Parts, create_app
from service.history.history import History
from service.releases.promotion import Proof, promote, rollback, start_canary, take_back
from service.releases.release_history import BASE, current_record
from service.releases.served import first_release
from tests.fakes import MemoryPipeline, OnePipeline
from tests.service.releases.test_adapters import keep
from tests.small_handbook import small_handbook

pytestmark = pytest.mark.anyio

QUOTING = GeneratorSettings(kind=GeneratorKind.EXTRACTIVE)  # a kind that no adapter comes with


async def test_the_server_tells_what_is_served_and_how_a_canary_fares(tmp_path: Path) -> None:
    home = tmp_path / "home"
    history = History(home / "history.sqlite")
    parts = Parts(OnePipeline(MemoryPipeline(small_handbook())), history)
    app = create_app(Settings(home=home, generator=QUOTING), parts)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        empty = (await client.get("/v1/adapters")).json()
        assert empty == {
            "served": BASE, "served_since": None, "canary": None, "last_change": None, "adapters": []
        }  # fmt: skip

        name = keep(home, b"one").name
        record = start_canary(home, name, 0.05)
        running = (await client.get("/v1/adapters")).json()
        assert (running["canary"]["release"], running["canary"]["share"]) == (name, 0.05)
        assert {guard["guard"]: guard["tripped"] for guard in running["canary"]["guards"]} == {
            "down_votes": False, "abstentions": False, "flawed": False, "slower": False
        }  # fmt: skip
        assert [adapter["name"] for adapter in running["adapters"]] == [name]

        take_back(home, record.number, "it was slow")
        ended = (await client.get("/v1/adapters")).json()
        assert (ended["served"], ended["canary"]) == (BASE, None)
        assert (ended["last_change"]["change"], ended["last_change"]["reason"]) == (
            "taken_back",
            "it was slow",
        )
    history.close()


async def test_what_the_guards_of_a_canary_count_is_told_to_admins_alone(tmp_path: Path) -> None:
    home = tmp_path / "home"
    history = History(home / "history.sqlite")
    app = create_app(Settings(home=home, generator=QUOTING), Parts(OnePipeline(MemoryPipeline([])), history))
    asking = {"scope": Scope.QUERY}

    async def as_caller(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        request.state.caller = Caller("ann", frozenset({asking["scope"]}), frozenset())
        return await call_next(request)

    app.middleware("http")(as_caller)
    record = start_canary(home, keep(home, b"one").name, 0.05)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:

        async def told(scope: Scope) -> dict[str, Any]:
            asking["scope"] = scope
            return (await client.get("/v1/adapters")).json()

        reader, admin = await told(Scope.QUERY), await told(Scope.ADMIN)
        assert len(admin["canary"]["guards"]) == 4
        assert reader["canary"] == admin["canary"] | {"guards": None}
        assert (reader["adapters"], reader["last_change"]) == (admin["adapters"], admin["last_change"])
        take_back(home, record.number, "9 of 20 were voted down")
        reader, admin = await told(Scope.QUERY), await told(Scope.ADMIN)
    assert admin["last_change"]["reason"] == "9 of 20 were voted down"
    assert reader["last_change"] == admin["last_change"] | {"reason": None}
    history.close()


async def test_the_server_tells_since_when_and_by_which_report_of_the_gate(tmp_path: Path) -> None:
    home = tmp_path / "home"
    history = History(home / "history.sqlite")
    parts = Parts(OnePipeline(MemoryPipeline(small_handbook())), history)
    app = create_app(Settings(home=home, generator=QUOTING), parts)
    kept, other = keep(home, b"one").name, keep(home, b"two").name
    promote(home, kept, Proof("{}", "a" * 64))
    promoted = current_record(home)
    assert promoted is not None
    start_canary(home, other, 0.05)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        body = (await client.get("/v1/adapters")).json()
    assert (body["served"], body["served_since"]) == (kept, promoted.created_at)
    assert {one["name"]: one["report_sha256"] for one in body["adapters"]} == {kept: "a" * 64, other: None}
    history.close()


@pytest.mark.parametrize("is_installed", [True, False])
async def test_a_change_that_leaves_what_is_served_does_not_say_since_when(
    tmp_path: Path, is_installed: bool
) -> None:
    home = tmp_path / "home"
    history = History(home / "history.sqlite")
    settings = Settings(home=home, generator=GeneratorSettings() if is_installed else QUOTING)
    app = create_app(settings, Parts(OnePipeline(MemoryPipeline(small_handbook())), history))
    first, other = keep(home, b"one"), keep(home, b"two")
    start_canary(home, other.name, 0.05, first=first if is_installed else None)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        body = (await client.get("/v1/adapters")).json()
        assert (body["served"], body["served_since"]) == (first.name if is_installed else BASE, None)
        promote(home, other.name)
        rollback(home)
        body = (await client.get("/v1/adapters")).json()
    restored = current_record(home)
    assert restored is not None
    assert (body["served"], body["served_since"]) == (restored.release, restored.created_at)
    history.close()


async def test_the_adapter_that_comes_with_the_package_is_served_and_listed(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    history = History(settings.home / "history.sqlite")
    app = create_app(settings, Parts(OnePipeline(MemoryPipeline(small_handbook())), history))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        body = (await client.get("/v1/adapters")).json()
        metrics = (await client.get("/metrics")).text
    first = first_release(settings.generator).name
    assert (body["served"], body["served_since"], body["last_change"]) == (first, None, None)
    assert [adapter["name"] for adapter in body["adapters"]] == [first]
    assert f'rag_release_info{{release="{first}"}} 1.0' in metrics
    history.close()
