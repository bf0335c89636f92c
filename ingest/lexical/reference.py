"""The ranking of ``ingest.lexical.bm25`` by rank-bm25: the reference that it is compared with.

It reads all documents when it is opened and scores every chunk for every question: a thousand times slower.
rank-bm25's idf, ln((N - n + 0.5) / (n + 0.5)) with a floor, is replaced by that of ``ingest.lexical.bm25``.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from rank_bm25 import BM25Okapi  # pyright: ignore[reportMissingTypeStubs]

from ingest.document import Chunk, Document
from ingest.errors import NoTermsError
from ingest.lexical.bm25 import DOCUMENT_WEIGHT, K1, B
from ingest.lexical.fields import chunk_terms, document_terms
from ingest.snapshots.docstore import Docstore
from ingest.words.stemming import stemmer_of
from ingest.words.terms import query_terms


class ReferenceReader:
    """``LexicalReader.search`` over documents in memory, each with its numbered chunks."""

    def __init__(self, documents: Iterable[tuple[Document, Sequence[tuple[int, Chunk]]]]) -> None:
        documents = [(document, chunks) for document, chunks in documents if chunks]
        self._languages = tuple(sorted({stemmer_of(document.language) for document, _ in documents}))
        self._documents = _okapi([document_terms(document) for document, _ in documents])
        self._chunks = _okapi([chunk_terms(chunk, d) for d, chunks in documents for _, chunk in chunks])
        self._numbers = [number for _, chunks in documents for number, _ in chunks]
        self._parents = [at for at, (_, chunks) in enumerate(documents) for _ in chunks]

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

    def search(self, query: str, depth: int) -> list[tuple[int, float]]:
        """The best ``depth`` chunk numbers with their scores, best first; see ``LexicalReader.search``.

        Raises:
            NoTermsError: the query holds nothing that could be searched for.
        """
        words = query_terms(query, self._languages)
        if not words:
            raise NoTermsError(
                "the question holds no word to search for: ask with letters, digits or characters."
            )
        documents = self._documents.get_scores(words)
        scored = [
            (number, float(own + DOCUMENT_WEIGHT * documents[parent]))
            for number, parent, own in zip(
                self._numbers, self._parents, self._chunks.get_scores(words), strict=True
            )
            if own > 0
        ]
        return sorted(scored, key=lambda chunk: -chunk[1])[:depth]


def _okapi(texts: list[list[str]]) -> Any:
    okapi: Any = BM25Okapi(texts, k1=K1, b=B)
    containing = Counter(term for text in texts for term in set(text))
    okapi.idf = {
        term: math.log(1 + (len(texts) - count + 0.5) / (count + 0.5)) for term, count in containing.items()
    }
    return okapi
