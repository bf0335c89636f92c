"""From files on disk to a published snapshot, in one screen.

find files -> skip the unchanged -> parse -> chunk -> embed -> stage -> publish

A file that cannot be read is listed and the others go on; what was known of it stays. Whatever fails
beyond a single file leaves the collection as it was.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Protocol, Self

from ingest.chunk import Chunker, ChunkingSpec
from ingest.collection import Collection
from ingest.docstore import DocumentSummary, summarize
from ingest.document import Document
from ingest.durable import file_sha256
from ingest.embed import Embedder, EmbedderSpec, load_embedder, spec_from_settings
from ingest.errors import IncompatibleSnapshotError, ParseError, UnreadableFileError
from ingest.parse import parse_file
from ingest.report import Failure, IngestReport
from ingest.settings import Settings
from ingest.snapshot import IndexManifest, StagedSnapshot, open_snapshot
from ingest.sources import Sources, find_files


class Progress(Protocol):
    """Told of every file that is dealt with."""

    def start(self, files: int) -> None: ...

    def advance(self, name: str) -> None: ...


class Silent:
    """Progress that nobody watches."""

    def start(self, files: int) -> None:
        """Ignore the number of files."""

    def advance(self, name: str) -> None:
        """Ignore a finished file."""


def ingest_paths(
    paths: Sequence[Path],
    collection: str,
    settings: Settings,
    *,
    prune: bool = False,
    progress: Progress | None = None,
) -> IngestReport:
    """Bring a collection up to date with files and folders; with ``prune`` forget files that vanished.

    Raises:
        PathNotFoundError: a path does not exist.
        CollectionBusyError: another process is writing to the collection.
        IncompatibleSnapshotError: the collection was built with another embedder or chunking.
    """
    sources = find_files(paths)
    target = Collection(settings.home, collection)
    with target.writing(), _Ingest(target, settings) as run:
        run.update(_changed_documents(sources, run, settings, progress or Silent()))
        if prune:
            present = {file.uri for file in sources.files}
            run.forget([uri for uri in run.known if sources.covers(uri) and uri not in present])
        return run.finish()


def ingest_documents(documents: Iterable[Document], collection: str, settings: Settings) -> IngestReport:
    """Bring a collection up to date with documents that were made in memory; see ``ingest_paths``."""
    target = Collection(settings.home, collection)
    with target.writing(), _Ingest(target, settings) as run:
        run.update(document for document in documents if not run.is_unchanged(document))
        return run.finish()


def _changed_documents(
    sources: Sources, run: _Ingest, settings: Settings, progress: Progress
) -> Iterator[Document]:
    progress.start(len(sources.files))
    for error in sources.unreadable:
        reason = f"the folder cannot be read ({error.strerror}): check that you may read it."
        run.report.failures.append(Failure.of(str(error.filename), UnreadableFileError.code, reason))
    for file in sources.files:
        try:
            before = run.known.get(file.uri)
            if before is not None and before.content_sha256 == _sha256(file.path):
                run.report.unchanged += 1
            else:
                yield parse_file(file.path, max_bytes=settings.ingest.max_file_megabytes * 1_000_000)
        except ParseError as error:
            run.report.failures.append(Failure.of(str(file.path), error.code, str(error)))
        progress.advance(file.path.name)


def _sha256(path: Path) -> str | None:
    try:
        return file_sha256(path)
    except OSError:
        return None  # parse_file says precisely what is wrong with it


class _Ingest:
    """One run over one collection: opens late, publishes once, cleans up after itself.

    ``known`` holds the documents by URI as they are now, those of this run included.
    """

    def __init__(self, target: Collection, settings: Settings) -> None:
        self.report = IngestReport(collection=target.name)
        self.known: dict[str, DocumentSummary] = {}
        self._target = target
        self._settings = settings
        self._started = time.perf_counter()
        self._manifest: IndexManifest | None = None
        self._staged: StagedSnapshot | None = None

    def __enter__(self) -> Self:
        if self._target.current_id() is not None:
            with closing(open_snapshot(self._target.home, self._target.name)) as current:
                self._require_same_pipeline(current.manifest)
                self._manifest = current.manifest
                self.known = {summary.uri: summary for summary in current.documents.document_summaries()}
        return self

    def __exit__(self, *error: object) -> None:
        if self._staged is not None:
            self._staged.discard()

    def is_unchanged(self, document: Document) -> bool:
        """Whether the collection holds this very document already; counts it if so."""
        before = self.known.get(document.uri)
        unchanged = before is not None and before.content_sha256 == document.content_sha256
        self.report.unchanged += unchanged
        return unchanged

    def update(self, documents: Iterable[Document]) -> None:
        """Add or replace documents, as they come; the embedder is loaded for the first."""
        embedder: Embedder | None = None
        for document in documents:
            embedder = embedder or load_embedder(self._spec(), self._settings.embedder, self._target.models)
            self._replace(document, embedder, Chunker(embedder, self._chunking()))

    def _replace(self, document: Document, embedder: Embedder, chunker: Chunker) -> None:
        chunks = chunker.chunk(document)
        vectors = embedder.embed_passages([chunker.embedding_text(chunk) for chunk in chunks])
        staged = self._stage()
        before = self.known.get(document.uri)
        if before is None:
            self.report.added += 1
        else:
            self.report.updated += 1
            self.report.chunks_removed += staged.remove(before.id)
        staged.add(document, chunks, vectors)
        self.known[document.uri] = summarize(document)
        self.report.chunks_added += len(chunks)
        self.report.pages += len(document.pages)

    def forget(self, uris: Iterable[str]) -> None:
        """Remove the documents with these URIs."""
        for uri in uris:
            self.report.chunks_removed += self._stage().remove(self.known.pop(uri).id)
            self.report.removed += 1

    def finish(self) -> IngestReport:
        """Publish what was staged, if anything was."""
        if self._staged is not None:
            self._manifest = self._staged.publish()
            self._staged = None
            self._target.prune_snapshots(self._settings.ingest.keep_snapshots)
        if self._manifest is not None:
            self.report.snapshot, self.report.chunks_total = self._manifest.id, self._manifest.chunks
        self.report.seconds = time.perf_counter() - self._started
        return self.report

    def _stage(self) -> StagedSnapshot:
        if self._staged is None:
            self._staged = StagedSnapshot(self._target, self._spec(), self._chunking())
        return self._staged

    def _spec(self) -> EmbedderSpec:
        return spec_from_settings(self._settings.embedder)

    def _chunking(self) -> ChunkingSpec:
        chunking = self._settings.chunking
        return ChunkingSpec(chunking.max_tokens, chunking.context_tokens)

    def _require_same_pipeline(self, manifest: IndexManifest) -> None:
        if (manifest.embedder, manifest.chunking) != (self._spec(), self._chunking()):
            raise IncompatibleSnapshotError(
                f"the collection {self._target.name!r} was built with another embedder or chunking "
                f"({manifest.embedder.model}, {manifest.chunking.max_tokens} tokens): "
                "restore these settings, or ingest into a new collection."
            )
