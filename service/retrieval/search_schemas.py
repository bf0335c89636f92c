"""The JSON of ``POST /v1/search`` and ``troika search --json``."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from ingest.document import Hit
from service.answer import Reranking, SearchResult
from service.retrieval.retrieve_mode import SearchMode
from service.schemas import CollectionField, FilterField, HistoryField, RequestBody, ResponseBody, Text


class SearchRequest(RequestBody):
    """A search without an answer."""

    query: Text = Field(examples=["LoRA rank"])
    collection: CollectionField = None
    k: int = Field(default=10, strict=True, ge=1, le=1000, description="the most hits to return")
    mode: SearchMode = SearchMode.HYBRID
    history: HistoryField = ()
    filter: FilterField


class HitBody(ResponseBody):
    """A passage that a search found; a part that did not score it gives null."""

    rank: int
    score: float
    dense_score: float | None
    lexical_score: float | None
    rerank_score: float | None
    chunk_id: str
    document_id: str
    uri: str
    title: str
    page: int | None
    start: int
    end: int
    text: str

    @classmethod
    def of(cls, rank: int, hit: Hit) -> HitBody:
        # Not validated, as for every hit: the values are of the types above already.
        return cls.model_construct(
            rank=rank,
            score=hit.score,
            dense_score=hit.dense_score,
            lexical_score=hit.lexical_score,
            rerank_score=hit.rerank_score,
            chunk_id=hit.chunk.id,
            document_id=hit.chunk.document_id,
            uri=hit.chunk.uri,
            title=hit.chunk.title,
            page=hit.chunk.page_start,
            start=hit.chunk.start,
            end=hit.chunk.end,
            text=hit.chunk.text,
        )


class SearchBody(ResponseBody):
    """The hits of a search, best first; ``rank`` counts from 1."""

    query: str
    snapshot: str
    timings_ms: dict[str, float]
    hits: tuple[HitBody, ...]
    queries: tuple[str, ...] = Field(description="all texts that were searched for")
    standalone_question: str | None = Field(description="a follow-up with what its conversation adds to it")
    reranking: Reranking | None = Field(description="what the reranker did; null when none is configured")

    @classmethod
    def of(cls, result: SearchResult) -> SearchBody:
        return cls.model_construct(
            query=result.query,
            snapshot=result.snapshot_id,
            timings_ms=dict(result.timings_ms),
            hits=tuple(HitBody.of(rank, hit) for rank, hit in enumerate(result.hits, start=1)),
            queries=result.queries,
            standalone_question=result.standalone_question,
            reranking=result.reranking,
        )


def search_to_json(result: SearchResult) -> dict[str, Any]:
    """``result`` as ``POST /v1/search`` and ``troika search --json`` give it."""
    return SearchBody.of(result).model_dump(mode="json")
