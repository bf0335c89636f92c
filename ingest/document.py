"""The values that flow through Troika: a document, its chunks, and a chunk that a search found.

Every offset counts Unicode code points in ``Document.text``, the one string that a file was parsed
into, and every span is half-open: ``document.text[chunk.start:chunk.end] == chunk.text``.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

MetadataValue = str | int | float | bool | tuple[str, ...]


class BlockKind(StrEnum):
    """What a stretch of a document is. A chunk of several blocks is of its longest block's kind."""

    HEADING = "heading"
    PARAGRAPH = "paragraph"
    LIST = "list"
    TABLE = "table"
    CODE = "code"


@dataclass(frozen=True, slots=True)
class Page:
    """A page, sheet or slide: ``number`` counts from 1, the span is in ``Document.text``.

    ``label`` is what the file itself calls it ("iv", a sheet's name); empty where it says nothing.
    """

    number: int
    start: int
    end: int
    label: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """A structural unit of a document. ``heading_path`` holds the headings above it, outermost first.

    ``header`` is the span in ``Document.text`` of a table's header rows, which every chunk of its other rows
    repeats as context; None for a table without one and for all that is no table. The rows of a table are
    its lines.
    """

    kind: BlockKind
    start: int
    end: int
    heading_path: tuple[str, ...] = ()
    header: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class TextBox:
    """Where a line of text stands on its page, so that a citation can be drawn there.

    Edges are fractions of the page as it is shown (turned and cropped), from its upper left corner;
    ``page`` is a ``Page.number``.
    """

    start: int
    end: int
    page: int
    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file, or a part of one (a member of an archive, an attachment of a message).

    ``content_sha256`` is of the bytes that were parsed. ``pages`` and ``blocks`` are in reading order and do
    not overlap; ``boxes`` are ordered by their start. ``named_by_file`` tells that the file states no title
    and ``title`` is made of its name.
    """

    id: str
    uri: str
    title: str
    text: str
    language: str
    pages: tuple[Page, ...]
    blocks: tuple[Block, ...]
    content_sha256: str
    metadata: Mapping[str, MetadataValue] = field(default_factory=dict[str, MetadataValue])
    boxes: tuple[TextBox, ...] = ()
    named_by_file: bool = False

    def page_at(self, offset: int) -> int | None:
        """The number of the page that holds ``offset``; None for a file without pages."""
        index = bisect_right(self.pages, offset, key=lambda page: page.start) - 1
        if index < 0 or offset >= self.pages[index].end:
            return None
        return self.pages[index].number


@dataclass(frozen=True, slots=True)
class Chunk:
    """A stretch of one document under one heading, small enough for the embedder's window.

    ``table_header`` holds the column names of a table whose later rows this is, which stand elsewhere;
    ``parent_start`` and ``parent_end`` span what is read in the chunk's place, where that is more than it.
    """

    id: str
    document_id: str
    uri: str
    title: str
    heading_path: tuple[str, ...]
    text: str
    start: int
    end: int
    page_start: int | None
    page_end: int | None
    kind: BlockKind
    language: str
    table_header: str = ""
    parent_start: int | None = None
    parent_end: int | None = None

    @property
    def headline(self) -> str:
        """Title and headings on one line."""
        return headline(self.title, self.heading_path)


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk that a search found. Higher scores are better; a part that did not score it gives None."""

    chunk: Chunk
    score: float
    dense_score: float | None = None
    lexical_score: float | None = None
    rerank_score: float | None = None


def headline(title: str, heading_path: tuple[str, ...]) -> str:
    """Title and headings on one line; a heading that only repeats the title is left out."""
    return " > ".join(part for part in (title, *(h for h in heading_path if h != title)) if part)


def document_id(uri: str, text: str) -> str:
    """The id of a document: the same file with the same text has the same id on every machine."""
    return _digest("document", uri, text)


def chunk_id(document: str, start: int, end: int) -> str:
    """The id of the span ``[start, end)`` of the document with id ``document``."""
    return _digest("chunk", document, str(start), str(end))


def _digest(*parts: str) -> str:
    digest = hashlib.sha256()
    for part in parts:
        encoded = part.encode("utf-8", errors="surrogatepass")
        digest.update(len(encoded).to_bytes(8, "big"))
        digest.update(encoded)
    return digest.hexdigest()[:32]
