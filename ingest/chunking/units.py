"""Cut blocks into units, the stretches that chunks are made of and that stay whole: a block that fits, else
its sentences, rows, items or paragraphs of code, else pieces of these.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ingest.document import Block, BlockKind
from ingest.embed import TokenCounter
from ingest.words.sentences import sentence_spans

Span = tuple[int, int]
"""Half-open, in code points."""

LEGIBLE_CHARACTERS = 16
"""A text counts at least one token for each so many code points: a word that the tokenizer gave up on is one
token however long it is."""

LimitAt = Callable[[Block, int], int]
"""The tokens that a chunk may hold which begins in this block at this offset."""

Splitter = Callable[[str], list[Span]]

_LOOK_BACK_TOKENS = 16
"""How far before the even cut of an overlong sentence a better place is looked for."""

_WORD_TOKENS = 8
"""The most tokens that count as one word."""

_UNSPACED = "\u3040"
"""From here on lie the scripts that put no space between words."""

_STRETCH_CHARACTERS = 1 << 15
"""The longest text whose tokens are held at once."""

_ITEM = re.compile(
    r"([ \t]*)(?:[-*+•‣◦·▪●–]\s"
    r"|[(（]?(?:\d{1,3}|[a-zA-Z]|[ivx]{1,4}|[一二三四五六七八九十]{1,3})(?:[.)]\s|[）、．]))"
)
_OPENING = re.compile(r"([ \t]*)[^\s)}\]]")
_CLAUSE_END = frozenset(",;:，、；：)）]】》」』”’")


@dataclass(frozen=True, slots=True)
class Unit:
    """A stretch that is kept whole. ``limit`` is how many tokens a chunk that begins with it may hold."""

    start: int
    end: int
    tokens: int
    limit: int
    block: Block


class UnitCutter:
    """Cuts with one tokenizer."""

    def __init__(self, tokens: TokenCounter) -> None:
        self._tokens = tokens

    def counts(self, texts: Sequence[str]) -> list[int]:
        """The tokens of each text; never fewer than one for ``LEGIBLE_CHARACTERS`` code points."""
        counts = self._tokens.counts(texts)
        for index, text in enumerate(texts):
            if len(text) > counts[index] * LEGIBLE_CHARACTERS:
                counts[index] = math.ceil(len(text) / LEGIBLE_CHARACTERS)
        return counts

    def blocks(self, text: str, blocks: Sequence[Block], limit_at: LimitAt) -> Iterator[Unit]:
        """Every block whole if it fits ``limit_at(block, its start)``, else in parts."""
        limits = [limit_at(block, block.start) for block in blocks]
        # A block this long does not fit, whatever its tokens are.
        longest = [limit * LEGIBLE_CHARACTERS for limit in limits]
        bodies = [
            text[block.start : block.end] if block.end - block.start <= most else ""
            for block, most in zip(blocks, longest, strict=True)
        ]
        for block, limit, body, count in zip(blocks, limits, bodies, self.counts(bodies), strict=True):
            if body and count <= limit:
                yield Unit(block.start, block.end, count, limit, block)
            else:
                yield from self.parts(text, block, limit_at)

    def parts(self, text: str, block: Block, limit_at: LimitAt) -> Iterator[Unit]:
        """The sentences of a block, or its rows, items or paragraphs of code; in pieces where overlong."""
        splitters = _SPLITTERS[block.kind]
        yield from self._split(text, block, (block.start, block.end), splitters, limit_at)

    def _split(
        self, text: str, block: Block, span: Span, splitters: Sequence[Splitter], limit_at: LimitAt
    ) -> Iterator[Unit]:
        if not splitters:
            yield from self._pieces(text, block, span, limit_at(block, span[0]))
            return
        cut = _trim_end if block.kind is BlockKind.CODE else trim
        offset = span[0]
        spans = [
            cut(text, offset + start, offset + end) for start, end in splitters[0](text[offset : span[1]])
        ]
        for part, count in zip(spans, self.counts([text[start:end] for start, end in spans]), strict=True):
            limit = limit_at(block, part[0])
            if count <= limit:
                yield Unit(*part, count, limit, block)
            else:
                yield from self._split(text, block, part, splitters[1:], limit_at)

    def _pieces(self, text: str, block: Block, span: Span, limit: int) -> Iterator[Unit]:
        """An overlong stretch in pieces of about equal size, cut between words or clauses if possible."""
        start, end = span
        body = text[start:end]
        edges = [0, *self._cuts(body, limit), len(body)]
        pieces = [trim(text, start + left, start + right) for left, right in pairwise(edges)]
        pieces = [(left, right) for left, right in pieces if left < right]
        # Each is counted anew: the end of a word may be more tokens alone than inside of the word.
        counts = self.counts([text[left:right] for left, right in pieces])
        for piece, count in zip(pieces, counts, strict=True):
            if count <= limit or piece[1] - piece[0] == 1:
                yield Unit(*piece, count, limit, block)
            else:
                yield from self._pieces(text, block, piece, limit)

    def _cuts(self, body: str, limit: int) -> list[int]:
        """Where to cut ``body``, which is two characters or more; at least one place inside of it."""
        if len(body) > _STRETCH_CHARACTERS:
            return _stretch_cuts(body)
        offsets = self._legible_offsets(body)
        cuts: list[int] = []
        first = 0
        while len(offsets) - first > limit:
            left = len(offsets) - first
            even = first + math.ceil(left / math.ceil(left / limit))
            first = _good_cut(body, offsets, first, even)
            cuts.append(offsets[first][0])
        inside = sorted({cut for cut in cuts if 0 < cut < len(body)})
        return inside or [len(body) // 2]

    def _legible_offsets(self, text: str) -> list[Span]:
        """The spans of the tokens of ``text``, those that are too long for a token in parts."""
        return [
            (left, min(left + LEGIBLE_CHARACTERS, end))
            for start, end in self._tokens.offsets(text)
            for left in range(start, max(end, start + 1), LEGIBLE_CHARACTERS)
        ]

    def words(self, text: str, span: Span) -> Iterator[tuple[Span, int]]:
        """The words of a stretch, each with the space behind it, and their tokens; ideographs are words."""
        position, last = span
        while position < last:
            stretch = text[position : min(last, position + _STRETCH_CHARACTERS)]
            if position + len(stretch) < last:
                stretch = stretch[: _last_space(stretch)]
            offsets = self._legible_offsets(stretch)
            starts = _word_starts(stretch, offsets)
            for index, following in pairwise([*starts, len(offsets)]):
                left = 0 if index == 0 else offsets[index][0]
                right = len(stretch) if following == len(offsets) else offsets[following][0]
                yield (position + left, position + right), following - index
            if not starts:
                yield (position, position + len(stretch)), 0
            position += len(stretch)


def line_spans(text: str) -> list[Span]:
    """The lines of ``text`` that are not blank, each with its indentation."""
    return [(start, end) for start, end, _ in _lines(text)]


def item_spans(text: str) -> list[Span]:
    """The outermost items of a list, with what stands before the first; without any marks, its lines."""
    starts = _least_indented(text, _ITEM)
    return _spans_from(text, starts) if starts else line_spans(text)


def nested_item_spans(text: str) -> list[Span]:
    """The items of a list at any depth."""
    return _spans_from(text, [start for start, _, _ in _lines(text) if _ITEM.match(text, start)])


def paragraph_spans(text: str) -> list[Span]:
    """The stretches of code between blank lines."""
    return _spans_from(text, [start for start, _, after_blank in _lines(text) if after_blank])


def definition_spans(text: str) -> list[Span]:
    """The stretches of code that begin after a blank line with a line of the least indentation."""
    after_blank = {start for start, _, after_blank in _lines(text) if after_blank}
    return _spans_from(text, [start for start in _least_indented(text, _OPENING) if start in after_blank])


def _lines(text: str) -> Iterator[tuple[int, int, bool]]:
    """The span of each line that is not blank, and whether a blank one stands before it."""
    start = 0
    after_blank = False
    for line in text.split("\n"):
        if line and not line.isspace():
            yield start, start + len(line.rstrip()), after_blank
            after_blank = False
        else:
            after_blank = True
        start += len(line) + 1


def _least_indented(text: str, opening: re.Pattern[str]) -> list[int]:
    """Where the lines start that ``opening`` matches with the shortest first group."""
    openings = [(start, opening.match(text, start)) for start, _, _ in _lines(text)]
    indents = [(start, len(match[1])) for start, match in openings if match]
    least = min((indent for _, indent in indents), default=0)
    return [start for start, indent in indents if indent == least]


def _spans_from(text: str, starts: Sequence[int]) -> list[Span]:
    edges = sorted({0, *starts, len(text)})
    spans = [_trim_end(text, left, right) for left, right in pairwise(edges)]
    return [(left, right) for left, right in spans if left < right]


def trim(text: str, start: int, end: int) -> Span:
    part = text[start:end]
    return end - len(part.lstrip()), start + len(part.rstrip())


def _trim_end(text: str, start: int, end: int) -> Span:
    return start, start + len(text[start:end].rstrip())


def _stretch_cuts(body: str) -> list[int]:
    cuts: list[int] = []
    start = 0
    while len(body) - start > _STRETCH_CHARACTERS:
        start += _last_space(body[start : start + _STRETCH_CHARACTERS])
        cuts.append(start)
    return cuts


def _last_space(stretch: str) -> int:
    """Behind the last space of ``stretch``, if it is in its second half; else its end."""
    cut = max(stretch.rfind(" "), stretch.rfind("\n")) + 1
    return cut if cut > len(stretch) // 2 else len(stretch)


def _good_cut(body: str, offsets: list[Span], first: int, even: int) -> int:
    """The token to cut before: near ``even``, after a space, else after a clause, else there itself."""
    near = range(even, max(even - _LOOK_BACK_TOKENS, (first + even) // 2, first), -1)
    for index in near:
        if offsets[index - 1][1] < offsets[index][0]:
            return index
    for index in near:
        if body[offsets[index][0] - 1 : offsets[index][0]] in _CLAUSE_END:
            return index
    return even


def _word_starts(text: str, offsets: list[Span]) -> list[int]:
    """The tokens that words begin with; a word of very many tokens is taken for several."""
    starts: list[int] = []
    for index in range(len(offsets)):
        if not starts or index - starts[-1] == _WORD_TOKENS or _is_word_start(text, offsets, index):
            starts.append(index)
    return starts


def _is_word_start(text: str, offsets: list[Span], index: int) -> bool:
    """Whether token ``index`` starts a word; the first one does not come here."""
    before, start = offsets[index - 1][1], offsets[index][0]
    if before < start:
        return True
    left, right = text[start - 1], text[start]
    return not (left.isalnum() and right.isalnum()) or left >= _UNSPACED or right >= _UNSPACED


_SPLITTERS: dict[BlockKind, tuple[Splitter, ...]] = {
    BlockKind.HEADING: (sentence_spans,),
    BlockKind.PARAGRAPH: (sentence_spans,),
    BlockKind.LIST: (item_spans, nested_item_spans, sentence_spans),
    BlockKind.TABLE: (line_spans,),
    BlockKind.CODE: (definition_spans, paragraph_spans, line_spans),
}
