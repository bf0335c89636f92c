"""A small real collection, searched with the real embedder, and pipelines over it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import Engine

from ingest.embed import Embedder
from ingest.pipeline import ingest_documents
from ingest.settings import Settings
from ingest.snapshots.snapshot import Snapshot, open_snapshot
from service.abstention.judge import Judge
from service.answer import Answer
from service.generate import Generator, Sampling
from service.grounding.entailment import Entailment
from service.grounding.support import Grounding
from service.history.engine import open_file
from service.history.history import HISTORY_FILE, History
from service.pipeline import AnswerPipeline, AnswerPolicy
from service.releases.release import base_release
from service.retrieval.context import ContextBuilder, ContextPolicy
from service.retrieval.conversation import Conversation
from service.retrieval.question_writer import QuestionWriter
from service.retrieval.rerank import Reranker, RerankPolicy
from service.retrieval.retrieve import Retriever
from service.retrieval.search import Search, SearchPolicy
from service.write import PromptedWriter
from tests.small_handbook import small_handbook

COLLECTION = "small"
PLAIN = SearchPolicy(RerankPolicy(depth=20, margin=1.0))


@pytest.fixture(autouse=True)
def one_embedder(shared_embedders: None) -> None:
    """None of these tests is about opening an embedder."""


@pytest.fixture(scope="session")
def empty_history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A history in which nothing is kept yet."""
    path = tmp_path_factory.mktemp("history") / HISTORY_FILE
    History(path).close()
    return path


@pytest.fixture(autouse=True)
def copied_histories(empty_history: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a new history begin as a copy of the empty one: to make its tables takes longer than most tests."""

    def open_copy(path: Path) -> Engine:
        engine = open_file(path)
        if not path.exists():
            with suppress(OSError):
                shutil.copyfile(empty_history, path)
        return engine

    monkeypatch.setattr("service.history.history.open_file", open_copy)


@pytest.fixture(scope="session")
def small_settings(tmp_path_factory: pytest.TempPathFactory, shared_models: Path) -> Settings:
    """Settings whose home holds the small handbook as the collection ``small``; tests only read it."""
    settings = Settings(home=tmp_path_factory.mktemp("service-home"), collection=COLLECTION)
    (settings.home / "models").symlink_to(shared_models)
    ingest_documents(small_handbook(), COLLECTION, settings)
    return settings


@pytest.fixture(scope="session")
def small_snapshot(small_settings: Settings) -> Iterator[Snapshot]:
    snapshot = open_snapshot(small_settings.home, COLLECTION)
    yield snapshot
    snapshot.close()


@pytest.fixture(scope="session")
def grounding(small_snapshot: Snapshot) -> Grounding:
    return Grounding(small_snapshot.words.document_frequency, small_snapshot.manifest.chunks)


@dataclass
class PipelineMaker:
    """Puts pipelines over the small collection together; ``kept`` holds the answers they kept."""

    snapshot: Snapshot
    source: Retriever
    grounding: Grounding
    embedder: Embedder
    kept: list[Answer] = field(default_factory=list[Answer])

    def __call__(
        self,
        generator: Generator,
        *,
        strict: bool = True,
        min_evidence: float = 0.4,
        max_sentences: int = 2,
        passage_tokens: int = 4000,
        neighbours: int = 0,
        reranker: Reranker | None = None,
        rewrites: bool = False,
        policy: SearchPolicy = PLAIN,
        entailment: Entailment | None = None,
    ) -> AnswerPipeline:
        writer = QuestionWriter(generator)
        return AnswerPipeline(
            snapshot=self.snapshot,
            embedder=self.embedder,
            search=Search(
                self.source,
                Conversation(
                    self.source.document_frequency,
                    self.snapshot.manifest.chunks,
                    writer if rewrites else None,
                ),
                writer,
                reranker,
                policy,
            ),
            context=ContextBuilder(
                self.snapshot.documents,
                self.embedder.tokens.count,
                ContextPolicy(3, passage_tokens, neighbours),
            ),
            grounding=self.grounding,
            judge=Judge(self.grounding, self.embedder, min_evidence),
            generator=generator,
            writer=PromptedWriter(generator, Sampling(max_tokens=64)),
            release=base_release(),
            policy=AnswerPolicy(
                max_sentences=max_sentences,
                withhold_unsupported=strict,
                max_question_characters=400,
            ),
            keep=lambda answer, _inquiry: self.kept.append(answer),
            entailment=entailment,
        )


@pytest.fixture
def make_pipeline(
    small_settings: Settings, small_snapshot: Snapshot, embedder: Embedder, grounding: Grounding
) -> PipelineMaker:
    retriever = Retriever(small_snapshot, embedder, small_settings.retrieval)
    return PipelineMaker(small_snapshot, retriever, grounding, embedder)
