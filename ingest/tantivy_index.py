"""One tantivy index of weighed terms: what ``ingest.lexical`` is made of two of."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tantivy

_WRITER_HEAP_BYTES = 64_000_000
_MUTABLE_FILES = frozenset({"meta.json", ".managed.json"})


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("document", indexed=True, fast=True)
    builder.add_unsigned_field("number", indexed=True, fast=True)
    builder.add_text_field("terms", stored=False, tokenizer_name="whitespace", index_option="freq")
    builder.add_text_field("facets", stored=False, tokenizer_name="raw", index_option="basic")
    return builder.build()


class OpenIndex:
    """A published index; safe to share between threads."""

    def __init__(self, schema: tantivy.Schema, searcher: tantivy.Searcher) -> None:
        self._schema = schema
        self._searcher = searcher
        self._keys: dict[tuple[int, int], tuple[int, int]] = {}

    def search(
        self, words: Sequence[str], depth: int, facets: Sequence[str] = ()
    ) -> list[tuple[int, int, float]]:
        """The best entries as (document, number, score), best first; with facets, only those with one."""
        query = self._any_of("terms", words, "freq")
        if facets:
            allowed = tantivy.Query.const_score_query(self._any_of("facets", facets, "basic"), 0.0)
            query = tantivy.Query.boolean_query([(tantivy.Occur.Must, query), (tantivy.Occur.Must, allowed)])
        found = self._searcher.search(query, depth, count=False)
        keys = self._keys_at([address for _, address in found.hits])
        return [(*key, float(score)) for key, (score, _) in zip(keys, found.hits, strict=True)]

    def frequency(self, field: str, term: str) -> int:
        """The number of entries that hold ``term`` in a field."""
        return int(self._searcher.doc_freq(field, term))

    def numbers(self) -> set[int]:
        """The numbers of all entries."""
        found = self._searcher.search(tantivy.Query.all_query(), max(1, self._searcher.num_docs))
        addresses = [address for _, address in found.hits]
        return {int(number or 0) for number in self._searcher.fast_field_values("number", addresses)}

    def _any_of(self, field: str, words: Sequence[str], option: str) -> tantivy.Query:
        clauses: list[Any] = [
            (tantivy.Occur.Should, tantivy.Query.term_query(self._schema, field, word, option))
            for word in words
        ]
        return tantivy.Query.boolean_query(clauses)

    def _keys_at(self, addresses: Sequence[tantivy.DocAddress]) -> list[tuple[int, int]]:
        """Document and number at each address; remembered, since reading costs more than finding them."""
        places = [(address.segment_ord, address.doc) for address in addresses]
        unknown = [at for at, place in enumerate(places) if place not in self._keys]
        if unknown:
            unread = [addresses[at] for at in unknown]
            documents = self._searcher.fast_field_values("document", unread)
            numbers = self._searcher.fast_field_values("number", unread)
            for at, document, number in zip(unknown, documents, numbers, strict=True):
                self._keys[places[at]] = int(document or 0), int(number or 0)
        return [self._keys[place] for place in places]


def open_index(directory: Path) -> OpenIndex:
    """Open an index. Where nothing may be written, it is opened through links, since it wants a lock file.

    Raises:
        ValueError, OSError: there is none, or it is damaged.
    """
    if os.access(directory, os.W_OK):
        index = tantivy.Index.open(str(directory))
        return OpenIndex(index.schema, index.searcher())
    with tempfile.TemporaryDirectory(prefix="troika-") as folder:
        for path in directory.iterdir():
            if not path.name.endswith(".lock"):
                Path(folder, path.name).symlink_to(path.absolute())
        index = tantivy.Index.open(folder)
        return OpenIndex(index.schema, index.searcher())  # the files stay mapped when their links are gone


class StagedIndex:
    """An index that is being changed; nothing is visible before ``commit``."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._schema = _schema()
        index = tantivy.Index(self._schema, path=str(directory), reuse=True)
        self._writer = index.writer(_WRITER_HEAP_BYTES, num_threads=1)
        self._closed = False

    def add(self, document: int, number: int, words: Sequence[str], facets: Sequence[str] = ()) -> None:
        """Add an entry. ``document`` and ``number`` are unsigned 64-bit integers."""
        entry = tantivy.Document(terms=" ".join(words), facets=list(facets))
        entry.add_unsigned("document", document)
        entry.add_unsigned("number", number)
        self._writer.add_document(entry)

    def delete(self, field: str, value: int) -> None:
        """Remove the entries with this ``document`` or ``number``."""
        # Not by term: an integer is taken for a signed one there, and deletes nothing.
        self._writer.delete_documents_by_query(tantivy.Query.term_query(self._schema, field, value, "basic"))

    def commit(self) -> None:
        """Write everything to disk and close."""
        self._writer.commit()
        self._close()

    def abandon(self) -> None:
        """Drop what was not committed and stop the writing threads."""
        if not self._closed:
            self._writer.rollback()
            self._close()

    def _close(self) -> None:
        self._closed = True
        self._writer.wait_merging_threads()


def clone_index(source: Path, target: Path) -> None:
    """Make ``target`` a writable copy of ``source``; segments never change, so they are linked."""
    target.mkdir(parents=True)
    for path in source.iterdir():
        if path.name.endswith(".lock"):
            continue
        if path.name in _MUTABLE_FILES:
            shutil.copyfile(path, target / path.name)
        else:
            os.link(path, target / path.name)
