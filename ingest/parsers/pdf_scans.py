"""Pages without text are drawn and read by OCR, when its extra is installed."""

from __future__ import annotations

import time
from contextlib import closing, suppress
from dataclasses import replace
from statistics import median
from typing import Any

from ingest.parsers import ocr
from ingest.parsers.pdf_columns import in_reading_order
from ingest.parsers.pdf_lines import Line, PageLines, PdfContent
from ingest.parsers.pdf_readable import readable
from ingest.parsers.pdfium import PdfiumFailure, render_pages
from ingest.parsers.time_left import seconds_left

_LARGER = 1.5
_POINTS_PER_HEIGHT = 0.75
_SHARE_OF_TIME = 0.6
"""Of what is left of the file's time, after which no page is begun: the last one and the layout take more."""


def with_scans_read(content: bytes, read: PdfContent) -> PdfContent:
    """The file with the lines that OCR finds on its scans; unchanged without the extra.

    Scans that the time is too short for stay as they are, and are counted as ``unread``.
    """
    if not ocr.is_available():
        return read
    scans = {page.number: page for page in read.pages if page.is_scan}
    last_start = time.monotonic() + _SHARE_OF_TIME * seconds_left()
    unread = 0
    # What only pypdf can open cannot be drawn.
    with suppress(PdfiumFailure), closing(render_pages(content, list(scans))) as pictures:
        for done, (number, picture) in enumerate(pictures, 1):
            scans[number] = _read(scans[number], picture)
            if time.monotonic() > last_start:
                unread = len(scans) - done
                break
    return replace(read, pages=[scans.get(page.number, page) for page in read.pages], unread=unread)


def _read(page: PageLines, picture: Any) -> PageLines:
    rows, columns = picture.shape[:2]
    across, up = page.width / columns, page.height / rows
    found = [(line, readable(line.text)) for line in ocr.recognize(picture)]
    found = [(line, text) for line, text in found if text]
    if sum(len(text) for _, text in found) <= sum(len(line.text) for line in page.lines):
        return page
    usual = median((line.bottom - line.top) * up for line, _ in found)
    lines: list[Line] = []
    for line, text in found:
        bottom, top = page.height - line.bottom * up, page.height - line.top * up
        lines.append(
            Line(
                text, _size(top - bottom, usual), line.left * across, line.right * across, bottom, top, bottom
            )
        )
    ordered = tuple(in_reading_order(lines))
    return replace(page, lines=ordered, words="\n".join(line.text for line in ordered))


def _size(height: float, usual: float) -> float:
    """A font size in points: that of the page's usual line, unless a line is clearly taller.

    Boxes that OCR draws differ by a fifth with the letters in them, and must not make headings.
    """
    tall = height >= _LARGER * usual
    return round((height if tall else usual) * _POINTS_PER_HEIGHT * 2) / 2
