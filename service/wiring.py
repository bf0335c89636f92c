"""The one place that puts an answer pipeline together from settings, snapshot and release.

The command line, the HTTP server, the evaluation and the mining of training data all call it, so they
all measure what is served.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from ingest.choices import GroundingMode
from ingest.embed import Embedder, load_embedder
from ingest.errors import ModelNotFoundError, SettingsError
from ingest.settings import GeneratorKind, GeneratorSettings, Settings
from ingest.snapshots.snapshot import Snapshot, open_snapshot
from ingest.words.language import LANGUAGES
from service.context import ContextBuilder, ContextPolicy
from service.conversation import Conversation
from service.generate import Generator, Message, Piece, Sampling
from service.generators import smollm2
from service.ground import Grounding
from service.history import History
from service.model_origin import base_of
from service.pipeline import AnswerPipeline, AnswerPolicy
from service.question_writer import QuestionWriter
from service.release import Release, model_fingerprint, named_release, read_release
from service.rerank import Reranker, RerankPolicy, load_reranker
from service.retrieve import Retriever
from service.search import Search, SearchPolicy
from service.write import ExtractiveWriter, PromptedWriter, Writer

_PASSAGE_TOKENS = {
    # A CPU reads about 250 prompt tokens a second: more passages would cost the first word its 1.5 s.
    GeneratorKind.LLAMA_CPP: 220,
    GeneratorKind.OPENAI: 4000,
    GeneratorKind.EXTRACTIVE: 4000,
}
_NEIGHBOURS = {GeneratorKind.LLAMA_CPP: 0, GeneratorKind.OPENAI: 1, GeneratorKind.EXTRACTIVE: 0}
_ENGLISH = frozenset({"en"})
_ENGLISH_AND_CHINESE = frozenset({"en", "zh"})


async def open_pipeline(
    settings: Settings, collection: str, *, history: History | None = None, release: str | None = None
) -> AnswerPipeline:
    """The pipeline of a collection's current snapshot, for a single use.

    Args:
        release: the adapter that answers, whether it is served or not, or ``base``; None for what is served.

    Raises:
        CollectionNotFoundError, SnapshotCorruptError, IncompatibleSnapshotError: about the collection.
        AdapterNotFoundError, ReleaseHistoryError: about the release.
        ModelNotFoundError, AdapterRejectedError, SettingsError, GeneratorError: about the models.
    """
    named = None if release is None else named_release(settings.home, release)
    return await PipelineFactory(settings, history).open(collection, named)


class PipelineFactory:
    """Opens pipelines that share their models: an embedder per specification, a generator per release."""

    def __init__(self, settings: Settings, history: History | None) -> None:
        self._settings = settings
        self._history = history
        self._embedders: dict[str, Embedder] = {}
        self._generators: dict[str, _SharedGenerator] = {}
        self._reranker: Reranker | None = None
        self._lock = asyncio.Lock()

    async def open(self, collection: str, release: Release | None = None) -> AnswerPipeline:
        """See ``open_pipeline``."""
        async with self._lock:
            return await asyncio.to_thread(self._open, collection, release)

    def _open(self, collection: str, release: Release | None) -> AnswerPipeline:
        with ExitStack() as opened:
            snapshot = open_snapshot(self._settings.home, collection, self._settings.store)
            opened.callback(snapshot.close)
            pipeline = self._pipeline(snapshot, release or read_release(self._settings.home))
            opened.pop_all()  # from here on the pipeline closes it
            return pipeline

    def _pipeline(self, snapshot: Snapshot, release: Release) -> AnswerPipeline:
        settings = self._settings
        embedder = self.embedder(snapshot)
        generator = self._generator(release)
        grounding = Grounding(snapshot.words.document_frequency, snapshot.manifest.indexed)
        return AnswerPipeline(
            snapshot=snapshot,
            search=self._search(snapshot, embedder, generator),
            context=ContextBuilder(snapshot.documents, embedder.tokens.count, _context_policy(settings)),
            grounding=grounding,
            generator=generator,
            writer=_writer(settings.generator, generator, grounding),
            release=release,
            policy=AnswerPolicy(
                min_evidence=settings.answer.min_evidence,
                withhold_unsupported=_is_strict(settings),
                max_sentences=settings.answer.max_sentences,
                max_question_characters=settings.server.max_question_characters,
            ),
            keep=self._history.keep if self._history else lambda _answer: None,
        )

    def _search(self, snapshot: Snapshot, embedder: Embedder, generator: Generator) -> Search:
        settings = self._settings
        if self._reranker is None:
            self._reranker = load_reranker(settings.rerank, settings.embedder.threads)
        kind = settings.generator.kind
        writer = None if kind is GeneratorKind.EXTRACTIVE else QuestionWriter(generator)
        # The embedded model is too small to write a follow-up anew: the rule does better.
        rewriter = writer if kind is GeneratorKind.OPENAI else None
        return Search(
            source=Retriever(snapshot, embedder, settings.retrieval),
            conversation=Conversation(snapshot.words.document_frequency, snapshot.manifest.indexed, rewriter),
            writer=writer,
            reranker=self._reranker,
            policy=SearchPolicy(
                rerank=RerankPolicy(settings.rerank.depth, settings.rerank.margin),
                multi_query=settings.retrieval.multi_query,
                hyde=settings.retrieval.hyde,
            ),
        )

    def embedder(self, snapshot: Snapshot) -> Embedder:
        """The embedder that made the snapshot's vectors."""
        spec = snapshot.manifest.embedder
        if spec.fingerprint not in self._embedders:
            models = self._settings.home / "models"
            self._embedders[spec.fingerprint] = load_embedder(spec, self._settings.embedder, models)
        return self._embedders[spec.fingerprint]

    def _generator(self, release: Release) -> _SharedGenerator:
        shared = self._generators.get(release.name)
        if shared is None or not shared.acquire():
            shared = _SharedGenerator(load_generator(self._settings.generator, release, self._settings.home))
            self._generators[release.name] = shared
        return shared


def load_generator(settings: GeneratorSettings, release: Release, home: Path) -> Generator:
    """The generator that the settings and the release ask for.

    Raises:
        ModelNotFoundError, MissingExtraError, AdapterRejectedError, SettingsError, GeneratorError
    """
    languages = frozenset(settings.languages) if settings.languages else None
    match settings.kind:
        case GeneratorKind.LLAMA_CPP:
            return _load_llama_cpp(settings, release, languages or _ENGLISH, home)
        case GeneratorKind.VLLM:
            raise SettingsError(
                "generator.kind is vllm, which only `troika serve` starts: start it, and point "
                "generator.kind = openai and generator.base_url at what it logs, or choose another generator."
            )
        case GeneratorKind.OPENAI:
            from service.generators.openai_http import OpenAiGenerator

            if settings.base_url is None or settings.model is None:
                raise SettingsError(
                    "generator.kind is openai, and generator.base_url or generator.model is not set: "
                    "give the server's URL (…/v1) and the name of the model it serves."
                )
            key = settings.api_key.get_secret_value() if settings.api_key else None
            spoken = languages or _ENGLISH_AND_CHINESE
            return OpenAiGenerator(settings.model, settings.base_url, key, spoken, settings.timeout_seconds)
        case GeneratorKind.EXTRACTIVE:
            from service.generators.none import NoGenerator

            return NoGenerator(LANGUAGES)


def _load_llama_cpp(
    settings: GeneratorSettings, release: Release, languages: frozenset[str], home: Path
) -> Generator:
    from service.generators.llama_cpp import LlamaCppGenerator

    source = Path(settings.model) if settings.model else smollm2.gguf_path()
    if not source.is_file():
        raise ModelNotFoundError(f"no GGUF file at {source}: correct generator.model.")
    release.check(base_model=base_of(source))
    model_path = source
    if settings.model is None:
        from service.generators.requantize import requantized

        model_path = requantized(source, home / "models", model_fingerprint(source))
    return LlamaCppGenerator(
        name=source.stem if release.adapter is None else f"{source.stem}+{release.name}",
        model_path=model_path,
        adapter_path=release.adapter.gguf_path if release.adapter else None,
        languages=languages,
        threads=settings.threads,
        context_tokens=settings.context_tokens,
    )


def _context_policy(settings: Settings) -> ContextPolicy:
    retrieval, kind = settings.retrieval, settings.generator.kind
    return ContextPolicy(
        passages=retrieval.passages,
        tokens=retrieval.passage_tokens or _PASSAGE_TOKENS[kind],
        neighbours=_NEIGHBOURS[kind] if retrieval.neighbours is None else retrieval.neighbours,
        diversity=retrieval.diversity,
    )


def _is_strict(settings: Settings) -> bool:
    if settings.answer.grounding is not None:
        return settings.answer.grounding is GroundingMode.STRICT
    return settings.generator.kind is GeneratorKind.LLAMA_CPP


def _writer(settings: GeneratorSettings, generator: Generator, grounding: Grounding) -> Writer:
    if settings.kind is GeneratorKind.EXTRACTIVE:
        return ExtractiveWriter(grounding)
    return PromptedWriter(generator, Sampling(settings.max_tokens, settings.temperature))


@dataclass(slots=True)
class _SharedGenerator:
    """A generator that several pipelines use; the last one to leave closes it.

    Pipelines are opened in a thread and closed in the event loop, hence the lock.
    """

    inner: Generator
    users: int = 1
    lock: threading.Lock = field(default_factory=threading.Lock)

    def acquire(self) -> bool:
        """Count one more user; False when the last one has left already."""
        with self.lock:
            if self.users == 0:
                return False
            self.users += 1
            return True

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def languages(self) -> frozenset[str]:
        return self.inner.languages

    def stream(self, messages: Sequence[Message], sampling: Sampling) -> AsyncGenerator[Piece]:
        return self.inner.stream(messages, sampling)

    async def aclose(self) -> None:
        with self.lock:
            self.users -= 1
            is_last = self.users == 0
        if is_last:
            await self.inner.aclose()
