"""Lines on pages -> groups of lines that become a heading, a paragraph or a list.

Headings are told by type larger than the body's or bold, and by the outline; paragraphs by the gaps,
indents and short last lines between them, list items by their bullets or numbers. A line that was broken
though the next word had room (a row of a table, a line of code or of an address) stays a line of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from ingest.document import BlockKind
from ingest.parsers.pdf_levels import HeadingLevels
from ingest.parsers.pdf_lines import Line, PageLines
from ingest.parsers.pdf_outline import level_in
from ingest.parsers.pdf_typography import Columns, Typography

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
class Group:
    """Lines that become one block, each with its page and whether it stands on a line of its own."""

    kind: BlockKind
    level: int
    lines: list[tuple[int, Line, bool]] = field(default_factory=list[tuple[int, Line, bool]])

    @property
    def last(self) -> Line:
        """The last line so far."""
        return self.lines[-1][1]

    @property
    def last_page(self) -> int:
        """The page of the last line so far."""
        return self.lines[-1][0]


def groups_of(pages: Sequence[PageLines], typography: Typography, levels: HeadingLevels) -> Iterator[Group]:
    """The groups in reading order; a paragraph may go on over a page break."""
    group: Group | None = None
    for page in pages:
        columns = Columns(page)
        named = levels.named_on(page.number)
        number, last = page.number, None
        for line in page.lines:
            if (
                group is not None
                and last is not None
                and not named
                and group.kind is BlockKind.PARAGRAPH
                and _flows_on(last, line, typography, columns)
            ):
                group.lines.append((number, line, False))
                last = line
                continue
            level = _level(line, named, typography, levels)
            role = _role(line, level)
            if group is not None and _belongs(group, number, line, role, level, typography, columns):
                own_line = _stands_alone(group, number, line, role, columns)
                group.lines.append((number, line, own_line))
            else:
                if group is not None:
                    yield _settled(group, typography, levels)
                group = Group(_kind(role), level or 0)
                group.lines.append((number, line, True))
            last = line
    if group is not None:
        yield _settled(group, typography, levels)


def _flows_on(last: Line, line: Line, typography: Typography, columns: Columns) -> bool:
    """Whether a line is plainly the next one of a paragraph; what most lines are, told at little cost.

    It follows a full line, at the same left edge and within the usual distance, begins with a word, and
    nothing about its type could make it a heading.
    """
    text, size, left, _, _, _, start_bottom, _, bold = line
    _, last_size, last_left, last_right, last_bottom, _, _, _, last_bold = last
    reach = typography.reach_of_body.get(size)
    return (
        reach is not None
        and size == last_size
        and 0.0 < last_bottom - start_bottom <= reach
        and not bold
        and not last_bold
        and -_INDENT_EMS * size < left - last_left < _INDENT_EMS * size
        and text[:2].isalpha()
        and last_right >= columns.right_edge(last) - 2 * _SLACK_EMS * size
    )


def _level(line: Line, named: Mapping[str, int], typography: Typography, levels: HeadingLevels) -> int | None:
    """The level of a line that is a heading by the outline or by its size."""
    if named and (level := level_in(named, line.text)) is not None:
        return levels.of_bookmark(level)
    level = typography.heading_level(line)
    return None if level is None else levels.of_size(line.size, level)


def _settled(group: Group, typography: Typography, levels: HeadingLevels) -> Group:
    """A short lone line a little larger than the body, or bold, turns out to be a heading."""
    if group.kind is not BlockKind.PARAGRAPH or len(group.lines) > 1:
        return group
    line = group.last
    level = typography.possible_level(line)
    if level is None or len(line.text) > _MAX_LONE_HEADING_CHARACTERS or _is_terminated(line.text):
        return group
    return Group(BlockKind.HEADING, levels.of_size(line.size, level), group.lines)


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
    group: Group,
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
    if _is_bold_seam(last, line, typography):
        return False
    if abs(line.size - last.size) > 0.1 * max(line.size, last.size):
        return False
    if not same_page or line.start_bottom > last.bottom:
        return not _is_terminated(last.text) and bool(_CONTINUES.match(line.text))
    return not typography.is_gap(last, line) and not _ends_paragraph(group, line, columns)


def _is_bold_seam(last: Line, line: Line, typography: Typography) -> bool:
    """Whether a bold line ends and another begins with something new, or the other way round."""
    if typography.is_set_off(last) == typography.is_set_off(line):
        return False
    return not _CONTINUES.match(line.text) if last.bold else _is_terminated(last.text)


def _stands_alone(group: Group, page: int, line: Line, role: _Role, columns: Columns) -> bool:
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


def _ends_paragraph(group: Group, line: Line, columns: Columns) -> bool:
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
