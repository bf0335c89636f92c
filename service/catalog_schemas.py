"""The JSON of the routes that tell what the server holds and how it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from ingest.document import Chunk, Document
from service.pipelines import CollectionSummary
from service.schemas import ResponseBody


class PageBody(ResponseBody):
    """A page of a paginated document; the span is in the document's text."""

    number: int
    start: int
    end: int


class SpanBody(ResponseBody):
    """A chunk's place in the document's text, with what it is and the headings above it."""

    start: int
    end: int
    kind: str
    heading_path: tuple[str, ...]


class DocumentBody(ResponseBody):
    """A source document, with the one text that all its offsets count in."""

    id: str
    uri: str
    title: str
    language: str
    text: str
    pages: tuple[PageBody, ...]
    chunks: tuple[SpanBody, ...]

    @classmethod
    def of(cls, document: Document, chunks: Sequence[Chunk]) -> DocumentBody:
        return cls(
            id=document.id,
            uri=document.uri,
            title=document.title,
            language=document.language,
            text=document.text,
            pages=tuple(PageBody(number=p.number, start=p.start, end=p.end) for p in document.pages),
            chunks=tuple(
                SpanBody(start=c.start, end=c.end, kind=c.kind.value, heading_path=c.heading_path)
                for c in chunks
            ),
        )


class CollectionBody(ResponseBody):
    """A published collection. How much it holds in all is told only to those who may see all of it."""

    name: str
    snapshot: str
    documents: int | None
    chunks: int | None

    @classmethod
    def of(cls, summary: CollectionSummary, *, counted: bool) -> CollectionBody:
        return cls(
            name=summary.name,
            snapshot=summary.snapshot_id,
            documents=summary.documents if counted else None,
            chunks=summary.chunks if counted else None,
        )


class CollectionsBody(ResponseBody):
    """All published collections, and the one that is used when a request names none."""

    default: str
    collections: tuple[CollectionBody, ...]


class HealthBody(ResponseBody):
    """The process is alive."""

    status: Literal["ok"] = "ok"


class CheckBody(ResponseBody):
    """One thing that answers depend on."""

    ok: bool
    required: bool = Field(default=True, description="whether nothing can be answered without it")
    code: str | None = Field(default=None, description="the error's code when it is not ok")
    detail: str


ReadinessStatus = Literal["ready", "degraded", "not_ready"]


class ReadinessBody(ResponseBody):
    """Whether questions can be answered now, and what is missing; degraded is ready, in a simpler way."""

    status: ReadinessStatus
    checks: dict[str, CheckBody]
