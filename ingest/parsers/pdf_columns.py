"""The lines of a page in the order in which they are read, where the file has them in another.

Nearly all files write one column after the other, and their order is kept. Some write row by row across two
columns, or the right one first; then the lines are put in order column by column, from one line that runs
across the page to the next.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from operator import attrgetter

from ingest.parsers.pdf_lines import Line

_MIN_ROWS = 6
_MIN_COLUMN_LINES = 6
_MAX_CROSSING = 0.35
_MIN_FILL = 0.7
_MIN_FLOWING = 0.3
_CANDIDATES = 3
_LETTERS_THAT_FLOW = re.compile(r"[^\WA-Z\d_]")
_LEFT_STEP = 3.0
_MIN_CHARACTERS = 20
_WIDE_SCRIPT = 2


def in_reading_order(lines: list[Line]) -> list[Line]:
    """``lines`` as they are, or column by column when they are prose in columns that the file mixes up."""
    if len(lines) < 2 * _MIN_COLUMN_LINES or not _is_mixed_up(lines):
        return lines
    gutter = _gutter(lines)
    if gutter is None:
        return lines
    crossing = sorted(
        (line for line in lines if _crosses(line, gutter)), key=attrgetter("bottom"), reverse=True
    )
    ranks = {id(line): rank for rank, line in enumerate(crossing)}

    def place(line: Line) -> tuple[int, int]:
        if id(line) in ranks:
            return ranks[id(line)], 2
        middle = (line.bottom + line.top) / 2
        above = sum((other.bottom + other.top) / 2 > middle for other in crossing)
        return above, int(line.left >= gutter)

    return sorted(lines, key=place)


def is_prose(pieces: Sequence[tuple[str, float]], width: float) -> bool:
    """Whether pieces (text, width in points) read as the lines of a column ``width`` wide, not as cells."""
    if not pieces or width <= 0:
        return False
    fill = sum(min(extent / width, 1.0) for _, extent in pieces) / len(pieces)
    flowing = sum(_LETTERS_THAT_FLOW.match(text) is not None for text, _ in pieces) / len(pieces)
    characters = sum(len(text) * (1 if text.isascii() else _WIDE_SCRIPT) for text, _ in pieces) / len(pieces)
    return fill >= _MIN_FILL and flowing >= _MIN_FLOWING and characters >= _MIN_CHARACTERS


def _is_mixed_up(lines: Sequence[Line]) -> bool:
    """Whether the order jumps to and fro, or up and to the left, as no column after column does."""
    beside = 0
    for line, following in pairwise(lines):
        if following.left >= line.right:
            beside += following.start_bottom < line.top and following.top > line.bottom
        # Running lines are short, and may stand anywhere in the file.
        elif (
            following.right <= line.left
            and following.bottom > line.top
            and min(len(line.text), len(following.text)) >= _MIN_CHARACTERS
        ):
            return True
    return beside >= _MIN_ROWS


def _gutter(lines: Sequence[Line]) -> float | None:
    """Where the right one of two columns of prose begins; None when there is none."""
    start, end = min(line.left for line in lines), max(line.right for line in lines)
    lefts = Counter(
        round(line.left / _LEFT_STEP) for line in lines if line.left > start + 0.25 * (end - start)
    )
    for step, count in lefts.most_common(_CANDIDATES):
        gutter = (step - 1) * _LEFT_STEP
        left = [line for line in lines if line.right <= gutter]
        right = [line for line in lines if line.left >= gutter]
        if count < _MIN_COLUMN_LINES or min(len(left), len(right)) < _MIN_COLUMN_LINES:
            continue
        if len(lines) - len(left) - len(right) > _MAX_CROSSING * len(lines) or not _overlap(left, right):
            continue
        left_width = max(line.right for line in left) - start
        if _reads_as_column(left, left_width) and _reads_as_column(right, end - gutter):
            return gutter
    return None


def _reads_as_column(lines: Sequence[Line], width: float) -> bool:
    return is_prose([(line.text, line.right - line.left) for line in lines], width)


def _overlap(left: Sequence[Line], right: Sequence[Line]) -> bool:
    """Whether two columns stand side by side for at least half of the shorter one."""
    tops = max(line.top for line in left), max(line.top for line in right)
    bottoms = min(line.bottom for line in left), min(line.bottom for line in right)
    shorter = min(tops[0] - bottoms[0], tops[1] - bottoms[1])
    return min(tops) - max(bottoms) >= 0.5 * shorter


def _crosses(line: Line, gutter: float) -> bool:
    return line.left < gutter < line.right
