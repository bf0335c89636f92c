"""What must hold of the chunks of any document under any strategy, and documents to try it on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from hypothesis import strategies as st

from ingest.chunking.chunk import Chunker, ChunkingSpec
from ingest.document import Block, BlockKind, Chunk, Document
from ingest.embed import Embedder
from ingest.parsers.text_builder import TextBuilder
from ingest.settings import ChunkingStrategy
from tests.small_handbook import make_document

SPEC = ChunkingSpec(max_tokens=128, context_tokens=48)

_WORDS = st.sampled_from(
    [
        "rank",
        "LoRA",
        "检索增强",
        "。",
        ". ",
        "! ",
        "\n",
        " ",
        "  ",
        "🐎",
        "𠮷",
        "antidisestablishmentarianism",
        "x" * 130,
        "\n\n",
        "\n    ",
        "- ",
        "|",
    ]
)
_TEXTS = st.lists(_WORDS, min_size=1, max_size=60).map("".join)
_HEADINGS = st.sampled_from(["Rank", "秩", "Notes", "a very long heading " * 30])
_ROWS = st.lists(st.sampled_from(["rank | 16", "秩 | 三十二", "x | " + "y" * 90, "a | b | c"]), max_size=60)


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """Documents with every kind of block, as parsers build them."""
    builder = TextBuilder()
    for _ in range(draw(st.integers(0, 6))):
        match draw(st.sampled_from(["heading", "table", "page", *BlockKind])):
            case BlockKind.HEADING | "heading":
                builder.add_heading(draw(_HEADINGS), draw(st.integers(1, 3)))
            case BlockKind.TABLE | "table":
                header = draw(st.sampled_from(["name | value", "名称 | 值", "column | " * 60]))
                builder.add_table([header, *draw(_ROWS)], draw(st.integers(0, 2)))
            case "page":
                builder.start_page(draw(st.integers(1, 9)))
            case kind:
                builder.add(BlockKind(kind), draw(_TEXTS))
    parsed = builder.build()
    document = make_document("a.md", draw(st.sampled_from(["Guide 指南", "", "title " * 200])), parsed.text)
    named = draw(st.booleans())
    return replace(document, blocks=parsed.blocks, pages=parsed.pages, named_by_file=named)


@st.composite
def specs(draw: st.DrawFn, strategy: ChunkingStrategy) -> ChunkingSpec:
    """Specifications of a strategy, from very narrow ones to some that are wider than the window."""
    return ChunkingSpec(
        max_tokens=draw(st.integers(32, 300)),
        context_tokens=draw(st.sampled_from([0, 48, 512])),
        overlap_tokens=draw(st.sampled_from([0, 8, 40, 400])),
        strategy=strategy,
        window_sentences=draw(st.integers(0, 3)),
        parent_tokens=draw(st.integers(300, 600)),
    )


def document_of(text: str, kind: BlockKind = BlockKind.PARAGRAPH) -> Document:
    """A document of one block."""
    return replace(make_document("a.md", "Guide", text), blocks=(Block(kind, 0, len(text)),))


def chunks_of(document: Document, embedder: Embedder, spec: ChunkingSpec = SPEC) -> list[Chunk]:
    return Chunker(embedder, spec).chunk(document)


def check(document: Document, embedder: Embedder, spec: ChunkingSpec = SPEC) -> list[Chunk]:
    """The chunks of a document, after checking all that always holds of chunks."""
    chunker = Chunker(embedder, spec)
    chunks = chunker.chunk(document)
    for chunk in chunks:
        assert document.text[chunk.start : chunk.end] == chunk.text
        assert chunk.text.strip()
        text = chunker.embedding_text(chunk, document.named_by_file)
        assert embedder.tokens.count(text) + embedder.special_tokens <= embedder.spec.window
        assert embedder.tokens.count(chunk.text) <= spec.max_tokens
    assert len({chunk.id for chunk in chunks}) == len(chunks)
    assert chunks == Chunker(embedder, spec).chunk(document)
    _check_order(document, chunks, embedder, spec.overlap_tokens)
    _check_cover(document, chunks, spec.strategy)
    _check_tables(document, chunks, spec.strategy)
    _check_parents(document, chunks, spec)
    if spec.strategy is not ChunkingStrategy.FIXED:
        _check_headings(document, chunks)
    return chunks


def _check_order(document: Document, chunks: Sequence[Chunk], embedder: Embedder, overlap: int) -> None:
    for left, right in pairwise(chunks):
        assert left.start < right.start
        assert left.end < right.end
        shared = document.text[right.start : left.end]
        assert embedder.tokens.count(shared) <= overlap


def _check_cover(document: Document, chunks: Sequence[Chunk], strategy: ChunkingStrategy) -> None:
    """Every character is in a chunk; headings may be in their sections' heading paths instead."""
    covered = {index for chunk in chunks for index in range(chunk.start, chunk.end)}
    in_path = BlockKind.HEADING if strategy is not ChunkingStrategy.FIXED else None
    blocks = [block for block in document.blocks if block.kind is not in_path]
    missed = {index for block in blocks for index in range(block.start, block.end)} - covered
    assert not "".join(document.text[index] for index in missed).strip()


def _check_tables(document: Document, chunks: Sequence[Chunk], strategy: ChunkingStrategy) -> None:
    for chunk in chunks:
        block = next(b for b in document.blocks if b.start <= chunk.start < b.end)
        assert strategy is ChunkingStrategy.FIXED or chunk.heading_path == block.heading_path
        has_header = block.header is not None and chunk.start >= block.header[1]
        expected = document.text[slice(*block.header)] if block.header and has_header else ""
        if strategy is ChunkingStrategy.FIXED:
            expected = ""
        assert bool(chunk.table_header) == bool(expected)
        assert expected.startswith(chunk.table_header)


def _check_parents(document: Document, chunks: Sequence[Chunk], spec: ChunkingSpec) -> None:
    for chunk in chunks:
        assert (chunk.parent_start is None) == (chunk.parent_end is None)
        if chunk.parent_start is not None and chunk.parent_end is not None:
            assert spec.strategy in (ChunkingStrategy.SENTENCE_WINDOW, ChunkingStrategy.PARENT_CHILD)
            assert chunk.parent_start <= chunk.start < chunk.end <= chunk.parent_end
            assert (chunk.parent_start, chunk.parent_end) != (chunk.start, chunk.end)


def _check_headings(document: Document, chunks: Sequence[Chunk]) -> None:
    """Neither a chunk nor what is read in its place crosses a heading."""
    for heading in (block for block in document.blocks if block.kind is BlockKind.HEADING):
        for chunk in chunks:
            start = chunk.start if chunk.parent_start is None else chunk.parent_start
            end = chunk.end if chunk.parent_end is None else chunk.parent_end
            if start < heading.end and heading.start < end:
                assert heading.start <= start < end <= heading.end
