from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

import numpy as np
import pytest

from ingest.embed import PRESETS, Embedder
from ingest.errors import GeneratorError
from ingest.settings_observe import ObserveSettings
from service.answer import AnswerEvent, Degradation
from service.observe.conventions import SCHEMA_URL
from service.observe.observation import Observation
from service.observe.propagation import outgoing_headers
from service.pipeline import fold
from service.question import Inquiry
from tests.fakes import MemoryPipeline, OnePipeline
from tests.service.observe.collector import Collector, attributes_of, collector
from tests.service.observe.serving import QUESTION, in_home, serving
from tests.small_handbook import small_handbook

pytestmark = pytest.mark.anyio

TRACE = "0af7651916cd43dd8448eb211c80319c"
TRACED = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}


@pytest.fixture
def kept() -> Iterator[Collector]:
    with collector() as running:
        yield running


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_is_traced_as_retrieval_and_chat_below_its_request(
    tmp_path: Path, kept: Collector, stream: bool
) -> None:
    observation = Observation(ObserveSettings(otlp_endpoint=kept.url, trace_share=1.0), "llama-cpp")
    async with serving(in_home(tmp_path), observation) as server:
        await server.client.post("/v1/query", json={"question": QUESTION, "stream": stream}, headers=TRACED)
    observation.close()
    request, retrieval = kept.span("POST /v1/query"), kept.span("retrieval default")
    chat = kept.span("chat quoting")
    assert {span.trace_id.hex() for span in kept.spans} == {TRACE}
    assert request.parent_span_id.hex() == "b7ad6b7169203331"
    assert {retrieval.parent_span_id, chat.parent_span_id} == {request.span_id}
    assert retrieval.end_time_unix_nano <= chat.start_time_unix_nano
    told = attributes_of(retrieval)
    assert (told["gen_ai.operation.name"], told["gen_ai.data_source.id"]) == ("retrieval", "default")
    assert {"id", "score"} == set(json.loads(told["gen_ai.retrieval.documents"])[0])
    told = attributes_of(chat)
    assert told["gen_ai.provider.name"] == "llama-cpp"
    assert (told["gen_ai.usage.input_tokens"], told["gen_ai.usage.output_tokens"]) == (412, 37)
    assert told["gen_ai.response.time_to_first_chunk"] == pytest.approx(0.4089)
    assert SCHEMA_URL in kept.schemas
    assert not any(QUESTION in str(span) for span in kept.spans)


async def test_suspicious_passages_and_the_model_that_was_asked_are_told(
    tmp_path: Path, kept: Collector
) -> None:
    observation = Observation(ObserveSettings(otlp_endpoint=kept.url, trace_share=1.0), "llama-cpp")
    async with serving(in_home(tmp_path), observation) as server:
        server.pipeline.suspicious, server.pipeline.degraded = (1, 3), Degradation.UNSUPPORTED
        await server.client.post("/v1/query", json={"question": QUESTION})
    observation.close()
    told = attributes_of(kept.span("chat quoting"))
    assert told["troika.suspicious"] == 2
    assert (told["gen_ai.request.model"], told["gen_ai.usage.output_tokens"]) == ("quoting", 37)


async def test_questions_are_told_to_the_collector_when_that_is_wished(
    tmp_path: Path, kept: Collector
) -> None:
    observation = Observation(ObserveSettings(otlp_endpoint=kept.url, trace_share=1.0, trace_text=True))
    async with serving(in_home(tmp_path), observation) as server:
        await server.client.post("/v1/search", json={"query": QUESTION})
    observation.close()
    assert attributes_of(kept.span("retrieval default"))["gen_ai.retrieval.query.text"] == QUESTION


async def test_a_failure_is_told_by_its_class_alone(tmp_path: Path, kept: Collector) -> None:
    observation = Observation(ObserveSettings(otlp_endpoint=kept.url, trace_share=1.0))
    async with serving(in_home(tmp_path), observation) as server:
        server.pipeline.failure = GeneratorError("a secret of the model server.")
        await server.client.post("/v1/query", json={"question": QUESTION})
        await server.client.post("/v1/search", json={"query": "?!"})
    observation.close()
    errors = {span.name: attributes_of(span).get("error.type") for span in kept.spans}
    assert errors["chat"] == "GeneratorError"
    assert errors["retrieval default"] == "NoTermsError"
    assert "secret" not in str(kept.spans)


@pytest.mark.parametrize(("share", "spans"), [(0.0, 0), (1.0, 2)])
async def test_a_share_of_the_requests_is_traced(
    tmp_path: Path, kept: Collector, share: float, spans: int
) -> None:
    observation = Observation(ObserveSettings(otlp_endpoint=kept.url, trace_share=share))
    async with serving(in_home(tmp_path), observation) as server:
        await server.client.post("/v1/search", json={"query": QUESTION})
    observation.close()
    assert len(kept.spans) == spans


async def test_a_model_server_is_told_whose_work_it_does(tmp_path: Path, kept: Collector) -> None:
    observation = Observation(ObserveSettings(otlp_endpoint=kept.url, trace_share=1.0))

    class Asking(MemoryPipeline):
        async def stream(self, inquiry: Inquiry) -> AsyncGenerator[AnswerEvent]:
            async for event in super().stream(inquiry):
                yield event
                told.append(outgoing_headers().get("traceparent"))

    told: list[str | None] = []
    provider = OnePipeline(Asking(small_handbook()))
    pipelines = observation.of_pipelines(provider, lambda: "base")
    async with pipelines.lease("default") as pipeline:
        async for _ in pipeline.stream(Inquiry(QUESTION)):
            assert outgoing_headers() == {}
    observation.close()
    chat = kept.span("chat quoting")
    assert {header and header[:-2] for header in told} == {f"00-{chat.trace_id.hex()}-{chat.span_id.hex()}-"}


async def test_the_question_s_embedding_is_a_part_of_the_retrieval(
    tmp_path: Path, kept: Collector, embedder: Embedder
) -> None:
    observation = Observation(ObserveSettings(otlp_endpoint=kept.url, trace_share=1.0))
    traced = observation.of_embedder(embedder)
    assert np.array_equal(traced.embed_query(QUESTION), embedder.embed_query(QUESTION))
    assert np.array_equal(traced.embed_passages([QUESTION]), embedder.embed_passages([QUESTION]))
    assert (traced.spec, traced.special_tokens) == (PRESETS["minilm"], embedder.special_tokens)
    observation.close()
    assert len(kept.spans) == 1
    assert attributes_of(kept.spans[0])["gen_ai.embeddings.dimension.count"] == 384


async def test_without_a_collector_nothing_stands_between() -> None:
    observation = Observation()
    assert not observation.requests.get("tracing")
    embedder = object()
    assert observation.of_embedder(embedder) is embedder  # pyright: ignore[reportArgumentType]
    assert (await fold(MemoryPipeline(small_handbook()).stream(Inquiry(QUESTION)))).text
    assert outgoing_headers() == {}
