"""Where the passages of a training example come from, and those of the live index.

Only the live index gives what the server will see: its chunks, with its headings, and as distractors
the passages that its own retriever confuses with the right one. See ``own_passages`` for the other source.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import unquote

from eval.cases.case import Case, Relevant
from eval.cases.passage_overlap import PassageIndex
from eval.runs.places import names_document
from ingest.document import Chunk, Document, Hit
from ingest.errors import TrainingDataError
from ingest.snapshots.docstore import DocumentSummary

# Candidates looked at to find distractors that don't hold the answer themselves.
_DEPTH = 12


class Documents(Protocol):
    """What is read of ``ingest.snapshots.docstore.Docstore``."""

    def document_summaries(self) -> Sequence[DocumentSummary]: ...

    def document(self, document_id: str) -> Document | None: ...

    def chunks_of(self, document_id: str) -> Sequence[Chunk]: ...


class Search(Protocol):
    """What is used of ``service.retrieval.retrieve.Retriever``."""

    def retrieve(self, query: str, k: int) -> Sequence[Hit]: ...


@dataclass(frozen=True, slots=True)
class Found:
    """The passages for a question in the order they are served in, and those of them that answer it.

    Several answer it together when each holds a part. None does where the question cannot be answered, or
    where no passage was found to. ``likeliest`` are the same passages, those first that a retriever would
    put first.
    """

    ranking: tuple[Chunk, ...]
    gold: tuple[Chunk, ...]
    likeliest: tuple[Chunk, ...]

    @property
    def others(self) -> tuple[Chunk, ...]:
        """The distractors, likeliest first."""
        gold = {chunk.id for chunk in self.gold}
        return tuple(chunk for chunk in self.likeliest if chunk.id not in gold)


class PassageSource(Protocol):
    """Gives the passages that answer a question, and others that look as if they did."""

    @property
    def snapshot_id(self) -> str | None: ...

    def find(self, case: Case) -> Found: ...


class IndexPassages:
    """Passages of a snapshot, found by the retriever that serves it."""

    def __init__(self, snapshot_id: str, documents: Documents, search: Search) -> None:
        self._snapshot_id = snapshot_id
        self._documents = documents
        self._search = search
        self._named: defaultdict[str, list[DocumentSummary]] = defaultdict(list)
        for summary in documents.document_summaries():
            self._named[_last_segment(unquote(summary.uri))].append(summary)

    @property
    def snapshot_id(self) -> str | None:
        return self._snapshot_id

    def find(self, case: Case) -> Found:
        """The best hits, without those that hold the answer elsewhere or repeat a passage that does.

        The gold passage is the chunk with the case's evidence; without evidence, the likeliest chunk of the
        case's document that holds the answer; without a document, the likeliest hit that holds it.

        Raises:
            TrainingDataError: the collection lacks a document that the case names.
        """
        hits = [hit.chunk for hit in self._search.retrieve(case.question, _DEPTH)]
        if not case.answerable:
            return Found(tuple(hits), (), tuple(hits))
        gold = {chunk.id: chunk for chunk in self._gold(case, hits)}
        known = PassageIndex(enumerate(chunk.text for chunk in gold.values()))
        ranking = {
            chunk.id: chunk
            for chunk in hits
            if chunk.id in gold or not (holds_answer(chunk.text, case) or known.overlap(chunk.text))
        }
        shown = tuple((ranking | gold).values())
        return Found(shown, tuple(gold.values()), shown)

    def _gold(self, case: Case, hits: Sequence[Chunk]) -> Sequence[Chunk]:
        if case.relevant:
            found = [self._chunk_at(place, case, hits) for place in case.relevant]
        else:
            found = [_first_holding(hits, case)]
        gold = [chunk for chunk in found if chunk is not None]
        is_whole = len(gold) == len(found) and any(holds_answer(chunk.text, case) for chunk in gold)
        return gold if is_whole else ()

    def _chunk_at(self, place: Relevant, case: Case, hits: Sequence[Chunk]) -> Chunk | None:
        document = self._document(place, case)
        chunks = self._documents.chunks_of(document.id)
        if place.evidence is None:
            own = [chunk for chunk in hits if chunk.document_id == document.id]
            return _first_holding((*own, *chunks), case) or next(iter(own), None)
        span = find_span(document.text, place.evidence)
        if span is None:
            return None
        touched = [chunk for chunk in chunks if _overlap(chunk, span) > 0]
        return max(touched, key=lambda c: (holds_answer(c.text, case), _overlap(c, span)), default=None)

    def _document(self, place: Relevant, case: Case) -> Document:
        for summary in self._named.get(_last_segment(place.document), ()):
            if names_document(summary.uri, place.document):
                document = self._documents.document(summary.id)
                if document is not None:
                    return document
        raise TrainingDataError(
            f"question {case.id!r} is about the document {place.document!r}, which is not in the "
            "collection: ingest it, or name the collection that holds it."
        )


def find_span(text: str, wanted: str) -> tuple[int, int] | None:
    """The half-open span of ``wanted`` in ``text``, white space and case left out of the comparison."""
    return _search(_letters(wanted), text)


def find_words(text: str, wanted: str) -> tuple[int, int] | None:
    """As ``find_span``, but not within a longer Latin word or number."""
    letters = _letters(wanted)
    before = "(?<![A-Za-z0-9])" if letters and letters[0].isascii() and letters[0].isalnum() else ""
    after = "(?![A-Za-z0-9])" if letters and letters[-1].isascii() and letters[-1].isalnum() else ""
    return _search(letters, text, before, after)


def holds_answer(text: str, case: Case) -> bool:
    """Whether ``text`` holds evidence of the case or one of its answers, so that it could be cited for it."""
    evidence = (place.evidence for place in case.relevant if place.evidence)
    return any(find_words(text, words) is not None for words in (*case.answers, *evidence))


def _first_holding(chunks: Iterable[Chunk], case: Case) -> Chunk | None:
    return next((chunk for chunk in chunks if holds_answer(chunk.text, case)), None)


def _letters(wanted: str) -> list[str]:
    return [re.escape(character) for character in wanted if not character.isspace()]


def _search(letters: Sequence[str], text: str, before: str = "", after: str = "") -> tuple[int, int] | None:
    if not letters:
        return None
    spaced = r"\s*".join(letters)
    found = re.search(f"{before}{spaced}{after}", text, re.IGNORECASE)
    return None if found is None else found.span()


def _overlap(chunk: Chunk, span: tuple[int, int]) -> int:
    return min(chunk.end, span[1]) - max(chunk.start, span[0])


def _last_segment(path: str) -> str:
    return path.rpartition("/")[2]
