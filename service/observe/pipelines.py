"""Pipelines that are looked on while they answer; whoever asks does not notice."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, asynccontextmanager

from ingest.embed import Embedder
from service.answer import AnswerEvent, Finished, SearchResult
from service.generate import Generator
from service.observe.observer import Observer
from service.observe.spans import Spans
from service.pipelines import Answering, CollectionSummary, OpenSnapshot, PipelineProvider
from service.question import Inquiry
from service.releases.release import Release
from service.retrieval.retrieve_mode import SearchMode


class ObservedPipelines:
    """Stands in for the provider behind it."""

    def __init__(
        self, behind: PipelineProvider, observers: Sequence[Observer], spans: Spans | None = None
    ) -> None:
        """Without ``spans`` nothing is traced."""
        self._behind = behind
        self._observers = observers
        self._spans = spans

    @asynccontextmanager
    async def lease(
        self, collection: str, conversation: str | None = None, release: str | None = None
    ) -> AsyncGenerator[Answering]:
        """See ``PipelineProvider.lease``."""
        async with self._behind.lease(collection, conversation, release) as pipeline:
            yield _ObservedPipeline(pipeline, collection, self._observers, self._spans)

    def collections(self) -> Sequence[CollectionSummary]:
        """See ``PipelineProvider.collections``."""
        return self._behind.collections()

    async def aclose(self) -> None:
        """Close what stands behind."""
        await self._behind.aclose()


class _ObservedPipeline:
    """Stands in for a leased pipeline."""

    def __init__(
        self, behind: Answering, collection: str, observers: Sequence[Observer], spans: Spans | None
    ) -> None:
        self._behind = behind
        self._collection = collection
        self._observers = observers
        self._spans = spans

    @property
    def snapshot(self) -> OpenSnapshot:
        return self._behind.snapshot

    @property
    def embedder(self) -> Embedder:
        return self._behind.embedder

    @property
    def generator(self) -> Generator:
        return self._behind.generator

    @property
    def release(self) -> Release:
        return self._behind.release

    async def stream(self, inquiry: Inquiry) -> AsyncGenerator[AnswerEvent]:
        made = self._behind.stream(inquiry)
        if self._spans is not None:
            made = self._spans.of_answer(made, inquiry, self._collection, self.generator.name)
        async with aclosing(made) as events:
            async for event in events:
                if isinstance(event, Finished):
                    for observer in self._observers:
                        observer.answered(event.answer, self.generator.name)
                yield event

    async def search(self, inquiry: Inquiry, k: int, mode: SearchMode) -> SearchResult:
        searching = self._behind.search(inquiry, k, mode)
        if self._spans is not None:
            searching = self._spans.of_search(searching, inquiry, self._collection)
        result = await searching
        for observer in self._observers:
            observer.searched(result)
        return result

    async def aclose(self) -> None:
        await self._behind.aclose()
