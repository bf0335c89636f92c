"""pdfium -> the lines of each page with their place and font size.

Calls through ctypes cost more than pdfium's own work, so a page is read as one string and only each
line's first, middle and last character are asked for their geometry.

pdfium is not thread-safe: everything here runs under one lock, and nothing it made outlives the call.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import pypdfium2  # pyright: ignore[reportMissingTypeStubs]
import pypdfium2.raw  # pyright: ignore[reportMissingTypeStubs]

from ingest.errors import EncryptedFileError
from ingest.parsers.pdf_lines import Line, PageLines

_LOCK = threading.Lock()
_HYPHEN = "\ufffe"
"""pdfium's sign for a hyphen at the end of a line; the next line follows it directly."""

_pdfium = cast(Any, pypdfium2)
_raw = cast(Any, pypdfium2.raw)


@dataclass(frozen=True, slots=True)
class PdfContent:
    """What pdfium read. ``unreadable`` counts pages that could not be loaded."""

    pages: list[PageLines]
    metadata: dict[str, str]
    unreadable: int


class PdfiumFailure(Exception):
    """pdfium could not open the file; another reader may."""


def read_pdf(content: bytes) -> PdfContent:
    """All pages of a PDF that have text.

    Raises:
        EncryptedFileError: the file asks for a password (an empty one is tried).
        PdfiumFailure: pdfium cannot open the file.
    """
    with _LOCK:
        try:
            document = _pdfium.PdfDocument(content)
        except _pdfium.PdfiumError as error:
            if error.err_code == _raw.FPDF_ERR_PASSWORD:
                raise EncryptedFileError(
                    "the PDF asks for a password: save a copy without one and ingest that."
                ) from error
            raise PdfiumFailure(str(error)) from error
        try:
            return _read_document(document)
        finally:
            document.close()


def _read_document(document: Any) -> PdfContent:
    pages: list[PageLines] = []
    unreadable = 0
    for index in range(len(document)):
        try:
            page = document[index]
        except _pdfium.PdfiumError:
            unreadable += 1
            continue
        try:
            lines = _read_page(page)
            pages.append(PageLines(index + 1, float(page.get_height()), lines))
        finally:
            page.close()
    metadata = cast(dict[str, str], document.get_metadata_dict(skip_empty=True))
    return PdfContent(pages, metadata, unreadable)


def _read_page(page: Any) -> tuple[Line, ...]:
    text_page = page.get_textpage()
    try:
        text = cast(str, text_page.get_text_range())
        return tuple(_lines(text, text_page.raw))
    finally:
        text_page.close()


def _lines(text: str, text_page: Any) -> Iterator[Line]:
    """Cut the page's string at its line ends; offsets in it are mapped to pdfium's own characters."""
    matrix, first_box, last_box = _raw.FS_MATRIX(), _raw.FS_RECTF(), _raw.FS_RECTF()
    start = 0
    while start < len(text):
        end, following, hyphenated = _line_end(text, start)
        stripped = text[start:end].strip()
        if stripped:
            first = text.index(stripped[0], start)
            last = first + len(stripped) - 1
            middle = _visible_near(text, (first + last) // 2, last)
            first, middle, last = (
                _raw.FPDFText_GetCharIndexFromTextIndex(text_page, offset) for offset in (first, middle, last)
            )
            _raw.FPDFText_GetLooseCharBox(text_page, first, first_box)
            _raw.FPDFText_GetLooseCharBox(text_page, last, last_box)
            _raw.FPDFText_GetMatrix(text_page, middle, matrix)
            size = _raw.FPDFText_GetFontSize(text_page, middle) * math.hypot(matrix.c, matrix.d)
            yield Line(
                stripped,
                size,
                min(first_box.left, last_box.left),
                max(first_box.right, last_box.right),
                min(first_box.bottom, last_box.bottom),
                max(first_box.top, last_box.top),
                hyphenated,
            )
        start = following


def _line_end(text: str, start: int) -> tuple[int, int, bool]:
    """Where the line from ``start`` ends, where the next one starts, and whether a hyphen parts them."""
    end = text.find("\n", start)
    hyphen = text.find(_HYPHEN, start, end if end >= 0 else len(text))
    if hyphen >= 0:
        return hyphen, hyphen + 1, True
    return (end, end + 1, False) if end >= 0 else (len(text), len(text), False)


def _visible_near(text: str, offset: int, last: int) -> int:
    """The first offset from ``offset`` on that holds no space: a space pdfium made up has no font."""
    while offset < last and text[offset].isspace():
        offset += 1
    return offset
