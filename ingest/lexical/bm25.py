"""BM25 over ``terms``, kept by tantivy: incremental and crash-safe.

A chunk's score is its own BM25 plus ``DOCUMENT_WEIGHT`` times that of its document, so that of two chunks
that say the same the one from the document on the subject comes first. Each is (Robertson & Zaragoza 2009)::

    sum over t of  idf(t) * tf * (k1 + 1) / (tf + k1 * (1 - b + b * length / average length))

over the question's terms t, each once, with idf(t) = ln(1 + (N - n(t) + 0.5) / (n(t) + 0.5)) and tantivy's
fixed k1 = 1.2 and b = 0.75. Lengths from 40 terms on are rounded down, to one of eight steps for each
doubling. Only the best chunks by their own score are weighed so.

Why tantivy: it adds and deletes, where bm25s builds anew (58 s for 1M chunks), at about the same speed. Its
b is no loss: .5 or .9 change the mean nDCG@10 over 15 labelled sets by .0015. The document's score adds .008
(.784 to .792), as much for any weight from 1 to 2, for a second search of about the same time and .8 of the
index again; the neighbours' text in each chunk added .002 for more than that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any, Protocol

from ingest.document import Chunk, Document
from ingest.errors import SnapshotCorruptError
from ingest.filters.facets import (
    FacetFilter,
    document_facets,
    document_key,
    language_facet,
    page_facets,
)
from ingest.lexical.fields import chunk_terms, document_terms
from ingest.lexical.index import EntryIndex, EntryWriter
from ingest.lexical.tantivy import StagedIndex, clone_index, open_index
from ingest.words.language import LANGUAGES
from ingest.words.stemming import DEFAULT_STEMMER, stemmer_of
from ingest.words.terms import query_terms

K1 = 1.2
B = 0.75
DOCUMENT_WEIGHT = 1.25
_CHUNKS = "chunks"
_DOCUMENTS = "documents"
_LEAST_CANDIDATES = 100


@dataclass(frozen=True, slots=True)
class LexicalFilter:
    """What a search may return. It belongs to the reader that made it.

    ``chunks`` and ``documents`` are what its two indexes made of the filter for themselves.
    """

    chunks: Any
    documents: Any
    stand_ins: Mapping[int, int]


class LexicalSearch(Protocol):
    """What a search by words asks of ``LexicalReader``, or of the reference in its place."""

    def only(self, wanted: FacetFilter) -> LexicalFilter:
        """What lets ``search`` look at nothing else."""
        ...

    def search(self, query: str, depth: int, visible: LexicalFilter | None = None) -> list[tuple[int, float]]:
        """The best ``depth`` chunk numbers with their scores, best first, of those that are ``visible``.

        Raises:
            NoTermsError: the query holds nothing that could be searched for.
        """
        ...

    def holds(self, term: str, visible: LexicalFilter) -> bool:
        """Whether a chunk that is ``visible`` holds ``term``, one of those that ``terms`` gives."""
        ...


class LexicalReader:
    """Searches a published BM25 index; safe to share between threads."""

    def __init__(self, chunks: EntryIndex, documents: EntryIndex) -> None:
        self._chunks = chunks
        self._documents = documents
        stemmers = sorted({stemmer_of(language) for language in LANGUAGES})
        found = tuple(s for s in stemmers if self._chunks.frequency("facets", language_facet(s)))
        self.languages: tuple[str, ...] = found or (DEFAULT_STEMMER,)

    def only(self, wanted: FacetFilter) -> LexicalFilter:
        """See ``LexicalSearch``."""
        return LexicalFilter(
            self._chunks.allowing(wanted.document_clauses + wanted.page_clauses, wanted.stand_ins),
            self._documents.allowing(wanted.document_clauses),
            wanted.stand_ins,
        )

    def search(self, query: str, depth: int, visible: LexicalFilter | None = None) -> list[tuple[int, float]]:
        """See ``LexicalSearch``."""
        words = query_terms(query, self.languages)
        candidates = max(depth, _LEAST_CANDIDATES)
        chunks = self._chunks.search(words, candidates, visible and visible.chunks)
        entered = self._documents.search(words, candidates, visible and visible.documents)
        documents = {document: score for document, _, score in entered}
        stand_ins: Mapping[int, int] = visible.stand_ins if visible else {}
        # What is not among the best documents scores at most as much as the last of them.
        rest = entered[-1][2] if len(entered) == candidates else 0.0
        found = [
            (number, own + DOCUMENT_WEIGHT * documents.get(stand_ins.get(number, document), rest))
            for document, number, own in chunks
        ]
        return sorted(found, key=itemgetter(1), reverse=True)[:depth]

    def holds(self, term: str, visible: LexicalFilter) -> bool:
        """See ``LexicalSearch``."""
        return bool(self._chunks.search([term], 1, visible.chunks))

    def document_frequency(self, term: str) -> int:
        """The number of chunks that hold ``term``, one of those that ``terms`` gives."""
        return self._chunks.frequency("terms", term)

    def numbers(self) -> set[int]:
        """The numbers of all chunks in the index."""
        return self._chunks.numbers()


class LexicalWriter:
    """Adds and deletes documents in a staged index; nothing is visible before ``commit``."""

    def __init__(self, chunks: EntryWriter, documents: EntryWriter) -> None:
        self._chunks = chunks
        self._documents = documents
        self._entered: set[str] = set()

    def add(self, document: Document, numbers: Sequence[int], chunks: Sequence[Chunk]) -> None:
        """Index chunks of ``document`` under their numbers, and itself if this was not done yet."""
        key = document_key(document.id)
        facets = document_facets(document)
        if chunks and document.id not in self._entered:
            self._entered.add(document.id)
            self._documents.delete(key)
            self._documents.add(key, key, document_terms(document), facets)
        for number, chunk in zip(numbers, chunks, strict=True):
            self._chunks.add(key, number, chunk_terms(chunk, document), [*facets, *page_facets(chunk)])

    def delete(self, document_id: str, numbers: Iterable[int]) -> None:
        """Remove a document, and the chunks with these numbers."""
        self._entered.discard(document_id)
        self._documents.delete(document_key(document_id))
        for number in numbers:
            self._chunks.delete(number)

    def commit(self) -> None:
        """Write everything to disk and close."""
        self._chunks.commit()
        self._documents.commit()

    def abandon(self) -> None:
        """Drop what was not committed and stop the writing threads, so that the folder can be deleted."""
        self._chunks.abandon()
        self._documents.abandon()


def open_lexical(directory: Path) -> LexicalReader:
    """Open the index that tantivy keeps in ``directory``.

    Raises:
        SnapshotCorruptError: there is none, or it is damaged.
    """
    try:
        return LexicalReader(open_index(directory / _CHUNKS), open_index(directory / _DOCUMENTS))
    except (ValueError, OSError) as error:
        raise SnapshotCorruptError(
            f"the BM25 index cannot be opened ({error}): run `troika collections verify --repair`."
        ) from error


def stage_lexical(directory: Path) -> LexicalWriter:
    """Change the index that tantivy keeps in ``directory``, or begin one."""
    return LexicalWriter(StagedIndex(directory / _CHUNKS), StagedIndex(directory / _DOCUMENTS))


def clone_lexical(source: Path, target: Path) -> None:
    """Make ``target`` a writable copy of ``source``."""
    for part in (_CHUNKS, _DOCUMENTS):
        clone_index(source / part, target / part)
