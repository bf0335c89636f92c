"""What a whole document tells of its type: the body's size, the line pitch, the headings, the columns."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

from ingest.parsers.pdf_lines import Line, PageLines

_CLEARLY_LARGER = 1.1
_MAX_HEADING_LINES = 3
_MAX_LEVELS = 6
_GAP_EMS = 0.25
_DEFAULT_PITCH = 1.2
_COLUMN_EMS = 3.0
_TWO_LETTERS = re.compile(r"[^\W\d_].*[^\W\d_]")


class Typography:
    """Sizes are in points to the nearest half, distances in ems of the line they concern."""

    def __init__(self, pages: Sequence[PageLines]) -> None:
        self._pitch = _usual_pitch(pages)
        weights: Counter[float] = Counter()
        for page in pages:
            for line in page.lines:
                weights[_step(line.size)] += len(line.text)
        self.body_size = max(weights, key=lambda size: (weights[size], -size)) if weights else 0.0
        runs = _usual_runs(pages)
        # A larger size that runs on for many lines is another body text (a preface, say), no heading.
        larger = [s for s in weights if s > max(self.body_size, 1.0) and runs[s] <= _MAX_HEADING_LINES]
        self._levels = {
            size: min(rank, _MAX_LEVELS) for rank, size in enumerate(sorted(larger, reverse=True), 1)
        }

    def heading_level(self, line: Line) -> int | None:
        """The level of a line set clearly larger than the body; None for others."""
        level = self.possible_level(line)
        return level if _step(line.size) >= _CLEARLY_LARGER * self.body_size else None

    def possible_level(self, line: Line) -> int | None:
        """As ``heading_level``, for any line larger than the body: a heading if it also stands alone."""
        level = self._levels.get(_step(line.size))
        return level if level is not None and _TWO_LETTERS.search(line.text) else None

    def is_gap(self, upper: Line, lower: Line) -> bool:
        """Whether there is more space between two lines than within a paragraph."""
        return upper.bottom - lower.start_bottom > (self._pitch + _GAP_EMS) * max(lower.size, 1.0)


class Columns:
    """Where the lines of a page end that begin near one another."""

    def __init__(self, page: PageLines) -> None:
        self._width = max(1.0, _COLUMN_EMS * page.lines[0].size) if page.lines else 1.0
        ends: dict[int, float] = {}
        for line in page.lines:
            bucket = int(line.left // self._width)
            if line.right > ends.get(bucket, 0.0):
                ends[bucket] = line.right
        self._edges = {
            bucket: max(ends.get(bucket - 1, 0.0), end, ends.get(bucket + 1, 0.0))
            for bucket, end in ends.items()
        }

    def right_edge(self, line: Line) -> float:
        """How far to the right the column of ``line``, a line of this page, reaches; in points."""
        return self._edges.get(int(line.left // self._width), line.right)


def _usual_pitch(pages: Sequence[PageLines]) -> float:
    """The most common distance from a line to the next."""
    pitches: Counter[float] = Counter()
    for page in pages:
        for upper, lower in zip(page.lines, page.lines[1:], strict=False):
            if lower.size > 0 and abs(upper.size - lower.size) < 0.05 * lower.size:
                pitch = (upper.bottom - lower.start_bottom) / lower.size
                if 0.8 < pitch < 2.6:
                    pitches[round(pitch, 1)] += 1
    return max(pitches, key=lambda pitch: (pitches[pitch], -pitch)) if pitches else _DEFAULT_PITCH


def _usual_runs(pages: Sequence[PageLines]) -> dict[float, float]:
    """How many lines of each size follow one another, on average."""
    lines: Counter[float] = Counter()
    runs: Counter[float] = Counter()
    for page in pages:
        previous = None
        for line in page.lines:
            size = _step(line.size)
            lines[size] += 1
            runs[size] += size != previous
            previous = size
    return {size: lines[size] / runs[size] for size in lines}


@lru_cache(maxsize=4096)
def _step(size: float) -> float:
    """``size`` to the nearest half point."""
    return round(size * 2) / 2
