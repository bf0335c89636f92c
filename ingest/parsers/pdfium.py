"""pdfium -> the pages of a PDF, its outline and its stated properties.

pdfium is not thread-safe: everything here runs under one lock, and nothing it made outlives the call.
"""

from __future__ import annotations

import ctypes
import logging
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, cast

import pypdfium2  # pyright: ignore[reportMissingTypeStubs]
import pypdfium2.raw  # pyright: ignore[reportMissingTypeStubs]

from ingest.errors import EncryptedFileError
from ingest.parsers.pdf_lines import Bookmark, PageLines, PdfContent
from ingest.parsers.pdfium_page import read_page
from ingest.parsers.pdfium_text import CharBuffers

_LOCK = threading.Lock()
_MAX_BOOKMARKS = 10_000
_MAX_OUTLINE_DEPTH = 8
_LONGEST_SIDE = 2000
_DOTS_PER_POINT = 200 / 72

_pdfium = cast("Any", pypdfium2)
_raw = cast("Any", pypdfium2.raw)


class PdfiumFailure(Exception):
    """pdfium could not open the file; another reader may."""


def read_pdf(content: bytes) -> PdfContent:
    """All pages of a PDF that can be loaded.

    Raises:
        EncryptedFileError: the file asks for a password (an empty one is tried).
        PdfiumFailure: pdfium cannot open the file.
    """
    with opened_pdf(content) as document:
        pages, unreadable = _pages(document)
        properties = cast("dict[str, str]", document.get_metadata_dict(skip_empty=True))
        return PdfContent(pages, properties, unreadable, tuple(_bookmarks(document)))


def render_pages(content: bytes, numbers: Sequence[int]) -> Generator[tuple[int, Any]]:
    """Pages as pictures: (number, array of rows, columns and blue, green, red) at 200 dpi or less.

    A picture has at most 2,000 dots to a side, whatever size the page claims to have.
    """
    with opened_pdf(content) as document:
        for number in numbers:
            page = document[number - 1]
            try:
                scale = min(_DOTS_PER_POINT, _LONGEST_SIDE / max(1.0, *page.get_size()))
                bitmap = page.render(scale=scale, may_draw_forms=False, rev_byteorder=False)
                picture = bitmap.to_numpy().copy()
                bitmap.close()
            finally:
                page.close()
            yield number, picture


@contextmanager
def opened_pdf(content: bytes) -> Generator[Any]:
    """A PDF as pypdfium2 opens it, nobody else's until the block ends.

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
            yield document
        finally:
            document.close()


def _pages(document: Any) -> tuple[list[PageLines], int]:
    """The pages, and how many of them cannot be loaded.

    The helpers of pypdfium2 watch over every page they open, which costs more than opening it; hence the
    bare calls.
    """
    pages: list[PageLines] = []
    unreadable = 0
    buffers = CharBuffers()
    count = len(document)
    has_labels = bool(count) and bool(_label(document, 0))
    for index in range(count):
        page = _raw.FPDF_LoadPage(document, index)
        if not page:
            unreadable += 1
            continue
        try:
            label = _label(document, index) if has_labels else ""
            pages.append(read_page(page, index + 1, label, buffers))
        finally:
            _raw.FPDF_ClosePage(page)
    return pages, unreadable


def _label(document: Any, index: int) -> str:
    size = _raw.FPDF_GetPageLabel(document, index, None, 0)
    if size <= 2:
        return ""
    buffer = ctypes.create_string_buffer(size)
    _raw.FPDF_GetPageLabel(document, index, buffer, size)
    return buffer.raw[: size - 2].decode("utf-16-le", errors="ignore")


def _bookmarks(document: Any) -> Iterator[Bookmark]:
    logging.getLogger("pypdfium2").setLevel(logging.CRITICAL)  # an outline that goes in a circle just ends
    for bookmark in islice(document.get_toc(max_depth=_MAX_OUTLINE_DEPTH), _MAX_BOOKMARKS):
        destination = bookmark.get_dest()
        index = destination.get_index() if destination else None
        if index is not None:
            yield Bookmark(bookmark.level + 1, cast("str", bookmark.get_title()), index + 1)
