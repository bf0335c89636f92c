"""The truth about a collection: documents, chunks and spans in one SQLite file.

Vectors and BM25 are derived from it and refer to a chunk by its ``number``, which is never given twice.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from ingest.document import BlockKind, Chunk, Document, MetadataValue, Page
from ingest.errors import SnapshotCorruptError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS documents (
    id TEXT PRIMARY KEY, uri TEXT NOT NULL UNIQUE, title TEXT NOT NULL, language TEXT NOT NULL,
    text TEXT NOT NULL, pages TEXT NOT NULL, metadata TEXT NOT NULL, content_sha256 TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS chunks (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,
    document_id TEXT NOT NULL REFERENCES documents (id), heading_path TEXT NOT NULL, text TEXT NOT NULL,
    start INTEGER NOT NULL, "end" INTEGER NOT NULL, page_start INTEGER, page_end INTEGER, kind TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS chunks_by_document ON chunks (document_id, start);
"""
_CHUNK_COLUMNS = (
    'chunks.number, chunks.id, document_id, uri, title, heading_path, chunks.text, start, "end", '
    "page_start, page_end, kind, language"
)
_MANY = 500


@dataclass(frozen=True, slots=True)
class DocumentSummary:
    """A document without its text."""

    id: str
    uri: str
    title: str
    language: str
    pages: int
    content_sha256: str


def summarize(document: Document) -> DocumentSummary:
    """``document`` as ``document_summaries`` lists it."""
    return DocumentSummary(
        document.id,
        document.uri,
        document.title,
        document.language,
        len(document.pages),
        document.content_sha256,
    )


class Docstore:
    """Reads, and in a staged snapshot writes, the documents and chunks of a collection."""

    def __init__(self, path: Path, *, writable: bool = False) -> None:
        mode = "rwc" if writable else "ro&immutable=1"
        try:
            self._connection = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode={mode}", uri=True, check_same_thread=False
            )
            if writable:
                self._connection.execute("PRAGMA journal_mode = WAL")
                # What a crash leaves of a staged file is thrown away; publishing syncs it as a whole.
                self._connection.execute("PRAGMA synchronous = OFF")
                self._connection.execute("PRAGMA foreign_keys = ON")
                self._connection.executescript(_SCHEMA)
        except sqlite3.Error as error:
            raise SnapshotCorruptError(
                f"{path} cannot be opened ({error}): restore it or ingest into another collection."
            ) from error
        self._lock = threading.Lock()

    def add(self, document: Document, chunks: Sequence[Chunk]) -> list[int]:
        """Keep a document and its chunks; returns the chunks' numbers, in order."""
        pages = [[page.number, page.start, page.end] for page in document.pages]
        with self._lock, self._connection:
            self._connection.execute(
                "INSERT INTO documents VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    document.id,
                    document.uri,
                    document.title,
                    document.language,
                    document.text,
                    json.dumps(pages),
                    json.dumps(dict(document.metadata), ensure_ascii=False),
                    document.content_sha256,
                ),
            )
            return [self._add_chunk(chunk) for chunk in chunks]

    def _add_chunk(self, chunk: Chunk) -> int:
        cursor = self._connection.execute(
            "INSERT INTO chunks (id, document_id, heading_path, text, start,"
            ' "end", page_start, page_end, kind) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
            (
                chunk.id,
                chunk.document_id,
                json.dumps(chunk.heading_path, ensure_ascii=False),
                chunk.text,
                chunk.start,
                chunk.end,
                chunk.page_start,
                chunk.page_end,
                chunk.kind.value,
            ),
        )
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def remove(self, document_id: str) -> list[int]:
        """Forget a document; returns the numbers of the chunks that went with it."""
        with self._lock, self._connection:
            rows = self._connection.execute("SELECT number FROM chunks WHERE document_id = ?", (document_id,))
            numbers = [row[0] for row in rows]
            self._connection.execute("DELETE FROM chunks WHERE document_id = ?", (document_id,))
            self._connection.execute("DELETE FROM documents WHERE id = ?", (document_id,))
        return numbers

    def seal(self) -> None:
        """Fold the write-ahead log into the file, so that it stands alone and may be read as immutable."""
        with self._lock:
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._connection.execute("PRAGMA journal_mode = DELETE")

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def chunks_by_number(self, numbers: Sequence[int]) -> list[Chunk]:
        """The chunks with these numbers, in the order of ``numbers``.

        Raises:
            SnapshotCorruptError: an index refers to a chunk that is not kept.
        """
        found: dict[int, Chunk] = {}
        for start in range(0, len(numbers), _MANY):
            part = numbers[start : start + _MANY]
            marks = ",".join("?" * len(part))
            found.update(self._numbered_chunks(f"WHERE number IN ({marks})", part))
        if len(found) != len(set(numbers)):
            raise SnapshotCorruptError(
                "an index names a chunk that is not kept: run `troika collections verify`."
            )
        return [found[number] for number in numbers]

    def chunks(self, ids: Sequence[str]) -> list[Chunk]:
        """The chunks with these ids, in order; ids that are not kept are left out."""
        marks = ",".join("?" * len(ids))
        by_id = {chunk.id: chunk for _, chunk in self._numbered_chunks(f"WHERE chunks.id IN ({marks})", ids)}
        return [by_id[key] for key in ids if key in by_id]

    def chunks_of(self, document_id: str) -> list[Chunk]:
        """The chunks of a document in reading order."""
        return [c for _, c in self._numbered_chunks("WHERE document_id = ? ORDER BY start", [document_id])]

    def numbered_chunks(self) -> Iterator[tuple[int, Chunk]]:
        """All chunks with their numbers."""
        return self._numbered_chunks("ORDER BY number", [])

    def _numbered_chunks(self, clause: str, values: Sequence[Any]) -> Iterator[tuple[int, Chunk]]:
        query = f"SELECT {_CHUNK_COLUMNS} FROM chunks JOIN documents ON documents.id = document_id {clause}"
        for row in self._rows(query, values):
            yield row[0], _read_chunk(row)

    def document(self, document_id: str) -> Document | None:
        """The document with this id, without its blocks; None when it is not kept."""
        rows = self._rows(
            "SELECT id, uri, title, text, language, pages, content_sha256, metadata"
            " FROM documents WHERE id = ?",
            [document_id],
        )
        for identity, uri, title, text, language, pages, sha256, metadata in rows:
            return Document(
                id=identity,
                uri=uri,
                title=title,
                text=text,
                language=language,
                pages=tuple(Page(*page) for page in json.loads(pages)),
                blocks=(),
                content_sha256=sha256,
                metadata=_read_metadata(metadata),
            )
        return None

    def document_summaries(self) -> list[DocumentSummary]:
        """All documents, ordered by URI."""
        rows = self._rows(
            "SELECT id, uri, title, language, json_array_length(pages), content_sha256"
            " FROM documents ORDER BY uri",
            [],
        )
        return [DocumentSummary(*row) for row in rows]

    def document_count(self) -> int:
        """Number of documents."""
        return self._count("documents")

    def chunk_count(self) -> int:
        """Number of chunks."""
        return self._count("chunks")

    def _count(self, table: str) -> int:
        return self._rows(f"SELECT count(*) FROM {table}", [])[0][0]

    def _rows(self, query: str, values: Iterable[Any]) -> list[Any]:
        try:
            with self._lock:
                return self._connection.execute(query, tuple(values)).fetchall()
        except sqlite3.DatabaseError as error:
            raise SnapshotCorruptError(
                f"the document store is damaged ({error}): restore it or ingest into another collection."
            ) from error


def _read_chunk(row: tuple[Any, ...]) -> Chunk:
    """A chunk from its row, whose columns are ``_CHUNK_COLUMNS``."""
    _, key, document_id, uri, title, headings, text, start, end, page_start, page_end, kind, language = row
    return Chunk(
        id=key,
        document_id=document_id,
        uri=uri,
        title=title,
        heading_path=tuple(json.loads(headings)),
        text=text,
        start=start,
        end=end,
        page_start=page_start,
        page_end=page_end,
        kind=BlockKind(kind),
        language=language,
    )


def _read_metadata(stored: str) -> dict[str, MetadataValue]:
    """The metadata as they were kept; JSON has lists where they have tuples."""
    values: dict[str, Any] = json.loads(stored)
    return {
        key: tuple(cast("list[str]", value)) if isinstance(value, list) else value
        for key, value in values.items()
    }
