"""reStructuredText -> blocks of what a reader sees, through docutils.

Nothing that the source names is read: including files and raw output are switched off. What docutils does
not know (the directives and roles of Sphinx and its extensions) is kept as far as it is text: see
``ingest.parsers.rst_directives``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from docutils import nodes

from ingest.document import BlockKind, MetadataValue
from ingest.parsers.decode import decode_text
from ingest.parsers.rst_directives import directive_of, read_doctree
from ingest.parsers.tables import row_line
from ingest.parsers.text_builder import ParsedFile, TextBuilder, clean_text, collapse_space
from ingest.parsers.titles import first_usable_title

_ROLE = re.compile(r"(?::[\w:.+-]+:)?`(?P<text>[^`]*?)(?:\s*<[^<>`]*>)?`(?::[\w:.+-]+:)?\Z", re.DOTALL)
_INDENT = "  "
_MAX_NESTING = 8
_MAX_LEVEL = 9
_ERROR_LEVEL = 3
_LISTS = (
    nodes.bullet_list,
    nodes.enumerated_list,
    nodes.definition_list,
    nodes.field_list,
    nodes.option_list,
)
_CODE = (nodes.literal_block, nodes.doctest_block, nodes.math_block)
_LEFT_OUT = (nodes.Invisible, nodes.comment, nodes.docinfo, nodes.meta, nodes.subtitle, nodes.colspec)
_DOCINFO = {"author": "author", "date": "created", "version": "version", "copyright": "copyright"}


def parse(content: bytes) -> ParsedFile:
    """The text of a reStructuredText file; its title is its first heading of the first level."""
    writer = _Writer()
    tree = read_doctree(decode_text(content))
    writer.write(tree, int("title" in tree), 0)
    return writer.build(_metadata(tree))


class _Writer:
    """Walks a tree of docutils and writes its blocks."""

    def __init__(self) -> None:
        self._builder = TextBuilder()
        self._title: str | None = None

    def build(self, metadata: dict[str, MetadataValue]) -> ParsedFile:
        return self._builder.build(first_usable_title((self._title,)), metadata)

    def write(self, parent: nodes.Element, level: int, nesting: int) -> None:
        """The blocks in ``parent``, whose own title is of ``level``; ``nesting`` counts parses in parses."""
        for node in parent.children:
            if isinstance(node, nodes.system_message):
                self._write_unknown(node, level, nesting)
            elif isinstance(node, nodes.Element) and not isinstance(node, _LEFT_OUT):
                self._write_element(node, level, nesting)

    def _write_element(self, node: nodes.Element, level: int, nesting: int) -> None:
        if isinstance(node, nodes.title):
            self._write_title(node, level)
        elif isinstance(node, nodes.section):
            if "system-messages" not in node["classes"]:
                self.write(node, level + 1, nesting)
        elif isinstance(node, nodes.topic) and "contents" in node["classes"]:
            return
        elif isinstance(node, _LISTS):
            self._builder.add(BlockKind.LIST, clean_text("\n".join(_list_lines(node, 0))))
        elif isinstance(node, nodes.table):
            self._write_table(node)
        elif isinstance(node, _CODE):
            self._builder.add(BlockKind.CODE, node.astext())
        elif isinstance(node, nodes.line_block):
            self._builder.add(BlockKind.PARAGRAPH, "\n".join(_line_texts(node)))
        elif isinstance(node, (nodes.TextElement, nodes.image, nodes.footnote, nodes.citation)):
            self._builder.add(BlockKind.PARAGRAPH, _flat(node))
        else:
            self.write(node, level, nesting)

    def _write_title(self, node: nodes.title, level: int) -> None:
        """A section's title; the title of a box (a topic, an admonition) is no heading."""
        text = _flat(node)
        if not isinstance(node.parent, (nodes.section, nodes.document)):
            self._builder.add(BlockKind.PARAGRAPH, text)
            return
        self._builder.add_heading(text, min(max(level, 1), _MAX_LEVEL))
        if level <= 1 and self._title is None:
            self._title = text

    def _write_table(self, table: nodes.table) -> None:
        for title in table.findall(nodes.title):
            self._builder.add(BlockKind.PARAGRAPH, _flat(title))
        header = sum(len(list(head.findall(nodes.row))) for head in table.findall(nodes.thead))
        rows = [
            row_line([_flat(entry) for entry in row.children if isinstance(entry, nodes.Element)])
            for row in table.findall(nodes.row)
        ]
        self._builder.add_table(rows, header)

    def _write_unknown(self, message: nodes.system_message, level: int, nesting: int) -> None:
        """What docutils could not make sense of: a directive of another tool, a damaged table."""
        source = next((node.astext() for node in message.findall(nodes.literal_block)), "")
        directive = directive_of(source)
        if directive is None:
            if message["level"] >= _ERROR_LEVEL:
                self._builder.add(BlockKind.PARAGRAPH, source)
            return
        if directive.is_left_out:
            return
        if directive.is_code or nesting >= _MAX_NESTING:
            self._builder.add(BlockKind.CODE, directive.body)
            return
        self._builder.add(BlockKind.PARAGRAPH, directive.argument)
        if directive.body:
            self.write(read_doctree(directive.body, is_whole=False), level, nesting + 1)


def _flat(node: nodes.Node) -> str:
    return collapse_space(clean_text(_inline(node)))


def _inline(node: nodes.Node) -> str:
    """The text of a node as a reader sees it; a space between the blocks in it."""
    if isinstance(node, nodes.Text):
        return node.astext()
    if isinstance(node, nodes.system_message):
        return ""
    if isinstance(node, nodes.problematic):
        role = _ROLE.match(node.astext())
        return role["text"].lstrip("~!") if role else node.astext()
    if isinstance(node, nodes.image):
        return str(node.get("alt", ""))
    if isinstance(node, (nodes.footnote_reference, nodes.citation_reference, nodes.label)):
        return f"[{node.astext()}]"
    inline = isinstance(node, nodes.TextElement)
    return ("" if inline else " ").join(_inline(child) for child in node.children)


def _line_texts(block: nodes.line_block) -> Iterator[str]:
    for line in block.findall(nodes.line):
        yield _flat(line)


def _list_lines(items: nodes.Element, depth: int) -> Iterator[str]:
    """A line for each paragraph of each item, the first behind the item's mark, nested lists indented."""
    number = int(items.get("start", 1)) if isinstance(items, nodes.enumerated_list) else 0
    for item in items.children:
        if not isinstance(item, nodes.Element) or isinstance(item, nodes.system_message):
            continue
        mark = f"{number}. " if isinstance(items, nodes.enumerated_list) else "- "
        number += 1
        for line in _item_lines(item, depth):
            if line.startswith("\0"):
                yield f"{_INDENT * depth}{mark}{line[1:]}"
                mark = _INDENT
            else:
                yield line


def _item_lines(item: nodes.Element, depth: int) -> Iterator[str]:
    """The lines of one item; those at its own depth begin with a NUL, which no text holds."""
    if isinstance(item, (nodes.field, nodes.option_list_item)):
        name, *rest = item.children
        body = " ".join(_flat(part) for part in rest)
        yield f"\0{_flat(name)}: {body}" if body else f"\0{_flat(name)}"
        return
    for child in item.children:
        if isinstance(child, _LISTS):
            yield from _list_lines(child, depth + 1)
        elif isinstance(child, nodes.definition):
            yield from _item_lines(child, depth)
        elif isinstance(child, _CODE):
            yield from (f"{_INDENT * (depth + 1)}{line}" for line in child.astext().split("\n"))
        elif text := _flat(child):
            yield f"\0{text}"


def _metadata(tree: nodes.document) -> dict[str, MetadataValue]:
    """What the document says of itself in its list of fields and in ``meta``."""
    found: dict[str, MetadataValue] = {}
    for docinfo in tree.findall(nodes.docinfo):
        for entry in docinfo.findall(nodes.TextElement):
            key = _DOCINFO.get(entry.tagname)
            if key and (text := _flat(entry)):
                found.setdefault(key, text)
    for meta in tree.findall(nodes.meta):
        name, text = str(meta.get("name", "")).lower(), collapse_space(str(meta.get("content", "")))
        if name in ("description", "keywords", "author") and text:
            found.setdefault(name, text)
    return found
