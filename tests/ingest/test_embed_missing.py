"""Vectors for what has none: each text once, what exists is taken, what was computed is kept at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ingest.chunking.chunk import Chunker, ChunkingSpec
from ingest.embed_missing import embed_missing, reuse_known
from ingest.progress import Silent
from ingest.settings import ChunkingSettings, DenseSettings
from ingest.snapshots.collection import Collection
from ingest.snapshots.docstore import ChunkRow, Origin
from ingest.snapshots.staging import StagedSnapshot
from ingest.snapshots.unfinished import UnfinishedWork
from ingest.vectors.known import KnownVectors, vector_key
from tests.ingest.conftest import CountingEmbedder
from tests.small_handbook import chunks_of, make_document

SPEC = ChunkingSpec.from_settings(ChunkingSettings())
SENTENCE = "Copy it while the server runs."


class Heard(Silent):
    """What progress was told."""

    def __init__(self) -> None:
        self.expected = self.done = 0

    def embedding(self, chunks: int) -> None:
        self.expected = chunks

    def embedded(self, chunks: int) -> None:
        self.done += chunks


@pytest.fixture
def unfinished(tmp_path: Path) -> Iterator[UnfinishedWork]:
    with closing(UnfinishedWork(tmp_path / "unfinished.sqlite")) as unfinished:
        yield unfinished


@pytest.fixture
def staged(tmp_path: Path, words: CountingEmbedder) -> Iterator[StagedSnapshot]:
    """150 chunks of different texts, of which the first is held by three more documents."""
    target = Collection(tmp_path, "docs")
    with target.writing():
        staged = StagedSnapshot(target, words.spec, SPEC, DenseSettings(), None)
        chunker = Chunker(words, SPEC)
        texts = [
            *(f"{SENTENCE} {'Again. ' * (number % 9)}{number}\n" for number in range(150)),
            *[f"{SENTENCE} 0\n"] * 3,
        ]
        for index, text in enumerate(texts):
            document = make_document(f"{index}.md", "One title", text)
            rows = [
                ChunkRow(number, chunk, vector_key(words.spec, chunker.embedding_text(chunk)))
                for number, chunk in enumerate(chunks_of(document), staged.documents.next_number())
            ]
            staged.add(document, Origin(document.uri, "key"), rows)
        yield staged
        staged.discard()


def embed(
    staged: StagedSnapshot, words: CountingEmbedder, unfinished: UnfinishedWork, base: Path | None = None
) -> Heard:
    heard = Heard()
    with closing(KnownVectors(None, unfinished)) as known:
        embed_missing(staged, known, unfinished, lambda: (words, Chunker(words, SPEC)), heard)
    return heard


def test_each_text_is_embedded_once_the_longest_first(
    staged: StagedSnapshot, words: CountingEmbedder, unfinished: UnfinishedWork
) -> None:
    heard = embed(staged, words, unfinished)
    assert (heard.expected, heard.done) == (153, 153)
    assert words.passages == len(set(words.texts)) == 150
    assert words.texts == sorted(words.texts, key=len, reverse=True)
    assert staged.unembedded() == []


def test_what_was_computed_before_an_interruption_is_taken_afterwards(
    staged: StagedSnapshot, words: CountingEmbedder, unfinished: UnfinishedWork
) -> None:
    words.interrupt_after = 2
    with pytest.raises(KeyboardInterrupt):
        embed(staged, words, unfinished)
    assert words.passages == 128
    words.interrupt_after = None
    embed(staged, words, unfinished)
    assert words.passages == 150
    assert staged.unembedded() == []


def test_what_is_known_is_reused_without_an_embedder(
    staged: StagedSnapshot, words: CountingEmbedder, unfinished: UnfinishedWork
) -> None:
    key = staged.documents.vector_keys([1])[1]
    unfinished.keep_vectors([(key, words.embed_query("anything"))])
    with closing(KnownVectors(None, unfinished)) as known:
        reuse_known(staged, known)
    assert words.passages == 0
    assert len(staged.unembedded()) == 149, "the other three with the same text have its vector, too"


def test_where_nothing_is_missing_the_embedder_is_not_opened(
    staged: StagedSnapshot, words: CountingEmbedder, unfinished: UnfinishedWork
) -> None:
    embed(staged, words, unfinished)

    def refuse() -> tuple[CountingEmbedder, Chunker]:
        raise AssertionError

    with closing(KnownVectors(None, unfinished)) as known:
        embed_missing(staged, known, unfinished, refuse, Silent())
