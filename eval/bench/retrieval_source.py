"""Real passages with their real vectors, and as many more as a size asks for, made from them.

A passage that is made takes a real one's sentences, some of them exchanged for those of a second, and its
vector stands between the two, a little aside. So terms are as frequent and vectors as close as real ones are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eval.bench.retrieval_corpus import (
    BenchCorpus,
    BenchCorpusWriter,
    BenchPassage,
    Matrix,
    is_written,
)
from eval.cases.read import read_cases
from eval.retrieval.dataset_index import corpus_documents
from eval.retrieval.datasets import Dataset, read_dataset
from ingest.chunking.chunk import Chunker, ChunkingSpec
from ingest.document import Document
from ingest.embed import Embedder, load_embedder, spec_from_settings
from ingest.parse import parse_file
from ingest.settings import Settings
from ingest.snapshots.collection import Collection
from ingest.words.sentences import sentence_spans

MOST_QUESTIONS = 1_000
_EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
_SECOND_VECTOR = 0.4
_ASIDE = 0.3
_EXCHANGED = 1 / 3
_BLOCK = 4_096
_SEED = 20_261_121
_VERSION = 1
"""Goes up with any change to what is made, so that a kept corpus of an older kind is not taken for it."""


def bench_folder(settings: Settings) -> Path:
    """Where corpora are kept for the next run."""
    return settings.home / "work" / "bench"


def ensure_corpus(datasets: Sequence[Path], chunks: int, settings: Settings) -> BenchCorpus:
    """A corpus of ``chunks`` passages from data sets in the BEIR layout, or from the sample handbook.

    The real passages come first; it is made once and kept under the home.

    Raises:
        CasesError: a data set is not in the documented form.
    """
    source = _ensure_source(datasets, settings)
    folder = source.folder.with_name(f"{source.folder.name}-{chunks}")
    return BenchCorpus(folder) if is_written(folder) else _grow(source, chunks, folder)


def _ensure_source(datasets: Sequence[Path], settings: Settings) -> BenchCorpus:
    sets = [read_dataset(path, limit=MOST_QUESTIONS) for path in datasets]
    spec = spec_from_settings(settings.embedder)
    told = [spec.fingerprint, settings.chunking.model_dump_json(), str(_VERSION)]
    told += [found.corpus_sha256 for found in sets] or ["handbook"]
    folder = bench_folder(settings) / hashlib.sha256("\n".join(told).encode()).hexdigest()[:12]
    if is_written(folder):
        return BenchCorpus(folder)
    embedder = load_embedder(spec, settings.embedder, Collection(settings.home, "bench").models)
    documents = _documents(sets) if sets else _handbook()
    chunker = Chunker(embedder, ChunkingSpec.from_settings(settings.chunking))
    cut = [(document, chunk) for document in documents for chunk in chunker.chunk(document)]
    vectors = embedder.embed_passages([chunker.embedding_text(c, d.named_by_file) for d, c in cut])
    writer = BenchCorpusWriter(folder, len(cut), spec.dimension)
    writer.add([BenchPassage(chunk.title, chunk.language, chunk.text) for _, chunk in cut], vectors)
    questions = _questions(sets)
    return writer.finish(questions, _question_vectors(embedder, questions))


def _documents(sets: Sequence[Dataset]) -> Iterator[Document]:
    for found in sets:
        yield from corpus_documents(found)


def _handbook() -> Iterator[Document]:
    for path in sorted((_EXAMPLES / "handbook").rglob("*")):
        if path.is_file():
            yield parse_file(path)


def _questions(sets: Sequence[Dataset]) -> list[str]:
    """At most ``MOST_QUESTIONS``, from all sets in turn."""
    asked = [query.text for found in sets for query in found.queries]
    if not sets:
        asked = [case.question for case in read_cases(_EXAMPLES / "questions.jsonl")]
    order = np.random.default_rng(_SEED).permutation(len(asked))[:MOST_QUESTIONS]
    return [asked[row] for row in order]


def _question_vectors(embedder: Embedder, questions: Sequence[str]) -> Matrix:
    return np.stack([embedder.embed_query(question) for question in questions])


def _grow(source: BenchCorpus, chunks: int, folder: Path) -> BenchCorpus:
    passages, random = list(source.passages()), np.random.default_rng(_SEED)
    sentences = [_sentences(passage.text) for passage in passages]
    writer = BenchCorpusWriter(folder, chunks, source.vectors.shape[1])
    real = min(len(passages), chunks)
    writer.add(passages[:real], source.vectors[:real])
    for start in range(real, chunks, _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, chunks)) % len(passages)
        others = random.integers(0, len(passages), len(rows))
        first: list[int] = rows.tolist()
        texts = _mixed(sentences, first, others.tolist(), random)
        made = [
            BenchPassage(passages[one].title, passages[one].language, text)
            for one, text in zip(first, texts, strict=True)
        ]
        writer.add(made, _between(source.vectors, rows, others, random))
    return writer.finish(source.questions, source.question_vectors)


def _sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in sentence_spans(text)] or [text]


def _mixed(
    sentences: Sequence[Sequence[str]], first: list[int], second: list[int], random: np.random.Generator
) -> Iterator[str]:
    """The sentences of each first passage, about a third of them exchanged for some of the second."""
    for one, two in zip(first, second, strict=True):
        draws: list[list[float]] = random.random((len(sentences[one]), 2)).tolist()
        others = sentences[two]
        yield " ".join(
            others[int(which * len(others))] if exchanged < _EXCHANGED else sentence
            for sentence, (exchanged, which) in zip(sentences[one], draws, strict=True)
        )


def _between(
    vectors: Matrix, first: NDArray[np.int64], second: NDArray[np.int64], random: np.random.Generator
) -> Matrix:
    """Unit vectors near the first ones, on the side of the second ones; about .85 is their cosine."""
    aside = random.standard_normal((len(first), vectors.shape[1]), dtype=np.float32)
    aside *= _ASIDE / np.linalg.norm(aside, axis=1, keepdims=True)
    mixed = vectors[first] + _SECOND_VECTOR * vectors[second] + aside
    return mixed / np.linalg.norm(mixed, axis=1, keepdims=True)
