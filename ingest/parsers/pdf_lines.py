"""What the PDF readers hand on, whichever library they use: lines on pages, bookmarks, stated properties."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Line(NamedTuple):
    """A line of readable text with its box in points; ``size`` is the font's, as shown on the page.

    The box stands in the page as it is shown, turned and cropped: x from its left edge, y upwards from its
    lower one. ``start_bottom`` is the bottom of the first character: pdfium may run two lines on the page
    together. ``hyphenated`` marks a line that ends in a hyphen which the line break may have put there.
    ``bold`` is only told of lines that might be headings by their wording.
    A named tuple, because a book has 50,000 of them and a frozen dataclass takes four times as long to make.
    """

    text: str
    size: float
    left: float
    right: float
    bottom: float
    top: float
    start_bottom: float
    hyphenated: bool = False
    bold: bool = False


@dataclass(frozen=True, slots=True)
class PageLines:
    """The lines of one page in reading order.

    ``number`` counts from 1, ``width`` and ``height`` are in points, as shown. ``words`` is the page's text
    as it was read, for looking words up. ``is_scan`` tells that the page shows something and has no text, or
    next to none below a picture that fills it.
    """

    number: int
    width: float
    height: float
    lines: tuple[Line, ...]
    words: str = ""
    label: str = ""
    is_scan: bool = False


class Bookmark(NamedTuple):
    """An entry of the outline; ``level`` 1 is outermost, ``page`` is the number of the page it leads to."""

    level: int
    title: str
    page: int


@dataclass(frozen=True, slots=True)
class PdfContent:
    """What was read of a file. ``properties`` has the keys of the file's information dictionary ("Title").

    ``unreadable`` counts pages that could not be loaded, ``unread`` scans that there was no time for.
    """

    pages: Sequence[PageLines]
    properties: Mapping[str, str]
    unreadable: int
    bookmarks: Sequence[Bookmark] = ()
    unread: int = 0
