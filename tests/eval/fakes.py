"""A pipeline that answers by looking the question up, over a handful of one-sentence documents."""

from __future__ import annotations

import io
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field

from rich.console import Console, RenderableType

from ingest.document import BlockKind, Chunk, Document, Hit, document_id
from ingest.errors import GeneratorError, NoTermsError
from service.answer import Answer, AnswerEvent, Citation, Delta, Finished, Passage, Retrieved, Usage
from service.question import Inquiry


def shown(lines: RenderableType) -> str:
    """What a terminal of 120 columns would show."""
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(lines)
    return console.export_text()


@dataclass(frozen=True, slots=True)
class FakeFound:
    """The result of a search."""

    hits: tuple[Hit, ...]


@dataclass(slots=True)
class FakePipeline:
    """``says`` maps a question to the URI it cites and the text it gives; other questions are refused."""

    texts: Mapping[str, str]
    says: Mapping[str, tuple[str, str]]
    searched: list[str] = field(default_factory=list[str])
    asked: list[tuple[str, ...]] = field(default_factory=list[tuple[str, ...]])

    def document(self, document_id: str) -> Document:
        return next(document for document in map(self._document, self.texts) if document.id == document_id)

    async def stream(self, inquiry: Inquiry) -> AsyncGenerator[AnswerEvent]:
        question = inquiry.question
        if question == "break":
            raise GeneratorError("the generator broke.")
        self.asked.append((question, *inquiry.history))
        found = tuple(
            Passage(marker, self._chunk(uri), 1.0) for marker, uri in enumerate(self.texts, start=1)
        )
        answer = self._answer(question, found)
        yield Retrieved(answer.id, found)
        yield Delta(answer.text)
        yield Finished(answer)

    async def answer_from(self, inquiry: Inquiry, passages: Sequence[Passage]) -> Answer:
        return self._answer(inquiry.question, tuple(passages))

    async def search(self, inquiry: Inquiry, k: int, mode: object) -> FakeFound:
        query = " ".join((*inquiry.history, inquiry.question))
        if query == "?":
            raise NoTermsError("the question has no term.")
        self.searched.append(query)
        found = sorted(self.texts, key=lambda uri: query not in self.texts[uri])
        return FakeFound(tuple(Hit(self._chunk(uri), 1.0 / rank) for rank, uri in enumerate(found[:k], 1)))

    def _document(self, uri: str) -> Document:
        text = self.texts[uri]
        return Document(document_id(uri, text), uri, uri, text, "en", (), (), "0")

    def _chunk(self, uri: str) -> Chunk:
        document = self._document(uri)
        end = len(document.text)
        return Chunk(
            uri, document.id, uri, "", (), document.text, 0, end, None, None, BlockKind.PARAGRAPH, "en"
        )

    def _answer(self, question: str, passages: tuple[Passage, ...]) -> Answer:
        uri, text = self.says.get(question, ("", "I don't know."))
        citations = tuple(
            Citation(p.marker, p.chunk, 0, len(text), p.chunk.text[:9], 0, 9, None, True)
            for p in passages
            if p.chunk.uri == uri
        )
        return Answer(
            f"answer to {question}", question, text, "en", citations, passages, not uri, 1.0, 1.0, 0, None,
            "fake", "prompt", "base", "c", "s", {}, Usage(), "2026-01-01T00:00:00Z",
        )  # fmt: skip
