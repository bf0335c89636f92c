"""Lines on pages -> headings, paragraphs and lists.

Headings are told by type larger than the body's, paragraphs by the gaps, indents and short last lines
between them, list items by their bullets or numbers. Lines of a paragraph are joined as their script
wants it; a line that was broken though the next word had room (a row of a table, a line of code or of
an address) stays a line of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from ingest.document import BlockKind
from ingest.parsers.pdf_join import LineJoiner
from ingest.parsers.pdf_lines import Line, PageLines
from ingest.parsers.pdf_typography import Columns, Typography
from ingest.parsers.text_builder import TextBuilder

_MAX_HEADING_CHARACTERS = 200
_MAX_LONE_HEADING_CHARACTERS = 80
_MAX_HEADING_LINES = 3
_INDENT_EMS = 0.8
_SLACK_EMS = 0.5
_SHORT_LINE = 0.2
_TERMINATED = re.compile(r"[.!?:;。！？：；…][\"'”’）)\]」』》]*$")
_BULLET = re.compile(
    r"[•●○◦▪▫■□◆◇‣⁃∙➢➤✓✔\x80-\x9f\uf000-\uf0ff]\s*(?=\S)"
    r"|[-–—*·o]\s+(?=\S)"
)
_NUMBERED = re.compile(
    r"(?:\(?[0-9]{1,2}[.)]|\([a-z]\)|[a-z]\)|[（(][一二三四五六七八九十\d]{1,2}[）)])\s*(?=[^\s\d.])"
)
_CONTINUES = re.compile(r"[^\WA-Z\d_]")
_FIRST_WORD = re.compile(r"[!-~\u00a1-\u024f\u0370-\u1fff]+|.")


class _Role(Enum):
    """What a line is by itself, before its neighbours are looked at."""

    HEADING = auto()
    BULLET = auto()
    NUMBERED = auto()
    TEXT = auto()


@dataclass(slots=True)
class _Group:
    """Lines that become one block, each with its page and whether it stands on a line of its own."""

    kind: BlockKind
    level: int
    lines: list[tuple[int, Line, bool]] = field(default_factory=list[tuple[int, Line, bool]])

    @property
    def last(self) -> Line:
        return self.lines[-1][1]

    @property
    def last_page(self) -> int:
        return self.lines[-1][0]


def write_blocks(pages: Sequence[PageLines], builder: TextBuilder) -> str | None:
    """Append the pages' blocks to ``builder``; returns the heading that can stand for a title, if any."""
    joiner = LineJoiner([line for page in pages for line in page.lines])
    headings: list[tuple[int, str]] = []
    page_number = 0
    for group in _groups(pages, Typography(pages)):
        for index, (number, text) in enumerate(joiner.join(group.lines)):
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
        columns = Columns(page)
        for line in page.lines:
            level = typography.heading_level(line)
            role = _role(line, level)
            if group is not None and _belongs(group, page.number, line, role, level, typography, columns):
                own_line = _stands_alone(group, page.number, line, role, columns)
                group.lines.append((page.number, line, own_line))
                continue
            if group is not None:
                yield _settled(group, typography)
            group = _Group(_kind(role), level or 0)
            group.lines.append((page.number, line, True))
    if group is not None:
        yield _settled(group, typography)


def _settled(group: _Group, typography: Typography) -> _Group:
    """A short lone line a little larger than the body turns out to be a heading."""
    if group.kind is not BlockKind.PARAGRAPH or len(group.lines) > 1:
        return group
    line = group.last
    level = typography.possible_level(line)
    if level is None or len(line.text) > _MAX_LONE_HEADING_CHARACTERS or _is_terminated(line.text):
        return group
    return _Group(BlockKind.HEADING, level, group.lines)


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
    columns: Columns,
) -> bool:
    """Whether ``line`` goes on with ``group``."""
    last = group.last
    same_page = page == group.last_page
    if same_page and _same_row(last, line):
        return True
    if role is _Role.HEADING or group.kind is BlockKind.HEADING:
        same = group.kind is BlockKind.HEADING and level == group.level and same_page
        return same and len(group.lines) < _MAX_HEADING_LINES and not typography.is_gap(last, line)
    if role is _Role.BULLET:
        return group.kind is BlockKind.LIST
    if role is _Role.NUMBERED and (group.kind is BlockKind.LIST or _is_terminated(last.text)):
        return group.kind is BlockKind.LIST
    if abs(line.size - last.size) > 0.1 * max(line.size, last.size):
        return False
    if not same_page or line.start_bottom > last.bottom:
        return not _is_terminated(last.text) and bool(_CONTINUES.match(line.text))
    return not typography.is_gap(last, line) and not _ends_paragraph(group, line, columns)


def _stands_alone(group: _Group, page: int, line: Line, role: _Role, columns: Columns) -> bool:
    """Whether a line that belongs to ``group`` is an item or a row, not the flow of a sentence."""
    last = group.last
    if group.kind is BlockKind.HEADING:
        return False
    if page != group.last_page:
        return group.kind is BlockKind.LIST and role in (_Role.BULLET, _Role.NUMBERED)
    if _same_row(last, line):
        return False
    if group.kind is BlockKind.LIST and role in (_Role.BULLET, _Role.NUMBERED):
        return True
    if last.hyphenated or line.start_bottom > last.bottom:
        return False
    room = columns.right_edge(last) - last.right - 2 * _SLACK_EMS * line.size
    if room <= 0:
        return False
    word = _FIRST_WORD.match(line.text)
    share = len(word[0]) / len(line.text) if word else 1.0
    return share * (line.right - line.left) < room


def _is_terminated(text: str) -> bool:
    """Whether a line ends a sentence or announces what follows."""
    return _TERMINATED.search(text[-4:]) is not None


def _same_row(left: Line, right: Line) -> bool:
    """Whether two pieces stand beside each other: cells of a row, or a raised or lowered character."""
    if right.top - left.bottom <= 0.5 * (right.top - right.bottom):
        return False  # most lines: clearly below
    overlap = min(left.top, right.top) - max(left.bottom, right.bottom)
    height = min(left.top - left.bottom, right.top - right.bottom)
    return overlap > 0.5 * height and (right.left >= left.right - left.size or right.right <= left.left)


def _ends_paragraph(group: _Group, line: Line, columns: Columns) -> bool:
    """Whether the sentence that ends above also ends the paragraph: an indent or a short line says so."""
    last = group.last
    if not _is_terminated(last.text):
        return False
    if line.left > last.left + _INDENT_EMS * line.size:
        return True
    edge = columns.right_edge(last)
    if len(group.lines) > 1:
        edge = max(member.right for _, member, _ in group.lines)
    return last.right < edge - _SHORT_LINE * (edge - last.left)
