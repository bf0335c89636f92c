"""From files, pages and rows to a published snapshot, in one screen.

list sources -> compare with the collection -> parse what changed -> cut -> truth and BM25 -> embed -> publish

A source that cannot be read is listed and the others go on; what was known of it stays. Whatever fails
beyond a single source leaves the collection as it was, and the next run goes on where this one ended.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

from ingest.build import Build
from ingest.choices import Engine
from ingest.chunking.chunk import ChunkingSpec
from ingest.compare import Change, Comparison, Fate, Withdrawals
from ingest.document import Document
from ingest.embed import load_embedder, spec_from_settings
from ingest.embed_missing import embed_here
from ingest.engines.choose import Cluster, open_ray
from ingest.errors import MetadataError, ParseError
from ingest.parse import document_of, member_uri
from ingest.parse_fingerprint import ParseFingerprint
from ingest.parsers.text_builder import UNREAD_PAGES
from ingest.parsing import ParsedSource, SourceParser
from ingest.plan import Plan
from ingest.progress import Progress, Publication, Silent
from ingest.report import Failure, IngestReport
from ingest.request import IngestRequest, OpenSources
from ingest.settings import Settings
from ingest.snapshots.collection import Collection
from ingest.snapshots.docstore import Origin
from ingest.snapshots.durable import storage_errors
from ingest.snapshots.unfinished import UnfinishedWork
from ingest.sources.memory import SourceMemory
from ingest.workers.pool import ParserPool, WorkerLimits

_MEMORY = "memory.sqlite"


def ingest(
    request: IngestRequest, collection: str, settings: Settings, progress: Progress | None = None
) -> IngestReport:
    """Bring a collection up to date with the sources of a request.

    Raises:
        UsageError: the request names what is not there, or cannot be done as asked.
        CollectionBusyError: another process is writing to the collection.
        StorageError: the disk is full, read-only or failing; what was published last stays whole.
        SnapshotCorruptError, IncompatibleSnapshotError: the collection cannot be built upon.
        MissingExtraError, ClusterError: Ray was asked for, and is not installed or failed.
    """
    target, progress = Collection(settings.home, collection), progress or Silent()
    with ExitStack() as opened:
        opened.enter_context(storage_errors(settings.home))
        memory = opened.enter_context(_memory(target))
        sources = opened.enter_context(OpenSources(request, settings.ingest, memory))
        opened.enter_context(target.writing())
        run = opened.enter_context(_Run(target, settings, memory, progress, target.work))
        run.start(sources.count)
        cluster = opened.enter_context(_cluster(request, settings, target))
        run.take(sources, request, cluster)
        if request.prune:
            run.forget(sources.vanished(run.build.sources))
        if request.lexical_first:
            run.build.reuse_vectors()
            run.publish()
        run.build.embed(progress, cluster.embed if cluster else embed_here)
        return run.finish()


def plan_ingest(request: IngestRequest, collection: str, settings: Settings) -> Plan:
    """What ``ingest`` would do; nothing is done but reading. See ``ingest`` for the errors."""
    target = Collection(settings.home, collection)
    with ExitStack() as opened:
        opened.enter_context(storage_errors(settings.home))
        memory = opened.enter_context(closing(SourceMemory(target.work / _MEMORY, keep=False)))
        sources = opened.enter_context(OpenSources(request, settings.ingest, memory))
        scratch = Path(opened.enter_context(TemporaryDirectory(prefix="troika-plan-")))
        run = opened.enter_context(_Run(target, settings, memory, Silent(), scratch))
        changes = list(run.compare(sources, request))
        removed = sources.vanished(run.build.sources) if request.prune else []
        return Plan.of(collection, changes, removed, run.build.sources, rebuild=run.build.is_rebuild)


def ingest_paths(
    paths: Sequence[Path],
    collection: str,
    settings: Settings,
    *,
    prune: bool = False,
    progress: Progress | None = None,
) -> IngestReport:
    """``ingest`` of files and folders; with ``prune`` forget files that vanished."""
    return ingest(IngestRequest(paths=tuple(paths), prune=prune), collection, settings, progress)


def ingest_documents(documents: Iterable[Document], collection: str, settings: Settings) -> IngestReport:
    """Bring a collection up to date with documents that were made in memory; see ``ingest``."""
    target = Collection(settings.home, collection)
    with ExitStack() as opened:
        opened.enter_context(storage_errors(settings.home))
        memory = opened.enter_context(_memory(target))
        opened.enter_context(target.writing())
        run = opened.enter_context(_Run(target, settings, memory, Silent(), target.work))
        run.start(None)
        for document in documents:
            run.put(document)
        run.build.embed(Silent())
        return run.finish()


def _memory(target: Collection) -> AbstractContextManager[SourceMemory]:
    return closing(SourceMemory(target.make_work() / _MEMORY))


def _cluster(
    request: IngestRequest, settings: Settings, target: Collection
) -> AbstractContextManager[Cluster | None]:
    if request.engine is Engine.RAY:
        return open_ray(request.ray_address, settings, target.models)
    return nullcontext()


class _Run:
    """One run: a build, what is remembered of the sources, and work that an earlier run left."""

    def __init__(
        self, target: Collection, settings: Settings, memory: SourceMemory, progress: Progress, work: Path
    ) -> None:
        """``work`` is the folder for unfinished work."""
        self._target = target
        self._settings = settings
        self._memory = memory
        self._progress = progress
        self._limits = WorkerLimits.of(settings.ingest)
        self._fingerprint = ParseFingerprint.of(self._limits)
        self._started = time.perf_counter()
        self._failed: dict[str, list[Failure]] = {}
        self._cut_short: set[str] = set()
        self._parsed_by: dict[str, str] = {}
        self._added = 0, 0
        self._opened = ExitStack()
        self._unfinished = UnfinishedWork(work / "unfinished.sqlite")
        self.build = Build(
            target,
            spec_from_settings(settings.embedder),
            ChunkingSpec.from_settings(settings.chunking),
            settings.dense,
            lambda: load_embedder(spec_from_settings(settings.embedder), settings.embedder, target.models),
            self._unfinished,
            keep_snapshots=settings.ingest.keep_snapshots,
            find_twins=settings.ingest.near_duplicates,
            store=settings.store,
        )

    def __enter__(self) -> Self:
        self._opened.callback(self._unfinished.close)
        self._opened.enter_context(self.build)
        return self

    def __exit__(self, *error: object) -> None:
        self._opened.close()

    def start(self, sources: int | None) -> None:
        """Begin; a collection that was made another way is cut anew, from the text it holds."""
        self._progress.start(sources)
        if self.build.is_rebuild:
            self.build.carry_over()

    def compare(self, sources: OpenSources, request: IngestRequest) -> Iterator[Change]:
        """The fate of every source."""
        comparison = Comparison(
            self.build.sources, self._memory, self._fingerprint, retry_failed=request.retry_failed
        )
        return comparison.changes(sources.read(self.build.sources))

    def take(self, sources: OpenSources, request: IngestRequest, cluster: Cluster | None) -> None:
        """Parse what changed and stage what comes of it."""
        workers = self._settings.ingest.workers or os.cpu_count() or 1
        with cluster.parsing(self._limits) if cluster else ParserPool(workers, self._limits) as parsing:
            parser = SourceParser(
                parsing,
                self._unfinished,
                self._limits.parse,
                self._fingerprint,
                retry_failed=request.retry_failed,
            )
            for parsed in parser.parse(self._changed(self.compare(sources, request))):
                self._stage(parsed)

    def put(self, document: Document) -> None:
        """Stage a document made in memory, as a source of its own."""
        origin = Origin(document.uri, document.content_sha256)
        if self.build.sources.get(document.uri) == origin.key:
            self.build.report.unchanged += 1
            return
        self.build.put(document, origin)
        self.build.finish_source(origin)

    def forget(self, uris: Iterable[str]) -> None:
        """Remove these sources."""
        for uri in uris:
            self.build.forget(uri)

    def publish(self) -> None:
        """Let readers see what is staged."""
        started = time.perf_counter()
        if self.build.publish() and (manifest := self.build.manifest):
            size = sum(size for size, _ in manifest.files.values())
            seconds = time.perf_counter() - started
            self._progress.published(Publication(manifest.id, manifest.unembedded, size, seconds))

    def finish(self) -> IngestReport:
        """Publish, and forget the work that this was made of."""
        self.publish()
        # Not before: what is not published has to be parsed once more.
        for uri, parsed_by in self._parsed_by.items():
            self._memory.remember_parse(uri, parsed_by)
        self._unfinished.clear()
        self.build.report.seconds = time.perf_counter() - self._started
        return self.build.report

    def _changed(self, changes: Iterable[Change]) -> Iterator[Change]:
        """The sources to parse; the others are counted and listed."""
        withdrawals = Withdrawals()
        for found in changes:
            change, withdrawn = withdrawals.of(found, self.build.sources)
            if change.fate in (Fate.ADD, Fate.UPDATE):
                self.build.prepare()
                yield change
                continue
            self.forget(withdrawn)
            if change.fate is Fate.FAIL:
                self.build.report.unread.append(change.uri)
            else:
                self.build.report.unchanged += 1
                if self._memory.parsed_by(change.uri) is None:
                    # Limits may have had a part in it, too.
                    self._parsed_by[change.uri] = self._fingerprint.whole
            self._list(change.failures)
            self._progress.advance(change.name or change.uri)

    def _stage(self, parsed: ParsedSource) -> None:
        change, part = parsed.change, parsed.part
        if part is not None:
            uri = member_uri(change.uri, part.member)
            try:
                if isinstance(part.outcome, ParseError):
                    raise part.outcome
                name = part.member or change.name
                title = None if part.member else change.title
                document = document_of(uri, name, part.outcome, part.content_sha256, change.metadata, title)
                self.build.put(document, change.origin)
                if UNREAD_PAGES in document.metadata:
                    self._cut_short.add(change.uri)
            except ParseError as error:
                self._fail(change, uri, error)
        if parsed.last:
            self._finish_source(change)

    def _fail(self, change: Change, uri: str, error: ParseError) -> None:
        place = str(change.path) if change.path and uri == change.uri and uri.startswith("file:") else uri
        self._failed.setdefault(change.uri, []).append(Failure.of(place, error.code, str(error)))
        if isinstance(error, MetadataError):
            # Who may see it is not known any more, so that nobody may.
            self.build.withdraw(change.uri, uri)
        else:
            self.build.keep(change.uri, uri)

    def _finish_source(self, change: Change) -> None:
        was_read = self.build.finish_source(change.origin)
        if not was_read:
            self.build.report.unread.append(change.uri)
        failures = self._failed.pop(change.uri, [])
        self._list(failures)
        if was_read:
            by_limits = bool(failures) or change.uri in self._cut_short
            parsed_by = self._fingerprint.whole if by_limits else self._fingerprint.parsers
            self._parsed_by[change.uri] = parsed_by
        if change.sha256:
            self._memory.remember_failures(
                change.uri, change.key, self._fingerprint.whole, failures, wholly=not was_read
            )
            self._memory.remember(change.uri, change.stamp, change.sha256)
        pages, chunks = self._added
        self._added = self.build.report.pages, self.build.report.chunks_added
        self._progress.advance(change.name, self._added[0] - pages, self._added[1] - chunks)

    def _list(self, failures: Iterable[Failure]) -> None:
        for failure in failures:
            self.build.report.failures.append(failure)
            self._progress.failed(failure)
