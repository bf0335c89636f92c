"""Find the gap between two columns inside of lines that run across both.

pdfium takes for one line what stands on one height, so a file that is set row by row across its columns
gives lines that hold a piece of each. The gap that comes again from row to row parts them, if the pieces
read as prose: the cells of a table stay together.
"""

from __future__ import annotations

from collections.abc import Sequence

from ingest.parsers.pdf_columns import is_prose
from ingest.parsers.pdf_lines import Line

Gap = tuple[float, float]
"""Where a space begins and ends, in points from the left of the page."""

_MIN_ROWS = 8
_WIDE = 0.55
_SHARE_OF_WIDE_LINES = 0.5
_GAP_EMS = 1.2


def wide_lines(lines: Sequence[Line]) -> list[int]:
    """The indices of the lines that could hold a piece of two columns; empty when they are too few."""
    if len(lines) < _MIN_ROWS:
        return []
    width = _WIDE * (max(line.right for line in lines) - min(line.left for line in lines))
    wide = [index for index, line in enumerate(lines) if line.right - line.left > width]
    return wide if len(wide) >= _MIN_ROWS else []


def gaps_between(extents: Sequence[Gap], size: float) -> list[Gap]:
    """The spaces between the stretches of a line that are too wide for words of ``size`` points."""
    gaps: list[Gap] = []
    end = None
    for left, right in sorted(extents):
        if end is not None and left - end > _GAP_EMS * max(size, 1.0):
            gaps.append((end, left))
        end = right if end is None else max(end, right)
    return gaps


def common_gutter(rows: Sequence[tuple[Line, Sequence[Gap]]]) -> float | None:
    """The place that lies in a gap of most rows, if what stands left and right of it is prose."""
    edges = sorted(
        (edge, step) for _, gaps in rows for gap in gaps for edge, step in zip(gap, (1, -1), strict=True)
    )
    depth = best = 0
    gutter = 0.0
    for index, (edge, step) in enumerate(edges):
        depth += step
        if depth > best:
            best, gutter = depth, (edge + edges[index + 1][0]) / 2
    if best < max(_MIN_ROWS, _SHARE_OF_WIDE_LINES * len(rows)):
        return None
    return gutter if _parts_prose(rows, gutter) else None


def parted(line: Line, gaps: Sequence[Gap], gutter: float) -> Gap | None:
    """The gap of a line that holds ``gutter``."""
    return next((gap for gap in gaps if gap[0] < gutter < gap[1]), None) if line.left < gutter else None


def _parts_prose(rows: Sequence[tuple[Line, Sequence[Gap]]], gutter: float) -> bool:
    cut = [(line, gap) for line, gaps in rows if (gap := parted(line, gaps, gutter))]
    start, end = min(line.left for line, _ in cut), max(line.right for line, _ in cut)
    left_end, right_start = max(gap[0] for _, gap in cut), min(gap[1] for _, gap in cut)
    # Where a line's text is cut is not known yet; its share of the width is near enough to tell its length.
    left = [(_share(line, line.left, gap[0]), gap[0] - line.left) for line, gap in cut]
    right = [(_share(line, gap[1], line.right), line.right - gap[1]) for line, gap in cut]
    return is_prose(left, left_end - start) and is_prose(right, end - right_start)


def _share(line: Line, left: float, right: float) -> str:
    width = max(line.right - line.left, 1.0)
    first, last = (left - line.left) / width, (right - line.left) / width
    text = line.text[round(first * len(line.text)) : round(last * len(line.text))]
    # A cut inside of a word would make any piece look as if it flowed on.
    return text if left <= line.left else text.partition(" ")[2] or text
