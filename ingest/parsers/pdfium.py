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

_pdfium = cast("Any", pypdfium2)
_raw = cast("Any", pypdfium2.raw)


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
            # pdfium keeps its last error: what fails for another reason may still report that of the
            # file before it, so the file itself must speak of encryption too.
            if error.err_code == _raw.FPDF_ERR_PASSWORD and b"/Encrypt" in content:
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
    metadata = cast("dict[str, str]", document.get_metadata_dict(skip_empty=True))
    return PdfContent(pages, metadata, unreadable)


def _read_page(page: Any) -> tuple[Line, ...]:
    text_page = page.get_textpage()
    try:
        return tuple(_PageReader(text_page).lines())
    finally:
        text_page.close()


class _PageReader:
    """Cuts a page's string into lines and asks pdfium where they stand."""

    def __init__(self, text_page: Any) -> None:
        self._text = cast("str", text_page.get_text_range())
        self._handle = text_page.raw
        self._offsets_are_indices = text_page.count_chars() == len(self._text)
        self._first_box, self._last_box = _raw.FS_RECTF(), _raw.FS_RECTF()
        self._matrix = _raw.FS_MATRIX()
        self._size_of_heights: dict[tuple[float, float], float] = {}

    def lines(self) -> Iterator[Line]:
        """The lines that hold more than white space, in pdfium's order."""
        start = 0
        while start < len(self._text):
            end, following, hyphenated = _line_end(self._text, start)
            stripped = self._text[start:end].strip()
            if stripped:
                yield self._line(stripped, self._text.index(stripped[0], start), hyphenated)
            start = following

    def _line(self, text: str, first: int, hyphenated: bool) -> Line:
        last = first + len(text) - 1
        box, end_box = self._first_box, self._last_box
        _raw.FPDFText_GetLooseCharBox(self._handle, self._index(first), box)
        _raw.FPDFText_GetLooseCharBox(self._handle, self._index(last), end_box)
        return Line(
            text,
            self._size(first, last),
            min(box.left, end_box.left),
            max(box.right, end_box.right),
            min(box.bottom, end_box.bottom),
            max(box.top, end_box.top),
            box.bottom,
            hyphenated,
        )

    def _size(self, first: int, last: int) -> float:
        """The font size in the middle of a line: the size set in the text, scaled by its matrix.

        Text that runs up or down the page gives 0: what stands sideways in a margin is no heading.
        Lines whose first and last characters are exactly as tall as another's have its size.
        """
        first_height = round(self._first_box.top - self._first_box.bottom, 2)
        heights = (first_height, round(self._last_box.top - self._last_box.bottom, 2))
        if heights not in self._size_of_heights:
            index = self._index(_visible_near(self._text, (first + last) // 2, last))
            _raw.FPDFText_GetMatrix(self._handle, index, self._matrix)
            sideways = abs(self._matrix.b) > abs(self._matrix.a)
            scale = 0.0 if sideways else math.hypot(self._matrix.c, self._matrix.d)
            self._size_of_heights[heights] = _raw.FPDFText_GetFontSize(self._handle, index) * scale
        return self._size_of_heights[heights]

    def _index(self, offset: int) -> int:
        """pdfium's own index of the character at ``offset`` of the string."""
        if self._offsets_are_indices:
            return offset
        return cast("int", _raw.FPDFText_GetCharIndexFromTextIndex(self._handle, offset))


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
