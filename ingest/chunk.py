"""Cut a document into chunks: along its structure, never across a heading, never over the window.

Tokens are those of the embedder's own tokenizer. What the embedder reads for a chunk is
``embedding_text``: title and headings (cut to ``context_tokens``), a line break, the chunk's text.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ingest.document import Block, BlockKind, Chunk, Document, chunk_id, headline
from ingest.embed import Embedder, TokenCounter
from ingest.sentences import sentence_spans

CHUNKING_VERSION = 1

_LEGIBLE_CHARACTERS = 16
"""A token of more code points is a word that the tokenizer gave up on; it counts once for each so many."""

_LOOK_BACK_TOKENS = 8
"""How far before the even cut of an overlong sentence a space is looked for."""


@dataclass(frozen=True, slots=True)
class ChunkingSpec:
    """How a snapshot's documents were cut; kept in its manifest. All sizes in tokens."""

    max_tokens: int
    context_tokens: int
    version: int = CHUNKING_VERSION


@dataclass(frozen=True, slots=True)
class _Unit:
    """A stretch that is kept whole: a block, a sentence of one, or a piece of a sentence."""

    start: int
    end: int
    tokens: int
    kind: BlockKind


class Chunker:
    """Cuts documents for one embedder."""

    def __init__(self, embedder: Embedder, spec: ChunkingSpec) -> None:
        self._tokens = embedder.tokens
        self._max_tokens = spec.max_tokens
        self._room = (
            embedder.spec.window - embedder.special_tokens - self._tokens.count(embedder.spec.passage_prefix)
        )
        # However long the headings are, half of the window stays for the text.
        self._context_tokens = min(spec.context_tokens, self._room // 2)

    def chunk(self, document: Document) -> list[Chunk]:
        """The chunks of ``document`` in reading order; spans do not overlap."""
        chunks: list[Chunk] = []
        for section in _sections(document.blocks):
            heading_path = section[0].heading_path
            limit = self._limit(document.title, heading_path)
            units = [unit for block in section for unit in self._units(document.text, block, limit)]
            for group in _pack(units, limit):
                parts = self._fitting(document.text, group, limit)
                chunks.extend(_make_chunk(document, heading_path, part) for part in parts)
        return chunks

    def embedding_text(self, chunk: Chunk) -> str:
        """What the embedder reads for ``chunk``; at most its window in tokens, specials included."""
        context = self._context(chunk.title, chunk.heading_path)
        return f"{context}\n{chunk.text}" if context else chunk.text

    def _context(self, title: str, heading_path: tuple[str, ...]) -> str:
        return context_line(title, heading_path, self._tokens, self._context_tokens)

    def _limit(self, title: str, heading_path: tuple[str, ...]) -> int:
        """Tokens left for a chunk's own text under these headings."""
        context = self._context(title, heading_path)
        left = self._room - self._tokens.count(f"{context}\n" if context else "")
        return max(1, min(self._max_tokens, left))

    def _units(self, text: str, block: Block, limit: int) -> Iterator[_Unit]:
        body = text[block.start : block.end]
        tokens = len(self._offsets(body))
        if tokens <= limit:
            yield _Unit(block.start, block.end, tokens, block.kind)
            return
        for start, end in sentence_spans(body):
            yield from self._pieces(text, block.start + start, block.start + end, block.kind, limit)

    def _pieces(self, text: str, start: int, end: int, kind: BlockKind, limit: int) -> Iterator[_Unit]:
        """A sentence whole if it fits, else in pieces of about equal size that do."""
        offsets = self._offsets(text[start:end])
        if len(offsets) <= limit or end - start == 1:
            yield _Unit(start, end, len(offsets), kind)
            return
        # Each piece is counted anew: the end of a word may be more tokens alone than inside of the word.
        cut = start + min(max(_even_cut(offsets, limit), 1), end - start - 1)
        yield from self._pieces(text, start, start + len(text[start:cut].rstrip()), kind, limit)
        yield from self._pieces(text, end - len(text[cut:end].lstrip()), end, kind, limit)

    def _fitting(self, text: str, group: Sequence[_Unit], limit: int) -> Iterator[Sequence[_Unit]]:
        """``group``, or halves of it where its tokens are more together than they are unit by unit."""
        if len(group) == 1 or len(self._offsets(text[group[0].start : group[-1].end])) <= limit:
            yield group
            return
        middle = len(group) // 2
        yield from self._fitting(text, group[:middle], limit)
        yield from self._fitting(text, group[middle:], limit)

    def _offsets(self, text: str) -> list[tuple[int, int]]:
        """The spans of the tokens of ``text``; never fewer than the tokenizer gives."""
        return [piece for start, end in self._tokens.offsets(text) for piece in _legible(start, end)]


def context_line(title: str, heading_path: tuple[str, ...], tokens: TokenCounter, limit: int) -> str:
    """The headline of a chunk, cut to ``limit`` tokens."""
    line = headline(title, heading_path)
    offsets = tokens.offsets(line)
    if len(offsets) <= limit:
        return line
    return line[: offsets[limit - 1][1]] if limit else ""


def _sections(blocks: Sequence[Block]) -> Iterator[list[Block]]:
    """The blocks between one heading and the next; a heading with nothing below it stands for itself."""
    section: list[Block] = []
    for index, block in enumerate(blocks):
        is_heading = block.kind is BlockKind.HEADING
        if section and (is_heading or block.heading_path != section[0].heading_path):
            yield section
            section = []
        if not is_heading or index + 1 == len(blocks) or _is_barren(block, blocks[index + 1]):
            section.append(block)
    if section:
        yield section


def _is_barren(heading: Block, following: Block) -> bool:
    """Whether ``heading`` has no text and no deeper heading below it. Its own path ends with itself."""
    depth = len(heading.heading_path)
    return following.kind is BlockKind.HEADING and following.heading_path[:depth] != heading.heading_path


def _legible(start: int, end: int) -> Iterator[tuple[int, int]]:
    """The span of a token, or its parts when it is too long for a token."""
    for left in range(start, max(end, start + 1), _LEGIBLE_CHARACTERS):
        yield left, min(left + _LEGIBLE_CHARACTERS, end)


def _even_cut(offsets: list[tuple[int, int]], limit: int) -> int:
    """Where to cut tokens that are more than ``limit``, so that equal pieces come of cutting on."""
    pieces = math.ceil(len(offsets) / limit)
    even = math.ceil(len(offsets) * (pieces // 2) / pieces)
    near = range(even, max(even - _LOOK_BACK_TOKENS, 0), -1)
    at_space = (index for index in near if offsets[index - 1][1] < offsets[index][0])
    return offsets[next(at_space, even)][0]


def _pack(units: Sequence[_Unit], limit: int) -> Iterator[list[_Unit]]:
    """Join neighbours into groups of at most ``limit`` tokens and of about equal size."""
    left = sum(unit.tokens for unit in units)
    group: list[_Unit] = []
    size = 0
    for unit in units:
        even = left / max(1, math.ceil(left / limit))
        if group and (size + unit.tokens > limit or size + unit.tokens / 2 > even):
            yield group
            left -= size
            group, size = [], 0
        group.append(unit)
        size += unit.tokens
    if group:
        yield group


def _make_chunk(document: Document, heading_path: tuple[str, ...], group: Sequence[_Unit]) -> Chunk:
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
