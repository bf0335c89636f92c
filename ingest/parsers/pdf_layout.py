"""Lines on pages -> headings, paragraphs and lists.

Headings are told by type clearly larger than the body's, paragraphs by the gaps, indents and short last
lines between them, list items by their bullets or numbers. Lines of a paragraph are joined as their
script wants it: nothing between CJK characters, a space between words, no hyphen that only the line
break put there.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from ingest.document import BlockKind
from ingest.parsers.pdf_join import LineJoiner
from ingest.parsers.pdf_lines import Line, PageLines
from ingest.parsers.text_builder import TextBuilder

_HEADING_SCALE = 1.1
_MAX_HEADING_CHARACTERS = 200
_MAX_HEADING_LINES = 3
_MAX_LEVELS = 6
_GAP = 1.25
_INDENT_EMS = 0.8
_SHORT_LINE = 0.2
_TERMINATED = re.compile(r"[.!?:;。！？：；…][\"'”’）)\]」』》]*$")
_BULLET = re.compile(r"[•●○◦▪▫■□◆◇‣⁃∙➢➤✓✔\x80-\x9f\uf000-\uf0ff]\s*(?=\S)|[-–—*·o]\s+(?=\S)")
_NUMBERED = re.compile(
    r"(?:\(?[0-9]{1,2}[.)]|\([a-z]\)|[a-z]\)|[（(][一二三四五六七八九十\d]{1,2}[）)])\s*(?=[^\s\d.])"
)
_TWO_LETTERS = re.compile(r"[^\W\d_].*[^\W\d_]")
_CONTINUES = re.compile(r"[^\WA-Z\d_]")


class _Role(Enum):
    """What a line is by itself, before its neighbours are looked at."""

    HEADING = auto()
    BULLET = auto()
    NUMBERED = auto()
    TEXT = auto()


@dataclass(slots=True)
class _Group:
    """Lines that become one block, each with its page and whether it starts an item of a list."""

    kind: BlockKind
    level: int
    lines: list[tuple[int, Line, bool]] = field(default_factory=list[tuple[int, Line, bool]])

    @property
    def last(self) -> Line:
        return self.lines[-1][1]

    @property
    def last_page(self) -> int:
        return self.lines[-1][0]


class Typography:
    """What the whole document tells of its type: the body's size, the line pitch, the headings' levels."""

    def __init__(self, pages: Sequence[PageLines]) -> None:
        self._pitch = _usual_pitch(pages)
        weights: Counter[float] = Counter()
        for page in pages:
            for line in page.lines:
                weights[_step(line.size)] += len(line.text)
        self.body_size = max(weights, key=lambda size: (weights[size], -size)) if weights else 0.0
        smallest = max(self.body_size * _HEADING_SCALE, _step(1.0))
        runs = _longest_usual_runs(pages)
        larger = sorted((s for s in weights if s >= smallest and runs[s] <= _MAX_HEADING_LINES), reverse=True)
        self._levels = {size: min(rank, _MAX_LEVELS) for rank, size in enumerate(larger, 1)}

    def heading_level(self, line: Line) -> int | None:
        """The level of a line set as a heading; None for others."""
        level = self._levels.get(_step(line.size))
        return level if level is not None and _TWO_LETTERS.search(line.text) else None

    def is_gap(self, upper: Line, lower: Line) -> bool:
        """Whether there is more space between two lines than within a paragraph."""
        return upper.bottom - lower.start_bottom > _GAP * self._pitch * max(lower.size, 1.0)


def write_blocks(pages: Sequence[PageLines], builder: TextBuilder) -> str | None:
    """Append the pages' blocks to ``builder``; returns the heading that can stand for a title, if any."""
    typography = Typography(pages)
    joiner = LineJoiner([line for page in pages for line in page.lines])
    headings: list[tuple[int, str]] = []
    page_number = 0
    for group in _groups(pages, typography):
        pieces = joiner.join(group.lines)
        for index, (number, text) in enumerate(pieces):
            if number != page_number:
                builder.start_page(number)
                page_number = number
            if index:
                builder.extend(text)
            elif group.kind is BlockKind.HEADING and len(text) <= _MAX_HEADING_CHARACTERS:
                builder.add_heading(text, group.level)
                headings.append((group.level, text))
            else:
                kind = BlockKind.PARAGRAPH if group.kind is BlockKind.HEADING else group.kind
                builder.add(kind, text)
    return _title_heading(headings, builder)


def _title_heading(headings: Sequence[tuple[int, str]], builder: TextBuilder) -> str | None:
    """The one heading larger than all others, or the heading that opens the document."""
    if not headings:
        return None
    highest = min(level for level, _ in headings)
    candidates = [text for level, text in headings if level == highest]
    if len(candidates) == 1:
        return candidates[0]
    return headings[0][1] if builder.starts_with_heading else None


def _groups(pages: Sequence[PageLines], typography: Typography) -> Iterator[_Group]:
    group: _Group | None = None
    for page in pages:
        right_edge = max((line.right for line in page.lines), default=0.0)
        for line in page.lines:
            level = typography.heading_level(line)
            role = _role(line, level)
            if group is not None and _belongs(group, page.number, line, role, level, typography, right_edge):
                starts_item = _starts_item(group, page.number, line, role)
                group.lines.append((page.number, line, starts_item))
                continue
            if group is not None:
                yield group
            group = _Group(_kind(role), level or 0)
            group.lines.append((page.number, line, True))
    if group is not None:
        yield group


def _role(line: Line, level: int | None) -> _Role:
    if level is not None:
        return _Role.HEADING
    if _BULLET.match(line.text):
        return _Role.BULLET
    return _Role.NUMBERED if _NUMBERED.match(line.text) else _Role.TEXT


def _kind(role: _Role) -> BlockKind:
    if role is _Role.HEADING:
        return BlockKind.HEADING
    return BlockKind.PARAGRAPH if role is _Role.TEXT else BlockKind.LIST


def _belongs(
    group: _Group,
    page: int,
    line: Line,
    role: _Role,
    level: int | None,
    typography: Typography,
    right_edge: float,
) -> bool:
    """Whether ``line`` goes on with ``group``."""
    last = group.last
    if page == group.last_page and _same_row(last, line):
        return True
    if role is _Role.HEADING or group.kind is BlockKind.HEADING:
        same = group.kind is BlockKind.HEADING and level == group.level and page == group.last_page
        return same and len(group.lines) < _MAX_HEADING_LINES and not typography.is_gap(last, line)
    if role is _Role.BULLET:
        return group.kind is BlockKind.LIST
    if role is _Role.NUMBERED and (group.kind is BlockKind.LIST or _is_terminated(last.text)):
        return group.kind is BlockKind.LIST
    if abs(line.size - last.size) > 0.1 * max(line.size, last.size):
        return False
    if page != group.last_page or line.start_bottom > last.bottom:
        return not _is_terminated(last.text) and bool(_CONTINUES.match(line.text))
    return not typography.is_gap(last, line) and not _ends_paragraph(group, line, right_edge)


def _starts_item(group: _Group, page: int, line: Line, role: _Role) -> bool:
    """Whether a line that belongs to ``group`` is a new item of a list, not a piece of the same row."""
    if group.kind is not BlockKind.LIST or role not in (_Role.BULLET, _Role.NUMBERED):
        return False
    return page != group.last_page or not _same_row(group.last, line)


def _is_terminated(text: str) -> bool:
    """Whether a line ends a sentence or announces what follows."""
    return _TERMINATED.search(text[-4:]) is not None


def _same_row(left: Line, right: Line) -> bool:
    """Whether two pieces stand beside each other: cells of a row, or a raised or lowered character."""
    overlap = min(left.top, right.top) - max(left.bottom, right.bottom)
    height = min(left.top - left.bottom, right.top - right.bottom)
    return overlap > 0.5 * height and (right.left >= left.right - left.size or right.right <= left.left)


def _ends_paragraph(group: _Group, line: Line, right_edge: float) -> bool:
    """Whether the sentence that ends above also ends the paragraph: an indent or a short line says so."""
    last = group.last
    if not _is_terminated(last.text):
        return False
    if line.left > last.left + _INDENT_EMS * line.size:
        return True
    if len(group.lines) > 1:
        right_edge = max(member.right for _, member, _ in group.lines)
    return last.right < right_edge - _SHORT_LINE * (right_edge - last.left)


def _usual_pitch(pages: Sequence[PageLines]) -> float:
    """The most common distance between two lines, in ems."""
    pitches: Counter[float] = Counter()
    for page in pages:
        for upper, lower in zip(page.lines, page.lines[1:]):
            if lower.size > 0 and abs(upper.size - lower.size) < 0.05 * lower.size:
                pitch = (upper.bottom - lower.start_bottom) / lower.size
                if 0.8 < pitch < 2.6:
                    pitches[round(pitch, 1)] += 1
    return max(pitches, key=lambda pitch: (pitches[pitch], -pitch)) if pitches else 1.2


def _longest_usual_runs(pages: Sequence[PageLines]) -> dict[float, float]:
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


def _step(size: float) -> float:
    return round(size * 2) / 2
