"""The collections that answers came from, opened when the first correction asks for them."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from finetune.data.build import opened_index
from finetune.data.mine_evidence import Collection, Collections, NoCollection
from ingest.document import Chunk
from ingest.errors import CollectionNotFoundError, NoTermsError
from ingest.settings import Settings
from service.grounding.support import Grounding
from service.history.history import History, open_history
from service.pipeline import AnswerPipeline
from service.question import Inquiry


@contextmanager
def opened_history(settings: Settings) -> Generator[History]:
    """The history of answers, empty where nothing was ever answered."""
    history = open_history(settings)
    try:
        yield history
    finally:
        history.close()


@contextmanager
def opened_collections(settings: Settings) -> Generator[Collections]:
    """Gives collections by name; of one that is gone, nothing is known."""
    opened: dict[str, Collection] = {}
    with ExitStack() as closing:

        def collection(name: str) -> Collection:
            if name not in opened:
                try:
                    pipeline = closing.enter_context(opened_index(settings, name))
                    opened[name] = _IndexedCollection.of(pipeline)
                except CollectionNotFoundError:
                    opened[name] = NoCollection()
            return opened[name]

        yield collection


@dataclass(frozen=True, slots=True)
class _IndexedCollection:
    """Behind ``finetune.data.mine_evidence.Collection``."""

    pipeline: AnswerPipeline
    grounding: Grounding

    @classmethod
    def of(cls, pipeline: AnswerPipeline) -> _IndexedCollection:
        snapshot = pipeline.snapshot
        grounding = Grounding(snapshot.words.document_frequency, snapshot.manifest.indexed)
        return cls(pipeline, grounding)

    def search(self, query: str, k: int) -> Sequence[Chunk]:
        try:
            found = asyncio.run(self.pipeline.search(Inquiry(query), k))
        except NoTermsError:
            return ()
        return [hit.chunk for hit in found.hits]
