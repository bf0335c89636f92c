"""Where the passages of a training example come from: the live index, or the question's own contexts.

Only the live index gives what the server will see: its chunks, with its headings, and as distractors
the passages that its own retriever confuses with the right one.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Protocol
from urllib.parse import unquote, urlsplit

from eval.cases.case import Case, CasePassage
from ingest.document import BlockKind, Chunk, Document, Hit, chunk_id
from ingest.errors import TrainingDataError
from ingest.snapshots.docstore import DocumentSummary


class Documents(Protocol):
    """What is read of ``ingest.snapshots.docstore.Docstore``."""

    def document_summaries(self) -> Sequence[DocumentSummary]: ...

    def document(self, document_id: str) -> Document | None: ...

    def chunks_of(self, document_id: str) -> Sequence[Chunk]: ...


class Search(Protocol):
    """What is used of ``service.retrieve.Retriever``."""

    def retrieve(self, query: str, k: int) -> Sequence[Hit]: ...


class PassageSource(Protocol):
    """Gives the passage that answers a question, and others that look as if they did."""

    @property
    def snapshot_id(self) -> str | None: ...

    def gold(self, case: Case) -> Chunk | None:
        """The chunk that holds the answer; None when no single chunk does."""
        ...

    def candidates(self, case: Case, count: int) -> Sequence[Chunk]:
        """The likeliest chunks for the question, best first; the gold one may be among them."""
        ...


class IndexPassages:
    """Passages of a snapshot, found by the retriever that serves it."""

    def __init__(self, snapshot_id: str, documents: Documents, search: Search) -> None:
        self._snapshot_id = snapshot_id
        self._documents = documents
        self._search = search
        self._ids = {_file_name(summary.uri): summary.id for summary in documents.document_summaries()}

    @property
    def snapshot_id(self) -> str | None:
        return self._snapshot_id

    def gold(self, case: Case) -> Chunk | None:
        """The chunk that covers most of the case's evidence and holds one of its answers.

        Raises:
            TrainingDataError: the collection lacks the document that the case names.
        """
        if case.evidence is None:
            return None
        wanted = case.relevant[0].document
        identity = self._ids.get(PurePosixPath(wanted).name)
        document = self._documents.document(identity) if identity is not None else None
        if document is None:
            raise TrainingDataError(
                f"question {case.id!r} is about the document {wanted!r}, which is not in the "
                "collection: ingest it, or name the collection that holds it."
            )
        span = find_span(document.text, case.evidence)
        if span is None:
            return None
        chunks = self._documents.chunks_of(document.id)
        best = max(chunks, key=lambda chunk: _overlap(chunk, span), default=None)
        if best is None or not holds_answer(best.text, case):
            return None
        return best

    def candidates(self, case: Case, count: int) -> Sequence[Chunk]:
        return [hit.chunk for hit in self._search.retrieve(case.question, count)]


class OwnPassages:
    """The contexts that came with each question."""

    snapshot_id = None

    def gold(self, case: Case) -> Chunk | None:
        relevant = [(n, passage) for n, passage in enumerate(case.passages) if passage.relevant]
        return _own_chunk(case, *relevant[0]) if relevant else None

    def candidates(self, case: Case, count: int) -> Sequence[Chunk]:
        return [_own_chunk(case, number, passage) for number, passage in enumerate(case.passages)][:count]


def find_span(text: str, wanted: str) -> tuple[int, int] | None:
    """The half-open span of ``wanted`` in ``text``, white space and case left out of the comparison."""
    offsets = [offset for offset, character in enumerate(text) if not character.isspace()]
    # ``lower`` of a single character may be longer; only its first code point keeps the offsets aligned.
    squeezed = "".join(text[offset].lower()[0] for offset in offsets)
    needle = "".join(character.lower()[0] for character in wanted if not character.isspace())
    found = squeezed.find(needle) if needle else -1
    return None if found < 0 else (offsets[found], offsets[found + len(needle) - 1] + 1)


def holds_answer(text: str, case: Case) -> bool:
    """Whether ``text`` holds the case's evidence or one of its answers, so that it could be cited for it."""
    wanted = (*case.answers, case.evidence) if case.evidence else case.answers
    return any(_holds(text, words) for words in wanted)


def _holds(text: str, words: str) -> bool:
    start = 0
    while (span := find_span(text[start:], words)) is not None:
        left, right = start + span[0], start + span[1]
        if not (_splits_word(text, left) or _splits_word(text, right)):
            return True
        start = left + 1
    return False


def _splits_word(text: str, offset: int) -> bool:
    around = text[max(0, offset - 1) : offset + 1]
    return len(around) == 2 and all(character.isascii() and character.isalnum() for character in around)


def _overlap(chunk: Chunk, span: tuple[int, int]) -> int:
    return min(chunk.end, span[1]) - max(chunk.start, span[0])


def _file_name(uri: str) -> str:
    return PurePosixPath(unquote(urlsplit(uri).path)).name


def _own_chunk(case: Case, number: int, passage: CasePassage) -> Chunk:
    identity = f"case:{case.id}:{number}"
    return Chunk(
        id=chunk_id(identity, 0, len(passage.text)),
        document_id=identity,
        uri=identity,
        title=passage.title,
        heading_path=(),
        text=passage.text,
        start=0,
        end=len(passage.text),
        page_start=None,
        page_end=None,
        kind=BlockKind.PARAGRAPH,
        language=case.language,
    )
