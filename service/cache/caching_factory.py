"""Puts the cache of answers and the curated ones in front of the pipelines that a server or ``ask`` opens.

The evaluation and the mining of training data open pipelines without it: they measure what is made.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import ExitStack, asynccontextmanager

from ingest.settings import Settings
from ingest.snapshots.collection import Collection
from ingest.words.questions import WordRule
from service.cache.answer_cache import AnswerCache, Scope
from service.cache.caching import CachingPipeline
from service.cache.curated import CuratedAnswers
from service.cache.same_question import SameQuestion
from service.fits import fits_digest
from service.history.history import History, open_history
from service.pipeline import AnswerPipeline
from service.prompt import PROMPT_ID
from service.releases.release import Release, named_release
from service.wiring import PipelineFactory

CACHE_FILE = "answers.sqlite"
_SHAPING: dict[str, bool | set[str]] = {
    "retrieval": True,
    "rerank": True,
    "answer": True,
    "generator": True,
    "grounding": True,
    "vllm": {"arguments"},
}
"""The settings that change an answer; who asks (``retrieval.groups``) is among them."""


def open_answer_cache(settings: Settings) -> AnswerCache | None:
    """The cache of answers of this home; None where it is switched off."""
    if not settings.cache.exact:
        return None
    redact = settings.history.redact == "personal"
    return AnswerCache(settings.home / CACHE_FILE, settings.cache.entries, redact=redact)


@asynccontextmanager
async def open_caching_pipeline(
    settings: Settings, collection: str, release: str | None = None
) -> AsyncGenerator[CachingPipeline]:
    """A collection's pipeline with its cache and history, for a single use; see ``open_pipeline``."""
    named = None if release is None else named_release(settings.home, release)
    with ExitStack() as opened:
        history = open_history(settings)
        opened.callback(history.close)
        answers = open_answer_cache(settings)
        if answers is not None:
            opened.callback(answers.close)
        factory = CachingFactory(PipelineFactory(settings, history), settings, history, answers)
        pipeline = await factory.open(collection, named)
        try:
            yield pipeline
        finally:
            await pipeline.aclose()


class CachingFactory:
    """Opens pipelines that share one cache of answers, which is its owner's to close."""

    def __init__(
        self, factory: PipelineFactory, settings: Settings, history: History, answers: AnswerCache | None
    ) -> None:
        """``settings`` as they were set: what a server chooses for itself, a port say, no answer hangs on."""
        self._factory = factory
        self._settings = settings
        self._history = history
        self._answers = answers

    async def open(self, collection: str, release: Release | None = None) -> CachingPipeline:
        """See ``service.wiring.open_pipeline``. With what is served now, answers of all other snapshots, fits
        and releases are dropped; a named release leaves them."""
        # Read first: a fit that comes in between is of no answer that is kept under the one before.
        fits = await asyncio.to_thread(fits_digest, Collection(self._settings.home, collection).directory)
        behind = await self._factory.open(collection, release)
        return await asyncio.to_thread(self._in_front_of, behind, fits, retire=release is None)

    def _in_front_of(self, behind: AnswerPipeline, fits: str, *, retire: bool) -> CachingPipeline:
        scope = scope_of(behind, self._settings, fits)
        if self._answers is not None and retire:
            self._answers.retire(scope)
        groups = frozenset(self._settings.retrieval.groups)
        return CachingPipeline(
            behind,
            self._answers,
            scope,
            CuratedAnswers(behind.snapshot.documents, groups),
            self._same(behind) if self._settings.cache.semantic else None,
            self._history.keep,
        )

    def _same(self, behind: AnswerPipeline) -> SameQuestion:
        snapshot = behind.snapshot
        rule = WordRule(snapshot.words.document_frequency, snapshot.manifest.indexed)
        embed = self._factory.embedder(snapshot).embed_query
        return SameQuestion(embed, rule, self._settings.cache.similarity)


def scope_of(pipeline: AnswerPipeline, settings: Settings, fits: str) -> Scope:
    """What the answers of a pipeline hang on; ``fits`` is the ``fits_digest`` of the collection."""
    release, snapshot = pipeline.release, pipeline.snapshot
    adapter = release.adapter.sha256 if release.adapter else ""
    shaping = settings.model_dump_json(include=_SHAPING)
    return Scope(
        collection=snapshot.manifest.collection,
        version=f"{snapshot.id} {fits} {release.name} {adapter}",
        # What was kept without redaction is not given again with it: ``forget`` would not find it.
        conditions=f"{PROMPT_ID} {pipeline.generator.name} redact={settings.history.redact} {shaping}",
    )
