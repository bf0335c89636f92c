from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from service.answer import Answer, Finished
from service.history.feedback_schemas import FeedbackRequest
from service.question import Inquiry
from service.retrieval.retrieve_mode import SearchMode
from service.retrieval.search_schemas import SearchRequest, search_to_json
from service.schemas import QueryRequest, answer_to_json
from tests.fakes import MemoryPipeline
from tests.small_handbook import LORA_TEXT, small_handbook


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def answer() -> Answer:
    async for event in MemoryPipeline(small_handbook()).stream(
        Inquiry("Which rank is the default for an adapter?")
    ):
        if isinstance(event, Finished):
            return event.answer
    raise AssertionError("no answer")


def test_requests_refuse_keys_they_do_not_know() -> None:
    with pytest.raises(ValidationError):
        QueryRequest.model_validate({"question": "q", "temprature": 0})
    with pytest.raises(ValidationError):
        SearchRequest.model_validate({"query": "q", "limit": 3})
    with pytest.raises(ValidationError):
        FeedbackRequest.model_validate({"answer_id": "a", "verdict": "sideways"})


@pytest.mark.anyio
async def test_an_answer_has_the_documented_keys(answer: Answer) -> None:
    body = answer_to_json(answer)
    assert list(body) == [
        "id", "question", "text", "language", "citations", "passages", "abstained", "groundedness",
        "evidence", "invented_markers", "degraded", "generator", "prompt_id", "release", "collection",
        "snapshot_id", "timings_ms", "usage", "created_at", "standalone_question", "queries", "reranking",
        "cache", "matched_question", "sentences", "answerability", "suspicious",
    ]  # fmt: skip
    assert list(body["citations"][0]) == [
        "marker", "uri", "title", "page", "quote", "quote_start", "quote_end", "answer_start", "answer_end",
        "chunk_id", "document_id", "supported",
    ]  # fmt: skip
    assert list(body["passages"][0]) == [
        "marker", "chunk_id", "document_id", "uri", "title", "heading_path", "page", "start", "end", "text",
        "score",
    ]  # fmt: skip
    assert json.loads(json.dumps(body)) == body


@pytest.mark.anyio
async def test_citation_offsets_hold_in_the_source_and_in_the_answer(answer: Answer) -> None:
    citation = answer_to_json(answer)["citations"][0]
    assert LORA_TEXT[citation["quote_start"] : citation["quote_end"]] == citation["quote"]
    assert answer.text[citation["answer_start"] : citation["answer_end"]] == citation["quote"]


@pytest.mark.anyio
async def test_a_search_has_the_documented_keys_and_ranks() -> None:
    result = await MemoryPipeline(small_handbook()).search(
        Inquiry("rank of an adapter"), 5, SearchMode.HYBRID
    )
    body = search_to_json(result)
    assert list(body) == [
        "query", "snapshot", "timings_ms", "hits", "queries", "standalone_question", "reranking",
    ]  # fmt: skip
    assert [hit["rank"] for hit in body["hits"]] == list(range(1, len(body["hits"]) + 1))
    assert list(body["hits"][0]) == [
        "rank", "score", "dense_score", "lexical_score", "rerank_score", "chunk_id", "document_id", "uri",
        "title", "page", "start", "end", "text",
    ]  # fmt: skip
    assert json.loads(json.dumps(body)) == body
