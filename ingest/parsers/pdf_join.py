"""Join the lines of a block into running text, as each script wants it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import cached_property

from ingest.parsers.pdf_lines import Line
from ingest.parsers.text_builder import clean_text, collapse_space, joint

_LAST_WORD = re.compile(r"[^\W\d_][^\W_]*(?:[-‐][^\W_]+)*\Z")
_FIRST_WORD = re.compile(r"[^\W\d_]+")
_HYPHENS = ("-", "‐")
_LEADERS = re.compile(r"(?:\s*[.·…]){5,}\s*")
_COMPATIBILITY = re.compile("[\u2e80-\u2fdf\ufb00-\ufb06]")
"""CJK radicals that a font stands in for ideographs, and Latin ligatures."""

_SYMBOL_GLYPH = re.compile("[\uf000-\uf0ff]")
"""Glyphs of symbol fonts without a character; at a line's start they are bullets."""


class LineJoiner:
    """Joins lines; the words of the whole document tell which hyphens are real."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self._lines = lines

    def join(self, lines: Sequence[tuple[int, Line, bool]]) -> list[tuple[int, str]]:
        """The text of a block, cut where a new page begins.

        Args:
            lines: (page, line, whether it stands on a line of its own) in order.

        Returns:
            (page, text) in order; put together they are the block.
        """
        pieces: list[tuple[int, str]] = []
        hyphenated = False
        for page, line, own_line in lines:
            text = _readable(line.text)
            if not text:
                continue
            if not pieces:
                pieces.append((page, text))
            else:
                last_page, before = pieces[-1]
                before, between = (before, "\n") if own_line else self._seam(before, text, hyphenated)
                if page == last_page:
                    pieces[-1] = (page, f"{before}{between}{text}")
                else:
                    pieces[-1] = (last_page, before)
                    pieces.append((page, f"{between}{text}"))
            hyphenated = line.hyphenated
        return pieces

    def _seam(self, before: str, after: str, hyphenated: bool) -> tuple[str, str]:
        """What becomes of the text before a line break, and what stands in the break's place."""
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
        broken = False
        for line in self._lines:
            was_broken, broken = broken, line.hyphenated or line.text.endswith(_HYPHENS)
            words.update(line.text.lower().split()[1 if was_broken else 0 : -1 if broken else None])
        return frozenset(words)


def _readable(text: str) -> str:
    """One line's text; the dots that lead to a page number become one sign."""
    text = collapse_space(clean_text(text))
    if text.count(".") > 4 or not text.isascii():
        text = _LEADERS.sub(" … ", text).strip()
    if text.isascii():
        return text
    text = _SYMBOL_GLYPH.sub("•", text)
    return _COMPATIBILITY.sub(lambda match: unicodedata.normalize("NFKC", match[0]), text)
