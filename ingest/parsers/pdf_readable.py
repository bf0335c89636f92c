"""A line as a PDF holds it -> a line as one reads it."""

from __future__ import annotations

import re
import unicodedata

from ingest.parsers.text_builder import clean_text, collapse_space

_LEADERS = re.compile(r"(?:\s*[.·…]){5,}\s*")
_COMPATIBILITY = re.compile("[\u2e80-\u2fdf\ufb00-\ufb06]")
"""CJK radicals that a font stands in for ideographs, and Latin ligatures."""

_SYMBOL_GLYPH = re.compile("[\uf000-\uf0ff]")
"""Glyphs of symbol fonts without a character; at a line's start they are bullets."""

_CONTROL_AS_BULLET = re.compile("[\x80-\x9f](?=\\s*\\S)")


def is_plain(page_text: str) -> bool:
    """Whether no line of a page, stripped, could be changed by ``readable``."""
    return (
        page_text.isascii()
        and "  " not in page_text
        and "....." not in page_text
        and ". . ." not in page_text
        and page_text.replace("\r\n", "").isprintable()
    )


def readable(text: str) -> str:
    """One line's text; the dots that lead to a page number become one sign."""
    if not text.isascii() and _CONTROL_AS_BULLET.match(text):
        text = f"• {text[1:]}"
    text = collapse_space(clean_text(text))
    if text.count(".") > 4 or not text.isascii():
        text = _LEADERS.sub(" … ", text).strip()
    if text.isascii():
        return text
    text = _SYMBOL_GLYPH.sub("•", text)
    return _COMPATIBILITY.sub(lambda match: unicodedata.normalize("NFKC", match[0]), text)
