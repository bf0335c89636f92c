"""One tantivy index of weighed terms: what ``ingest.lexical.bm25`` is made of two of."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import tantivy

from ingest.filters.facets import Clause
from ingest.lexical.index import EntryField

_WRITER_HEAP_BYTES = 64_000_000
_MOST_SIDE_BY_SIDE = 16
_MUTABLE_FILES = frozenset({"meta.json", ".managed.json"})


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("document", indexed=True, fast=True)
    builder.add_unsigned_field("number", indexed=True, fast=True)
    builder.add_text_field("terms", stored=False, tokenizer_name="whitespace", index_option="freq")
    builder.add_text_field("facets", stored=False, tokenizer_name="raw", index_option="basic")
    return builder.build()


class OpenIndex:
    """``EntryIndex`` in a folder."""

    def __init__(self, schema: tantivy.Schema, searcher: tantivy.Searcher) -> None:
        self._schema = schema
        self._searcher = searcher

    def search(
        self, words: Sequence[str], depth: int, allowed: tantivy.Query | None = None
    ) -> list[tuple[int, int, float]]:
        """See ``EntryIndex``."""
        query = self._any_of("terms", words, "freq")
        if allowed is not None:
            query = tantivy.Query.boolean_query([(tantivy.Occur.Must, query), (tantivy.Occur.Must, allowed)])
        hits = self._searcher.search(query, depth, count=False).hits
        addresses = [address for _, address in hits]
        documents: Any = self._searcher.fast_field_values("document", addresses)
        numbers: Any = self._searcher.fast_field_values("number", addresses)
        scores: list[Any] = [score for score, _ in hits]
        return list(zip(documents, numbers, scores, strict=True))

    def allowing(self, clauses: Sequence[Clause], numbers: Collection[int] = ()) -> tantivy.Query:
        """See ``EntryIndex``."""
        parts: list[Any] = [
            (
                tantivy.Occur.MustNot if clause.negated else tantivy.Occur.Must,
                self._one_of(sorted(clause.facets)),
            )
            for clause in clauses
        ]
        if all(clause.negated for clause in clauses):
            parts.append((tantivy.Occur.Must, tantivy.Query.all_query()))
        allowed = tantivy.Query.boolean_query(parts)
        if numbers:
            named = tantivy.Query.term_set_query(self._schema, "number", list(numbers))
            allowed = tantivy.Query.boolean_query(
                [(tantivy.Occur.Should, allowed), (tantivy.Occur.Should, named)]
            )
        return tantivy.Query.const_score_query(allowed, 0.0)

    def frequency(self, field: EntryField, term: str) -> int:
        """See ``EntryIndex``."""
        return int(self._searcher.doc_freq(field, term))

    def numbers(self) -> set[int]:
        """See ``EntryIndex``."""
        found = self._searcher.search(tantivy.Query.all_query(), max(1, self._searcher.num_docs))
        addresses = [address for _, address in found.hits]
        return {int(number or 0) for number in self._searcher.fast_field_values("number", addresses)}

    def _one_of(self, facets: Sequence[str]) -> tantivy.Query:
        # A set is marked entry by entry before each search, where a few lists are read side by side.
        if len(facets) > _MOST_SIDE_BY_SIDE:
            return tantivy.Query.term_set_query(self._schema, "facets", list(facets))
        return self._any_of("facets", facets, "basic")

    def _any_of(self, field: str, words: Sequence[str], option: str) -> tantivy.Query:
        clauses: list[Any] = [
            (tantivy.Occur.Should, tantivy.Query.term_query(self._schema, field, word, option))
            for word in words
        ]
        return tantivy.Query.boolean_query(clauses)


def open_index(directory: Path) -> OpenIndex:
    """Open an index. Where nothing may be written, it is opened through links, since it wants a lock file.

    Raises:
        ValueError, OSError: there is none, or it is damaged.
    """
    if os.access(directory, os.W_OK):
        index = tantivy.Index.open(str(directory))
        return OpenIndex(index.schema, index.searcher())
    # tantivy may still write its lock file there while the folder is removed.
    with tempfile.TemporaryDirectory(prefix="troika-", ignore_cleanup_errors=True) as folder:
        for path in directory.iterdir():
            if not path.name.endswith(".lock"):
                Path(folder, path.name).symlink_to(path.absolute())
        index = tantivy.Index.open(folder)
        return OpenIndex(index.schema, index.searcher())  # the files stay mapped when their links are gone


class StagedIndex:
    """``EntryWriter`` into a folder."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._schema = _schema()
        index = tantivy.Index(self._schema, path=str(directory), reuse=True)
        self._writer = index.writer(_WRITER_HEAP_BYTES, num_threads=1)
        self._closed = False

    def add(self, document: int, number: int, words: Sequence[str], facets: Sequence[str] = ()) -> None:
        """See ``EntryWriter``."""
        entry = tantivy.Document(terms=" ".join(words), facets=list(facets))
        entry.add_unsigned("document", document)
        entry.add_unsigned("number", number)
        self._writer.add_document(entry)

    def delete(self, number: int) -> None:
        """See ``EntryWriter``."""
        # Not by term: an integer is taken for a signed one there, and deletes nothing.
        self._writer.delete_documents_by_query(
            tantivy.Query.term_query(self._schema, "number", number, "basic")
        )

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
