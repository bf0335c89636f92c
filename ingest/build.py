"""One run over one collection: what comes in is staged, and published whole.

The truth and BM25 are written as documents come, vectors at the end for all chunks that have none, in
batches of like length. A text is embedded once: a vector that the snapshot before holds, or that an
interrupted run left behind, is taken from there.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import replace
from typing import Self

from ingest.chunking.chunk import Chunker, ChunkingSpec
from ingest.document import Document
from ingest.embed import Embedder, EmbedderSpec
from ingest.embed_missing import EmbedBatches, EmbeddingProgress, embed_here, embed_missing, reuse_known
from ingest.report import IngestReport
from ingest.settings import DenseSettings
from ingest.snapshots.collection import Collection
from ingest.snapshots.docstore import ChunkRow, Docstore, DocumentSummary, Origin
from ingest.snapshots.docstore_rows import summarize
from ingest.snapshots.lineage import line_of
from ingest.snapshots.manifest import IndexManifest, read_manifest
from ingest.snapshots.snapshot import DOCUMENTS, require_sizes
from ingest.snapshots.staging import StagedSnapshot
from ingest.snapshots.unfinished import UnfinishedWork
from ingest.sources.files import is_inside
from ingest.stores.settings import FILES, StoreSettings
from ingest.vectors.known import KnownVectors, vector_key


class Build:
    """Stages changes on the collection's current snapshot; ``sources`` maps its sources to their keys."""

    def __init__(
        self,
        target: Collection,
        embedder: EmbedderSpec,
        chunking: ChunkingSpec,
        dense: DenseSettings,
        load: Callable[[], Embedder],
        unfinished: UnfinishedWork,
        *,
        keep_snapshots: int,
        find_twins: bool,
        store: StoreSettings = FILES,
    ) -> None:
        """``load`` opens the embedder; it is called when a document may have to be cut, in another thread."""
        self.report = IngestReport(collection=target.name)
        self.sources: dict[str, str] = {}
        self.manifest: IndexManifest | None = None
        self._target = target
        self._embedder_spec = embedder
        self._chunking = chunking
        self._dense = dense
        self._load = load
        self._unfinished = unfinished
        self._keep_snapshots = keep_snapshots
        self._find_twins = find_twins
        self._store = store
        self._documents: dict[str, DocumentSummary] = {}
        self._of_source: dict[str, set[str]] = {}
        self._fresh: dict[str, set[str]] = {}
        self._unread: dict[str, set[str]] = {}
        self._known_before: set[str] = set()
        self._staged: StagedSnapshot | None = None
        self._embedder: Future[tuple[Embedder, Chunker]] | None = None
        self._superseded: str | None = None
        self._opened = ExitStack()

    def __enter__(self) -> Self:
        """Read what the collection holds now.

        Raises:
            SnapshotCorruptError, IncompatibleSnapshotError: it cannot be built upon.
        """
        if self._target.current_id() is not None:
            directory = self._target.require_current()
            self.manifest = read_manifest(directory)
            require_sizes(directory, self.manifest)
            store = Docstore(directory / DOCUMENTS)
            self._opened.callback(store.close)
            for summary in store.document_summaries():
                self._note(summary)
            self._known_before = set(self.sources)
        return self

    def __exit__(self, *error: object) -> None:
        if self._staged is not None:
            self._staged.discard()
        self._opened.close()

    @property
    def is_rebuild(self) -> bool:
        """Whether the collection was made with another embedder or chunking, so that all is made anew."""
        before = self.manifest
        return before is not None and (before.embedder, before.chunking) != (
            self._embedder_spec,
            self._chunking,
        )

    def carry_over(self) -> None:
        """Cut all documents of the collection anew, from the text that it holds."""
        store = Docstore(self._target.require_current() / DOCUMENTS)
        self._opened.callback(store.close)
        self._staged = self._new_stage(on_current=False)
        for summary in store.document_summaries():
            kept = store.document_with_origin(summary.id)
            if kept is not None:
                self._add(*kept)
        self.report.chunks_added = 0

    def put(self, document: Document, origin: Origin) -> None:
        """Add a document, in place of one with the same address. One that is the same stays as it is.

        ``finish_source`` is to follow when the last document of its source was put.
        """
        before = self._documents.get(document.uri)
        self._fresh.setdefault(origin.uri, set()).add(document.uri)
        if before is not None:
            if self._is_same(before, document):
                self._move(before, origin)
                return
            self._drop(before)
        self._add(document, origin)
        self._note(summarize(document, origin))
        self.report.pages += len(document.pages)

    def keep(self, source_uri: str, uri: str) -> None:
        """Let what was known of a part of a source stay, since the part cannot be read now."""
        self._unread.setdefault(source_uri, set()).add(uri)

    def finish_source(self, origin: Origin) -> bool:
        """All documents of a source were put: those of its older version that did not come again go, but for
        those in parts that could not be read.

        Where none was put, nothing of it could be read: what was known of it stays, and the answer is False.
        """
        fresh, unread = self._fresh.pop(origin.uri, set()), self._unread.pop(origin.uri, set())
        if not fresh:
            return False
        for uri in self._of_source.get(origin.uri, set[str]()) - fresh:
            if any(is_inside(uri, part) for part in unread):
                self._move(self._documents[uri], origin)
            else:
                self._drop(self._documents[uri])
        was_known = origin.uri in self._known_before
        self.sources[origin.uri] = origin.key
        self._known_before.add(origin.uri)
        self.report.updated += was_known
        self.report.added += not was_known
        return True

    def forget(self, source_uri: str) -> None:
        """Remove a source with all its documents."""
        if self.sources.pop(source_uri, None) is not None:
            for uri in self._of_source.pop(source_uri, set[str]()).copy():
                self._drop(self._documents[uri])
            self.report.removed += 1

    def withdraw(self, source_uri: str, uri: str) -> None:
        """Remove one document of a source, and the source with its last one."""
        before = self._documents.get(uri)
        if before is not None:
            self._drop(before)
            if not self._of_source.get(source_uri):
                self.forget(source_uri)

    def embed(self, progress: EmbeddingProgress, embed: EmbedBatches = embed_here) -> None:
        """Give a vector to every chunk that has none."""
        if self._staged is None:
            if self.manifest is None or not self.manifest.unembedded:
                return
            self._superseded = self.manifest.id
        with closing(self._known_vectors()) as known:
            embed_missing(self._stage(), known, self._unfinished, self._open_embedder, progress, embed)

    def reuse_vectors(self) -> None:
        """Give their vectors to the staged chunks whose text was embedded before.

        Publishing without vectors needs it first: the snapshot that has them is not the one before any more.
        """
        if self._staged is not None:
            with closing(self._known_vectors()) as known:
                reuse_known(self._staged, known)

    def publish(self) -> bool:
        """Publish what was staged; whether anything was."""
        is_staged = self._staged is not None
        if self._staged is not None:
            self.manifest = self._staged.publish(self._base())
            self._staged = None
        if self.manifest is not None:
            self._target.prune_snapshots(
                self._keep_snapshots,
                line=line_of(self._target, self.manifest.id),
                superseded=self._superseded,
            )
            self.report.snapshot, self.report.chunks_total = self.manifest.id, self.manifest.chunks
            self.report.unembedded = self.manifest.unembedded
        return is_staged

    def _base(self) -> str | None:
        """What going back from the next snapshot leads to: never to one that only lacks its vectors."""
        if self.manifest is None:
            return None
        return self.manifest.base if self.manifest.id == self._superseded else self.manifest.id

    def _add(self, document: Document, origin: Origin) -> None:
        """Cut a document and stage it with its chunks, those that repeat an earlier one as its twins."""
        staged, chunker = self._stage(), self._open_chunker()
        first = staged.documents.next_number()
        rows = [
            ChunkRow(
                number,
                chunk,
                vector_key(self._embedder_spec, chunker.embedding_text(chunk, document.named_by_file)),
                staged.twin_of(number, chunk, document) if self._find_twins else None,
            )
            for number, chunk in enumerate(chunker.chunk(document), first)
        ]
        staged.add(document, origin, rows)
        self.report.chunks_added += len(rows)

    def _drop(self, summary: DocumentSummary) -> None:
        self.report.chunks_removed += self._stage().remove(summary.id)
        del self._documents[summary.uri]
        self._of_source.get(summary.source_uri, set[str]()).discard(summary.uri)

    def _known_vectors(self) -> KnownVectors:
        base = None
        if self.manifest is not None and self.manifest.embedder == self._embedder_spec:
            base = self._target.require_current(), self.manifest
        return KnownVectors(base, self._unfinished, self._store)

    def _is_same(self, before: DocumentSummary, document: Document) -> bool:
        """Whether the collection holds this very document, with the same metadata."""
        if before.id != document.id or before.content_sha256 != document.content_sha256:
            return False
        kept = self._stage().documents.document(before.id)
        return kept == document

    def _move(self, summary: DocumentSummary, origin: Origin) -> None:
        """Note that a document that stays comes from another source now, or another version of it."""
        self._stage().documents.set_origin(summary.id, origin)
        self._of_source[summary.source_uri].discard(summary.uri)
        self._note(replace(summary, source_uri=origin.uri, source_key=origin.key))

    def _note(self, summary: DocumentSummary) -> None:
        self._documents[summary.uri] = summary
        self._of_source.setdefault(summary.source_uri, set()).add(summary.uri)
        self.sources.setdefault(summary.source_uri, summary.source_key)

    def _stage(self) -> StagedSnapshot:
        if self._staged is None:
            self._staged = self._new_stage(on_current=not self.is_rebuild)
        return self._staged

    def _new_stage(self, *, on_current: bool) -> StagedSnapshot:
        base = self._target.require_current() if on_current and self.manifest is not None else None
        kept_in = self.manifest.store.kind if self.manifest else self._store.kind
        return StagedSnapshot(
            self._target,
            self._embedder_spec,
            self._chunking,
            self._dense,
            base,
            store=self._store.of_kind(kept_in),
        )

    def prepare(self) -> Future[tuple[Embedder, Chunker]]:
        """Begin to open the embedder: it takes as long as a parser takes to start and read a first file."""
        if self._embedder is None:
            opening = ThreadPoolExecutor(1, "embedder")
            self._embedder = opening.submit(self._load_embedder)
            opening.shutdown(wait=False)
        return self._embedder

    def _load_embedder(self) -> tuple[Embedder, Chunker]:
        embedder = self._load()
        return embedder, Chunker(embedder, self._chunking)

    def _open_embedder(self) -> tuple[Embedder, Chunker]:
        return self.prepare().result()

    def _open_chunker(self) -> Chunker:
        return self._open_embedder()[1]
