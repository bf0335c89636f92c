"""What every parser returns, and the builder that keeps its spans exact.

``clean_text`` is the one place where line ends are normalised and unusable characters go: every
parser cleans what it decodes before it counts an offset in it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ingest.document import Block, BlockKind, MetadataValue, Page, TextBox
from ingest.words.language import HAN, KANA

_LINE_ENDS = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")
_UNUSABLE = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufeff\ufffe\uffff]")
_INVISIBLE = re.compile("[\u00ad\u200b\u2060]")
_UNSPACED = f"{HAN}{KANA}\u3000-\u303f\uff00-\uffef"
_FULL_WIDTH_MARK = re.compile("[\u3000-\u303f\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65]")
_SPACE = re.compile("[ \t\n\u00a0\u3000]+")
# Compiled when first used: classes of so many characters take milliseconds, and most texts need none.
_BESIDE_UNSPACED = f"[{_UNSPACED}“”‘’—…]"
_LETTER = f"[{HAN}{KANA}]"
_BREAK_BETWEEN_UNSPACED = f"(?<=[{_UNSPACED}])[ \t]*\n[ \t\n]*(?=[{_UNSPACED}])"

BLOCK_SEPARATOR = "\n\n"

UNREAD_PAGES = "pages_unread_for_time"
"""Metadata of a document that was read in part: how many of its pages the limit of time left out."""


@dataclass(frozen=True, slots=True)
class ParsedFile:
    """A file's text and structure. ``title`` is None when the file states none; see ``Document``."""

    text: str
    blocks: tuple[Block, ...]
    title: str | None = None
    pages: tuple[Page, ...] = ()
    metadata: Mapping[str, MetadataValue] = field(default_factory=dict[str, MetadataValue])
    boxes: tuple[TextBox, ...] = ()


def clean_text(text: str) -> str:
    """``text`` with every line end as "\\n", without NULs, control characters and lone surrogates."""
    if text.isascii() and text.isprintable():
        return text
    return _UNUSABLE.sub("", _LINE_ENDS.sub("\n", text))


def collapse_space(text: str) -> str:
    """Cleaned text on one line, white space collapsed as a browser does, without invisible characters.

    A line end between two CJK characters vanishes: their scripts put no space between words.
    """
    if text.isascii():
        # Most text: nothing but single spaces, and then a search costs more than two built-in checks.
        if "  " not in text and text.isprintable():
            return text.strip()
    else:
        text = re.sub(_BREAK_BETWEEN_UNSPACED, "", _INVISIBLE.sub("", text))
    return _SPACE.sub(" ", text).strip()


def joint(left: str, right: str) -> str:
    """What belongs between two lines of one paragraph: nothing within CJK text, else a space."""
    last, first = left[-1:], right[:1]
    if not last or not first or last.isspace():
        return ""
    if last.isascii() and first.isascii():
        return " "
    if _FULL_WIDTH_MARK.match(last) or _FULL_WIDTH_MARK.match(first):
        return ""
    unspaced = not last.isascii() and re.match(_BESIDE_UNSPACED, last) and re.match(_BESIDE_UNSPACED, first)
    return "" if unspaced and (re.match(_LETTER, last) or re.match(_LETTER, first)) else " "


class HeadingTrail:
    """The headings above the current place, as (level, text), outermost first."""

    def __init__(self) -> None:
        self._open: list[tuple[int, str]] = []

    def enter(self, level: int, text: str) -> tuple[str, ...]:
        """Open the heading ``text`` and close all of its level or deeper; returns the new path."""
        while self._open and self._open[-1][0] >= level:
            self._open.pop()
        self._open.append((level, text))
        return self.path

    def close(self) -> None:
        """Close all headings."""
        self._open.clear()

    @property
    def path(self) -> tuple[str, ...]:
        """The open headings' texts."""
        return tuple(text for _, text in self._open)


class TextBuilder:
    """Appends blocks to one string, a blank line between them, and records what lies where.

    A heading's own path ends with the heading itself.
    """

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0
        self._blocks: list[Block] = []
        self._trail = HeadingTrail()
        self._page_starts: list[tuple[int, int, str]] = []
        self._next_page: tuple[int, str] | None = None

    def add(self, kind: BlockKind, text: str) -> None:
        """Append a block that is no heading; blank text adds nothing."""
        self._append(kind, text, self._trail.path)

    def add_table(self, rows: Sequence[str], header_rows: int) -> None:
        """Append a table, a line for each row, of which the first ``header_rows`` name the columns."""
        lines = [clean_text(row).replace("\n", " ").strip() for row in rows]
        header = "\n".join(line for line in lines[:header_rows] if line)
        before = len(self._blocks)
        self._append(BlockKind.TABLE, "\n".join(line for line in lines if line), self._trail.path)
        if header and len(self._blocks) > before:
            table = self._blocks[-1]
            self._blocks[-1] = replace(table, header=(table.start, table.start + len(header)))

    def add_heading(self, text: str, level: int) -> None:
        """Append a heading of ``level`` (1 is outermost); the blocks that follow stand under it."""
        heading = collapse_space(clean_text(text))
        if heading:
            self._append(BlockKind.HEADING, heading, self._trail.enter(level, heading))

    def close_headings(self) -> None:
        """What follows stands under no heading, until the next one."""
        self._trail.close()

    def start_page(self, number: int, label: str = "") -> None:
        """Everything appended from here on stands on page ``number``; a page without text is left out."""
        self._next_page = number, label

    def extend(self, text: str) -> None:
        """Append to the last block, for a paragraph that goes on (on the next page, say)."""
        text = clean_text(text).rstrip()
        if not text:
            return
        self._open_page()
        self._write(text)
        last = self._blocks[-1]
        self._blocks[-1] = replace(last, end=self._length)

    @property
    def starts_with_heading(self) -> bool:
        """Whether the first block is a heading."""
        return bool(self._blocks) and self._blocks[0].kind is BlockKind.HEADING

    def build(
        self, title: str | None = None, metadata: Mapping[str, MetadataValue] | None = None
    ) -> ParsedFile:
        """The text with its blocks, and pages that together cover all of it."""
        ends = [start for _, start, _ in self._page_starts[1:]] + [self._length]
        pages = [
            Page(number, start, end, label)
            for (number, start, label), end in zip(self._page_starts, ends, strict=False)
        ]
        return ParsedFile("".join(self._parts), tuple(self._blocks), title, tuple(pages), metadata or {})

    def _append(self, kind: BlockKind, text: str, path: tuple[str, ...]) -> None:
        text = clean_text(text).strip("\n").rstrip()
        if kind is not BlockKind.CODE:
            text = text.lstrip()
        if not text:
            return
        if self._length:
            self._write(BLOCK_SEPARATOR)
        self._open_page()
        start = self._length
        self._write(text)
        self._blocks.append(Block(kind, start, self._length, path))

    def _open_page(self) -> None:
        if self._next_page is not None:
            number, label = self._next_page
            self._page_starts.append((number, self._length, label))
            self._next_page = None

    def _write(self, text: str) -> None:
        self._parts.append(text)
        self._length += len(text)
