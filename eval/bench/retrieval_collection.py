"""A collection that holds a benchmark's corpus, staged as by an ingest, with the vectors it brings."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import islice

from eval.bench.retrieval_corpus import BenchCorpus, BenchPassage
from ingest.chunking.chunk import ChunkingSpec
from ingest.document import Block, BlockKind, Chunk, Document, chunk_id, document_id
from ingest.embed import EmbedderSpec, spec_from_settings
from ingest.errors import IncompatibleSnapshotError
from ingest.settings import Settings
from ingest.snapshots.collection import Collection
from ingest.snapshots.docstore_rows import ChunkRow, Origin
from ingest.snapshots.manifest import read_manifest
from ingest.snapshots.staging import StagedSnapshot
from ingest.vectors.known import vector_key

_PASSAGES_PER_DOCUMENT = 20
_GAP = "\n\n"


def ensure_collection(corpus: BenchCorpus, settings: Settings) -> str:
    """The name of the corpus's collection; passage ``row`` is its chunk ``row + 1``. Made if absent."""
    indexed = hashlib.sha256(settings.dense.model_dump_json().encode()).hexdigest()[:6]
    target = Collection(settings.home, f"bench-{corpus.folder.name}-{indexed}")
    if not _is_readable(target):
        with target.writing():
            _build(corpus, target, settings)
            target.prune_snapshots(1)
    return target.name


def _is_readable(target: Collection) -> bool:
    if target.current_id() is None:
        return False
    try:
        read_manifest(target.require_current())
    except IncompatibleSnapshotError:
        return False
    return True


def _build(corpus: BenchCorpus, target: Collection, settings: Settings) -> None:
    spec = spec_from_settings(settings.embedder)
    chunking = ChunkingSpec.from_settings(settings.chunking)
    staged = StagedSnapshot(target, spec, chunking, settings.dense, base=None)
    try:
        for first, document, chunks in _documents(corpus):
            rows = _rows(first, chunks, spec)
            staged.add(document, Origin(document.uri, document.content_sha256), rows)
            vectors = corpus.vectors[first - 1 : first - 1 + len(rows)]
            staged.add_vectors([row.number for row in rows], vectors)
        staged.publish()
    finally:
        staged.discard()


def _rows(first: int, chunks: Sequence[Chunk], spec: EmbedderSpec) -> list[ChunkRow]:
    # Nothing is ever looked up by these keys, so they need only differ.
    return [ChunkRow(number, chunk, vector_key(spec, chunk.id)) for number, chunk in enumerate(chunks, first)]


def _documents(corpus: BenchCorpus) -> Iterator[tuple[int, Document, list[Chunk]]]:
    """The number of the first chunk, the document, its chunks; a passage each."""
    with closing(corpus.passages()) as passages:
        first = 1
        while taken := list(islice(passages, _PASSAGES_PER_DOCUMENT)):
            yield first, *_document(f"bench:{first:09}", taken)
            first += len(taken)


def _document(uri: str, passages: Sequence[BenchPassage]) -> tuple[Document, list[Chunk]]:
    text = _GAP.join(passage.text for passage in passages)
    identity, language, start = document_id(uri, text), passages[0].language, 0
    blocks: list[Block] = []
    chunks: list[Chunk] = []
    for passage in passages:
        end = start + len(passage.text)
        # Documents hold passages of several titles, so a passage's own stands as the heading above it.
        path = (passage.title,) if passage.title else ()
        blocks.append(Block(BlockKind.PARAGRAPH, start, end, path))
        chunks.append(
            Chunk(
                id=chunk_id(identity, start, end),
                document_id=identity,
                uri=uri,
                title="",
                heading_path=path,
                text=passage.text,
                start=start,
                end=end,
                page_start=None,
                page_end=None,
                kind=BlockKind.PARAGRAPH,
                language=language,
            )
        )
        start = end + len(_GAP)
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return Document(identity, uri, "", text, language, (), tuple(blocks), digest), chunks
