from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ingest.settings import RerankSettings, Settings
from service.answer import Answer, Degradation, Reranking, Served, Usage
from service.observe.recent import RecentFailures
from service.pipeline import fold
from service.question import Inquiry
from tests.fakes import MemoryPipeline
from tests.service.observe.serving import QUESTION, serving
from tests.small_handbook import small_handbook


@pytest.fixture
async def answer() -> Answer:
    return await fold(MemoryPipeline(small_handbook()).stream(Inquiry(QUESTION)))


@pytest.mark.anyio
async def test_a_failure_is_known_until_the_server_works_again_or_nobody_has_asked_it(answer: Answer) -> None:
    now = 100.0
    recent = RecentFailures(lambda: now)
    failed = replace(answer, degraded=Degradation.GENERATOR, usage=Usage(), reranking=Reranking.FAILED)
    recent.answered(failed, "quoting")
    recent.answered(replace(answer, cache=Served.EXACT, usage=Usage(), reranking=None), "quoting")
    assert (recent.generator, recent.reranker) == (True, True)
    recent.answered(replace(answer, reranking=Reranking.APPLIED), "quoting")
    assert (recent.generator, recent.reranker) == (False, False)
    recent.answered(failed, "quoting")
    now += 61
    assert (recent.generator, recent.reranker) == (False, False)


@pytest.mark.anyio
async def test_a_failing_generator_leaves_the_server_ready_and_degraded(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, rerank=RerankSettings(model="a-reranker"))
    async with serving(settings) as server:
        assert (await server.client.get("/readyz")).json()["status"] == "ready"
        server.pipeline.degraded = Degradation.GENERATOR
        await server.client.post("/v1/query", json={"question": QUESTION})
        response = await server.client.get("/readyz")
        assert (response.status_code, response.json()["status"]) == (200, "degraded")
        check = response.json()["checks"]["generator"]
        assert (check["ok"], check["required"], check["code"]) == (False, False, "generator_failed")
        assert response.json()["checks"]["reranker"]["ok"]
        server.pipeline.degraded = None
        await server.client.post("/v1/query", json={"question": QUESTION})
        assert (await server.client.get("/readyz")).json()["status"] == "ready"


@pytest.mark.anyio
async def test_a_server_that_was_told_to_stop_says_so_and_still_answers(tmp_path: Path) -> None:
    async with serving(Settings(home=tmp_path)) as server:
        assert "connection" not in (await server.client.get("/healthz")).headers
        server.parts.shutdown.begun = True
        response = await server.client.get("/readyz")
        assert response.status_code == 503
        assert response.json()["checks"]["server"]["code"] == "stopping"
        answer = await server.client.post("/v1/query", json={"question": QUESTION})
        assert (answer.status_code, answer.headers["connection"]) == (200, "close")


@pytest.mark.anyio
async def test_a_closed_history_is_not_ready(tmp_path: Path) -> None:
    async with serving(Settings(home=tmp_path)) as server:
        server.parts.history.close()
        (tmp_path / "history.sqlite").unlink()
        (tmp_path / "history.sqlite").mkdir()
        response = await server.client.get("/readyz")
    assert response.status_code == 503
    assert not response.json()["checks"]["history"]["ok"]
