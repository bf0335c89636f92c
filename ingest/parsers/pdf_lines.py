"""The line of a page: what the PDF readers hand to the layout, whichever library they use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Line(NamedTuple):
    """A line of text with its box in points, y upwards; ``size`` is the font's, as shown on the page.

    ``start_bottom`` is the bottom of the first character: pdfium may run two lines on the page together.
    ``hyphenated`` marks a line that ends in a hyphen which the line break may have put there.
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


@dataclass(frozen=True, slots=True)
class PageLines:
    """The lines of one page in reading order. ``number`` counts from 1, ``height`` is in points."""

    number: int
    height: float
    lines: tuple[Line, ...]
