"""The ranking of ``ingest.lexical.bm25`` by rank-bm25: the reference that it is compared with.

It reads all documents when it is opened and scores every chunk for every question: a thousand times slower.
rank-bm25's idf, ln((N - n + 0.5) / (n + 0.5)) with a floor, is replaced by that of ``ingest.lexical.bm25``.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import numpy as np
from rank_bm25 import BM25Okapi  # pyright: ignore[reportMissingTypeStubs]

from ingest.document import Chunk, Document
from ingest.filters.facets import Clause, FacetFilter, document_facets, document_key, page_facets
from ingest.lexical.bm25 import DOCUMENT_WEIGHT, K1, B, LexicalFilter
from ingest.lexical.fields import chunk_terms, document_terms
from ingest.snapshots.docstore import Docstore
from ingest.words.stemming import stemmer_of
from ingest.words.terms import query_terms


class ReferenceReader:
    """``LexicalSearch`` over documents in memory, each with its numbered chunks."""

    def __init__(self, documents: Iterable[tuple[Document, Sequence[tuple[int, Chunk]]]]) -> None:
        documents = [(document, chunks) for document, chunks in documents if chunks]
        self._languages = tuple(sorted({stemmer_of(document.language) for document, _ in documents}))
        self._documents = _okapi([document_terms(document) for document, _ in documents])
        self._chunks = _okapi([chunk_terms(chunk, d) for d, chunks in documents for _, chunk in chunks])
        self._numbers = [number for _, chunks in documents for number, _ in chunks]
        self._parents = [at for at, (_, chunks) in enumerate(documents) for _ in chunks]
        self._keys = {document_key(document.id): at for at, (document, _) in enumerate(documents)}
        self._facets = [frozenset(document_facets(document)) for document, _ in documents]
        self._pages = [frozenset(page_facets(chunk)) for _, chunks in documents for _, chunk in chunks]

    @classmethod
    def of(cls, store: Docstore) -> ReferenceReader:
        """A reader of what BM25 indexes of a snapshot's documents."""
        indexed = frozenset(store.indexed_numbers())
        chunks: dict[str, list[tuple[int, Chunk]]] = {}
        for number, chunk in store.numbered_chunks():
            if number in indexed:
                chunks.setdefault(chunk.document_id, []).append((number, chunk))
        found = ((store.document(name), numbered) for name, numbered in chunks.items())
        return cls((document, numbered) for document, numbered in found if document is not None)

    def only(self, wanted: FacetFilter) -> LexicalFilter:
        """See ``LexicalSearch``."""
        documents = [_meets(facets, wanted.document_clauses) for facets in self._facets]
        chunks = [
            number in wanted.stand_ins or (documents[parent] and _meets(pages, wanted.page_clauses))
            for number, parent, pages in zip(self._numbers, self._parents, self._pages, strict=True)
        ]
        return LexicalFilter(np.asarray(chunks, dtype=np.bool_), documents, wanted.stand_ins)

    def search(self, query: str, depth: int, visible: LexicalFilter | None = None) -> list[tuple[int, float]]:
        """See ``LexicalSearch``."""
        words = query_terms(query, self._languages)
        documents = self._documents.get_scores(words)
        own = self._chunks.get_scores(words)
        stand_ins: Mapping[int, int] = visible.stand_ins if visible else {}
        scored: list[tuple[int, float]] = []
        for at in np.flatnonzero(own > 0 if visible is None else (own > 0) & visible.chunks).tolist():
            number = self._numbers[at]
            # A document of nothing but repeated chunks is not indexed.
            parent = self._keys.get(stand_ins[number]) if number in stand_ins else self._parents[at]
            outer = 0.0 if parent is None else documents[parent]
            scored.append((number, float(own[at] + DOCUMENT_WEIGHT * outer)))
        return sorted(scored, key=lambda chunk: -chunk[1])[:depth]

    def holds(self, term: str, visible: LexicalFilter) -> bool:
        """See ``LexicalSearch``."""
        return bool(np.any(visible.chunks & (self._chunks.get_scores([term]) > 0)))


def _meets(facets: AbstractSet[str], clauses: Iterable[Clause]) -> bool:
    return all(facets.isdisjoint(clause.facets) == clause.negated for clause in clauses)


def _okapi(texts: list[list[str]]) -> Any:
    okapi: Any = BM25Okapi(texts, k1=K1, b=B)
    containing = Counter(term for text in texts for term in set(text))
    okapi.idf = {
        term: math.log(1 + (len(texts) - count + 0.5) / (count + 0.5)) for term, count in containing.items()
    }
    return okapi
