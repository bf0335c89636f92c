"""One page of pdfium's -> its lines in reading order.

A page is read as one string, and only each line's first and last character are asked for their place.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any, cast

import pypdfium2.raw  # pyright: ignore[reportMissingTypeStubs]

from ingest.parsers.pdf_columns import in_reading_order
from ingest.parsers.pdf_gutter import common_gutter, gaps_between, parted, wide_lines
from ingest.parsers.pdf_lines import Line, PageLines
from ingest.parsers.pdf_readable import is_plain, readable
from ingest.parsers.pdfium_text import CharBuffers, Edges, PageText

_HYPHEN = "\ufffe"
"""pdfium's sign for a hyphen at the end of a line; the next line follows it directly."""

_MAX_BOLD_CHARACTERS = 80
_FIRST_HAN = "\u4e00"
_GOES_ON = (",", ";", "-", "，", "、", "；", "(", "（")
_MOST_COLUMNS = 3
_TOO_TALL = 1.6
_STEP_EMS = 0.4
_LEFT, _RIGHT, _BOTTOM = 0, 2, 3
_FEW_CHARACTERS = 16
_MOST_OF_THE_PAGE = 0.5
_MORE_THAN_A_MARK = 0.02
_MANY_OUTLINES = 30

_raw = cast("Any", pypdfium2.raw)
_Move = Callable[[Edges], Edges]


def read_page(page: Any, number: int, label: str, buffers: CharBuffers) -> PageLines:
    """The lines of an open page, and whether it is a scan."""
    width, height = _raw.FPDF_GetPageWidthF(page), _raw.FPDF_GetPageHeightF(page)
    turn = _raw.FPDFPage_GetRotation(page) % 4
    box = _raw.FS_RECTF()
    _raw.FPDF_GetPageBoundingBox(page, box)
    text = PageText(page, buffers)
    try:
        reader = _LineReader(text, turn, box)
        lines = in_reading_order(reader.lines())
        words = text.text
    finally:
        text.close()
    return PageLines(number, width, height, tuple(lines), words, label, _is_scan(page, lines, box))


class _LineReader:
    """Cuts a page's string into lines and asks where they stand."""

    def __init__(self, text: PageText, turn: int, box: Any) -> None:
        self._page = text
        self._turn = turn
        self._left = cast("float", box.left)
        self._move = _movement(turn, box)
        self._edges = text.edges if self._move is None else self._moved_edges
        self._size_of_heights: dict[tuple[float, float], float] = {}

    def lines(self) -> list[Line]:
        """The lines that hold more than white space, in pdfium's order, cut where columns part."""
        text = self._page.text
        plain = is_plain(text)
        lines: list[Line] = []
        spans: list[tuple[str, int]] = []
        offset = 0
        for row in text.split("\n"):
            pieces = row.split(_HYPHEN)
            for number, piece in enumerate(pieces, 1 - len(pieces)):
                stripped = piece.strip()
                shown = stripped if plain else readable(stripped)
                if shown:
                    first = offset if piece[0] == stripped[0] else offset + piece.index(stripped[0])
                    line = self._line(stripped, shown, first, number < 0)
                    limit = _TOO_TALL * line.size
                    if line.top - line.bottom > limit > 0 and line.right - line.left > limit:
                        parts, part_spans = self._cut_at_jumps((stripped, first), line)
                        lines += parts
                        spans += part_spans
                    else:
                        lines.append(line)
                        spans.append((stripped, first))
                offset += len(piece) + 1
        for _ in range(_MOST_COLUMNS - 1 if self._turn == 0 else 0):
            if not self._cut_at_gutter(lines, spans):
                break
        return lines

    def _line(self, text: str, shown: str, first: int, hyphenated: bool) -> Line:
        last = first + len(text) - 1
        left, top, right, bottom, end_left, end_top, end_right, end_bottom = self._edges(first, last)
        heights = top - bottom, end_top - end_bottom
        size = self._size_of_heights.get(heights)
        if size is None:
            size = self._size_of_heights[heights] = self._size(first, last)
        return Line(
            shown,
            size,
            min(left, end_left),
            max(right, end_right),
            min(bottom, end_bottom),
            max(top, end_top),
            bottom,
            hyphenated,
            not hyphenated and len(text) <= _MAX_BOLD_CHARACTERS and self._is_bold(text, first, last),
        )

    def _size(self, first: int, last: int) -> float:
        """The font size in the middle of a line, to the nearest half point.

        Text that runs up or down the page as it is shown gives 0: what stands sideways in a margin is no
        heading. Lines whose first and last characters are exactly as tall as another's have its size.
        """
        size, upright = self._page.size(_visible_near(self._page.text, (first + last) // 2, last))
        return round(size * 2) / 2 if upright == (self._turn % 2 == 1) else 0.0

    def _is_bold(self, text: str, first: int, last: int) -> bool:
        """Whether a line that could be a heading by its wording is bold at both ends."""
        opening = text[0]
        if not (opening.isupper() or opening.isdigit() or opening >= _FIRST_HAN) or text.endswith(_GOES_ON):
            return False
        return self._page.is_bold(last) and self._page.is_bold(first)

    def _cut_at_jumps(self, span: tuple[str, int], line: Line) -> tuple[list[Line], list[tuple[str, int]]]:
        """A line cut wherever pdfium ran it together with another: up or down, and back or over a gap."""
        text, first = span
        step = _STEP_EMS * line.size
        cuts: list[int] = []
        last: Edges | None = None
        for place, character in enumerate(text):
            if character.isspace():
                continue
            here = self._edges(first + place, first + place)
            steps = last is not None and abs(here[_BOTTOM] - last[_BOTTOM]) > step
            if last and steps and not last[_LEFT] <= here[_LEFT] <= last[_RIGHT] + line.size:
                cuts.append(place)
            last = here
        return self._parts(span, cuts, line.hyphenated) if cuts else ([line], [span])

    def _moved_edges(self, first: int, last: int) -> Edges:
        edges = self._page.edges(first, last)
        return self._move(edges) if self._move else edges

    def _cut_at_gutter(self, lines: list[Line], spans: list[tuple[str, int]]) -> bool:
        """Cut the lines that run across two columns; whether there were any. The lists are changed."""
        wide = wide_lines(lines)
        probes = (wide[len(wide) // 3], wide[2 * len(wide) // 3]) if wide else ()
        if not any(self._gaps(lines[index], spans[index]) for index in probes):
            return False
        gaps = {index: self._gaps(lines[index], spans[index]) for index in wide}
        gutter = common_gutter([(lines[index], gaps[index]) for index in wide])
        if gutter is None:
            return False
        for index in reversed(wide):
            if parted(lines[index], gaps[index], gutter):
                cut = self._place_of(spans[index], gutter)
                lines[index : index + 1], spans[index : index + 1] = self._parts(
                    spans[index], [cut], lines[index].hyphenated
                )
        return True

    def _gaps(self, line: Line, span: tuple[str, int]) -> list[tuple[float, float]]:
        extents = self._page.extents(span[1], span[1] + len(span[0]) - 1)
        return gaps_between([(left - self._left, right - self._left) for left, right in extents], line.size)

    def _place_of(self, span: tuple[str, int], gutter: float) -> int:
        """The place in a line's text of the first character right of ``gutter``."""
        text, first = span
        low, high = 0, len(text) - 1
        while low < high:
            middle = (low + high) // 2
            offset = _visible_near(self._page.text, first + middle, first + high)
            if self._page.edges(offset, offset)[_LEFT] - self._left < gutter:
                low = offset - first + 1
            else:
                high = middle
        return low

    def _parts(
        self, span: tuple[str, int], cuts: Sequence[int], hyphenated: bool
    ) -> tuple[list[Line], list[tuple[str, int]]]:
        """What a line is cut into at places of its text."""
        text, first = span
        parts: list[tuple[str, int]] = []
        for start, end in pairwise((0, *cuts, len(text))):
            stripped = text[start:end].strip()
            if stripped:
                parts.append((stripped, first + text.index(stripped[0], start)))
        lines = [self._part(part, hyphenated and part is parts[-1]) for part in parts]
        return lines, parts

    def _part(self, part: tuple[str, int], hyphenated: bool) -> Line:
        return self._line(part[0], readable(part[0]) or part[0], part[1], hyphenated)


def _movement(turn: int, box: Any) -> _Move | None:
    """From the file's own coordinates to the page as it is shown; None where they are the same."""
    left, bottom, right, top = (cast("float", edge) for edge in (box.left, box.bottom, box.right, box.top))
    if turn == 0 and left == 0 and bottom == 0:
        return None

    def one(x0: float, y1: float, x1: float, y0: float) -> tuple[float, float, float, float]:
        match turn:
            case 0:
                return x0 - left, y1 - bottom, x1 - left, y0 - bottom
            case 1:
                return y0 - bottom, right - x0, y1 - bottom, right - x1
            case 2:
                return right - x1, top - y0, right - x0, top - y1
            case _:
                return top - y1, x1 - left, top - y0, x0 - left

    return lambda edges: (*one(*edges[:4]), *one(*edges[4:]))


def _visible_near(text: str, offset: int, last: int) -> int:
    """The first offset from ``offset`` on that holds no space: a space pdfium made up has no font."""
    while offset < last and text[offset].isspace():
        offset += 1
    return offset


def _is_scan(page: Any, lines: list[Line], box: Any) -> bool:
    """Whether a page shows a picture, or outlines of letters, and has next to no text."""
    characters = sum(len(line.text) for line in lines)
    if characters > _FEW_CHARACTERS:
        return False
    share = _MOST_OF_THE_PAGE if characters else _MORE_THAN_A_MARK
    least = share * abs(box.right - box.left) * abs(box.top - box.bottom)
    outlines = 0
    for page_object in _objects(page):
        kind = _raw.FPDFPageObj_GetType(page_object)
        if kind in (_raw.FPDF_PAGEOBJ_IMAGE, _raw.FPDF_PAGEOBJ_FORM):
            left, bottom, right, top = (ctypes.c_float() for _ in range(4))
            _raw.FPDFPageObj_GetBounds(page_object, left, bottom, right, top)
            if (right.value - left.value) * (top.value - bottom.value) >= least:
                return True
        elif kind == _raw.FPDF_PAGEOBJ_PATH:
            outlines += 1
    return characters == 0 and outlines >= _MANY_OUTLINES


def _objects(page: Any) -> Iterator[Any]:
    for index in range(_raw.FPDFPage_CountObjects(page)):
        yield _raw.FPDFPage_GetObject(page, index)
