"""XML with prose (DocBook, JATS, DITA, TEI and their like) -> paragraphs, lists and tables under titles.

The names of elements say what lists, tables and titles are. What holds text of its own is a paragraph, what
holds elements alone is a section or a box around them.
"""

from __future__ import annotations

from collections.abc import Iterator

from ingest.document import BlockKind, MetadataValue
from ingest.parsers.tables import row_line
from ingest.parsers.text_builder import ParsedFile, TextBuilder, clean_text, collapse_space
from ingest.parsers.titles import first_usable_title
from ingest.parsers.xml_names import (
    CODE,
    HEADER_GROUPS,
    ITEMS,
    LEFT_OUT,
    LISTS,
    NOTES,
    PARAGRAPHS,
    ROWS,
    TABLES,
    TITLE_HOLDERS,
    TITLES,
    flat_text,
    joined_text,
    name_of,
    outermost,
    own_text,
)
from ingest.parsers.xml_tree import Element

_BLOCKS = LISTS | TABLES | CODE | PARAGRAPHS
_INDENT = "  "
_MAX_LEVEL = 9
_MAX_RECORD_CHARACTERS = 300


class ProseWriter:
    """Writes one tree."""

    def __init__(self) -> None:
        self._builder = TextBuilder()
        self._done: set[Element] = set()

    def write(self, root: Element) -> ParsedFile:
        """The blocks of ``root``; the document's title is the root's own."""
        title = _title_element(root)
        self._write(root, 1)
        language = _language(root)
        metadata: dict[str, MetadataValue] = {"lang": language} if language else {}
        return self._builder.build(
            first_usable_title((flat_text(title) if title is not None else None,)), metadata
        )

    def _write(self, element: Element, level: int) -> None:
        name = name_of(element)
        if not name or name in LEFT_OUT or element in self._done:
            return
        if name in CODE:
            self._builder.add(BlockKind.CODE, clean_text("".join(element.itertext())))
        elif name in LISTS:
            self._builder.add(BlockKind.LIST, "\n".join(_list_lines(element, 0)))
        elif name in TABLES and _rows(element):
            self._write_table(element)
        elif own_text(element) or _is_record(element):
            self._write_paragraph(element, level)
        else:
            self._write_section(element, level)

    def _write_section(self, element: Element, level: int) -> None:
        title = _title_element(element) if name_of(element) not in TITLE_HOLDERS else None
        if title is not None and title not in self._done:
            self._done.add(title)
            self._builder.add_heading(flat_text(title), min(level, _MAX_LEVEL))
            level += 1
        for child in element:
            self._write(child, level)

    def _write_paragraph(self, element: Element, level: int) -> None:
        """Text with what is inline in it; blocks inside of it come where they stand, notes behind it."""
        if not own_text(element):
            self._builder.add(BlockKind.PARAGRAPH, flat_text(element))
            return
        run, notes = [element.text or ""], list[Element]()
        for child in element:
            name = name_of(child)
            if name in NOTES:
                notes.append(child)
            elif name in _BLOCKS:
                self._builder.add(BlockKind.PARAGRAPH, collapse_space(clean_text("".join(run))))
                run = []
                self._write(child, level)
            else:
                run.append(joined_text(child))
            run.append(child.tail or "")
        self._builder.add(BlockKind.PARAGRAPH, collapse_space(clean_text("".join(run))))
        for note in notes:
            self._builder.add(BlockKind.PARAGRAPH, flat_text(note))

    def _write_table(self, table: Element) -> None:
        for child in table:
            if name_of(child) in (*TITLES, "caption", "label"):
                self._builder.add(BlockKind.PARAGRAPH, flat_text(child))
        rows = _rows(table)
        header = 0
        while header < len(rows) - 1 and rows[header][0]:
            header += 1
        self._builder.add_table([row_line(cells) for _, cells in rows], header)


def _title_element(element: Element) -> Element | None:
    """The title of a section: a child of that name, or one in the box of what is said about the section."""
    holders: list[Element] = []
    for child in element:
        name = name_of(child)
        if name in TITLES:
            return child
        if name in TITLE_HOLDERS:
            holders.append(child)
    found = (_title_element(holder) for holder in holders)
    return next((title for title in found if title is not None), None)


def _is_record(element: Element) -> bool:
    """Whether all children are short texts that belong on one line, as the parts of a name do."""
    length = 0
    count = 0
    for child in element:
        name = name_of(child)
        if next(iter(child), None) is not None or name in _BLOCKS or name in TITLES:
            return False
        length += len(child.text or "")
        count += bool((child.text or "").strip())
    return count > 0 and length <= _MAX_RECORD_CHARACTERS


def _list_lines(element: Element, depth: int) -> Iterator[str]:
    """A line for each item, with those of the lists in it indented below."""
    for child in element:
        marker = "- " if name_of(child) in ITEMS else ""
        if text := flat_text(child, without=LISTS):
            yield f"{_INDENT * depth}{marker}{text}"
        for inner in outermost(child, LISTS):
            yield from _list_lines(inner, depth + 1)


def _rows(table: Element) -> list[tuple[bool, list[str]]]:
    """The cells of each row, and whether the row names the columns."""
    rows: list[tuple[bool, list[str]]] = []
    for row in outermost(table, ROWS):
        cells = [cell for cell in row if name_of(cell)]
        is_header = any(name_of(above) in HEADER_GROUPS for above in (row, *row.iterancestors()))
        is_header = is_header or (bool(cells) and all(name_of(cell) == "th" for cell in cells))
        rows.append((is_header, [flat_text(cell) for cell in cells]))
    return rows


def _language(root: Element) -> str | None:
    return root.get("{http://www.w3.org/XML/1998/namespace}lang") or root.get("lang")
