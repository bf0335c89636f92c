"""A page of a PDF -> a picture of it, drawn by pdfium and packed as a PNG."""

from __future__ import annotations

import math
import struct
import zlib
from typing import Any, cast

from ingest.errors import PageNotDrawnError, PageNotFoundError
from ingest.parsers.pdfium import PdfiumFailure, opened_pdf
from service.source_pages.messages import Drawn

MOST_DOTS = 12_000_000
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOURS = 3
_A_LITTLE_LESS = 1 - 1e-9
"""pypdfium2 rounds up, and 1000.0000001 dots are not to be 1001."""


def draw_page(content: bytes, number: int, width: int) -> Drawn:
    """The page ``number`` of a PDF, ``width`` dots wide, or less where it would have too many in all.

    Raises:
        EncryptedFileError: the file asks for a password.
        PageNotFoundError: it has no such page.
        PageNotDrawnError: pdfium cannot open the file or the page.
    """
    try:
        with opened_pdf(content) as document:
            count = len(document)
            if not 1 <= number <= count:
                raise PageNotFoundError(f"there is no page {number}: the document has {count}.")
            page = document[number - 1]
            try:
                return Drawn(_draw(page, width), count)
            finally:
                page.close()
    except (PdfiumFailure, RuntimeError) as error:  # what pypdfium2 raises is a RuntimeError
        raise PageNotDrawnError(
            f"page {number} cannot be drawn ({error}): open the file in its own program."
        ) from error


def _draw(page: Any, width: int) -> bytes:
    wide, high = cast("tuple[float, float]", page.get_size())
    wide, high = max(wide, 1.0), max(high, 1.0)
    scale = min(width / wide, math.sqrt(MOST_DOTS / (wide * high))) * _A_LITTLE_LESS
    bitmap = page.render(scale=scale, may_draw_forms=False, rev_byteorder=True)
    try:
        return _png(memoryview(bitmap.buffer).cast("B"), bitmap.width, bitmap.height, bitmap.stride)
    finally:
        bitmap.close()


def _png(dots: memoryview, width: int, height: int, stride: int) -> bytes:
    """Rows of red, green and blue as a PNG (RFC 2083), unfiltered: text on white packs well as it is."""
    packer = zlib.compressobj(6)
    packed = [
        packer.compress(b"\0" + dots[row * stride : row * stride + width * _COLOURS].tobytes())
        for row in range(height)
    ]
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = b"".join((*packed, packer.flush()))
    return b"".join((_SIGNATURE, _part(b"IHDR", header), _part(b"IDAT", body), _part(b"IEND", b"")))


def _part(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
