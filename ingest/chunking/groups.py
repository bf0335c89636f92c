"""Join units into the spans of chunks: packed along the structure, or in windows that ignore it."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate

from ingest.chunking.units import LEGIBLE_CHARACTERS, Span, Unit, UnitCutter, line_spans, trim
from ingest.document import BlockKind
from ingest.words.sentences import sentence_spans

_WORD_CHARACTERS = 5
"""About as many code points as a token of a language with spaces has."""


def pack(units: Sequence[Unit], limit_of: Callable[[Unit], int]) -> Iterator[Sequence[Unit]]:
    """Join neighbours into groups of about equal size, each of at most ``limit_of`` its first unit."""
    left = sum(unit.tokens for unit in units)
    first = size = 0
    for index, unit in enumerate(units):
        limit = limit_of(units[first])
        even = left / max(1, math.ceil(left / limit))
        if index > first and (size + unit.tokens > limit or size + unit.tokens / 2 > even):
            yield units[first:index]
            left -= size
            first, size = index, 0
        size += unit.tokens
    if first < len(units):
        yield units[first:]


def fitting(
    text: str, groups: Iterable[Sequence[Unit]], limit_of: Callable[[Unit], int], cutter: UnitCutter
) -> Iterator[Sequence[Unit]]:
    """The groups, or halves of those whose tokens are more together than they are unit by unit."""
    groups = list(groups)
    joined = [text[group[0].start : group[-1].end] if len(group) > 1 else "" for group in groups]
    for group, count in zip(groups, cutter.counts(joined), strict=True):
        if len(group) == 1 or count <= limit_of(group[0]):
            yield group
        else:
            middle = len(group) // 2
            yield from fitting(text, (group[:middle], group[middle:]), limit_of, cutter)


def overlap_start(text: str, group: Sequence[Unit], most: int, cutter: UnitCutter) -> int:
    """Where the last ``most`` tokens of a group begin: whole sentences or rows if one fits, else whole words.

    The end of the group when not even a word fits.
    """
    end = group[-1].end
    start = max(group[0].start, end - most * LEGIBLE_CHARACTERS)
    tail = text[start:end]
    split = line_spans if group[-1].block.kind in (BlockKind.TABLE, BlockKind.CODE) else sentence_spans
    best = _longest_within(tail, [left for left, _ in split(tail)], most, cutter)
    if best is None:
        nearest = max(0, len(tail) - most * _WORD_CHARACTERS)
        words = [left for (left, _), _ in cutter.words(tail, (nearest, len(tail)))]
        # The first may be the end of a word only.
        best = _longest_within(tail, words[1:], most, cutter)
    return end if best is None else start + best


def _longest_within(tail: str, starts: Sequence[int], most: int, cutter: UnitCutter) -> int | None:
    """The first of ``starts``, but never 0, from which the rest of ``tail`` has at most ``most`` tokens."""
    inner = [start for start in starts if start > 0]
    at = bisect_left(inner, -most, key=lambda start: -cutter.counts([tail[start:]])[0])
    return inner[at] if at < len(inner) else None


def windows(text: str, span: Span, limit: int, overlap: int, cutter: UnitCutter) -> Iterator[Span]:
    """Stretches of ``limit`` tokens, or a little less where a word would be cut, blind to structure.

    Each begins with the last words of the one before, as many as ``overlap`` tokens hold.
    """
    words = cutter.words(text, span)
    window: list[tuple[Span, int]] = []
    covered = span[0]
    while True:
        _fill(window, words, limit)
        if not window or window[-1][0][1] <= covered:
            return
        count = _fitting_words(text, window, limit, cutter)
        end = window[count - 1][0][1]
        if end <= covered:  # the next word does not fit beside the overlap
            window = [word for word in window if word[0][0] >= covered]
            continue
        start, stop = trim(text, window[0][0][0], end)
        if start < stop:
            yield start, stop
        covered = end
        del window[: _first_shared(text, window, count, overlap, cutter)]


def _fill(window: list[tuple[Span, int]], words: Iterator[tuple[Span, int]], limit: int) -> None:
    held = sum(tokens for _, tokens in window)
    while held <= limit and (word := next(words, None)) is not None:
        window.append(word)
        held += word[1]


def _fitting_words(text: str, window: Sequence[tuple[Span, int]], limit: int, cutter: UnitCutter) -> int:
    """How many of the first words fit ``limit`` together, one at least."""
    held = list(accumulate(tokens for _, tokens in window))
    count = max(1, bisect_right(held, limit))
    start = window[0][0][0]
    while count > 1 and cutter.counts([text[start : window[count - 1][0][1]].strip()])[0] > limit:
        count -= 1
    return count


def _first_shared(
    text: str, window: Sequence[tuple[Span, int]], count: int, overlap: int, cutter: UnitCutter
) -> int:
    """Which of the first ``count`` words is the first that the next window has, too; ``count`` if none."""
    first, shared = count, 0
    while first > 1 and shared + window[first - 1][1] <= overlap:
        first -= 1
        shared += window[first][1]
    end = window[count - 1][0][1]
    while first < count and cutter.counts([text[window[first][0][0] : end].strip()])[0] > overlap:
        first += 1
    return first
