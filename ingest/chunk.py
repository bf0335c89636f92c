"""Cut a document into chunks: along its structure, never across a heading, never over the window.

Tokens are those of the embedder's own tokenizer. What the embedder reads for a chunk is
``embedding_text``: title and headings (cut to ``context_tokens``), a line break, the chunk's text.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from ingest.document import Block, BlockKind, Chunk, Document, chunk_id, headline
from ingest.embed import Embedder, TokenCounter
from ingest.sentences import sentence_spans

CHUNKING_VERSION = 1


@dataclass(frozen=True, slots=True)
class ChunkingSpec:
    """How a snapshot's documents were cut; kept in its manifest. All sizes in tokens."""

    max_tokens: int
    context_tokens: int
    version: int = CHUNKING_VERSION


@dataclass(frozen=True, slots=True)
class _Unit:
    """A stretch that is kept whole: a block, a sentence of one, or a window of a sentence."""

    start: int
    end: int
    tokens: int
    kind: BlockKind


class Chunker:
    """Cuts documents for one embedder."""

    def __init__(self, embedder: Embedder, spec: ChunkingSpec) -> None:
        self._tokens = embedder.tokens
        self._spec = spec
        self._room = (
            embedder.spec.window - embedder.special_tokens - self._tokens.count(embedder.spec.passage_prefix)
        )

    def chunk(self, document: Document) -> list[Chunk]:
        """The chunks of ``document`` in reading order; spans do not overlap."""
        chunks: list[Chunk] = []
        for heading_path, blocks in groupby(_sections(document), key=lambda block: block.heading_path):
            limit = self._limit(document.title, heading_path)
            units = [unit for block in blocks for unit in self._units(document.text, block, limit)]
            for group in _pack(units, limit):
                chunks.append(_make_chunk(document, heading_path, group))
        return chunks

    def embedding_text(self, chunk: Chunk) -> str:
        """What the embedder reads for ``chunk``; at most its window in tokens, specials included."""
        context = context_line(chunk.title, chunk.heading_path, self._tokens, self._spec.context_tokens)
        return f"{context}\n{chunk.text}" if context else chunk.text

    def _limit(self, title: str, heading_path: tuple[str, ...]) -> int:
        """Tokens left for a chunk's own text under these headings."""
        context = context_line(title, heading_path, self._tokens, self._spec.context_tokens)
        left = self._room - self._tokens.count(f"{context}\n" if context else "")
        return max(1, min(self._spec.max_tokens, left))

    def _units(self, text: str, block: Block, limit: int) -> Iterator[_Unit]:
        body = text[block.start : block.end]
        offsets = self._tokens.offsets(body)
        if len(offsets) <= limit:
            yield _Unit(block.start, block.end, len(offsets), block.kind)
            return
        for start, end in sentence_spans(body):
            sentence_offsets = self._tokens.offsets(body[start:end])
            for left, right, tokens in _windows(sentence_offsets, end - start, limit):
                yield _Unit(block.start + start + left, block.start + start + right, tokens, block.kind)


def context_line(title: str, heading_path: tuple[str, ...], tokens: TokenCounter, limit: int) -> str:
    """The headline of a chunk, cut to ``limit`` tokens."""
    line = headline(title, heading_path)
    offsets = tokens.offsets(line)
    return line if len(offsets) <= limit else line[: offsets[limit - 1][1]] if limit else ""


def _sections(document: Document) -> Iterator[Block]:
    """The blocks that become chunks: all but headings, save a heading with nothing of its own below it."""
    blocks = document.blocks
    for index, block in enumerate(blocks):
        if block.kind is not BlockKind.HEADING:
            yield block
        elif index + 1 == len(blocks) or _is_barren(block, blocks[index + 1]):
            yield block


def _is_barren(heading: Block, following: Block) -> bool:
    """Whether ``heading`` has no text and no deeper heading below it. Its own path ends with itself."""
    depth = len(heading.heading_path)
    return following.kind is BlockKind.HEADING and following.heading_path[:depth] != heading.heading_path


def _windows(offsets: list[tuple[int, int]], length: int, limit: int) -> Iterator[tuple[int, int, int]]:
    """Cut a sentence of ``length`` code points into stretches of at most ``limit`` tokens each."""
    if len(offsets) <= limit:
        yield 0, length, len(offsets)
        return
    pieces = math.ceil(len(offsets) / limit)
    size = math.ceil(len(offsets) / pieces)
    start = 0
    for first in range(0, len(offsets), size):
        last = min(first + size, len(offsets))
        end = length if last == len(offsets) else max(offsets[last][0], start + 1)
        yield start, end, last - first
        start = end


def _pack(units: list[_Unit], limit: int) -> Iterator[list[_Unit]]:
    """Join neighbours into groups of at most ``limit`` tokens and of about equal size."""
    total = sum(unit.tokens for unit in units)
    target = math.ceil(total / math.ceil(total / limit)) if total else limit
    group: list[_Unit] = []
    size = 0
    for unit in units:
        if group and (size + unit.tokens > limit or size >= target):
            yield group
            group, size = [], 0
        group.append(unit)
        size += unit.tokens
    if group:
        yield group


def _make_chunk(document: Document, heading_path: tuple[str, ...], group: list[_Unit]) -> Chunk:
    start, end = group[0].start, group[-1].end
    longest = max(group, key=lambda unit: unit.end - unit.start)
    return Chunk(
        id=chunk_id(document.id, start, end),
        document_id=document.id,
        uri=document.uri,
        title=document.title,
        heading_path=heading_path,
        text=document.text[start:end],
        start=start,
        end=end,
        page_start=document.page_at(start),
        page_end=document.page_at(end - 1),
        kind=longest.kind,
        language=document.language,
    )
