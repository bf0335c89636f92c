"""Curated answers of a snapshot: the rows of ``troika ingest --faq``, given as they were written."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from ingest.errors import SnapshotCorruptError
from ingest.filters.access import may_see
from ingest.snapshots.docstore import Docstore
from ingest.sources.faq import FAQ_SCHEME, QUESTIONS
from ingest.words.questions import normalized
from service.answer import Citation, Passage, Sentence
from service.grounding.cite import Cited


class CuratedAnswers:
    """The curated answers of a snapshot; their text is read when one is given."""

    def __init__(self, documents: Docstore, groups: AbstractSet[str]) -> None:
        """``groups``: those of an asker of whom nothing else is known."""
        self._documents = documents
        self._groups = groups
        self._questions: dict[str, tuple[str, ...]] = {}
        self._metadata = documents.metadata_under(FAQ_SCHEME)
        self._asked: dict[str, list[tuple[str, str]]] = {}
        for document_id, metadata in self._metadata.items():
            questions = metadata.get(QUESTIONS)
            if isinstance(questions, tuple):
                self._questions[document_id] = questions
                for question in questions:
                    self._asked.setdefault(normalized(question), []).append((document_id, question))

    def find(self, question: str, groups: AbstractSet[str] | None = None) -> tuple[str, str] | None:
        """A document that answers exactly this question and that someone in ``groups`` may see, and the
        question as it is written there."""
        known = self._groups if groups is None else groups
        found = self._asked.get(normalized(question), ())
        return next((pair for pair in found if may_see(self._metadata[pair[0]], known)), None)

    def among(self, passages: Sequence[Passage]) -> list[tuple[str, str]]:
        """The curated documents that ``passages`` are of, each with every question that it answers; whoever
        was shown the passages may see them."""
        documents = dict.fromkeys(passage.chunk.document_id for passage in passages)
        return [(key, question) for key in documents for question in self._questions.get(key, ())]

    def answer(self, document_id: str) -> tuple[str, tuple[Passage, ...], Cited]:
        """The answer's text, which is the document's, with its chunks as passages and the quotes of all."""
        document = self._documents.document(document_id)
        if document is None:
            raise SnapshotCorruptError(
                f"the curated answer {document_id} is gone: run `troika collections verify`."
            )
        passages = tuple(
            Passage(marker, chunk, 1.0)
            for marker, chunk in enumerate(self._documents.chunks_of(document_id), start=1)
        )
        citations = tuple(
            Citation(
                marker=passage.marker,
                chunk=passage.chunk,
                answer_start=passage.chunk.start,
                answer_end=passage.chunk.end,
                quote=passage.chunk.text,
                quote_start=passage.chunk.start,
                quote_end=passage.chunk.end,
                page=None,
                supported=True,
            )
            for passage in passages
        )
        whole = Sentence(0, len(document.text), supported=True, score=1.0, markers=())
        return document.text, passages, Cited(citations, (whole,))
