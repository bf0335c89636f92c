"""The body of an OpenDocument text or slide -> blocks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ingest.document import BlockKind
from ingest.parsers.grid import CellBudget, fill_merges, header_rows, write_rows
from ingest.parsers.opendocument_table import TABLE, read_table
from ingest.parsers.text_builder import TextBuilder, clean_text, collapse_space
from ingest.parsers.xml_tree import Element

TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
DRAW = "{urn:oasis:names:tc:opendocument:xmlns:drawing:1.0}"
STYLE = "{urn:oasis:names:tc:opendocument:xmlns:style:1.0}"
OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_TITLE_STYLE = "Title"
_INDENT = "  "
_MAX_SPACES = 1000
_PASSED_OVER = frozenset(
    (
        f"{TEXT}table-of-content",
        f"{TEXT}alphabetical-index",
        f"{TEXT}illustration-index",
        f"{TEXT}table-index",
        f"{TEXT}tracked-changes",
        f"{TEXT}hidden-text",
        f"{TEXT}ruby-text",
        f"{TEXT}sequence-decls",
        f"{TEXT}variable-decls",
        f"{OFFICE}annotation",
        f"{OFFICE}forms",
        f"{OFFICE}event-listeners",
        "{urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0}title",
        "{urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0}desc",
    )
)


@dataclass(frozen=True, slots=True)
class Styles:
    """What a text needs of its styles: the named style behind each automatic one, and those that hide."""

    parents: dict[str, str] = field(default_factory=dict[str, str])
    hiding: frozenset[str] = frozenset()

    def is_title(self, name: str | None) -> bool:
        """Whether the style ``name`` is that of the document's title, or made from it."""
        return name is not None and _TITLE_STYLE in (name, self.parents.get(name))


@dataclass(slots=True)
class _Line:
    """A paragraph's text, and what hangs on it: notes and text boxes."""

    parts: list[str] = field(default_factory=list[str])
    notes: list[Element] = field(default_factory=list[Element])
    boxes: list[Element] = field(default_factory=list[Element])


def read_styles(root: Element) -> Styles:
    """The styles that a part of the file declares."""
    parents: dict[str, str] = {}
    hiding: set[str] = set()
    for style in root.iter(f"{STYLE}style"):
        name = style.get(f"{STYLE}name") or ""
        parents[name] = style.get(f"{STYLE}parent-style-name") or ""
        properties = style.find(f"{STYLE}text-properties")
        if properties is not None and properties.get(f"{TEXT}display") == "none":
            hiding.add(name)
    return Styles(parents, frozenset(hiding))


class TextWriter:
    """Walks text content and writes its blocks."""

    def __init__(self, builder: TextBuilder, styles: Styles, budget: CellBudget) -> None:
        self._builder = builder
        self._styles = styles
        self._budget = budget
        self.title: str | None = None
        self.first_heading: str | None = None

    def write(self, parent: Element, heading_level: int = 0) -> None:
        """The content of ``parent``; its paragraphs are headings when a ``heading_level`` is given."""
        for child in parent:
            tag = child.tag
            if not isinstance(tag, str) or tag in _PASSED_OVER:
                continue
            if tag == f"{TEXT}h":
                self._write_paragraph(child, self._outline_level(child))
            elif tag == f"{TEXT}p":
                is_title = self._styles.is_title(child.get(f"{TEXT}style-name"))
                self._write_paragraph(child, 1 if is_title else heading_level, is_title=is_title)
            elif tag == f"{TEXT}list" and not heading_level:
                self._write_list(child)
            elif tag == f"{TABLE}table":
                self._write_table(child)
            else:
                self.write(child, heading_level)

    def line(self, element: Element) -> str:
        """The text of all paragraphs in ``element`` on one line, with its notes."""
        texts: list[str] = []
        for paragraph in _paragraphs(element):
            line = self._read(paragraph)
            texts.append("".join(line.parts))
            texts += [self.line(attached) for attached in (*line.notes, *line.boxes)]
        return collapse_space(clean_text(" ".join(text for text in texts if text)))

    def _outline_level(self, heading: Element) -> int:
        stated = heading.get(f"{TEXT}outline-level") or "1"
        return max(1, min(int(stated), 10)) if stated.isdecimal() else 1

    def _write_paragraph(self, element: Element, level: int, *, is_title: bool = False) -> None:
        line = self._read(element)
        text = clean_text("".join(line.parts)).strip()
        if level and text:
            self._builder.add_heading(text, level)
            heading = collapse_space(text)
            self.first_heading = self.first_heading or heading
            self.title = self.title or (heading if is_title else None)
        else:
            self._builder.add(BlockKind.PARAGRAPH, text)
        self._write_attached(line)

    def _write_attached(self, line: _Line) -> None:
        for note in line.notes:
            self._builder.add(BlockKind.PARAGRAPH, self.line(note))
        for box in line.boxes:
            self.write(box)

    def _write_list(self, element: Element) -> None:
        if next(element.iter(f"{TEXT}h", f"{TABLE}table"), None) is not None:
            # Numbered headings stand in lists.
            self.write(element, 0)
            return
        attached: list[_Line] = []
        lines = list(self._item_lines(element, 0, attached))
        self._builder.add(BlockKind.LIST, "\n".join(lines))
        for line in attached:
            self._write_attached(line)

    def _item_lines(self, element: Element, depth: int, attached: list[_Line]) -> Iterator[str]:
        for item in element:
            if item.tag not in (f"{TEXT}list-item", f"{TEXT}list-header"):
                continue
            marker = "- "
            for child in item:
                if child.tag == f"{TEXT}list":
                    yield from self._item_lines(child, depth + 1, attached)
                elif child.tag == f"{TEXT}p":
                    line = self._read(child)
                    text = collapse_space(clean_text("".join(line.parts)))
                    if text:
                        yield f"{_INDENT * depth}{marker}{text}"
                        marker = _INDENT
                    attached.append(line)

    def _write_table(self, table: Element) -> None:
        cells = read_table(table, self._budget, self.line)
        grid = cells.grid
        if not grid.rows:
            return
        across = fill_merges(grid)
        numbers = sorted(grid.rows)
        rows = [grid.rows[number] for number in numbers]
        marked = min(cells.header_rows, len(rows) - 1)
        found = header_rows(rows, [across.get(number, 0) for number in numbers])
        write_rows(self._builder, rows, marked or found)

    def _read(self, paragraph: Element) -> _Line:
        line = _Line()
        self._collect(paragraph, line)
        return line

    def _collect(self, element: Element, line: _Line) -> None:
        line.parts.append(_flowed(element.text))
        for child in element:
            self._collect_child(child, line)
            line.parts.append(_flowed(child.tail))

    def _collect_child(self, child: Element, line: _Line) -> None:
        tag = child.tag
        if not isinstance(tag, str) or tag in _PASSED_OVER:
            return
        if tag == f"{TEXT}s":
            count = child.get(f"{TEXT}c") or "1"
            line.parts.append(" " * (min(int(count), _MAX_SPACES) if count.isdecimal() else 1))
        elif tag == f"{TEXT}tab":
            line.parts.append("\t")
        elif tag == f"{TEXT}line-break":
            line.parts.append("\n")
        elif tag == f"{TEXT}note":
            line.notes += child.findall(f"{TEXT}note-body")
        elif tag == f"{DRAW}text-box":
            line.boxes.append(child)
        elif child.get(f"{TEXT}style-name") not in self._styles.hiding:
            self._collect(child, line)


def _paragraphs(parent: Element) -> Iterator[Element]:
    """The paragraphs and headings below ``parent``, but none within another."""
    for child in parent:
        if child.tag in (f"{TEXT}p", f"{TEXT}h"):
            yield child
        elif isinstance(child.tag, str) and child.tag not in _PASSED_OVER:
            yield from _paragraphs(child)


def _flowed(text: str | None) -> str:
    """Text as it flows: the format has signs of its own for tabs, line ends and more than one space."""
    return " ".join(text.split("\n")).replace("\t", " ") if text else ""
