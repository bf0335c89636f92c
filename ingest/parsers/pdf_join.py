"""Join the lines of a block into running text, as each script wants it, and keep where each line stands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from ingest.parsers.pdf_lines import Line
from ingest.parsers.text_builder import joint

_LAST_WORD = re.compile(r"[^\W\d_][^\W_]*(?:[-‐][^\W_]+)*\Z")
_FIRST_WORD = re.compile(r"[^\W\d_]+")
_HYPHENS = ("-", "‐")


class PlacedLine(NamedTuple):
    """A line and its span in the text that it was joined to."""

    line: Line
    start: int
    end: int


@dataclass(slots=True)
class Piece:
    """What a block has on one page. Put together, the pieces are the block; spans count in this piece."""

    page: int
    text: str
    lines: list[PlacedLine] = field(default_factory=list[PlacedLine])


class LineJoiner:
    """Joins lines; the words of the whole document tell which hyphens are real.

    Args:
        page_texts: the text of each page as it was read, line breaks and all.
    """

    def __init__(self, page_texts: Iterable[str]) -> None:
        self._page_texts = page_texts

    def join(self, lines: Sequence[tuple[int, Line, bool]]) -> list[Piece]:
        """The text of a block, cut where a new page begins.

        Args:
            lines: (page, line, whether it stands on a line of its own) in order.
        """
        pieces: list[Piece] = []
        parts: list[str] = []
        placed: list[PlacedLine] = []
        page = length = 0
        hyphenated = False
        for number, line, own_line in lines:
            text = between = line.text
            if not parts:
                page, between = number, ""
            else:
                before = parts[-1]
                if own_line:
                    between = "\n"
                elif not hyphenated and text.isascii() and before[-1].isascii() and before[-1] != "-":
                    between = " "
                else:
                    parts[-1], between = self._seam(before, text, hyphenated)
                    if change := len(parts[-1]) - len(before):
                        length += change
                        placed[-1] = placed[-1]._replace(end=length)
                if number != page:
                    pieces.append(Piece(page, "".join(parts), placed))
                    page, length, parts, placed = number, 0, [], []
            start = length + len(between)
            length = start + len(text)
            parts += (between, text)
            placed.append(PlacedLine(line, start, length))
            hyphenated = line.hyphenated
        if parts:
            pieces.append(Piece(page, "".join(parts), placed))
        return pieces

    def _seam(self, before: str, after: str, hyphenated: bool) -> tuple[str, str]:
        """What becomes of the line before a line break, and what stands in the break's place."""
        if not hyphenated and not before.endswith(_HYPHENS):
            return before, joint(before, after)
        stem = before.rstrip("-‐")
        left, right = _LAST_WORD.search(stem), _FIRST_WORD.match(after)
        if left is None or right is None:
            return (f"{stem}-", "") if hyphenated and stem and after else (before, joint(before, after))
        if right[0][0].isupper() or self._is_compound(left[0], right[0]):
            return f"{stem}-", ""
        return stem, ""

    def _is_compound(self, left: str, right: str) -> bool:
        """Whether a hyphen between two parts is part of the word: "open-source", not "docu-ment"."""
        left, right = left.lower(), right.lower()
        if self._has_word(f"{left}{right}"):
            return False
        if self._has_word(f"{left}-{right}") or "-" in left or any(map(str.isdigit, left)):
            return True
        return min(len(left), len(right)) > 2 and self._has_word(left) and self._has_word(right)

    def _has_word(self, word: str) -> bool:
        return any(f"{word}{mark}" in self._words for mark in ("", ",", ".", ";", ":", ")"))

    @cached_property
    def _words(self) -> frozenset[str]:
        """The document's words in lower case, without the pieces that stand before or after a break.

        They keep the marks that follow them: a look-up with each mark costs less than to strip them all.
        """
        words: set[str] = set()
        for text in self._page_texts:
            # pdfium's sign for a hyphen at a line's end is no space, so such a word comes as one.
            words.update(text.lower().replace("-\r\n", "-").replace("-\n", "-").split())
        return frozenset(words)
