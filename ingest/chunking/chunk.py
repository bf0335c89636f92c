"""Cut a document into chunks that fit the embedder's window, by one of four strategies.

========================  ==============================================  ===============================
strategy                  what is searched                                what is read
========================  ==============================================  ===============================
``structure``             neighbouring blocks under one heading           the same
``fixed``                 windows of equal size, blind to structure       the same
``sentence-window``       one sentence, row or item                       with its neighbours to each side
``parent-child``          as ``structure``                                the section, or a part of it
========================  ==============================================  ===============================

Tokens are those of the embedder's own tokenizer. What the embedder reads for a chunk is
``embedding_text``: title and headings (cut to ``context_tokens``), the header of a table that the chunk is
from the middle of, the chunk's text, each on a line of its own.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from ingest.chunking.groups import fitting, overlap_start, pack, windows
from ingest.chunking.units import LEGIBLE_CHARACTERS, Span, Unit, UnitCutter
from ingest.document import Block, BlockKind, Chunk, Document, chunk_id, headline
from ingest.embed import Embedder, TokenCounter
from ingest.settings import ChunkingSettings, ChunkingStrategy

CHUNKING_VERSION = 2


@dataclass(frozen=True, slots=True)
class ChunkingSpec:
    """How a snapshot's documents were cut; kept in its manifest. Sizes in tokens, a window's in sentences.

    What a strategy does not use is 0, so that two specifications are equal if their chunks are.
    """

    max_tokens: int
    context_tokens: int
    overlap_tokens: int = 0
    strategy: ChunkingStrategy = ChunkingStrategy.STRUCTURE
    window_sentences: int = 0
    parent_tokens: int = 0
    version: int = CHUNKING_VERSION

    @classmethod
    def from_settings(cls, settings: ChunkingSettings) -> Self:
        """What the settings ask for."""
        by_sentence = settings.strategy is ChunkingStrategy.SENTENCE_WINDOW
        has_parents = settings.strategy is ChunkingStrategy.PARENT_CHILD
        return cls(
            max_tokens=settings.max_tokens,
            context_tokens=settings.context_tokens,
            overlap_tokens=0 if by_sentence else settings.overlap_tokens,
            strategy=settings.strategy,
            window_sentences=settings.window_sentences if by_sentence else 0,
            parent_tokens=settings.parent_tokens if has_parents else 0,
        )

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The specification in a manifest.

        Raises:
            TypeError, ValueError: it is none.
        """
        read: dict[str, Any] = dict(values)
        read["strategy"] = ChunkingStrategy(read.get("strategy", ChunkingStrategy.STRUCTURE))
        return cls(**read)


class Chunker:
    """Cuts documents for one embedder."""

    def __init__(self, embedder: Embedder, spec: ChunkingSpec) -> None:
        self._spec = spec
        self._tokens = embedder.tokens
        self._cutter = UnitCutter(embedder.tokens)
        window = embedder.spec.window
        self._room = window - embedder.special_tokens - self._tokens.count(embedder.spec.passage_prefix)
        # However long headings and column names are, a quarter of the window stays for the text.
        self._context_tokens = min(spec.context_tokens, self._room // 2)
        self._header_tokens = self._room // 4
        self._last_context: tuple[tuple[str, tuple[str, ...]], str] = ("", ()), ""

    def chunk(self, document: Document) -> list[Chunk]:
        """The chunks of ``document`` in reading order; they overlap only if the specification says so."""
        if self._spec.strategy is ChunkingStrategy.FIXED:
            return list(self._windows(document))
        return [chunk for section in self._sections(document) for chunk in self._section_chunks(section)]

    def embedding_text(self, chunk: Chunk, named_by_file: bool = False) -> str:
        """What the embedder reads for ``chunk``; at most its window in tokens, specials included.

        The title is left out when it is made of the file's name (``Document.named_by_file``), so that the
        vector of a renamed file stays true.
        """
        context = self._context("" if named_by_file else chunk.title, chunk.heading_path)
        return "\n".join(part for part in (context, chunk.table_header, chunk.text) if part)

    def _context(self, title: str, heading_path: tuple[str, ...]) -> str:
        key, line = self._last_context
        if key != (title, heading_path):
            line = context_line(title, heading_path, self._tokens, self._context_tokens)
            self._last_context = (title, heading_path), line
        return line

    def _limit(self, context: str) -> int:
        """Tokens left for table header and text below this line."""
        return self._room - (self._tokens.count(f"{context}\n") if context else 0)

    def _overlap(self, limit: int) -> int:
        return min(self._spec.overlap_tokens, limit // 2)

    def _windows(self, document: Document) -> Iterator[Chunk]:
        if not document.blocks:
            return
        limit = max(1, min(self._spec.max_tokens, self._room - self._context_tokens - 1))
        span = document.blocks[0].start, document.blocks[-1].end
        for start, end in windows(document.text, span, limit, self._overlap(limit), self._cutter):
            blocks = _blocks_within(document.blocks, start, end)
            longest = max(blocks, key=lambda block: min(block.end, end) - max(block.start, start))
            yield _make_chunk(document, blocks[0].heading_path, (start, end), longest.kind)

    def _sections(self, document: Document) -> Iterator[_Section]:
        title = "" if document.named_by_file else document.title
        for blocks in _blocks_by_heading(document.blocks):
            room = self._limit(self._context(title, blocks[0].heading_path))
            spans = [block.header for block in blocks if block.header is not None]
            headers = {span: self._header(document.text[slice(*span)]) for span in spans}
            yield _Section(document, blocks, room, max(1, min(self._spec.max_tokens, room)), headers)

    def _header(self, text: str) -> tuple[str, int]:
        """A table's header, cut to a quarter of the window, and its tokens."""
        cut = _cut_to(text, self._header_tokens, self._tokens).rstrip()
        return cut, self._tokens.count(f"{cut}\n") if cut else 0

    def _section_chunks(self, section: _Section) -> Iterator[Chunk]:
        match self._spec.strategy:
            case ChunkingStrategy.SENTENCE_WINDOW:
                yield from self._sentences(section)
            case ChunkingStrategy.PARENT_CHILD:
                yield from self._children(section)
            case _:
                yield from self._packed(section, self._units(section), None)

    def _units(self, section: _Section) -> list[Unit]:
        """The section's units, small enough that the overlap fits beside the largest."""

        def limit_at(block: Block, start: int) -> int:
            limit = section.limit_at(block, start)
            return max(1, limit - self._overlap(limit))

        return list(self._cutter.blocks(section.document.text, section.blocks, limit_at))

    def _sentences(self, section: _Section) -> Iterator[Chunk]:
        text = section.document.text
        units = [u for block in section.blocks for u in self._cutter.parts(text, block, section.limit_at)]
        reach = self._spec.window_sentences
        for index, unit in enumerate(units):
            neighbours = units[max(0, index - reach) : index + reach + 1]
            parent = neighbours[0].start, neighbours[-1].end
            yield section.chunk((unit.start, unit.end), [unit], unit.block, parent)

    def _children(self, section: _Section) -> Iterator[Chunk]:
        units = self._units(section)
        most = max(self._spec.parent_tokens, section.most)
        for parent in self._groups(section, units, lambda _: most):
            yield from self._packed(section, parent, (parent[0].start, parent[-1].end))

    def _packed(self, section: _Section, units: Sequence[Unit], parent: Span | None) -> Iterator[Chunk]:
        text = section.document.text
        previous: Sequence[Unit] = ()
        for group in self._groups(section, units, lambda unit: unit.limit):
            start, end, block = group[0].start, group[-1].end, group[0].block
            overlap = self._overlap(section.most)
            if previous and overlap:
                earlier = overlap_start(text, previous, overlap, self._cutter)
                holder = next((u.block for u in reversed(previous) if u.start <= earlier < u.end), block)
                if self._cutter.counts([text[earlier:end]])[0] <= section.limit_at(holder, earlier):
                    start, block = earlier, holder
            yield section.chunk((start, end), group, block, parent)
            previous = group

    def _groups(
        self, section: _Section, units: Sequence[Unit], limit_of: Callable[[Unit], int]
    ) -> Iterator[Sequence[Unit]]:
        return fitting(section.document.text, pack(units, limit_of), limit_of, self._cutter)


@dataclass(frozen=True, slots=True)
class _Section:
    """The blocks under one heading. A chunk of theirs holds ``most`` tokens of text, and ``room`` tokens of
    text and table header; ``headers`` has each header's text, cut, and its tokens.
    """

    document: Document
    blocks: Sequence[Block]
    room: int
    most: int
    headers: Mapping[Span, tuple[str, int]]

    def limit_at(self, block: Block, start: int) -> int:
        """The tokens of text that a chunk may hold which begins at ``start``, in ``block``."""
        return max(1, min(self.most, self.room - self._header_at(block, start)[1]))

    def chunk(self, span: Span, units: Sequence[Unit], first: Block, parent: Span | None) -> Chunk:
        """The chunk of ``span``, which begins in ``first``; it is of the kind of its longest unit."""
        longest = max(units, key=lambda unit: unit.end - unit.start)
        header = self._header_at(first, span[0])[0]
        path = self.blocks[0].heading_path
        return _make_chunk(self.document, path, span, longest.block.kind, header, parent)

    def _header_at(self, block: Block, start: int) -> tuple[str, int]:
        if block.header is None or start < block.header[1]:
            return "", 0
        return self.headers[block.header]


def context_line(title: str, heading_path: tuple[str, ...], tokens: TokenCounter, limit: int) -> str:
    """The headline of a chunk, cut to ``limit`` tokens."""
    return _cut_to(headline(title, heading_path), limit, tokens)


def _cut_to(text: str, limit: int, tokens: TokenCounter) -> str:
    if tokens.count(text) <= limit:
        return text
    # Most of an absurdly long text is not worth tokenizing.
    text = text[: (limit + 1) * LEGIBLE_CHARACTERS]
    offsets = tokens.offsets(text)
    end = offsets[min(limit, len(offsets)) - 1][1] if limit and offsets else 0
    return text[:end]


def _blocks_by_heading(blocks: Sequence[Block]) -> Iterator[list[Block]]:
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


def _blocks_within(blocks: Sequence[Block], start: int, end: int) -> Sequence[Block]:
    """The blocks that share text with ``[start, end)``."""
    first = bisect_right(blocks, start, key=lambda block: block.end)
    return blocks[first : max(first + 1, bisect_left(blocks, end, key=lambda block: block.start))]


def _make_chunk(
    document: Document,
    heading_path: tuple[str, ...],
    span: Span,
    kind: BlockKind,
    table_header: str = "",
    parent: Span | None = None,
) -> Chunk:
    start, end = span
    parent_start, parent_end = (None, None) if parent in (None, span) else parent
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
        kind=kind,
        language=document.language,
        table_header=table_header,
        parent_start=parent_start,
        parent_end=parent_end,
    )
