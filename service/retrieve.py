"""Question to passages: vectors and BM25 over one snapshot, fused."""

from __future__ import annotations

from ingest.access import PUBLIC, access_terms
from ingest.cosine_spread import cosine_spread
from ingest.dense import DenseFilter
from ingest.document import Hit
from ingest.embed import Embedder
from ingest.errors import NoTermsError
from ingest.fitted import FittedRetrieval, index_fingerprint, read_fitted
from ingest.settings import RetrievalSettings
from ingest.snapshot import VECTORS, Snapshot
from ingest.terms import terms
from service.fuse import Fused, Fusion, Ranking, Rankings
from service.retrieve_mode import SearchMode

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
            cosine_spread(snapshot.directory / VECTORS, snapshot.manifest.embedder.dimension),
            chosen.fusion,
        )
        self._access: tuple[str, ...] = ()
        self._visible: DenseFilter | None = None
        self._restrict(frozenset(chosen.groups))

    def retrieve(self, query: str, k: int, mode: SearchMode = SearchMode.HYBRID) -> list[Hit]:
        """The best ``k`` chunks, best first.

        Raises:
            NoTermsError: the query holds no letter, digit or ideograph.
        """
        return self._hits(self.fusion.fuse(self.rankings(query, max(k, self.depth), mode), k))

    def rankings(self, query: str, depth: int, mode: SearchMode = SearchMode.HYBRID) -> Rankings:
        """The best ``depth`` chunks of each index that ``mode`` asks.

        Raises:
            NoTermsError: the query holds no letter, digit or ideograph.
        """
        if not terms(query):
            raise NoTermsError(
                "the question holds no word to search for: ask with letters, digits or characters."
            )
        dense: Ranking = ()
        lexical: Ranking = ()
        if mode is not SearchMode.LEXICAL:
            dense = self._snapshot.vectors.search(self._embedder.embed_query(query), depth, self._visible)
        if mode is not SearchMode.DENSE:
            lexical = self._snapshot.words.search(query, depth, self._access)
        return Rankings(dense, lexical, depth, self._embedder.tokens.known_share(query))

    def _restrict(self, groups: frozenset[str]) -> None:
        """Look at nothing that these groups may not see; free where there is no such thing."""
        restricted = self._snapshot.documents.restricted()
        hidden = {number for number, allowed in restricted.items() if groups.isdisjoint(allowed)}
        if hidden:
            self._access = (PUBLIC, *access_terms(groups))
            self._visible = self._snapshot.vectors.hiding(hidden)

    def _hits(self, fused: list[Fused]) -> list[Hit]:
        chunks = self._snapshot.documents.chunks_by_number([item.number for item in fused])
        return [
            Hit(chunk, item.score, item.dense_score, item.lexical_score)
            for item, chunk in zip(fused, chunks, strict=True)
        ]


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
