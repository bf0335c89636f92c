"""What an RTF file declares before its text: fonts with their encodings, and styles."""

from __future__ import annotations

import re

from ingest.parsers.rtf_codes import WIDE, code_page_of_charset, decode

_HEADING_STYLE = re.compile(
    r"(?:heading|标题|標題|見出し|überschrift|titre|título)\s*([1-9])\Z", re.IGNORECASE
)
_TITLE_STYLES = frozenset(("title", "标题", "標題"))
_BODY_TEXT = 9
"""The outline level of what is no heading; levels count from 0."""

_WESTERN = 1252


class Declared:
    """Fonts and styles by their numbers; ``code_page`` is that of the file."""

    def __init__(self) -> None:
        self.code_page = _WESTERN
        self._fonts: dict[int, int] = {}
        self._styles: dict[int, str] = {}
        self._outlines: dict[int, int] = {}
        self._entry = 0

    def set_charset(self, font: int, charset: int) -> None:
        """A font's charset."""
        page = code_page_of_charset(charset)
        if page is not None:
            self._fonts[font] = page

    def set_style(self, word: str, number: int | None) -> None:
        """A property of the style that is being declared."""
        if word == "s":
            self._entry = number or 0
        elif word == "outlinelevel" and number is not None:
            self._outlines[self._entry] = number

    def name_style(self, name: str) -> None:
        """The name of the style that is being declared, which ends its entry."""
        if name:
            self._styles.setdefault(self._entry, name)
        self._entry = 0

    def decoded(self, content: bytes, font: int | None) -> str:
        """Text in the encoding of its font, else of the file."""
        if content.isascii():
            return content.decode("ascii")
        page = self.code_page if font is None else self._fonts.get(font, self.code_page)
        if page == _WESTERN and self.code_page in WIDE and sum(byte > 0x7F for byte in content) > 1:
            # Fonts are declared as Western ones in East Asian files, too.
            page = self.code_page
        return decode(content, page)

    def heading_level(self, style: int, outline: int | None) -> int | None:
        """The level from 1 of a heading in ``style``, if it is one; ``outline`` is what it states itself."""
        if outline is None:
            outline = self._outlines.get(style)
        if outline is not None and 0 <= outline < _BODY_TEXT:
            return outline + 1
        named = _HEADING_STYLE.match(self._styles.get(style, ""))
        return int(named[1]) if named else None

    def is_title(self, style: int) -> bool:
        """Whether ``style`` is that of the document's title."""
        return self._styles.get(style, "").lower() in _TITLE_STYLES
