"""OpenDocument (ODT, ODS, ODP) -> blocks; sheets and slides are pages.

The content is walked as XML: the elements are few and well specified (OASIS OpenDocument 1.3), and text is
stored as it is shown, numbers and dates in cells included. Notes and text boxes follow their paragraph;
comments, indexes, hidden text and deleted text are left out.
"""

from __future__ import annotations

import re

from ingest.document import BlockKind, MetadataValue
from ingest.errors import BrokenFileError, EncryptedFileError
from ingest.parsers.grid import CellBudget, write_grid
from ingest.parsers.opendocument_table import TABLE, read_table
from ingest.parsers.opendocument_text import DRAW, OFFICE, TextWriter, read_styles
from ingest.parsers.package import Package
from ingest.parsers.reading_order import Place, in_reading_order
from ingest.parsers.text_builder import ParsedFile, TextBuilder, clean_text, collapse_space
from ingest.parsers.titles import first_usable_title
from ingest.parsers.xml_tree import Element

_CONTENT, _META, _MANIFEST = "content.xml", "meta.xml", "META-INF/manifest.xml"
_ENCRYPTION = "{urn:oasis:names:tc:opendocument:xmlns:manifest:1.0}encryption-data"
_PRESENTATION = "{urn:oasis:names:tc:opendocument:xmlns:presentation:1.0}"
_SVG = "{urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0}"
_DUBLIN_CORE = "{http://purl.org/dc/elements/1.1/}"
_META_SPACE = "{urn:oasis:names:tc:opendocument:xmlns:meta:1.0}"
_TITLE = f"{_DUBLIN_CORE}title"
_PROPERTIES = (
    ("author", f"{_META_SPACE}initial-creator"),
    ("author", f"{_DUBLIN_CORE}creator"),
    ("subject", f"{_DUBLIN_CORE}subject"),
    ("keywords", f"{_META_SPACE}keyword"),
    ("description", f"{_DUBLIN_CORE}description"),
    ("language", f"{_DUBLIN_CORE}language"),
    ("created", f"{_META_SPACE}creation-date"),
    ("modified", f"{_DUBLIN_CORE}date"),
)
_LENGTH = re.compile(r"(-?\d+(?:\.\d+)?)(mm|cm|in|pt|pc|px)\Z")
_MILLIMETRES = {"mm": 1.0, "cm": 10.0, "in": 25.4, "pt": 25.4 / 72, "pc": 25.4 / 6, "px": 25.4 / 96}
_BAND_MILLIMETRES = 5.0


def parse(content: bytes) -> ParsedFile:
    """The text, sheets or slides; the title is the paragraph of style Title, else the stated property, else
    the first heading of a text or slide."""
    with Package(content) as package:
        _refuse_encrypted(package)
        root = package.read_xml(_CONTENT)
        stated, metadata = _properties(package)
    body = root.find(f"{OFFICE}body")
    if body is None:
        raise BrokenFileError("the file has no body: open it in its own program and save it again.")
    builder = TextBuilder()
    budget = CellBudget()
    writer = TextWriter(builder, read_styles(root), budget)
    for part in body:
        if part.tag == f"{OFFICE}spreadsheet":
            _write_sheets(builder, part, writer, budget)
        elif part.tag in (f"{OFFICE}presentation", f"{OFFICE}drawing"):
            _write_slides(builder, part, writer)
        elif isinstance(part.tag, str):
            writer.write(part)
    title = first_usable_title((writer.title, stated, writer.first_heading))
    return builder.build(title, metadata)


def _refuse_encrypted(package: Package) -> None:
    if _MANIFEST in package and next(package.read_xml(_MANIFEST).iter(_ENCRYPTION), None) is not None:
        raise EncryptedFileError("the file asks for a password: save a copy without one and ingest that.")


def _properties(package: Package) -> tuple[str | None, dict[str, MetadataValue]]:
    if _META not in package:
        return None, {}
    root = package.read_xml(_META)
    found: dict[str, MetadataValue] = {}
    for name, tag in _PROPERTIES:
        texts = [_property(element) for element in root.iter(tag)]
        value = ", ".join(text for text in texts if text)
        if value:
            found.setdefault(name, value)
    title = next(root.iter(_TITLE), None)
    return (None if title is None else _property(title)), found


def _property(element: Element) -> str:
    return collapse_space(clean_text("".join(element.itertext())))


def _write_sheets(builder: TextBuilder, part: Element, writer: TextWriter, budget: CellBudget) -> None:
    for number, sheet in enumerate(part.findall(f"{TABLE}table"), 1):
        grid = read_table(sheet, budget, writer.line).grid
        if grid.rows:
            name = sheet.get(f"{TABLE}name") or ""
            builder.start_page(number, name)
            builder.add_heading(name, 1)
            write_grid(builder, grid)


def _write_slides(builder: TextBuilder, part: Element, writer: TextWriter) -> None:
    for number, slide in enumerate(part.findall(f"{DRAW}page"), 1):
        shapes = [shape for shape in slide if shape.tag != f"{_PRESENTATION}notes"]
        title = next((shape for shape in shapes if shape.get(f"{_PRESENTATION}class") == "title"), None)
        heading = "" if title is None else writer.line(title)
        builder.start_page(number, heading or slide.get(f"{DRAW}name") or "")
        builder.close_headings()
        if heading:
            builder.add_heading(heading, 1)
            writer.first_heading = writer.first_heading or heading
        placed = ((_place(shape), shape) for shape in shapes if shape is not title)
        for shape in in_reading_order(placed, _BAND_MILLIMETRES):
            writer.write(shape)
        for notes in slide.findall(f"{_PRESENTATION}notes"):
            builder.add(BlockKind.PARAGRAPH, writer.line(notes))


def _place(shape: Element) -> Place | None:
    """Distances from top and left in millimetres; None for what has no place of its own."""
    top, left = (_LENGTH.match(shape.get(f"{_SVG}{side}") or "") for side in "yx")
    if top is None or left is None:
        return None
    return float(top[1]) * _MILLIMETRES[top[2]], float(left[1]) * _MILLIMETRES[left[2]]
