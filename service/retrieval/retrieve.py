"""Question to passages: vectors and BM25 over one snapshot, fused."""

from __future__ import annotations

from collections.abc import Mapping

from ingest.choices import LexicalEngine
from ingest.document import Hit
from ingest.embed import Embedder
from ingest.filters.filters import EVERYTHING, Filter
from ingest.filters.visibility import Visibility, Visible
from ingest.lexical.bm25 import LexicalSearch
from ingest.optional import require
from ingest.settings import RetrievalSettings
from ingest.snapshots.fitted import FittedRetrieval, index_fingerprint, read_fitted
from ingest.snapshots.snapshot import Snapshot
from ingest.words.terms import require_terms
from service.retrieval.fuse import Fused, Fusion, Ranking, Rankings
from service.retrieval.retrieve_mode import SearchMode

__all__ = ["Retriever", "SearchMode"]


class Retriever:
    """Searches one snapshot with the embedder that its manifest names."""

    def __init__(self, snapshot: Snapshot, embedder: Embedder, settings: RetrievalSettings) -> None:
        self._snapshot = snapshot
        self._embedder = embedder
        chosen = with_fitted(settings, fitted_for(snapshot))
        self.depth = chosen.depth
        self.fusion = Fusion(
            chosen.dense_weight,
            snapshot.cosine_spread(),
            chosen.fusion,
        )
        self._words = _words_of(snapshot, chosen.lexical_engine)
        self._visibility = Visibility(snapshot.documents, snapshot.vectors, self._words)
        self._groups = frozenset(chosen.groups)
        self._visibility.of(self._groups)  # so that the first search need not wait for it

    def retrieve(
        self,
        query: str,
        k: int,
        mode: SearchMode = SearchMode.HYBRID,
        wanted: Filter = EVERYTHING,
        groups: frozenset[str] | None = None,
    ) -> list[Hit]:
        """The best ``k`` chunks that meet the filter ``wanted``, best first.

        ``groups`` are those that the asker is in, by default those of the settings.

        Raises:
            NoTermsError: the query holds no letter, digit or ideograph.
            FilterError: the filter names a key that no document has.
        """
        visible = self._visibility.of(self._groups if groups is None else groups, wanted)
        fused = self.fusion.fuse(self._rankings(query, max(k, self.depth), mode, visible), k)
        return self._hits(fused, visible.shown if visible else {})

    def document_frequency(self, term: str, groups: frozenset[str] | None = None) -> int:
        """The number of chunks that hold ``term``; 0 where someone in ``groups`` may see none of them.

        ``groups`` are as for ``retrieve``.
        """
        visible = self._visibility.of(self._groups if groups is None else groups)
        if visible is not None and not self._words.holds(term, visible.lexical):
            return 0
        return self._snapshot.words.document_frequency(term)

    def rankings(self, query: str, depth: int) -> Rankings:
        """The best ``depth`` chunks of each index, of those that the groups of the settings may see.

        Raises:
            NoTermsError: the query holds no letter, digit or ideograph.
        """
        return self._rankings(query, depth, SearchMode.HYBRID, self._visibility.of(self._groups))

    def _rankings(self, query: str, depth: int, mode: SearchMode, visible: Visible | None) -> Rankings:
        require_terms(query)
        dense: Ranking = ()
        lexical: Ranking = ()
        if visible is not None and not visible.count:
            return Rankings(dense, lexical, depth, 1.0)
        if mode is not SearchMode.LEXICAL:
            vector = self._embedder.embed_query(query)
            dense = self._snapshot.vectors.search(vector, depth, visible and visible.dense)
        if mode is not SearchMode.DENSE:
            lexical = self._words.search(query, depth, visible and visible.lexical)
        return Rankings(dense, lexical, depth, self._embedder.tokens.known_share(query))

    def _hits(self, fused: list[Fused], shown: Mapping[int, int]) -> list[Hit]:
        numbers = [shown.get(item.number, item.number) for item in fused]
        chunks = self._snapshot.documents.chunks_by_number(numbers)
        return [
            Hit(chunk, item.score, item.dense_score, item.lexical_score)
            for item, chunk in zip(fused, chunks, strict=True)
        ]


def _words_of(snapshot: Snapshot, engine: LexicalEngine) -> LexicalSearch:
    if engine is LexicalEngine.INDEX:
        return snapshot.words
    require("rank_bm25", extra="bench")
    from ingest.lexical.reference import ReferenceReader

    return ReferenceReader.of(snapshot.documents)


def fitted_for(snapshot: Snapshot) -> FittedRetrieval | None:
    """What was fitted for the snapshot's collection; None where that was for another kind of index."""
    fitted = read_fitted(snapshot.directory.parents[1])
    return fitted if fitted and fitted.index == index_fingerprint(snapshot.manifest) else None


def with_fitted(settings: RetrievalSettings, fitted: FittedRetrieval | None) -> RetrievalSettings:
    """``settings`` with what was fitted in place of the defaults; what a user has set stays."""
    if fitted is None:
        return settings
    found = {"dense_weight": fitted.dense_weight, "depth": fitted.depth}
    return settings.model_copy(
        update={name: value for name, value in found.items() if name not in settings.model_fields_set}
    )
