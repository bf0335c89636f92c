"""The tables of the document store, and how values become rows and rows values."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, cast

import msgspec

from ingest.document import Block, BlockKind, Chunk, Document, MetadataValue, Page, TextBox

SCHEMA = """
CREATE TABLE IF NOT EXISTS documents (
    id TEXT PRIMARY KEY, uri TEXT NOT NULL UNIQUE, source_uri TEXT NOT NULL, source_key TEXT NOT NULL,
    title TEXT NOT NULL, named_by_file INTEGER NOT NULL, language TEXT NOT NULL, page_count INTEGER NOT NULL,
    metadata TEXT NOT NULL, content_sha256 TEXT NOT NULL, text TEXT NOT NULL, structure BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS documents_by_source ON documents (source_uri);
CREATE TABLE IF NOT EXISTS chunks (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,
    document_id TEXT NOT NULL REFERENCES documents (id), heading_path TEXT NOT NULL, text TEXT NOT NULL,
    start INTEGER NOT NULL, "end" INTEGER NOT NULL, page_start INTEGER, page_end INTEGER, kind TEXT NOT NULL,
    table_header TEXT NOT NULL, parent_start INTEGER, parent_end INTEGER,
    vector_key BLOB NOT NULL, same_as INTEGER REFERENCES chunks (number)
) STRICT;
CREATE INDEX IF NOT EXISTS chunks_by_document ON chunks (document_id, start);
CREATE INDEX IF NOT EXISTS chunks_by_vector_key ON chunks (vector_key);
CREATE INDEX IF NOT EXISTS chunks_by_twin ON chunks (same_as);
"""
INSERT_DOCUMENT = "INSERT INTO documents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
INSERT_CHUNK = "INSERT INTO chunks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
DOCUMENT_COLUMNS = (
    "id, uri, title, named_by_file, language, metadata, content_sha256, text, structure, "
    "source_uri, source_key"
)
SUMMARY_COLUMNS = "id, uri, title, language, page_count, content_sha256, source_uri, source_key"
CHUNK_COLUMNS = (
    'chunks.number, chunks.id, document_id, uri, title, heading_path, chunks.text, start, "end", '
    "page_start, page_end, kind, language, table_header, parent_start, parent_end"
)
LISTED_DOCUMENTS = """SELECT id, uri, title, language, page_count, source_uri, metadata,
        (SELECT count(*) FROM chunks WHERE document_id = documents.id)
    FROM documents WHERE uri > ? ORDER BY uri LIMIT ?"""
PLACED_CHUNKS = """SELECT number, coalesce(same_as, number), documents.rowid, page_start, page_end
    FROM chunks JOIN documents ON documents.id = document_id ORDER BY number"""
BUILT_IN_KEYS = {"document_id": "id", "uri": "uri", "title": "title", "language": "language"}
"""The column of each key that every document has; one of its metadata with such a name is not asked."""
BUILT_IN_VALUES = "SELECT rowid, {column} FROM documents"
STATED_VALUES = """SELECT documents.rowid, stated.value, stated.type
    FROM documents, json_each(metadata) AS stated WHERE stated.key = ?"""
STATED_KEYS = "SELECT stated.key, documents.rowid FROM documents, json_each(metadata) AS stated"
COUNTED_VALUES = """SELECT stated.key, count(DISTINCT one.value)
    FROM documents, json_each(metadata) AS stated,
        json_each(iif(stated.type = 'array', stated.value, json_array(stated.value))) AS one
    WHERE stated.key != 'acl' GROUP BY stated.key ORDER BY stated.key"""

_PAGE_VALUES = attrgetter("number", "start", "end", "label")
_BLOCK_VALUES = attrgetter("kind", "start", "end", "heading_path", "header")
_BOX_VALUES = attrgetter("start", "end", "page", "left", "top", "right", "bottom")


@dataclass(frozen=True, slots=True)
class DocumentSummary:
    """A document without its text. ``source_uri`` is of the file that it came from, which for a part of an
    archive or a message is not its own; ``source_key`` tells that file's content and outer metadata."""

    id: str
    uri: str
    title: str
    language: str
    pages: int
    content_sha256: str
    source_uri: str
    source_key: str


@dataclass(frozen=True, slots=True)
class ListedDocument:
    """A document as a list shows it; ``source_uri`` as in ``DocumentSummary``."""

    id: str
    uri: str
    title: str
    language: str
    pages: int
    source_uri: str
    metadata: dict[str, MetadataValue]
    chunks: int


@dataclass(frozen=True, slots=True)
class Origin:
    """The file that a document came from, and what told its content; see ``DocumentSummary``."""

    uri: str
    key: str


@dataclass(frozen=True, slots=True)
class ChunkRow:
    """A chunk to keep under ``number``. ``vector_key`` tells the text that is embedded for it; ``same_as``
    is the number of an earlier chunk that says the same, in whose place this one is not indexed."""

    number: int
    chunk: Chunk
    vector_key: bytes
    same_as: int | None = None


def summarize(document: Document, origin: Origin) -> DocumentSummary:
    """``document`` as a store lists it."""
    return DocumentSummary(
        document.id,
        document.uri,
        document.title,
        document.language,
        len(document.pages),
        document.content_sha256,
        origin.uri,
        origin.key,
    )


def document_row(document: Document, origin: Origin) -> tuple[Any, ...]:
    """The values for ``INSERT_DOCUMENT``."""
    return (
        document.id,
        document.uri,
        origin.uri,
        origin.key,
        document.title,
        int(document.named_by_file),
        document.language,
        len(document.pages),
        json.dumps(dict(document.metadata), ensure_ascii=False),
        document.content_sha256,
        document.text,
        _pack(document),
    )


def read_document(row: tuple[Any, ...]) -> tuple[Document, Origin]:
    """A document and its origin from a row of ``DOCUMENT_COLUMNS``."""
    identity, uri, title, named_by_file, language, metadata, sha256, text, structure, source, key = row
    pages, blocks, boxes = json.loads(zlib.decompress(structure))
    document = Document(
        id=identity,
        uri=uri,
        title=title,
        text=text,
        language=language,
        pages=tuple(Page(*page) for page in pages),
        blocks=tuple(_read_block(block) for block in blocks),
        content_sha256=sha256,
        metadata=read_metadata(metadata),
        boxes=tuple(TextBox(*box) for box in boxes),
        named_by_file=bool(named_by_file),
    )
    return document, Origin(source, key)


def chunk_row(row: ChunkRow) -> tuple[Any, ...]:
    """The values for ``INSERT_CHUNK``."""
    chunk = row.chunk
    return (
        row.number,
        chunk.id,
        chunk.document_id,
        json.dumps(chunk.heading_path, ensure_ascii=False),
        chunk.text,
        chunk.start,
        chunk.end,
        chunk.page_start,
        chunk.page_end,
        chunk.kind.value,
        chunk.table_header,
        chunk.parent_start,
        chunk.parent_end,
        row.vector_key,
        row.same_as,
    )


def read_chunk(row: tuple[Any, ...]) -> Chunk:
    """A chunk from a row of ``CHUNK_COLUMNS``."""
    _, key, document_id, uri, title, headings, text, start, end, first, last, kind, language, *table = row
    table_header, parent_start, parent_end = table
    return Chunk(
        id=key,
        document_id=document_id,
        uri=uri,
        title=title,
        heading_path=msgspec.json.decode(headings, type=tuple[str, ...]),
        text=text,
        start=start,
        end=end,
        page_start=first,
        page_end=last,
        kind=BlockKind(kind),
        language=language,
        table_header=table_header,
        parent_start=parent_start,
        parent_end=parent_end,
    )


def read_metadata(stored: str) -> dict[str, MetadataValue]:
    """The metadata as they were kept; JSON has lists where they have tuples."""
    values: dict[str, Any] = json.loads(stored)
    return {
        key: tuple(cast("list[str]", value)) if isinstance(value, list) else value
        for key, value in values.items()
    }


def read_value(stored: Any, kind: str) -> MetadataValue:
    """A value of the metadata, from what SQLite makes of it and of which kind this is."""
    if kind == "array":
        return tuple(json.loads(stored))
    return bool(stored) if kind in ("true", "false") else stored


def _pack(document: Document) -> bytes:
    """Pages, blocks and boxes, compressed: they are read only when a document is cut or drawn anew."""
    structure = (
        list(map(_PAGE_VALUES, document.pages)),
        list(map(_BLOCK_VALUES, document.blocks)),
        list(map(_BOX_VALUES, document.boxes)),
    )
    return zlib.compress(msgspec.json.encode(structure), level=1)


def _read_block(stored: list[Any]) -> Block:
    kind, start, end, headings, header = stored
    return Block(BlockKind(kind), start, end, tuple(headings), tuple(header) if header else None)
