"""Question to passages: vectors and BM25 over one snapshot, fused."""

from __future__ import annotations

from ingest.access import PUBLIC, access_terms
from ingest.dense import DenseFilter
from ingest.document import Hit
from ingest.embed import Embedder
from ingest.errors import NoTermsError
from ingest.language import detect_language
from ingest.settings import RetrievalSettings
from ingest.snapshot import Snapshot
from ingest.terms import terms
from service.fuse import Fused, Ranking, fuse
from service.retrieve_mode import SearchMode

__all__ = ["Retriever", "SearchMode"]


class Retriever:
    """Searches one snapshot with the embedder that its manifest names."""

    def __init__(self, snapshot: Snapshot, embedder: Embedder, settings: RetrievalSettings) -> None:
        self._snapshot = snapshot
        self._embedder = embedder
        self._settings = settings
        self._access: tuple[str, ...] = ()
        self._visible: DenseFilter | None = None
        self._restrict(frozenset(settings.groups))

    def retrieve(self, query: str, k: int, mode: SearchMode = SearchMode.HYBRID) -> list[Hit]:
        """The best ``k`` chunks, best first.

        Raises:
            NoTermsError: the query holds no letter, digit or ideograph.
        """
        words = terms(query)
        if not words:
            raise NoTermsError(
                "the question holds no word to search for: ask with letters, digits or characters."
            )
        depth = max(k, self._settings.depth)
        dense: Ranking = ()
        lexical: Ranking = ()
        dense_weight = self._dense_weight(query, words, mode)
        if dense_weight > 0:  # a question that the embedder cannot read is not worth its time
            dense = self._snapshot.vectors.search(self._embedder.embed_query(query), depth, self._visible)
        if mode is not SearchMode.DENSE:
            lexical = self._snapshot.words.search(query, depth, self._access)
        return self._hits(fuse(dense, lexical, dense_weight, k))

    def _restrict(self, groups: frozenset[str]) -> None:
        """Look at nothing that these groups may not see; free where there is no such thing."""
        restricted = self._snapshot.documents.restricted()
        hidden = {number for number, allowed in restricted.items() if groups.isdisjoint(allowed)}
        if hidden:
            self._access = (PUBLIC, *access_terms(groups))
            self._visible = self._snapshot.vectors.hiding(hidden)

    def _dense_weight(self, query: str, words: list[str], mode: SearchMode) -> float:
        """The share of vectors; less by the share of the query's words that the embedder cannot read."""
        if mode is not SearchMode.HYBRID:
            return 1.0 if mode is SearchMode.DENSE else 0.0
        if detect_language(query) in self._embedder.spec.languages:
            return self._settings.dense_weight
        legible = sum(word.isascii() for word in words) / len(words)
        return self._settings.dense_weight * legible

    def _hits(self, fused: list[Fused]) -> list[Hit]:
        chunks = self._snapshot.documents.chunks_by_number([item.number for item in fused])
        return [
            Hit(chunk, item.score, item.dense_score, item.lexical_score)
            for item, chunk in zip(fused, chunks, strict=True)
        ]
