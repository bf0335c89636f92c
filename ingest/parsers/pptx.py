"""PPTX -> a page for each slide: its title as a heading, then its shapes in reading order, then the notes.

The slides are walked as XML: python-pptx passes over shapes that a newer PowerPoint wraps and over diagrams,
and it unpacks every picture, so that one damaged logo would lose a whole deck. Hidden slides are read, too;
a footer that many slides repeat is read once.
"""

from __future__ import annotations

from collections.abc import Sequence

from ingest.document import BlockKind, MetadataValue
from ingest.errors import BrokenFileError
from ingest.parsers.charts import write_chart
from ingest.parsers.drawing_text import A, one_line, write_paragraphs
from ingest.parsers.grid import Grid, Merge, fill_merges, header_rows, write_rows
from ingest.parsers.office_properties import Relation, read_properties, related_parts
from ingest.parsers.package import Package
from ingest.parsers.pptx_places import P, Places, placeholder_kind, shapes_in
from ingest.parsers.reading_order import in_reading_order
from ingest.parsers.text_builder import ParsedFile, TextBuilder
from ingest.parsers.titles import first_usable_title
from ingest.parsers.xml_tree import Element

_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_CHART = "{http://schemas.openxmlformats.org/drawingml/2006/chart}chart"
_DIAGRAM = "{http://schemas.openxmlformats.org/drawingml/2006/diagram}"
_MAIN_PART = "ppt/presentation.xml"
_REPEATED = frozenset(("dt", "ftr", "sldNum", "hdr"))
_TITLES = frozenset(("title", "ctrTitle"))
_UNBULLETED = _REPEATED | _TITLES | frozenset(("subTitle", "pic", "chart", "tbl"))
_USUAL_HEIGHT = 6_858_000
_BAND = 0.03
"""Shapes whose upper edges differ by less than this share of the slide's height are read left to right."""


def parse(content: bytes) -> ParsedFile:
    """All slides; the title is the core property, else that of the first slide that has one."""
    with Package(content) as package:
        stated, metadata = read_properties(package)
        main = next((r.part for r in related_parts(package, "").values() if r.kind == "officeDocument"), "")
        main = main if main in package else _MAIN_PART
        root = package.read_xml(main)
        if root.tag != f"{P}presentation":
            raise BrokenFileError(
                "the file is no presentation in the usual namespace (it may be Strict Open XML): "
                "save it again as an ordinary .pptx."
            )
        writer = _SlideWriter(package, _height(root) * _BAND)
        slides = related_parts(package, main)
        for number, entry in enumerate(root.findall(f"{P}sldIdLst/{P}sldId"), 1):
            slide = slides.get(entry.get(f"{_RELATION}id") or "")
            if slide is not None and slide.part in package:
                writer.write(number, slide.part)
    return writer.build(stated, metadata)


def _height(root: Element) -> int:
    """The height of a slide, in EMU."""
    size = root.find(f"{P}sldSz")
    stated = "" if size is None else size.get("cy") or ""
    return int(stated) if stated.isdecimal() and len(stated) < 10 else _USUAL_HEIGHT


class _SlideWriter:
    """Writes one slide after the other. ``band`` is in EMU."""

    def __init__(self, package: Package, band: float) -> None:
        self._package = package
        self._band = band
        self._builder = TextBuilder()
        self._places = Places(package)
        self._first_title: str | None = None
        self._repeated: set[str] = set()
        self._related: dict[str, Relation] = {}
        self._layout: str | None = None

    def write(self, number: int, part: str) -> None:
        """Append a slide, on its own page."""
        self._related = related_parts(self._package, part)
        self._layout = self._part_of_kind("slideLayout")
        tree = self._package.read_xml(part).find(f"{P}cSld/{P}spTree")
        shapes = [] if tree is None else list(shapes_in(tree))
        title = next((shape for shape in shapes if placeholder_kind(shape) in _TITLES), None)
        heading = one_line(None if title is None else title.find(f"{P}txBody"))
        self._first_title = self._first_title or heading or None
        self._builder.start_page(number, heading)
        # What stands on an untitled slide is not part of the slide before it.
        self._builder.close_headings()
        self._builder.add_heading(heading, 1)
        self._write_shapes([shape for shape in shapes if shape is not title or not heading])
        self._write_notes()

    def build(self, stated: str | None, metadata: dict[str, MetadataValue]) -> ParsedFile:
        """All slides written so far."""
        return self._builder.build(first_usable_title((stated, self._first_title)), metadata)

    def _write_shapes(self, shapes: Sequence[Element]) -> None:
        placed = ((self._places.place(shape, self._layout), shape) for shape in shapes)
        for shape in in_reading_order(placed, self._band):
            kind = placeholder_kind(shape)
            if kind in _REPEATED and not self._is_new(shape):
                continue
            if shape.tag == f"{P}grpSp":
                self._write_shapes(list(shapes_in(shape)))
            elif shape.tag == f"{P}graphicFrame":
                self._write_frame(shape)
            elif (body := shape.find(f"{P}txBody")) is not None:
                bulleted = kind is not None and kind not in _UNBULLETED
                write_paragraphs(self._builder, body, bulleted=bulleted)

    def _is_new(self, shape: Element) -> bool:
        """Whether a date or footer says what none has said before."""
        text = one_line(shape)
        seen = text in self._repeated
        self._repeated.add(text)
        return not seen

    def _write_frame(self, frame: Element) -> None:
        """A table, a chart or a diagram."""
        for table in frame.iter(f"{A}tbl"):
            _write_table(self._builder, table)
        for chart in frame.iter(_CHART):
            root = self._tree(chart.get(f"{_RELATION}id"))
            if root is not None:
                write_chart(self._builder, root)
        for diagram in frame.iter(f"{_DIAGRAM}relIds"):
            root = self._tree(diagram.get(f"{_RELATION}dm"))
            points = () if root is None else root.iter(f"{_DIAGRAM}t")
            lines = [line for point in points if (line := one_line(point))]
            self._builder.add(BlockKind.LIST, "\n".join(f"- {line}" for line in lines))

    def _write_notes(self) -> None:
        part = self._part_of_kind("notesSlide")
        if part is None:
            return
        tree = self._package.read_xml(part).find(f"{P}cSld/{P}spTree")
        for shape in shapes_in(tree) if tree is not None else ():
            body = shape.find(f"{P}txBody")
            if body is not None and placeholder_kind(shape) == "body":
                write_paragraphs(self._builder, body, bulleted=False)

    def _part_of_kind(self, kind: str) -> str | None:
        """The part of a kind that the slide refers to; None when it has none, or the file lacks it."""
        found = (relation.part for relation in self._related.values() if relation.kind == kind)
        return next((part for part in found if part in self._package), None)

    def _tree(self, identifier: str | None) -> Element | None:
        """The tree of a part that the slide refers to; None when the file lacks it."""
        relation = self._related.get(identifier or "")
        if relation is None or relation.part not in self._package:
            return None
        return self._package.read_xml(relation.part)


def _write_table(builder: TextBuilder, table: Element) -> None:
    grid = Grid()
    for row, line in enumerate(table.findall(f"{A}tr")):
        for column, cell in enumerate(line.findall(f"{A}tc")):
            across, down = _span(cell, "gridSpan"), _span(cell, "rowSpan")
            if across > 1 or down > 1:
                grid.merges.append(Merge(row, column, row + down - 1, column + across - 1))
            grid.put(row, column, one_line(cell))
    if not grid.rows:
        return
    across = fill_merges(grid)
    numbers = sorted(grid.rows)
    rows = [grid.rows[number] for number in numbers]
    style = table.find(f"{A}tblPr")
    marked = len(rows) > 1 and style is not None and style.get("firstRow") == "1"
    write_rows(builder, rows, max(int(marked), header_rows(rows, [across.get(n, 0) for n in numbers])))


def _span(cell: Element, name: str) -> int:
    stated = cell.get(name) or ""
    return max(1, min(int(stated), 1000)) if stated.isdecimal() else 1
