"""What a reader sees while the model server behind a pipeline fails: an answer, always, and soon."""

from __future__ import annotations

import asyncio
import time

import pytest

from ingest.errors import GeneratorRefusedError
from service.answer import Answer, Degradation
from service.generators.openai_http import OpenAiGenerator
from service.pipeline import AnswerPipeline
from service.question import Inquiry, SamplingWish
from service.routing.served_model import ServedModel
from service.routing.server import ModelServer, Patience
from tests.service.conftest import PipelineMaker
from tests.service.routing.fake_model_server import Behaviour, FakeModelServer, fake_model_servers

pytestmark = pytest.mark.anyio

QUESTION = "Which rank is the default for an adapter?"
PATIENCE = Patience(first_token=0.5, next_token=0.5, first_pause=0.3, longest_pause=0.5, probe=1.0)
FAULTS = (
    Behaviour.SILENT,
    Behaviour.FAILING,
    Behaviour.GARBAGE,
    Behaviour.STALLING,
    Behaviour.CUTTING,
    Behaviour.ENDLESS,
)
SOON_SECONDS = 5.0
"""Half a second is promised; the machines that test are busy."""


def model_of(server: FakeModelServer) -> ServedModel:
    languages = frozenset({"en"})
    asked = OpenAiGenerator(server.base, server.url, None, languages, timeout_seconds=5)
    return ServedModel(server.base, languages, [ModelServer(server.url, asked, None, PATIENCE)])


async def until_whole(pipeline: AnswerPipeline) -> Answer:
    async with asyncio.timeout(30):
        while (answer := await pipeline.answer(Inquiry(QUESTION))).degraded is not None:
            await asyncio.sleep(0.05)
    return answer


async def test_every_answer_is_whole_or_flagged_and_quotes_the_sources_without_a_wait(
    make_pipeline: PipelineMaker,
) -> None:
    async with fake_model_servers(1) as (server,):
        model = model_of(server)
        pipeline = make_pipeline(model, strict=False)
        whole = await until_whole(pipeline)
        assert whole.text == "".join(server.words)
        for behaviour in FAULTS:
            server.behaviour = behaviour
            hit = await pipeline.answer(Inquiry(QUESTION))
            started = time.perf_counter()
            next_one = await pipeline.answer(Inquiry(QUESTION))
            assert time.perf_counter() - started < SOON_SECONDS
            for answer in (hit, next_one):
                assert answer.degraded is Degradation.GENERATOR
                assert "A rank of 16 is the default" in answer.text or answer.text.startswith("A rank of")
                assert any(citation.supported for citation in answer.citations)
            assert next_one.generator == "extractive"
            server.behaviour = Behaviour.WELL
            assert (await until_whole(pipeline)).text == whole.text
        await model.aclose()


async def test_who_waits_for_a_server_that_takes_no_question_any_more_gets_the_sources_words(
    make_pipeline: PipelineMaker,
) -> None:
    async with fake_model_servers(1) as (server,):
        languages = frozenset({"en"})
        asked = OpenAiGenerator(server.base, server.url, None, languages, 60.0, silent_seconds=0.2)
        patient = Patience(first_token=60.0, next_token=60.0)
        model = ServedModel(server.base, languages, [ModelServer(server.url, asked, None, patient)])
        pipeline = make_pipeline(model, strict=False)
        server.pause = 0.05
        assert (await pipeline.answer(Inquiry(QUESTION))).degraded is None
        server.behaviour = Behaviour.STALLING
        under_way = asyncio.create_task(pipeline.answer(Inquiry(QUESTION)))
        await asyncio.sleep(0.5)
        assert not under_way.done()
        server.behaviour = Behaviour.SILENT
        started = time.perf_counter()
        assert (await pipeline.answer(Inquiry(QUESTION))).degraded is Degradation.GENERATOR
        assert (await under_way).degraded is Degradation.GENERATOR
        assert time.perf_counter() - started < SOON_SECONDS
        await model.aclose()


async def test_a_refusal_of_one_request_degrades_that_answer_alone(make_pipeline: PipelineMaker) -> None:
    async with fake_model_servers(1) as (server,):
        model = model_of(server)
        pipeline = make_pipeline(model, strict=False)
        server.behaviour = Behaviour.REFUSING
        assert (await pipeline.answer(Inquiry(QUESTION))).degraded is Degradation.GENERATOR
        server.behaviour = Behaviour.WELL
        assert (await pipeline.answer(Inquiry(QUESTION))).degraded is None
        await model.aclose()


async def test_a_schema_that_is_no_json_leaves_the_server_in(make_pipeline: PipelineMaker) -> None:
    async with fake_model_servers(1) as (server,):
        model = model_of(server)
        pipeline = make_pipeline(model, strict=False)
        malformed = Inquiry(QUESTION, sampling=SamplingWish(json_schema='{"const": NaN}'))
        with pytest.raises(GeneratorRefusedError):
            await pipeline.answer(malformed)
        assert (await pipeline.answer(Inquiry(QUESTION))).degraded is None
        await model.aclose()


async def test_an_answer_that_is_ended_at_its_last_sentence_counts_its_tokens(
    make_pipeline: PipelineMaker,
) -> None:
    async with fake_model_servers(1) as (server,):
        server.words = ("A rank of 16", " is the default [1].", " Alpha", *[" and on"] * 20)
        model = model_of(server)
        answer = await make_pipeline(model, max_sentences=1).answer(Inquiry(QUESTION))
        assert answer.text == "A rank of 16 is the default [1]."
        assert answer.usage.completion_tokens == 3
        await model.aclose()
