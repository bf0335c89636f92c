"""PDFs that tests write, and what their pictures show."""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass
from typing import Any, cast

import reportlab.pdfgen.canvas  # pyright: ignore[reportMissingTypeStubs]

_reportlab = cast("Any", reportlab.pdfgen.canvas)

WIDTH, HEIGHT = 600, 800
"""Of a page, in points."""


def pdf_of(*pages: dict[str, tuple[float, float]], size: tuple[float, float] = (WIDTH, HEIGHT)) -> bytes:
    """A PDF with these lines, at points from the lower left corner, 20 points high."""
    file = io.BytesIO()
    canvas = _reportlab.Canvas(file, pagesize=size, invariant=True)
    for lines in pages:
        canvas.setFont("Helvetica", 20)
        for text, (left, bottom) in lines.items():
            canvas.drawString(left, bottom, text)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


@dataclass(frozen=True)
class Picture:
    """A PNG of true colour without filters, unpacked."""

    width: int
    height: int
    rows: list[bytes]

    def ink(self, left: float, top: float, right: float, bottom: float) -> int:
        """How many dark dots there are between edges that are fractions of the picture."""
        columns = slice(round(left * self.width) * 3, round(right * self.width) * 3, 3)
        rows = self.rows[round(top * self.height) : round(bottom * self.height)]
        return sum(red < 128 for row in rows for red in row[columns])


def read_png(content: bytes) -> Picture:
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    place, parts = 8, dict[bytes, bytes]()
    while place < len(content):
        (length,), kind = struct.unpack_from(">I", content, place), content[place + 4 : place + 8]
        data = content[place + 8 : place + 8 + length]
        assert struct.unpack_from(">I", content, place + 8 + length) == (zlib.crc32(kind + data),)
        parts[kind] = data
        place += 12 + length
    assert list(parts) == [b"IHDR", b"IDAT", b"IEND"]
    width, height, depth, colours, *rest = struct.unpack(">IIBBBBB", parts[b"IHDR"])
    assert (depth, colours, rest) == (8, 2, [0, 0, 0])
    dots = zlib.decompress(parts[b"IDAT"])
    row = width * 3 + 1
    assert len(dots) == row * height
    assert set(dots[::row]) == {0}
    return Picture(width, height, [dots[at + 1 : at + row] for at in range(0, len(dots), row)])
