"""XML -> blocks, by what the file is: a feed, a page, a document with prose, or data.

Prose (DocBook, JATS, DITA, TEI and their like) becomes paragraphs under its titles; data (an export, a
site map, settings) becomes lines "path: value" and tables.
"""

from __future__ import annotations

from itertools import islice

from ingest.errors import BrokenFileError
from ingest.parsers import html
from ingest.parsers.record_blocks import write_value
from ingest.parsers.records import title_of
from ingest.parsers.text_builder import ParsedFile, TextBuilder
from ingest.parsers.titles import first_usable_title
from ingest.parsers.xml_data import value_of
from ingest.parsers.xml_feed import is_feed, write_feed
from ingest.parsers.xml_names import PARAGRAPHS, name_of, own_text
from ingest.parsers.xml_prose import ProseWriter
from ingest.parsers.xml_source import read_tree
from ingest.parsers.xml_tree import Element

_MIN_PROSE_SHARE = 0.03
_SAMPLE_ELEMENTS = 5000


def parse(content: bytes) -> ParsedFile:
    """The text of an XML file.

    Raises:
        UnsafeFileError: it declares entities that expand or reach outside.
        BrokenFileError: it is not well formed, or nested too deep.
    """
    root, source = read_tree(content)
    if name_of(root) == "html":
        return html.parse_source(source)
    try:
        if is_feed(root):
            return write_feed(root)
        if _is_prose(root):
            return ProseWriter().write(root)
        value = value_of(root)
        builder = TextBuilder()
        write_value(builder, value, name_of(root), 1)
    except RecursionError as error:
        raise BrokenFileError("its elements are nested too deep: flatten them.") from error
    return builder.build(first_usable_title((title_of(value),)))


def _is_prose(root: Element) -> bool:
    """Whether a fair part of the elements are paragraphs, or have text beside other elements."""
    elements = prose = 0
    for element in islice(root.iter(), _SAMPLE_ELEMENTS):
        if isinstance(element.tag, str):
            elements += 1
            has_children = next(iter(element), None) is not None
            prose += name_of(element) in PARAGRAPHS or (has_children and bool(own_text(element)))
    return prose > _MIN_PROSE_SHARE * elements
