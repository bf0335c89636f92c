"""A collection in some store, changed and searched as the tests of stores need it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass

from ingest.build import Build
from ingest.chunking.chunk import ChunkingSpec
from ingest.document import Document
from ingest.embed import Embedder
from ingest.progress import Silent
from ingest.settings import Settings
from ingest.snapshots.collection import Collection
from ingest.snapshots.docstore import Origin
from ingest.snapshots.snapshot import Snapshot, open_snapshot
from ingest.snapshots.unfinished import UnfinishedWork
from ingest.snapshots.verify import verify_collection

NAME = "shelf"


@dataclass(frozen=True)
class Shelf:
    """A collection that ``embedder`` makes vectors for."""

    settings: Settings
    embedder: Embedder

    @property
    def collection(self) -> Collection:
        return Collection(self.settings.home, NAME)

    def change(
        self, put: Sequence[Document] = (), forget: Sequence[Document] = (), *, embed: bool = True
    ) -> str:
        """Publish a snapshot with these documents put in and taken out; its id."""
        settings, chunking = self.settings, ChunkingSpec.from_settings(self.settings.chunking)
        with (
            self.collection.writing(),
            closing(UnfinishedWork(self.collection.make_work() / "unfinished.sqlite")) as unfinished,
            Build(
                self.collection,
                self.embedder.spec,
                chunking,
                settings.dense,
                lambda: self.embedder,
                unfinished,
                keep_snapshots=settings.ingest.keep_snapshots,
                find_twins=True,
                store=settings.store,
            ) as build,
        ):
            for document in put:
                build.put(document, Origin(document.uri, document.content_sha256))
                build.finish_source(Origin(document.uri, document.content_sha256))
            for document in forget:
                build.forget(document.uri)
            if embed:
                build.embed(Silent())
            build.publish()
            assert build.manifest is not None
            return build.manifest.id

    @contextmanager
    def opened(self) -> Iterator[Snapshot]:
        with closing(open_snapshot(self.settings.home, NAME, self.settings.store)) as snapshot:
            yield snapshot

    def nearest(self, query: str, depth: int = 50) -> list[tuple[str, float]]:
        """The texts of the chunks that are nearest, with rounded cosines; equals in the order of texts."""
        with self.opened() as snapshot:
            return texts_of(snapshot, snapshot.vectors.search(self.embedder.embed_query(query), depth))

    def by_words(self, query: str, depth: int = 50) -> list[str]:
        """The texts of the chunks that BM25 finds, best first."""
        with self.opened() as snapshot:
            return [text for text, _ in texts_of(snapshot, snapshot.words.search(query, depth))]

    def problems(self) -> tuple[str, ...]:
        return verify_collection(self.settings.home, NAME, self.settings.store).problems


def texts_of(snapshot: Snapshot, found: Sequence[tuple[int, float]]) -> list[tuple[str, float]]:
    """What was found, by its text and not by its number; scores rounded, equals in the order of texts."""
    chunks = snapshot.documents.chunks_by_number([number for number, _ in found])
    pairs = [(chunk.text, round(score, 4)) for chunk, (_, score) in zip(chunks, found, strict=True)]
    return sorted(pairs, key=lambda pair: (-pair[1], pair[0]))
