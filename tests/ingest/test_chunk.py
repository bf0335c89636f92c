"""Chunks of every kind of text: exact, in order, under one heading, inside the window."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.chunk import Chunker, ChunkingSpec, context_line
from ingest.document import Block, BlockKind, Chunk, Document, Page
from ingest.embed import Embedder
from tests.small_handbook import make_document, small_handbook

SPEC = ChunkingSpec(max_tokens=128, context_tokens=48)

TEXTS = {
    "English": "The rank of an adapter decides how much it can learn. Raise it when the loss is high. " * 40,
    "one English sentence": "the rank of an adapter decides how much it can learn and " * 60,
    "Chinese": "检索增强生成先从文档中找出相关段落，再让模型只根据这些段落回答问题。" * 60,
    "one Chinese sentence": "检索增强生成先从文档中找出相关段落" * 60,
    "code": "for index, chunk in enumerate(self._chunks[start:end]):\n    total += chunk.tokens ** 2\n" * 40,
    "one word of 5,000 letters": "x" * 5000,
    "one word of 5,000 digits and letters": "9f3a" * 1250,
    "emoji": "🐎🐎🐎 👩‍👩‍👧‍👦 🇨🇭 " * 150,
    "emoji without spaces": "🐎👩‍👩‍👧‍👦🇨🇭" * 300,
    "CJK extension B": "𠮷野家𠀋𡈽𪚥" * 200,
    "accents in pieces": "e\u0301a\u0300 " * 800,
    "punctuation": "!?-" * 700,
    "words in words": "uninternationalizationable" * 120,
}

WORDS = st.sampled_from(
    [
        "rank",
        "LoRA",
        "检索增强",
        "。",
        ". ",
        "! ",
        "\n",
        " ",
        "🐎",
        "𠮷",
        "antidisestablishmentarianism",
        "x" * 130,
    ]
)
PARAGRAPHS = st.lists(WORDS, min_size=1, max_size=60).map("".join).filter(lambda text: text.strip() != "")
HEADINGS = st.sampled_from(["# Rank", "# 秩", "# Notes", "# " + "a very long heading " * 30])
DOCUMENTS = st.lists(st.one_of(HEADINGS, PARAGRAPHS), min_size=1, max_size=6).map("\n\n".join)


def document_of(text: str, title: str = "Guide") -> Document:
    """A document of one block."""
    return replace(make_document("a.md", title, text), blocks=(Block(BlockKind.PARAGRAPH, 0, len(text)),))


def chunks_of(document: Document, embedder: Embedder, spec: ChunkingSpec = SPEC) -> list[Chunk]:
    return Chunker(embedder, spec).chunk(document)


def check(document: Document, embedder: Embedder, spec: ChunkingSpec = SPEC) -> list[Chunk]:
    """The chunks of a document, after checking all that always holds of chunks."""
    chunker = Chunker(embedder, spec)
    chunks = chunker.chunk(document)
    for chunk in chunks:
        assert document.text[chunk.start : chunk.end] == chunk.text
        assert chunk.text.strip()
        window = embedder.tokens.count(chunker.embedding_text(chunk)) + embedder.special_tokens
        assert window <= embedder.spec.window
        assert embedder.tokens.count(chunk.text) <= spec.max_tokens
    assert all(left.end <= right.start for left, right in pairwise(chunks))
    assert len({chunk.id for chunk in chunks}) == len(chunks)
    for heading in (block for block in document.blocks if block.kind is BlockKind.HEADING):
        holders = [c for c in chunks if c.start < heading.end and heading.start < c.end]
        assert all(heading.start <= c.start and c.end <= heading.end for c in holders)
    covered = {index for chunk in chunks for index in range(chunk.start, chunk.end)}
    text = [b for b in document.blocks if b.kind is not BlockKind.HEADING]
    missed = {i for block in text for i in range(block.start, block.end)} - covered
    assert not "".join(document.text[index] for index in missed).strip()
    return chunks


@pytest.mark.parametrize("name", TEXTS)
def test_text_of_any_kind_is_cut_to_fit_the_window(name: str, embedder: Embedder) -> None:
    assert len(check(document_of(TEXTS[name]), embedder)) > 1


@pytest.mark.parametrize("document", small_handbook(), ids=lambda document: document.title)
def test_chunks_of_a_handbook_hold_what_chunks_promise(document: Document, embedder: Embedder) -> None:
    assert check(document, embedder)


@given(text=DOCUMENTS, max_tokens=st.integers(32, 300))
def test_chunks_of_arbitrary_documents_hold_what_chunks_promise(
    embedder: Embedder, text: str, max_tokens: int
) -> None:
    check(make_document("a.md", "Guide 指南", text), embedder, ChunkingSpec(max_tokens, 48))


def test_chunks_are_of_about_equal_size(embedder: Embedder) -> None:
    sizes = [
        embedder.tokens.count(chunk.text) for chunk in chunks_of(document_of(TEXTS["English"]), embedder)
    ]
    assert min(sizes) > 0.7 * max(sizes)


def test_an_overlong_sentence_is_cut_between_words(embedder: Embedder) -> None:
    chunks = chunks_of(document_of(TEXTS["one English sentence"]), embedder)
    words = set(TEXTS["one English sentence"].split())
    assert all(set(chunk.text.split()) <= words for chunk in chunks)


def test_a_long_heading_path_leaves_half_of_the_window_to_the_text(embedder: Embedder) -> None:
    text = f"# {'heading ' * 400}\n\n{TEXTS['English']}"
    document = make_document("a.md", "title " * 300, text)
    chunks = check(document, embedder, ChunkingSpec(max_tokens=512, context_tokens=512))
    assert max(embedder.tokens.count(chunk.text) for chunk in chunks) > 100


def test_two_sections_with_the_same_heading_stay_apart(embedder: Embedder) -> None:
    document = make_document("a.md", "Log", "# Notes\n\nFirst.\n\n# Notes\n\nSecond.\n")
    assert [chunk.text for chunk in check(document, embedder)] == ["First.", "Second."]


def test_a_heading_with_nothing_below_it_is_a_chunk_of_its_own(embedder: Embedder) -> None:
    document = make_document("a.md", "Log", "# Open\n\n# Done\n\nAll.\n\n# Later\n")
    assert [chunk.text for chunk in check(document, embedder)] == ["# Open", "All.", "# Later"]


def test_small_paragraphs_under_one_heading_are_joined(embedder: Embedder) -> None:
    document = make_document("a.md", "Guide", "# Rank\n\nSixteen.\n\nOr 32.\n")
    [chunk] = chunks_of(document, embedder)
    assert chunk.text == "Sixteen.\n\nOr 32."
    assert chunk.heading_path == ("Rank",)


def test_a_chunk_names_the_pages_it_spans(embedder: Embedder) -> None:
    text = "First page.\n\nSecond page."
    blocks = (Block(BlockKind.PARAGRAPH, 0, 11), Block(BlockKind.PARAGRAPH, 13, 25))
    document = replace(document_of(text), blocks=blocks, pages=(Page(7, 0, 11), Page(8, 13, 25)))
    [chunk] = chunks_of(document, embedder)
    assert (chunk.page_start, chunk.page_end) == (7, 8)


def test_a_chunk_is_of_the_kind_of_its_longest_block(embedder: Embedder) -> None:
    text = "So:\n\nx = 1\ny = 2"
    blocks = (Block(BlockKind.PARAGRAPH, 0, 3), Block(BlockKind.CODE, 5, len(text)))
    [chunk] = chunks_of(replace(document_of(text), blocks=blocks), embedder)
    assert chunk.kind is BlockKind.CODE


def test_cutting_twice_gives_the_same_chunks(embedder: Embedder) -> None:
    document = document_of(TEXTS["English"])
    assert chunks_of(document, embedder) == chunks_of(document, embedder)


def test_a_document_without_blocks_has_no_chunks(embedder: Embedder) -> None:
    assert chunks_of(replace(document_of("text"), blocks=()), embedder) == []


def test_the_embedder_reads_title_and_headings_before_the_text(embedder: Embedder) -> None:
    document = make_document("a.md", "Guide", "# Rank\n\nSixteen.")
    chunker = Chunker(embedder, SPEC)
    assert chunker.embedding_text(chunker.chunk(document)[0]) == "Guide > Rank\nSixteen."
    assert Chunker(embedder, ChunkingSpec(128, 0)).embedding_text(chunker.chunk(document)[0]) == "Sixteen."


@given(limit=st.integers(0, 12))
def test_the_context_line_keeps_to_its_limit(embedder: Embedder, limit: int) -> None:
    line = context_line("Fine-tuning 指南", ("Choosing the rank",), embedder.tokens, limit)
    assert embedder.tokens.count(line) <= limit
    assert "Fine-tuning 指南 > Choosing the rank".startswith(line)
