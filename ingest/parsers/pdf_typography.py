"""What a whole document tells of its type: the body's size, the line pitch, the headings, the columns."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter

from ingest.parsers.pdf_lines import Line, PageLines

_CLEARLY_LARGER = 1.1
_MAX_HEADING_LINES = 3
_MAX_LEVELS = 6
_GAP_EMS = 0.25
_DEFAULT_PITCH = 1.2
_COLUMN_EMS = 3.0
_MAX_BOLD_SHARE = 0.25
_ENOUGH_PITCHES = 5_000
_SIZE_OF = attrgetter("size")
_TWO_LETTERS = re.compile(r"[^\W\d_].*[^\W\d_]")


class Typography:
    """Sizes are in points to the nearest half, distances in ems of the line they concern."""

    def __init__(self, pages: Sequence[PageLines]) -> None:
        characters: Counter[float] = Counter()
        lines: Counter[float] = Counter()
        runs: Counter[float] = Counter()
        bold = 0
        for page in pages:
            for size, run in groupby(page.lines, _SIZE_OF):
                members = list(run)
                characters[size] += sum([len(line.text) for line in members])
                lines[size] += len(members)
                runs[size] += 1
                bold += sum([line.bold for line in members])
        self._reach = _usual_pitch(pages) + _GAP_EMS
        self.body_size = max(characters, key=lambda size: (characters[size], -size)) if characters else 0.0
        # A larger size that runs on for many lines is another body text (a preface, say), no heading.
        larger = [
            size
            for size in characters
            if size > max(self.body_size, 1.0) and lines[size] <= _MAX_HEADING_LINES * runs[size]
        ]
        self._levels = {
            size: min(rank, _MAX_LEVELS) for rank, size in enumerate(sorted(larger, reverse=True), 1)
        }
        self.reach_of_body = {
            size: self.reach(size) for size in characters if size > 0 and size not in self._levels
        }
        """For each size that makes no heading: how far below a line of it the next may stand, in points."""

        # Where much is bold, bold is the body's own weight, or a form's.
        self._bold_tells = bold <= _MAX_BOLD_SHARE * sum(lines.values())

    def heading_level(self, line: Line) -> int | None:
        """The level of a line set clearly larger than the body; None for others."""
        level = self._levels.get(line.size)
        if level is None or line.size < _CLEARLY_LARGER * self.body_size:
            return None
        return level if _TWO_LETTERS.search(line.text) else None

    def possible_level(self, line: Line) -> int | None:
        """As ``heading_level``, for any line larger than the body or bold: a heading if it stands alone."""
        level = self._levels.get(line.size)
        if level is None and self.is_set_off(line):
            level = min(len(self._levels) + 1, _MAX_LEVELS)
        return level if level is not None and _TWO_LETTERS.search(line.text) else None

    def is_set_off(self, line: Line) -> bool:
        """Whether a line is bold, in a document where that says something, and as large as the body."""
        return line.bold and self._bold_tells and line.size >= self.body_size

    def count_heading_sizes_over(self, size: float) -> int:
        """How many sizes of headings are larger than ``size``."""
        return sum(other > size for other in self._levels)

    def reach(self, size: float) -> float:
        """How far below a line of ``size`` the next one of its paragraph may stand at most, in points."""
        return self._reach * max(size, 1.0)

    def is_gap(self, upper: Line, lower: Line) -> bool:
        """Whether there is more space between two lines than within a paragraph."""
        return upper.bottom - lower.start_bottom > self.reach(lower.size)


class Columns:
    """Where the lines of a page end that begin near one another."""

    def __init__(self, page: PageLines) -> None:
        width = self._width = max(1.0, _COLUMN_EMS * page.lines[0].size) if page.lines else 1.0
        ends: dict[int, float] = {}
        for line in page.lines:
            bucket = int(line.left // width)
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
    """The most common distance from a line to the next; the first few thousand lines tell it."""
    pitches: Counter[float] = Counter()
    for page in pages:
        for upper, lower in zip(page.lines, page.lines[1:], strict=False):
            if lower.size > 0 and upper.size == lower.size:
                pitch = (upper.bottom - lower.start_bottom) / lower.size
                if 0.8 < pitch < 2.6:
                    pitches[round(pitch, 1)] += 1
        if pitches.total() > _ENOUGH_PITCHES:
            break
    return max(pitches, key=lambda pitch: (pitches[pitch], -pitch)) if pitches else _DEFAULT_PITCH
