"""pypdf -> the lines of each page, for files that pdfium can't read. Slow, and blind to layout."""

from __future__ import annotations

import io
import logging
import zlib
from collections.abc import Iterator, Mapping
from typing import cast

from pypdf import PdfReader
from pypdf.errors import DeprecationError, FileNotDecryptedError, PyPdfError, WrongPasswordError

from ingest.errors import BrokenFileError, EncryptedFileError
from ingest.parsers.pdf_lines import Line, PageLines, PdfContent
from ingest.parsers.pdf_readable import readable

# What pypdf's many ways to stumble over damage come to.
_DAMAGE = (
    PyPdfError,
    DeprecationError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    IndexError,
    OSError,
    RecursionError,
    zlib.error,
)
_SIZE = 10.0
_PITCH = 12.0
_WIDTH_OF_CHARACTER = 5.0


def read_pdf_with_pypdf(content: bytes) -> PdfContent:
    """All pages, with geometry made up so that a blank line is a gap and all else is one size.

    Raises:
        EncryptedFileError: the file asks for a password.
        BrokenFileError: pypdf can't read it either.
    """
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # damage is reported by exceptions
    try:
        return _read(PdfReader(io.BytesIO(content), strict=False))
    except (FileNotDecryptedError, WrongPasswordError) as error:
        raise EncryptedFileError(
            "the PDF asks for a password: save a copy without one and ingest that."
        ) from error
    except _DAMAGE as error:
        reason = " ".join(str(error).split())
        raise BrokenFileError(
            f"the PDF's structure is damaged ({reason}): open it in a viewer and save it again."
        ) from error


def _read(reader: PdfReader) -> PdfContent:
    pages: list[PageLines] = []
    unreadable = 0
    for number, page in enumerate(reader.pages, 1):
        try:
            text = page.extract_text()
        except _DAMAGE:
            unreadable += 1
            continue
        rows = text.split("\n")
        height = _PITCH * len(rows)
        pages.append(PageLines(number, 0.0, height, tuple(_lines(rows)), text, is_scan=not text.strip()))
    entries = cast("Mapping[str, object]", reader.metadata or {})
    return PdfContent(pages, {key.lstrip("/"): str(value) for key, value in entries.items()}, unreadable)


def _lines(rows: list[str]) -> Iterator[Line]:
    for index, row in enumerate(rows):
        text = readable(row.strip())
        if text:
            bottom = _PITCH * (len(rows) - 1 - index)
            yield Line(text, _SIZE, 0.0, _WIDTH_OF_CHARACTER * len(text), bottom, bottom + _PITCH, bottom)
