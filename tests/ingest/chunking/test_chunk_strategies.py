"""The strategies: windows, sentences with their neighbours, children of parents; overlap; table headers."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.chunking.chunk import Chunker, ChunkingSpec
from ingest.document import BlockKind, Chunk, Document
from ingest.embed import Embedder
from ingest.parsers.text_builder import TextBuilder
from ingest.settings import ChunkingStrategy
from tests.ingest.chunk_checks import check, chunks_of, document_of, documents, specs
from tests.small_handbook import make_document, small_handbook

FIXED = ChunkingSpec(64, 48, strategy=ChunkingStrategy.FIXED)
SENTENCES = ChunkingSpec(64, 48, strategy=ChunkingStrategy.SENTENCE_WINDOW, window_sentences=1)
CHILDREN = ChunkingSpec(64, 48, strategy=ChunkingStrategy.PARENT_CHILD, parent_tokens=128)
PROSE = " ".join(f"Sentence number {index} says that the rank is {index * 3}." for index in range(60))
CHINESE = "".join(f"第{index}句话说明适配器的秩是{index * 3}。" for index in range(60))


def table_of(rows: int, header: str = "option | default", header_rows: int = 1) -> Document:
    """A heading, a sentence and a table."""
    builder = TextBuilder()
    builder.add_heading("Options", 1)
    builder.add(BlockKind.PARAGRAPH, "All options:")
    names = header.split("\n")
    builder.add_table([*names, *(f"option_{index} | {index * 7}" for index in range(rows))], header_rows)
    parsed = builder.build()
    return replace(make_document("a.md", "Guide", parsed.text), blocks=parsed.blocks)


def read_in_place_of(chunk: Chunk, document: Document) -> str:
    return document.text[chunk.parent_start : chunk.parent_end]


@pytest.mark.parametrize("strategy", ChunkingStrategy)
def test_chunks_of_a_handbook_hold_what_chunks_promise(
    strategy: ChunkingStrategy, embedder: Embedder
) -> None:
    spec = ChunkingSpec(64, 48, 16, strategy, window_sentences=1, parent_tokens=128)
    for document in [*small_handbook(), document_of(PROSE), document_of(CHINESE), table_of(80)]:
        assert check(document, embedder, spec)


@given(document=documents(), spec=specs(ChunkingStrategy.FIXED))
def test_windows_hold_what_chunks_promise(embedder: Embedder, document: Document, spec: ChunkingSpec) -> None:
    check(document, embedder, spec)


@given(document=documents(), spec=specs(ChunkingStrategy.SENTENCE_WINDOW))
def test_sentences_hold_what_chunks_promise(
    embedder: Embedder, document: Document, spec: ChunkingSpec
) -> None:
    check(document, embedder, spec)


@given(document=documents(), spec=specs(ChunkingStrategy.PARENT_CHILD))
def test_children_hold_what_chunks_promise(
    embedder: Embedder, document: Document, spec: ChunkingSpec
) -> None:
    chunks = check(document, embedder, spec)
    spans = {(c.parent_start or 0, c.parent_end or 0) for c in chunks if c.parent_start is not None}
    for start, end in spans:
        assert embedder.tokens.count(document.text[start:end]) <= spec.parent_tokens
    assert all(left[1] <= right[0] for left, right in pairwise(sorted(spans)))


@pytest.mark.parametrize("text", [PROSE, CHINESE])
@pytest.mark.parametrize("overlap", [0, 12])
def test_windows_are_as_large_as_they_may_be(text: str, overlap: int, embedder: Embedder) -> None:
    chunks = check(document_of(text), embedder, replace(FIXED, overlap_tokens=overlap))
    sizes = [embedder.tokens.count(chunk.text) for chunk in chunks]
    assert all(size >= 60 for size in sizes[:-1])
    shared = [embedder.tokens.count(text[b.start : a.end]) for a, b in pairwise(chunks)]
    assert all(overlap - 4 <= size <= overlap for size in shared)


def test_windows_cross_headings_and_name_the_heading_they_begin_under(embedder: Embedder) -> None:
    document = make_document("a.md", "Log", "# One\n\nFirst.\n\n# Two\n\nSecond.\n")
    [chunk] = check(document, embedder, FIXED)
    assert chunk.text == document.text.strip()
    assert chunk.heading_path == ("One",)


def test_a_sentence_is_searched_and_read_with_its_neighbours(embedder: Embedder) -> None:
    document = make_document("a.md", "Log", "# One\n\nFirst. Second. Third.\n\nFourth.\n\n# Two\n\nFifth.\n")
    chunks = check(document, embedder, SENTENCES)
    assert [chunk.text for chunk in chunks] == ["First.", "Second.", "Third.", "Fourth.", "Fifth."]
    assert read_in_place_of(chunks[0], document) == "First. Second."
    assert read_in_place_of(chunks[2], document) == "Second. Third.\n\nFourth."
    assert chunks[4].parent_start is None, "alone under its heading"


def test_every_row_of_a_table_is_searched_by_itself(embedder: Embedder) -> None:
    chunks = check(table_of(5), embedder, SENTENCES)
    assert chunks[4].text == "option_2 | 14"
    assert chunks[4].table_header == "option | default"
    assert [chunk.table_header for chunk in chunks[:2]] == ["", ""]


def test_children_of_a_section_are_read_as_their_parent(embedder: Embedder) -> None:
    document = document_of(PROSE)
    chunks = check(document, embedder, CHILDREN)
    parents = {(chunk.parent_start, chunk.parent_end) for chunk in chunks}
    assert 1 < len(parents) < len(chunks)
    assert {document.text[start:end][-1] for start, end in parents} == {"."}


def test_a_section_that_fits_into_a_chunk_is_its_own_parent(embedder: Embedder) -> None:
    [chunk] = check(document_of("It is short."), embedder, CHILDREN)
    assert (chunk.parent_start, chunk.parent_end) == (None, None)


@pytest.mark.parametrize(("text", "stop"), [(PROSE, "."), (CHINESE, "。")])
def test_an_overlap_is_of_whole_sentences(text: str, stop: str, embedder: Embedder) -> None:
    chunks = check(document_of(text), embedder, ChunkingSpec(128, 48, overlap_tokens=32))
    shared = [text[right.start : left.end].strip() for left, right in pairwise(chunks)]
    assert all(shared)
    assert {part[-1] for part in shared} == {stop}
    assert {part[0] for part in shared} <= {"S", "第"}


def test_an_overlap_without_a_sentence_is_of_whole_words(embedder: Embedder) -> None:
    text = "the rank of an adapter decides how much it can learn and " * 60
    chunks = check(document_of(text.strip()), embedder, ChunkingSpec(128, 48, overlap_tokens=8))
    shared = [text[right.start : left.end] for left, right in pairwise(chunks)]
    assert all(shared)
    assert {word for part in shared for word in part.split()} <= set(text.split())


def test_a_section_does_not_overlap_the_one_before(embedder: Embedder) -> None:
    document = make_document("a.md", "Log", f"# One\n\n{PROSE}\n\n# Two\n\nSecond.\n")
    chunks = check(document, embedder, ChunkingSpec(64, 48, overlap_tokens=32))
    assert chunks[-1].text == "Second."


def test_the_later_chunks_of_a_table_repeat_its_header(embedder: Embedder) -> None:
    chunker = Chunker(embedder, ChunkingSpec(64, 48))
    first, *others = chunker.chunk(table_of(60))
    assert first.text.startswith("All options:\n\noption | default\noption_0 | 0\n")
    assert first.table_header == ""
    for chunk in others:
        assert chunker.embedding_text(chunk) == f"Guide > Options\noption | default\n{chunk.text}"
        assert all(row.startswith("option_") for row in chunk.text.split("\n"))


def test_a_header_of_two_rows_is_repeated_whole(embedder: Embedder) -> None:
    chunks = check(table_of(60, "option | value\nname | default", 2), embedder)
    assert chunks[-1].table_header == "option | value\nname | default"


def test_a_huge_header_leaves_room_for_the_rows(embedder: Embedder) -> None:
    chunks = check(table_of(60, " | ".join(f"column {index}" for index in range(400))), embedder)
    assert 0 < embedder.tokens.count(chunks[-1].table_header) <= embedder.spec.window // 4
    assert chunks[-1].text.count("option_") > 5


@given(rows=st.integers(1, 120), max_tokens=st.integers(32, 250))
def test_rows_are_never_cut(embedder: Embedder, rows: int, max_tokens: int) -> None:
    document = table_of(rows)
    kept = set(document.text.split("\n"))
    for chunk in chunks_of(document, embedder, ChunkingSpec(max_tokens, 48)):
        assert set(chunk.text.split("\n")) <= kept
