"""From the elements of a page, entered and left in document order, to blocks.

Lists become one block with an item a line, tables one block with a row a line ("a | b"), ``<pre>`` a
block of code. A table that only lays the page out (it holds headings or tables) is transparent.
"""

from __future__ import annotations

import re

from ingest.document import BlockKind
from ingest.parsers.text_builder import ParsedFile, TextBuilder, collapse_space
from ingest.parsers.xml_tree import Element

_HEADING = re.compile(r"h([1-6])\Z")
_INLINE_TAGS = (
    "a abbr acronym b bdi bdo big cite code data del dfn em font i img ins kbd label mark math mi mn mo mrow "
    "q rp rt ruby s samp small span strike strong sub sup time tt u var wbr"
)
_INLINE = frozenset(_INLINE_TAGS.split())
_LISTS = frozenset(("ul", "ol", "dl", "menu"))
_ITEMS = frozenset(("li", "dt", "dd"))
_CELLS = frozenset(("td", "th"))
_PERMALINK = frozenset(("¶", "#", "§", "🔗", ""))
_INDENT = "  "


class BlockWriter:
    """Turns a walk over elements into blocks. Every ``enter`` or ``skip`` is followed by its ``leave``."""

    def __init__(self) -> None:
        self._builder = TextBuilder()
        self._run: list[str] = []
        self._lines: list[str] = []
        self._cells: list[str] = []
        self._header_lines = 0
        self._markers: list[str] = []
        self._numbers: list[int] = []
        self._container: Element | None = None
        self._preformatted: Element | None = None
        self._skipped: Element | None = None

    def enter(self, element: Element) -> None:
        """The walk goes into ``element``."""
        tag = str(element.tag)
        if tag == "br":
            self._run.append("\n" if self._preformatted is not None else " ")
        if tag in _INLINE or tag == "br" or self._preformatted is not None:
            return
        if self._container is not None:
            self._enter_inside(element, tag)
            return
        self._flush_paragraph()
        if tag == "pre":
            self._preformatted = element
        elif tag in _LISTS or (tag == "table" and _is_data(element)):
            self._container = element
            self._open_list(element, tag)

    def leave(self, element: Element) -> None:
        """The walk comes out of ``element``."""
        if element is self._skipped:
            self._skipped = None
            return
        tag = str(element.tag)
        if tag in _INLINE or tag == "br":
            return
        if self._preformatted is not None:
            if element is self._preformatted:
                self._flush_code()
        elif self._container is not None:
            self._leave_inside(element, tag)
        elif heading := _HEADING.match(tag):
            self._builder.add_heading(_without_permalink(element, self._take()), int(heading[1]))
        else:
            self._flush_paragraph()

    def skip(self, element: Element) -> None:
        """``element`` is left out with all it holds; it still separates the words around it."""
        self._skipped = element
        if element.tag not in _INLINE and self._preformatted is None:
            self._run.append(" ")

    def text(self, text: str | None) -> None:
        """Text at the current place."""
        if text:
            self._run.append(text)

    def build(self) -> ParsedFile:
        """All blocks written so far."""
        self._flush_paragraph()
        return self._builder.build()

    def _enter_inside(self, element: Element, tag: str) -> None:
        if self._in_table and (tag in _ITEMS or tag in _LISTS):
            self._run.append(" ")  # a row stays one line, whatever its cells hold
            return
        if tag in _ITEMS or tag in _LISTS or tag in ("tr", "table", "caption"):
            self._flush_line()
        elif tag not in _CELLS:
            self._run.append(" ")
        if tag in _LISTS:
            self._open_list(element, tag)
        elif tag == "li" and self._numbers:
            self._numbers[-1] += 1
            number = self._numbers[-1]
            self._markers[-1] = f"{number}. " if number > 0 else "- "

    def _leave_inside(self, element: Element, tag: str) -> None:
        if tag in _CELLS and not self._numbers:
            self._cells.append(self._take())
        elif self._in_table and (tag in _ITEMS or tag in _LISTS):
            self._run.append(" ")
        elif tag in _ITEMS or tag in ("tr", "caption", "table") or tag in _LISTS:
            self._flush_line()
            if tag in _LISTS:
                self._close_list()
            elif tag == "caption" or (tag == "tr" and _names_columns(element)):
                self._count_header_line()
        else:
            self._run.append(" ")
        if element is self._container:
            self._flush_container(tag)

    def _count_header_line(self) -> None:
        """The line just written belongs to the table's header if all lines before it do."""
        if self._header_lines == len(self._lines) - 1:
            self._header_lines += 1

    def _flush_container(self, tag: str) -> None:
        if tag == "table":
            has_body = self._header_lines < len(self._lines)
            self._builder.add_table(self._lines, self._header_lines if has_body else 0)
        else:
            self._builder.add(BlockKind.LIST, "\n".join(self._lines))
        self._lines = []
        self._header_lines = 0
        self._container = None

    def _open_list(self, element: Element, tag: str) -> None:
        if tag == "table":
            return
        start = element.get("start") or "1"
        first = int(start) if start.isascii() and start.isdigit() and len(start) < 7 else 1
        self._numbers.append(first - 1 if tag == "ol" else -(2**31))
        self._markers.append("" if tag == "dl" else "- ")

    def _close_list(self) -> None:
        if self._numbers:
            self._numbers.pop()
            self._markers.pop()

    @property
    def _in_table(self) -> bool:
        return self._container is not None and self._container.tag == "table"

    def _flush_line(self) -> None:
        """End a line of a list or table; an item's marker stands before its first line only."""
        if self._cells:
            rest = self._take()
            cells = [*self._cells, rest] if rest else self._cells
            line = " | ".join(cells) if any(cells) else ""
            self._cells = []
        else:
            line = self._take()
        if not line:
            return
        indent = _INDENT * max(0, len(self._markers) - 1)
        marker = self._markers[-1] if self._markers else ""
        if marker:
            self._markers[-1] = _INDENT
        self._lines.append(f"{indent}{marker}{line}")

    def _flush_paragraph(self) -> None:
        self._builder.add(BlockKind.PARAGRAPH, self._take())

    def _flush_code(self) -> None:
        self._builder.add(BlockKind.CODE, "".join(self._run).replace("\u00a0", " "))
        self._run = []
        self._preformatted = None

    def _take(self) -> str:
        text = collapse_space("".join(self._run))
        self._run = []
        return text


def _names_columns(row: Element) -> bool:
    """Whether a row is part of a table's head, or has no cells but headers."""
    if any(above.tag == "thead" for above in row.iterancestors("thead", "table")):
        return True
    cells = [child.tag for child in row if child.tag in _CELLS]
    return bool(cells) and all(tag == "th" for tag in cells)


def _is_data(table: Element) -> bool:
    """Whether a table holds data: it is not marked as layout and holds no heading, table or list item."""
    if table.get("role") in ("presentation", "none"):
        return False
    return next(table.iterdescendants("table", "h1", "h2", "h3", "h4", "h5", "h6", "pre"), None) is None


def _without_permalink(heading: Element, text: str) -> str:
    """A heading without the sign that documentation tools hang on it as a link to itself."""
    for link in heading.iter("a"):
        sign = "".join(str(part) for part in link.itertext()).strip()
        if sign in _PERMALINK and sign and text.endswith(sign):
            return text[: -len(sign)].rstrip()
    return text
