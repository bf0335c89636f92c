"""DOCX -> blocks in document order: headings, paragraphs, lists and tables of the body.

python-docx opens the package and knows its parts; the body is walked in the XML itself, because text in
text boxes, content controls, insertions and equations is not among python-docx' paragraphs. Headers,
footers, comments, tables of contents, hidden and deleted text are left out; a footnote follows the
paragraph that refers to it.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping
from typing import cast

import docx
from docx.document import Document as WordDocument
from docx.opc.part import Part

from ingest.document import BlockKind, MetadataValue
from ingest.errors import BrokenFileError
from ingest.parsers.docx_styles import StyleSheet, W
from ingest.parsers.docx_text import TextRun, read_paragraph, read_table
from ingest.parsers.package import check_ratio, refuse_entities
from ingest.parsers.text_builder import ParsedFile, TextBuilder, clean_text
from ingest.parsers.titles import first_usable_title
from ingest.parsers.xml_tree import Element, read_xml

_RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"
_PARAGRAPH, _TABLE = f"{W}p", f"{W}tbl"
_INDENT = "  "
_PROLOG_BYTES = 65_536
"""Where a part of XML declares entities, if it does."""


def parse(content: bytes) -> ParsedFile:
    """The body of a Word file; its title is the first paragraph of style Title, which a reader sees,
    else the core property (often a template's), else the first heading."""
    _check_parts(content)
    word = docx.Document(io.BytesIO(content))
    body = cast("Element", word.element).find(f"{W}body")
    if body is None:
        raise BrokenFileError(
            "the file has no body in the usual Word namespace (it may be Strict Open XML): "
            "save it again as an ordinary .docx."
        )
    writer = _BodyWriter(_styles(word), _notes(word))
    writer.write(body)
    return writer.build(word.core_properties.title, _metadata(word))


class _BodyWriter:
    """Walks a body and writes its blocks; neighbouring list items become one block."""

    def __init__(self, styles: StyleSheet, notes: Mapping[tuple[str, str], str]) -> None:
        self._styles = styles
        self._notes = notes
        self._builder = TextBuilder()
        self._items: list[str] = []
        self._title: str | None = None
        self._first_heading: str | None = None

    def write(self, parent: Element) -> None:
        """The paragraphs and tables in ``parent``, also within content controls and insertions."""
        for child in parent:
            if child.tag == _PARAGRAPH:
                self._write_paragraph(child)
            elif child.tag == _TABLE:
                self._flush_list()
                table = read_table(child)
                self._builder.add_table(table.lines, table.header_rows)
            elif isinstance(child.tag, str) and child.tag not in (f"{W}del", f"{W}moveFrom", f"{W}sdtPr"):
                self.write(child)

    def build(self, stated_title: str | None, metadata: Mapping[str, MetadataValue]) -> ParsedFile:
        """All that was written; ``stated_title`` counts where no paragraph is the title."""
        self._flush_list()
        title = first_usable_title((self._title, stated_title, self._first_heading))
        return self._builder.build(title, metadata)

    def _write_paragraph(self, paragraph: Element) -> None:
        run = read_paragraph(paragraph)
        role = self._styles.role(paragraph)
        text = run.text.strip()
        if role.is_contents:
            return
        if text and role.indent is not None and role.level is None:
            self._items.append(f"{_INDENT * role.indent}- {text}")
        elif text:
            self._flush_list()
            if role.level is None:
                self._builder.add(BlockKind.PARAGRAPH, text)
            else:
                self._builder.add_heading(text, role.level)
                self._first_heading = self._first_heading or text
                self._title = self._title or (text if role.is_title else None)
        self._write_attached(run)

    def _write_attached(self, run: TextRun) -> None:
        """Footnotes and text boxes that hang on a paragraph."""
        notes = [self._notes[note] for note in run.notes if note in self._notes]
        if notes or run.boxes:
            self._flush_list()
        for note in notes:
            self._builder.add(BlockKind.PARAGRAPH, note)
        for box in run.boxes:
            self.write(box)

    def _flush_list(self) -> None:
        self._builder.add(BlockKind.LIST, "\n".join(self._items))
        self._items = []


def _check_parts(content: bytes) -> None:
    """Refuse a bomb by the sizes its directory declares (zipfile reads no more), and by its entities."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for part in archive.infolist():
            check_ratio(part)
            if part.filename.endswith(".xml"):
                with archive.open(part) as source:
                    refuse_entities(source.read(_PROLOG_BYTES), part.filename)


def _styles(word: WordDocument) -> StyleSheet:
    part = _related(word, "styles")
    return StyleSheet(None if part is None else read_xml(part.blob))


def _notes(word: WordDocument) -> dict[tuple[str, str], str]:
    """The text of each footnote and endnote by its kind and id."""
    found: dict[tuple[str, str], str] = {}
    for kind in ("footnote", "endnote"):
        part = _related(word, f"{kind}s")
        for note in read_xml(part.blob).iter(f"{W}{kind}") if part is not None else ():
            identifier = note.get(f"{W}id")
            if identifier is not None and note.get(f"{W}type") in (None, "normal"):
                texts = [read_paragraph(paragraph).text.strip() for paragraph in note.iter(_PARAGRAPH)]
                found[kind, identifier] = " ".join(text for text in texts if text)
    return found


def _related(word: WordDocument, kind: str) -> Part | None:
    for relation in word.part.rels.values():
        if relation.reltype == f"{_RELATION}{kind}" and not relation.is_external:
            return relation.target_part
    return None


def _metadata(word: WordDocument) -> dict[str, MetadataValue]:
    properties = word.core_properties
    fields: Iterator[tuple[str, str | None]] = iter(
        (("author", properties.author), ("subject", properties.subject), ("keywords", properties.keywords))
    )
    cleaned = ((name, clean_text(value or "").strip()) for name, value in fields)
    return {name: value for name, value in cleaned if value}
