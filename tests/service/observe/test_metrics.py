from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from ingest.errors import GeneratorError
from ingest.settings import GeneratorSettings, Settings
from ingest.settings_access import LimitSettings
from ingest.settings_observe import ObserveSettings
from service.answer import Degradation
from service.releases.served import first_release
from tests.service.observe.serving import QUESTION, in_home, serving

pytestmark = pytest.mark.anyio

REQUEST = "rag_request_seconds_count"


async def test_an_answer_is_counted_with_the_time_of_each_stage(tmp_path: Path) -> None:
    async with serving(in_home(tmp_path)) as server:
        await server.client.post("/v1/query", json={"question": QUESTION})
        await server.client.post("/v1/query", json={"question": QUESTION, "stream": True})
        for stage in ("total", "retrieval", "first_token", "generation", "citation"):
            assert await server.metric(REQUEST, route="/v1/query", stage=stage, outcome="ok") == 2
        seconds = await server.metric(
            "rag_request_seconds_sum", route="/v1/query", stage="generation", outcome="ok"
        )
        assert seconds == pytest.approx(2 * (1276.0 - 3.1) / 1e3)
        assert await server.metric("rag_cache_total", result="miss") == 2
        model = {
            "gen_ai_operation_name": "chat",
            "gen_ai_provider_name": "none",
            "gen_ai_request_model": "quoting",
        }
        assert await server.metric("gen_ai_client_operation_duration_seconds_count", **model) == 2
        assert await server.metric(
            "gen_ai_client_operation_time_to_first_chunk_seconds_sum", **model
        ) == pytest.approx(2 * (412.0 - 3.1) / 1e3)
        assert await server.metric("gen_ai_client_token_usage_sum", **model, gen_ai_token_type="output") == 74


async def test_what_is_not_answered_as_meant_is_told_apart(tmp_path: Path) -> None:
    async with serving(in_home(tmp_path)) as server:
        await server.client.post("/v1/query", json={"question": "今天午饭吃什么"})
        server.pipeline.degraded = Degradation.GENERATOR
        await server.client.post("/v1/query", json={"question": QUESTION})
        server.pipeline.failure = GeneratorError("the model server does not answer.")
        await server.client.post("/v1/query", json={"question": QUESTION})
        await server.client.post("/v1/search", json={"query": "rank"})
        await server.client.post("/v1/search", json={"query": "?!"})
        assert await server.metric("rag_abstain_total") == 1
        assert await server.metric("rag_degraded_total", reason="generator_unavailable") == 1
        query, search = "/v1/query", "/v1/search"
        assert await server.metric(REQUEST, route=query, stage="generation", outcome="abstained") == 1
        assert await server.metric(REQUEST, route=query, stage="generation", outcome="degraded") == 1
        assert await server.metric(REQUEST, route=query, stage="total", outcome="server_error") == 1
        assert await server.metric(REQUEST, route=search, stage="retrieval", outcome="ok") == 1
        assert await server.metric(REQUEST, route=search, stage="total", outcome="client_error") == 1


async def test_tokens_are_counted_under_the_model_that_wrote_them(tmp_path: Path) -> None:
    async with serving(in_home(tmp_path)) as server:
        server.pipeline.degraded = Degradation.UNSUPPORTED  # what the sources say stands in for its text
        answered = await server.client.post("/v1/query", json={"question": QUESTION})
        assert answered.json()["generator"] == "extractive"
        for model, tokens in (("quoting", 37), ("extractive", 0)):
            labels = {
                "gen_ai_operation_name": "chat",
                "gen_ai_provider_name": "none",
                "gen_ai_request_model": model,
                "gen_ai_token_type": "output",
            }
            assert await server.metric("gen_ai_client_token_usage_sum", **labels) == tokens


async def test_suspicious_passages_are_counted(tmp_path: Path) -> None:
    async with serving(in_home(tmp_path)) as server:
        await server.client.post("/v1/query", json={"question": QUESTION})
        assert await server.metric("rag_suspicious_total") == 0
        server.pipeline.suspicious = (1, 3)
        await server.client.post("/v1/query", json={"question": QUESTION})
        assert await server.metric("rag_suspicious_total") == 2


async def test_refusals_to_protect_others_are_counted_by_their_reason(tmp_path: Path) -> None:
    limits = LimitSettings(concurrent_answers=1, waiting_answers=0)
    async with serving(Settings(home=tmp_path, limits=limits)) as server:
        server.pipeline.pause_seconds = 0.05
        asked = [server.client.post("/v1/query", json={"question": QUESTION}) for _ in range(3)]
        statuses = sorted([response.status_code for response in await asyncio.gather(*asked)])
        assert statuses == [200, 429, 429]
        assert await server.metric("rag_rejected_total", reason="overloaded") == 2
        assert await server.metric(REQUEST, route="/v1/query", stage="total", outcome="rejected") == 2
        assert await server.metric("rag_queue_depth") == 0


async def test_a_stream_that_fails_in_the_middle_is_no_success(tmp_path: Path) -> None:
    async with serving(in_home(tmp_path)) as server:
        server.pipeline.failure = GeneratorError("the model server went away.")
        await server.client.post("/v1/query", json={"question": QUESTION, "stream": True})
        assert await server.metric(REQUEST, route="/v1/query", stage="total", outcome="server_error") == 1


async def test_routes_are_labelled_by_their_template_so_that_there_are_few_series(tmp_path: Path) -> None:
    async with serving(in_home(tmp_path)) as server:
        for path in ("/v1/answers/one", "/v1/answers/two", "/nothing", "/nothing/else", "/assets/app.js"):
            await server.client.get(path)
        text = (await server.client.get("/metrics")).text
    routes = set(re.findall(r'rag_request_seconds_count\{.*?route="([^"]*)"', text))
    assert routes == {"/v1/answers/{answer_id}", "none"}
    assert 'le="0.0005"' in text


async def test_what_is_served_is_told_once_for_each_collection(tmp_path: Path) -> None:
    async with serving(in_home(tmp_path)) as server:
        assert await server.metric("rag_snapshot_info", collection="default", snapshot="snapshot-1") == 1
        assert await server.metric("rag_collection_chunks", collection="default") == 8
        assert await server.metric("rag_release_info", release=first_release(GeneratorSettings()).name) == 1
        assert await server.metric("process_resident_memory_bytes") > 1e6
        text = (await server.client.get("/metrics")).text
    assert "rag_index_lag_chunks" in text  # the ingests of this server tell theirs here


async def test_metrics_can_be_left_open(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, observe=ObserveSettings(metrics_public=True))
    async with serving(settings) as server:
        response = await server.client.get("/metrics")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/plain; version=")
