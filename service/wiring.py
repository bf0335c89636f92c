"""The one place that puts an answer pipeline together from settings, snapshot and release.

The command line, the HTTP server, the evaluation and the mining of training data all call it, so they
all measure what is served.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

from ingest.choices import GeneratorKind, GroundingMode
from ingest.embed import Embedder, load_embedder
from ingest.errors import AdapterRejectedError, ModelNotFoundError, SettingsError
from ingest.settings import GeneratorSettings, Settings
from ingest.snapshots.fitted import index_fingerprint
from ingest.snapshots.snapshot import Snapshot, open_snapshot
from ingest.words.language import LANGUAGES
from service.abstention.fitted import Answerability, fitted_abstention
from service.abstention.judge import Judge
from service.generate import Generator, Sampling
from service.generators import smollm2
from service.grounding.entailment import Entailment, load_entailment
from service.grounding.nearness import EmbeddedNearness
from service.grounding.support import Grounding
from service.history.history import History
from service.pipeline import AnswerPipeline, AnswerPolicy
from service.releases.model_origin import base_of
from service.releases.release import GGUF, AdapterRecord, Release, named_release
from service.releases.served import served_release
from service.retrieval.context import ContextBuilder, ContextPolicy
from service.retrieval.conversation import Conversation
from service.retrieval.question_writer import QuestionWriter
from service.retrieval.rerank import Reranker, RerankPolicy, load_reranker
from service.retrieval.retrieve import Retriever
from service.retrieval.search import Search, SearchPolicy
from service.routing.shared import SharedGenerators
from service.write import ExtractiveWriter, PromptedWriter, Writer

_PASSAGE_TOKENS = {
    # A CPU reads about 250 prompt tokens a second: more passages would cost the first word its 1.5 s.
    GeneratorKind.LLAMA_CPP: 220,
    GeneratorKind.OPENAI: 4000,
    GeneratorKind.EXTRACTIVE: 4000,
}
# A server keeps what it computed for the beginning of a prompt; the embedded model forgets it.
_SAME_SCORE = {GeneratorKind.LLAMA_CPP: 0.0, GeneratorKind.OPENAI: 0.1, GeneratorKind.EXTRACTIVE: 0.0}
_NEIGHBOURS = {GeneratorKind.LLAMA_CPP: 0, GeneratorKind.OPENAI: 1, GeneratorKind.EXTRACTIVE: 0}
_ENGLISH = frozenset({"en"})
_ENGLISH_AND_CHINESE = frozenset({"en", "zh"})


async def open_pipeline(
    settings: Settings,
    collection: str,
    *,
    history: History | None = None,
    release: str | None = None,
    snapshot_id: str | None = None,
) -> AnswerPipeline:
    """The pipeline of a collection, for a single use.

    Args:
        release: the adapter that answers, whether it is served or not, or ``base``; None for what is served.
        snapshot_id: a kept snapshot; None for the current one.

    Raises:
        CollectionNotFoundError, SnapshotNotFoundError, SnapshotCorruptError, IncompatibleSnapshotError: about
            the collection.
        AdapterNotFoundError, ReleaseHistoryError: about the release.
        ModelNotFoundError, AdapterRejectedError, SettingsError, GeneratorError: about the models.
    """
    named = None if release is None else named_release(settings.home, release)
    return await PipelineFactory(settings, history).open(collection, named, snapshot_id)


class PipelineFactory:
    """Opens pipelines that share their models: an embedder per specification, a generator per release."""

    def __init__(
        self,
        settings: Settings,
        history: History | None,
        watched: Callable[[Embedder], Embedder] | None = None,
    ) -> None:
        """``watched`` gives the embedder that is used in place of the one that was loaded."""
        self._settings = settings
        self._history = history
        self._watched = watched
        self._embedders: dict[str, Embedder] = {}
        self._generators = SharedGenerators(
            lambda release: load_generator(settings.generator, release, settings.home)
        )
        self._reranker: Reranker | None = None
        self._entailment: Entailment | None = None
        self._lock = asyncio.Lock()

    async def open(
        self, collection: str, release: Release | None = None, snapshot_id: str | None = None
    ) -> AnswerPipeline:
        """See ``open_pipeline``."""
        home, store = self._settings.home, self._settings.store
        async with self._lock, AsyncExitStack() as opened:
            snapshot = await asyncio.to_thread(open_snapshot, home, collection, store, snapshot_id)
            opened.callback(snapshot.close)
            answering = release or await asyncio.to_thread(served_release, self._settings)
            generator = await self._generators.open(answering)
            opened.push_async_callback(generator.aclose)
            pipeline = await asyncio.to_thread(self._pipeline, snapshot, answering, generator)
            opened.pop_all()  # from here on the pipeline closes them
            return pipeline

    def _pipeline(self, snapshot: Snapshot, release: Release, generator: Generator) -> AnswerPipeline:
        settings = self._settings
        embedder = self.embedder(snapshot)
        nearness = EmbeddedNearness(embedder) if settings.grounding.embedding else None
        grounding = Grounding(snapshot.words.document_frequency, snapshot.manifest.indexed, nearness)
        return AnswerPipeline(
            snapshot=snapshot,
            embedder=embedder,
            search=self._search(snapshot, embedder, generator),
            context=ContextBuilder(snapshot.documents, embedder.tokens.count, _context_policy(settings)),
            grounding=grounding,
            judge=Judge(
                grounding,
                embedder,
                settings.answer.min_evidence,
                answerability=self._answerability(snapshot, release, grounding),
                withhold_suspicious=settings.answer.withhold_suspicious,
            ),
            generator=generator,
            writer=_writer(settings, generator, grounding, release),
            release=release,
            policy=AnswerPolicy(
                withhold_unsupported=_is_strict(settings),
                max_sentences=settings.answer.max_sentences,
                max_question_characters=settings.server.max_question_characters,
            ),
            keep=self._history.keep if self._history else lambda _answer, _inquiry: None,
            entailment=self._loaded_entailment(),
        )

    def _search(self, snapshot: Snapshot, embedder: Embedder, generator: Generator) -> Search:
        settings = self._settings
        if self._reranker is None:
            self._reranker = load_reranker(settings.rerank, settings.embedder.threads)
        kind = settings.generator.kind
        writer = None if kind is GeneratorKind.EXTRACTIVE else QuestionWriter(generator)
        # The embedded model is too small to write a follow-up anew: the rule does better.
        rewriter = writer if kind is GeneratorKind.OPENAI else None
        retriever = Retriever(snapshot, embedder, settings.retrieval)
        return Search(
            source=retriever,
            conversation=Conversation(retriever.document_frequency, snapshot.manifest.indexed, rewriter),
            writer=writer,
            reranker=self._reranker,
            policy=SearchPolicy(
                rerank=RerankPolicy(settings.rerank.depth, settings.rerank.margin),
                multi_query=settings.retrieval.multi_query,
                hyde=settings.retrieval.hyde,
            ),
        )

    def _answerability(
        self, snapshot: Snapshot, release: Release, grounding: Grounding
    ) -> Answerability | None:
        """What was fitted for the collection; a least evidence that is set goes before it."""
        settings = self._settings.answer
        if "min_evidence" in settings.model_fields_set:
            return None
        index = index_fingerprint(snapshot.manifest)
        folder = snapshot.directory.parents[1]
        fitted = fitted_abstention(folder, release.name, index, settings.max_wrong_share)
        return Answerability(fitted, grounding) if fitted else None

    def _loaded_entailment(self) -> Entailment | None:
        if self._entailment is None:
            self._entailment = load_entailment(self._settings.grounding)
        return self._entailment

    def embedder(self, snapshot: Snapshot) -> Embedder:
        """The embedder that made the snapshot's vectors."""
        spec = snapshot.manifest.embedder
        if spec.fingerprint not in self._embedders:
            models = self._settings.home / "models"
            loaded = load_embedder(spec, self._settings.embedder, models)
            self._embedders[spec.fingerprint] = self._watched(loaded) if self._watched else loaded
        return self._embedders[spec.fingerprint]


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
            from service.routing.open_model import open_model

            return open_model(settings, release, languages or _ENGLISH_AND_CHINESE, home)
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
    base_model, adapter = base_of(source), release.adapter
    release.check(base_model=base_model)
    model_path, adapter_path = source, _gguf_of(adapter)
    if settings.model is None:
        from service.generators.requantize import MergedAdapter, requantized

        merged = None if adapter is None else MergedAdapter(adapter.name, adapter.gguf_path)
        model_path = requantized(source, home / "models", base_model, merged)
        adapter_path = None
    return LlamaCppGenerator(
        name=source.stem if adapter is None else f"{source.stem}+{adapter.name}",
        model_path=model_path,
        adapter_path=adapter_path,
        languages=languages,
        threads=settings.threads,
        context_tokens=settings.context_tokens,
    )


def _gguf_of(adapter: AdapterRecord | None) -> Path | None:
    if adapter is None:
        return None
    if GGUF not in adapter.files:
        raise AdapterRejectedError(
            f"the adapter {adapter.name} has no {GGUF}, which llama.cpp loads and only adapters of the llama "
            "architecture have: serve it with vLLM, or go back with `troika adapters rollback`."
        )
    return adapter.gguf_path


def _context_policy(settings: Settings) -> ContextPolicy:
    retrieval, kind = settings.retrieval, settings.generator.kind
    return ContextPolicy(
        passages=retrieval.passages,
        tokens=retrieval.passage_tokens or _PASSAGE_TOKENS[kind],
        neighbours=_NEIGHBOURS[kind] if retrieval.neighbours is None else retrieval.neighbours,
        diversity=retrieval.diversity,
        same_score=_SAME_SCORE[kind],
    )


def _is_strict(settings: Settings) -> bool:
    if settings.answer.grounding is not None:
        return settings.answer.grounding is GroundingMode.STRICT
    return settings.generator.kind is GeneratorKind.LLAMA_CPP


def _writer(settings: Settings, generator: Generator, grounding: Grounding, release: Release) -> Writer:
    kind = settings.generator.kind
    if kind is GeneratorKind.EXTRACTIVE:
        return ExtractiveWriter(grounding)
    sampling = Sampling(settings.generator.max_tokens, settings.generator.temperature)
    return PromptedWriter(generator, sampling, _refusal_bias(settings.answer.refusal_bias, release))


def _refusal_bias(wanted: float | None, release: Release) -> float:
    """What the settings want, or what was fitted for the adapter."""
    return release.refusal_bias if wanted is None else wanted
