from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from ingest.settings import Settings
from service.app import Parts, create_app
from service.history.history import History
from service.releases.adapters import Proof, promote, start_canary, take_back
from service.releases.release_history import BASE, current_record
from tests.fakes import MemoryPipeline, OnePipeline
from tests.service.releases.test_adapters import keep
from tests.small_handbook import small_handbook

pytestmark = pytest.mark.anyio


async def test_the_server_tells_what_is_served_and_how_a_canary_fares(tmp_path: Path) -> None:
    home = tmp_path / "home"
    history = History(home / "history.sqlite")
    app = create_app(Settings(home=home), Parts(OnePipeline(MemoryPipeline(small_handbook())), history))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://troika") as client:
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


async def test_the_server_tells_since_when_and_by_which_report_of_the_gate(tmp_path: Path) -> None:
    home = tmp_path / "home"
    history = History(home / "history.sqlite")
    app = create_app(Settings(home=home), Parts(OnePipeline(MemoryPipeline(small_handbook())), history))
    kept, other = keep(home, b"one").name, keep(home, b"two").name
    promote(home, kept, Proof("{}", "a" * 64))
    promoted = current_record(home)
    assert promoted is not None
    start_canary(home, other, 0.05)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://troika") as client:
        body = (await client.get("/v1/adapters")).json()
    assert (body["served"], body["served_since"]) == (kept, promoted.created_at)
    assert {one["name"]: one["report_sha256"] for one in body["adapters"]} == {kept: "a" * 64, other: None}
    history.close()
