"""Chunks of every kind of text: exact, in order, under one heading, inside the window."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.chunking.chunk import Chunker, ChunkingSpec, context_line
from ingest.document import Block, BlockKind, Document, Page
from ingest.embed import Embedder
from ingest.settings import ChunkingSettings, ChunkingStrategy
from tests.ingest.chunk_checks import SPEC, check, chunks_of, document_of, documents, specs
from tests.small_handbook import make_document, small_handbook

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


@pytest.mark.parametrize("name", TEXTS)
def test_text_of_any_kind_is_cut_to_fit_the_window(name: str, embedder: Embedder) -> None:
    assert len(check(document_of(TEXTS[name]), embedder)) > 1


@pytest.mark.parametrize("document", small_handbook(), ids=lambda document: document.title)
def test_chunks_of_a_handbook_hold_what_chunks_promise(document: Document, embedder: Embedder) -> None:
    assert check(document, embedder)


@given(document=documents(), spec=specs(ChunkingStrategy.STRUCTURE))
def test_chunks_of_arbitrary_documents_hold_what_chunks_promise(
    embedder: Embedder, document: Document, spec: ChunkingSpec
) -> None:
    check(document, embedder, spec)


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


def test_a_title_made_of_the_files_name_is_not_embedded(embedder: Embedder) -> None:
    document = make_document("a.md", "a", "# Rank\n\nSixteen.")
    chunker = Chunker(embedder, SPEC)
    [chunk] = chunker.chunk(document)
    assert chunker.embedding_text(chunk, named_by_file=True) == "Rank\nSixteen."
    assert chunk.title == "a"


def test_a_long_file_name_does_not_move_the_cuts(embedder: Embedder) -> None:
    spec = ChunkingSpec(max_tokens=254, context_tokens=100)
    document = replace(make_document("a.md", "a", TEXTS["English"]), named_by_file=True)
    renamed = replace(document, title="renamed " * 50)
    spans = [(chunk.start, chunk.end) for chunk in check(document, embedder, spec)]
    assert spans == [(chunk.start, chunk.end) for chunk in check(renamed, embedder, spec)]


def test_a_specification_survives_its_manifest() -> None:
    for strategy in ChunkingStrategy:
        spec = ChunkingSpec.from_settings(ChunkingSettings(strategy=strategy, overlap_tokens=16))
        assert ChunkingSpec.from_json(json.loads(json.dumps(asdict(spec)))) == spec


def test_a_specification_of_another_version_is_read_and_differs() -> None:
    old = ChunkingSpec.from_json({"max_tokens": 128, "context_tokens": 48, "version": 1})
    assert old != ChunkingSpec.from_settings(ChunkingSettings())


def test_what_a_strategy_does_not_use_makes_no_difference() -> None:
    settings = [ChunkingSettings(parent_tokens=tokens, window_sentences=tokens % 7) for tokens in (300, 600)]
    assert len({ChunkingSpec.from_settings(each) for each in settings}) == 1


def test_very_long_texts_without_a_space_or_a_stop_are_cut_in_time(embedder: Embedder) -> None:
    started = time.process_time()
    for text in ("x" * 40_000, "检" * 20_000, "word " * 8_000, "\u200b" * 20_000, "a" + " " * 20_000 + "b"):
        check(document_of(text), embedder)
    assert time.process_time() - started < 20
