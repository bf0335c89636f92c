"""A collection as the training of its embedder sees it: its snapshot, its retriever, the texts it embeds."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from finetune.data.passages import IndexPassages
from ingest.chunking.chunk import Chunker
from ingest.document import Chunk
from ingest.embed import Embedder, EmbedderSpec, load_embedder
from ingest.settings import Settings
from ingest.snapshots.snapshot import Snapshot, open_snapshot
from ingest.stores.settings import StoreSettings
from service.retrieval.retrieve import Retriever


@dataclass(frozen=True, slots=True)
class OpenCollection:
    """The current snapshot of a collection, and what searches it."""

    snapshot: Snapshot
    embedder: Embedder
    retriever: Retriever
    chunker: Chunker

    @property
    def spec(self) -> EmbedderSpec:
        return self.snapshot.manifest.embedder

    @property
    def passages(self) -> IndexPassages:
        """Where labels find their passages."""
        return IndexPassages(self.snapshot.id, self.snapshot.documents, self.retriever)

    def question_text(self, question: str) -> str:
        """What the embedder reads for a question."""
        return self.spec.query_prefix + question

    def passage_text(self, chunk: Chunk) -> str:
        """What the embedder reads for a passage."""
        named = self.snapshot.documents.named_by_file([chunk.document_id])
        return self.spec.passage_prefix + self.chunker.embedding_text(chunk, named[chunk.document_id])


@contextmanager
def opened_collection(
    settings: Settings,
    name: str,
    *,
    home: Path | None = None,
    store: StoreSettings | None = None,
) -> Generator[OpenCollection]:
    """The collection ``name``, open for reading, searched as ``settings.retrieval`` says.

    Args:
        home: where the collection is; default the home of the settings, where the models are anyway.
        store: where Milvus is; default as the settings say.

    Raises:
        CollectionNotFoundError: nothing was published under this name.
        ModelNotFoundError: its embedder is not on this machine.
    """
    with closing(open_snapshot(home or settings.home, name, store or settings.store)) as snapshot:
        embedder = embedder_loader(settings, snapshot.manifest.embedder)()
        retriever = Retriever(snapshot, embedder, settings.retrieval)
        yield OpenCollection(snapshot, embedder, retriever, Chunker(embedder, snapshot.manifest.chunking))


def embedder_loader(settings: Settings, spec: EmbedderSpec) -> Callable[[], Embedder]:
    """Opens the embedder of ``spec``, whose export is kept under the home of the settings."""
    return lambda: load_embedder(spec, settings.embedder, settings.home / "models")
