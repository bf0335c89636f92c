"""What pdfium knows of the characters of one page: where they stand, how large and how bold.

``ctypes`` checks and converts the arguments of every call, which costs more than what pdfium does in it.
Half of that is saved where it counts, by a prototype that takes addresses and one buffer for two boxes.
"""

from __future__ import annotations

import ctypes
import math
import re
from collections.abc import Iterator
from typing import Any, cast

import pypdfium2.raw  # pyright: ignore[reportMissingTypeStubs]

Edges = tuple[float, float, float, float, float, float, float, float]
"""Left, top, right and bottom of a line's first character, then those of its last, in points, y upwards."""

_FONT_NAME_BYTES = 128
_FORCE_BOLD = 1 << 18
_BOLD_NAME = re.compile(rb"bold|black|heavy|demi|medi\b|simhei|heiti", re.IGNORECASE)

_raw = cast("Any", pypdfium2.raw)


class CharBuffers:
    """Memory that pdfium writes into, made once for a document, and which fonts of it are bold."""

    def __init__(self) -> None:
        self.edges = (ctypes.c_float * 8)()
        self.view = memoryview(self.edges).cast("B").cast("f")
        self.first = ctypes.addressof(self.edges)
        self.last = self.first + ctypes.sizeof(_raw.FS_RECTF)
        self.matrix = _raw.FS_MATRIX()
        self.name = ctypes.create_string_buffer(_FONT_NAME_BYTES)
        self.bold_names: dict[bytes, bool] = {}
        # A call of this kind keeps the interpreter's lock: to give it away takes longer than the call.
        prototype = ctypes.PYFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
        self.loose_box = prototype(ctypes.cast(_raw.FPDFText_GetLooseCharBox, ctypes.c_void_p).value or 0)


class PageText:
    """The text of a page and the geometry of its characters; ``close`` it before its page."""

    def __init__(self, page: Any, buffers: CharBuffers) -> None:
        self._handle = _raw.FPDFText_LoadPage(page)
        self._buffers = buffers
        self._read_edges = buffers.view.tolist
        self._loose_box = buffers.loose_box
        self._address = ctypes.cast(self._handle, ctypes.c_void_p).value
        self.text = self._whole_text() if self._handle else ""

    def close(self) -> None:
        """Give pdfium's memory back."""
        if self._handle:
            _raw.FPDFText_ClosePage(self._handle)

    def edges(self, first: int, last: int) -> Edges:
        """The boxes of the characters at two offsets of ``text``, from the font's descent to its ascent."""
        buffers = self._buffers
        if not self._offsets_are_indices:
            first, last = self._index(first), self._index(last)
        self._loose_box(self._address, first, buffers.first)
        self._loose_box(self._address, last, buffers.last)
        return cast("Edges", self._read_edges())

    def size(self, offset: int) -> tuple[float, bool]:
        """The font size at ``offset`` in points, scaled as the text is, and whether it runs up or down."""
        index, matrix = self._index(offset), self._buffers.matrix
        _raw.FPDFText_GetMatrix(self._handle, index, matrix)
        scale = math.hypot(matrix.c, matrix.d)
        return _raw.FPDFText_GetFontSize(self._handle, index) * scale, abs(matrix.b) > abs(matrix.a)

    def is_bold(self, offset: int) -> bool:
        """Whether the font at ``offset`` says that it is bold."""
        name, flags = self._buffers.name, ctypes.c_int()
        size = _raw.FPDFText_GetFontInfo(self._handle, self._index(offset), name, _FONT_NAME_BYTES, flags)
        if flags.value & _FORCE_BOLD:
            return True
        family = name.value if 0 < size <= _FONT_NAME_BYTES else b""
        known = self._buffers.bold_names
        if family not in known:
            known[family] = _BOLD_NAME.search(family) is not None
        return known[family]

    def extents(self, first: int, last: int) -> Iterator[tuple[float, float]]:
        """Left and right of each stretch that the file sets at once, between two offsets of ``text``."""
        start, end = self._index(first), self._index(last)
        left, top, right, bottom = (ctypes.c_double() for _ in range(4))
        for number in range(_raw.FPDFText_CountRects(self._handle, start, end - start + 1)):
            _raw.FPDFText_GetRect(self._handle, number, left, top, right, bottom)
            yield left.value, right.value

    def _whole_text(self) -> str:
        count = _raw.FPDFText_CountChars(self._handle)
        buffer = (ctypes.c_ushort * (2 * count + 1))()
        written = _raw.FPDFText_GetText(self._handle, 0, count, buffer)
        # Lone halves of surrogate pairs must keep their place: offsets are counted in this string.
        text = bytes(buffer)[: 2 * max(written - 1, 0)].decode("utf-16-le", errors="surrogatepass")
        self._offsets_are_indices = count == len(text)
        return text

    def _index(self, offset: int) -> int:
        """pdfium's own index of the character at ``offset``."""
        if self._offsets_are_indices:
            return offset
        return cast("int", _raw.FPDFText_GetCharIndexFromTextIndex(self._handle, offset))
