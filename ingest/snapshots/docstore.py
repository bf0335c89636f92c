"""The truth about a collection: documents, chunks and spans in one SQLite file.

Vectors and BM25 are derived from it and refer to a chunk by its ``number``, which is never given twice. A
chunk that says what an earlier one says (``same_as``) is kept and in neither index.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingest.document import Chunk, Document, MetadataValue
from ingest.errors import SnapshotCorruptError
from ingest.filters.filters import written
from ingest.snapshots.docstore_rows import (
    BUILT_IN_KEYS,
    BUILT_IN_VALUES,
    CHUNK_COLUMNS,
    COUNTED_VALUES,
    DOCUMENT_COLUMNS,
    INSERT_CHUNK,
    INSERT_DOCUMENT,
    LISTED_DOCUMENTS,
    PLACED_CHUNKS,
    SCHEMA,
    STATED_KEYS,
    STATED_VALUES,
    SUMMARY_COLUMNS,
    ChunkRow,
    DocumentSummary,
    ListedDocument,
    Origin,
    chunk_row,
    document_row,
    read_chunk,
    read_document,
    read_metadata,
    read_value,
)

__all__ = ["ChunkRow", "Docstore", "DocumentSummary", "Origin", "Removal"]

_MANY = 500


@dataclass(frozen=True, slots=True)
class Removal:
    """The numbers of the chunks that went, and of those that now stand in for an indexed one that did."""

    numbers: tuple[int, ...] = ()
    promoted: tuple[int, ...] = ()


class Docstore:
    """Reads, and in a staged snapshot writes, the documents and chunks of a collection."""

    def __init__(self, path: Path, *, writable: bool = False) -> None:
        self._writable = writable
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
                self._connection.executescript(SCHEMA)
        except sqlite3.Error as error:
            if writable and isinstance(error, sqlite3.OperationalError):
                raise  # the disk, not the file
            raise SnapshotCorruptError(
                f"{path} cannot be opened ({error}): run `troika collections verify --repair`, or "
                "ingest into another collection."
            ) from error
        self._lock = threading.Lock()

    def next_number(self) -> int:
        """The number that no chunk ever had, nor any after it."""
        rows = self._rows("SELECT seq FROM sqlite_sequence WHERE name = 'chunks'")
        return int(rows[0][0]) + 1 if rows else 1

    def add(self, document: Document, origin: Origin, rows: Sequence[ChunkRow]) -> None:
        """Keep a document and its chunks, all or nothing."""
        with self._lock, self._connection:
            self._connection.execute(INSERT_DOCUMENT, document_row(document, origin))
            self._connection.executemany(INSERT_CHUNK, map(chunk_row, rows))

    def set_origin(self, document_id: str, origin: Origin) -> None:
        """Note that the same document came from another file, or another version of it."""
        with self._lock, self._connection:
            self._connection.execute(
                "UPDATE documents SET source_uri = ?, source_key = ? WHERE id = ?",
                (origin.uri, origin.key, document_id),
            )

    def remove(self, document_id: str) -> Removal:
        """Forget a document. Where one of its chunks stood for others, the first of these is promoted."""
        numbers = [
            row[0] for row in self._rows("SELECT number FROM chunks WHERE document_id = ?", document_id)
        ]
        with self._lock, self._connection:
            promoted = [p for number in numbers if (p := self._promote(number, document_id)) is not None]
            self._connection.execute("DELETE FROM chunks WHERE document_id = ?", (document_id,))
            self._connection.execute("DELETE FROM documents WHERE id = ?", (document_id,))
        return Removal(tuple(numbers), tuple(promoted))

    def _promote(self, number: int, document_id: str) -> int | None:
        heir = self._connection.execute(
            "SELECT min(number) FROM chunks WHERE same_as = ? AND document_id != ?", (number, document_id)
        ).fetchone()[0]
        self._connection.execute("UPDATE chunks SET same_as = ? WHERE same_as = ?", (heir, number))
        if heir is not None:
            self._connection.execute("UPDATE chunks SET same_as = NULL WHERE number = ?", (heir,))
        return heir

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
            found.update(self._numbered_chunks(f"WHERE number IN ({_marks(part)})", *part))
        if len(found) != len(set(numbers)):
            raise SnapshotCorruptError(
                "an index names a chunk that is not kept: run `troika collections verify`."
            )
        return [found[number] for number in numbers]

    def chunks(self, ids: Sequence[str]) -> list[Chunk]:
        """The chunks with these ids, in order; ids that are not kept are left out."""
        by_id = {
            chunk.id: chunk for _, chunk in self._numbered_chunks(f"WHERE chunks.id IN ({_marks(ids)})", *ids)
        }
        return [by_id[key] for key in ids if key in by_id]

    def chunks_of(self, document_id: str) -> list[Chunk]:
        """The chunks of a document in reading order."""
        return [
            c for _, c in self._numbered_chunks("WHERE document_id = ? ORDER BY start, number", document_id)
        ]

    def numbered_chunks(self) -> Iterator[tuple[int, Chunk]]:
        """All chunks with their numbers, also those that are in no index."""
        for first in range(1, self.next_number(), _MANY):
            yield from self._numbered_chunks(
                "WHERE number BETWEEN ? AND ? ORDER BY number", first, first + _MANY - 1
            )

    def twins_of(self, number: int) -> list[Chunk]:
        """The chunks that say what the indexed chunk ``number`` says, in other places."""
        return [chunk for _, chunk in self._numbered_chunks("WHERE same_as = ? ORDER BY number", number)]

    def _numbered_chunks(self, clause: str, *values: Any) -> Iterator[tuple[int, Chunk]]:
        query = f"SELECT {CHUNK_COLUMNS} FROM chunks JOIN documents ON documents.id = document_id {clause}"
        for row in self._rows(query, *values):
            yield row[0], read_chunk(row)

    def indexed_numbers(self) -> list[int]:
        """The numbers of the chunks that both indexes hold, ascending."""
        return [
            row[0] for row in self._rows("SELECT number FROM chunks WHERE same_as IS NULL ORDER BY number")
        ]

    def indexed_count(self) -> int:
        """Number of chunks that both indexes hold."""
        return self._rows("SELECT count(*) FROM chunks WHERE same_as IS NULL")[0][0]

    def vector_keys(self, numbers: Sequence[int]) -> dict[int, bytes]:
        """What tells the embedded text of the chunks with these numbers."""
        found: dict[int, bytes] = {}
        for start in range(0, len(numbers), _MANY):
            part = numbers[start : start + _MANY]
            found.update(
                self._rows(f"SELECT number, vector_key FROM chunks WHERE number IN ({_marks(part)})", *part)
            )
        return found

    def numbers_by_vector_key(self, keys: Sequence[bytes]) -> list[tuple[bytes, int]]:
        """Every indexed chunk whose embedded text is told by one of ``keys`` (500 at most), with that key."""
        # The sign keeps SQLite from the index of twins, by which it would look at every chunk there is.
        query = f"""SELECT vector_key, number FROM chunks
            WHERE vector_key IN ({_marks(keys)}) AND +same_as IS NULL"""
        return self._rows(query, *keys)

    def named_by_file(self, document_ids: Iterable[str]) -> dict[str, bool]:
        """Whether each of these documents is named by its file alone."""
        ids = tuple(dict.fromkeys(document_ids))
        rows = self._rows(f"SELECT id, named_by_file FROM documents WHERE id IN ({_marks(ids)})", *ids)
        return {key: bool(named) for key, named in rows}

    def document(self, document_id: str) -> Document | None:
        """The document with this id; None when it is not kept."""
        found = self.document_with_origin(document_id)
        return found[0] if found else None

    def document_with_origin(self, document_id: str) -> tuple[Document, Origin] | None:
        """As ``document``, with the file that it came from."""
        rows = self._rows(f"SELECT {DOCUMENT_COLUMNS} FROM documents WHERE id = ?", document_id)
        return read_document(rows[0]) if rows else None

    def document_summaries(self) -> list[DocumentSummary]:
        """All documents, ordered by URI."""
        return [
            DocumentSummary(*row)
            for row in self._rows(f"SELECT {SUMMARY_COLUMNS} FROM documents ORDER BY uri")
        ]

    def listed(self, after: str, limit: int) -> list[ListedDocument]:
        """The first ``limit`` documents whose URI comes after this one, ordered by URI."""
        rows = self._rows(LISTED_DOCUMENTS, after, limit)
        return [
            ListedDocument(document, uri, title, language, pages, source, read_metadata(metadata), chunks)
            for document, uri, title, language, pages, source, metadata, chunks in rows
        ]

    def document_count(self) -> int:
        """Number of documents."""
        return self._rows("SELECT count(*) FROM documents")[0][0]

    def chunk_count(self) -> int:
        """Number of chunks, also of those that are in no index."""
        return self._rows("SELECT count(*) FROM chunks")[0][0]

    def is_restricted(self) -> bool:
        """Whether there is a document that not all may see."""
        query = "SELECT EXISTS (SELECT 1 FROM documents WHERE json_type(metadata, '$.acl') IS NOT NULL)"
        return bool(self._rows(query)[0][0])

    def highest_row(self) -> int:
        """The highest row of a document; 0 without any."""
        return self._rows("SELECT coalesce(max(rowid), 0) FROM documents")[0][0]

    def placed_chunks(self) -> list[tuple[int, int, int, int | None, int | None]]:
        """Every chunk by number: that number, the one that is indexed for it, the row of its document, and
        its first and last page."""
        return self._rows(PLACED_CHUNKS)

    def stated(self, key: str) -> list[tuple[int, str]]:
        """Every value under a key, built in or of the metadata, as (row of the document, value as text)."""
        if key in BUILT_IN_KEYS:
            return self._rows(BUILT_IN_VALUES.format(column=BUILT_IN_KEYS[key]))
        found = self._rows(STATED_VALUES, key)
        return [(row, text) for row, value, kind in found for text in written(read_value(value, kind))]

    def stated_keys(self) -> list[tuple[str, int]]:
        """Every key of the metadata with the row of each document that states it."""
        return self._rows(STATED_KEYS)

    def value_counts(self) -> dict[str, int]:
        """How many different values there are under each key of the metadata but the access list's."""
        return dict(self._rows(COUNTED_VALUES))

    def metadata_under(self, prefix: str) -> dict[str, dict[str, MetadataValue]]:
        """The metadata of the documents whose URI begins with ``prefix``, by id, ordered by URI."""
        query = "SELECT id, metadata FROM documents WHERE uri >= ? AND uri < ? ORDER BY uri"
        rows = self._rows(query, prefix, f"{prefix}\U0010ffff")
        return {key: read_metadata(stored) for key, stored in rows}

    def stray_twins(self) -> int:
        """How many chunks are said to repeat one that is not indexed; none in a sound store."""
        query = """SELECT count(*) FROM chunks AS twin LEFT JOIN chunks AS kept ON kept.number = twin.same_as
            WHERE twin.same_as IS NOT NULL AND (kept.number IS NULL OR kept.same_as IS NOT NULL)"""
        return self._rows(query)[0][0]

    def _rows(self, query: str, *values: Any) -> list[Any]:
        try:
            with self._lock:
                return self._connection.execute(query, values).fetchall()
        except sqlite3.DatabaseError as error:
            if self._writable and isinstance(error, sqlite3.OperationalError):
                raise
            raise SnapshotCorruptError(
                f"the document store is damaged ({error}): run `troika collections verify --repair`."
            ) from error


def _marks(values: Sequence[Any]) -> str:
    return ",".join("?" * len(values))
