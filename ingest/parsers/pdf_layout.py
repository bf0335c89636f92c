"""Lines on pages -> headings, paragraphs and lists in one text, and the box of each line in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ingest.document import BlockKind, TextBox
from ingest.parsers.pdf_groups import groups_of
from ingest.parsers.pdf_join import LineJoiner, Piece
from ingest.parsers.pdf_levels import HeadingLevels
from ingest.parsers.pdf_lines import Bookmark, Line, PageLines
from ingest.parsers.pdf_outline import Outline, level_in
from ingest.parsers.pdf_typography import Typography
from ingest.parsers.text_builder import ParsedFile, TextBuilder

_MAX_HEADING_CHARACTERS = 200
_BOX_DIGITS = 4


def lay_out(pages: Sequence[PageLines], bookmarks: Sequence[Bookmark]) -> tuple[ParsedFile, str | None]:
    """The pages' text with its blocks and boxes, and the heading that can stand for a title, if any."""
    builder = TextBuilder()
    typography = Typography(pages)
    levels = HeadingLevels(pages, typography, Outline(bookmarks))
    joiner = LineJoiner([page.words for page in pages])
    labels = {page.number: page.label for page in pages}
    headings: list[tuple[int, str]] = []
    written: list[list[Piece]] = []
    page_number = 0
    for group in groups_of(pages, typography, levels):
        pieces = joiner.join(group.lines)
        written.append(pieces)
        for index, piece in enumerate(pieces):
            if piece.page != page_number:
                page_number = piece.page
                builder.start_page(page_number, labels[page_number])
            if index:
                builder.extend(piece.text)
            elif group.kind is BlockKind.HEADING and len(piece.text) <= _MAX_HEADING_CHARACTERS:
                named = level_in(levels.named_on(page_number), piece.text)
                level = group.level if named is None else levels.of_bookmark(named)
                builder.add_heading(piece.text, level)
                headings.append((level, piece.text))
            else:
                kind = BlockKind.PARAGRAPH if group.kind is BlockKind.HEADING else group.kind
                builder.add(kind, piece.text)
    parsed = builder.build()
    boxes = tuple(_boxes(parsed, written, {page.number: page for page in pages}))
    return replace(parsed, boxes=boxes), _title_heading(headings, builder)


def _title_heading(headings: Sequence[tuple[int, str]], builder: TextBuilder) -> str | None:
    """The one heading larger than all others, or the heading that opens the document."""
    if not headings:
        return None
    highest = min(level for level, _ in headings)
    candidates = [text for level, text in headings if level == highest]
    if len(candidates) == 1:
        return candidates[0]
    return headings[0][1] if builder.starts_with_heading else None


def _boxes(
    parsed: ParsedFile, written: Sequence[Sequence[Piece]], pages: dict[int, PageLines]
) -> Iterator[TextBox]:
    """Where each line stands; none for pages whose reader knows no places."""
    for block, pieces in zip(parsed.blocks, written, strict=True):
        start = block.start
        for piece in pieces:
            page = pages[piece.page]
            if page.width > 0 and page.height > 0:
                for line, line_start, line_end in piece.lines:
                    yield _box(line, start + line_start, start + line_end, page)
            start += len(piece.text)


def _box(line: Line, start: int, end: int, page: PageLines) -> TextBox:
    """Edges to a ten-thousandth of the page; what stands over its edge ends there."""
    _, _, left, right, bottom, top, _, _, _ = line
    width, height = page.width, page.height
    if left < 0 or bottom < 0 or right > width or top > height:
        left, right = min(max(left, 0.0), width), max(min(right, width), 0.0)
        bottom, top = min(max(bottom, 0.0), height), max(min(top, height), 0.0)
    return TextBox(
        start,
        end,
        page.number,
        round(left / width, _BOX_DIGITS),
        round(1 - top / height, _BOX_DIGITS),
        round(right / width, _BOX_DIGITS),
        round(1 - bottom / height, _BOX_DIGITS),
    )
