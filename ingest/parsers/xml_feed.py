"""RSS and Atom feeds -> a section for each entry, with what a reader of feeds shows of it."""

from __future__ import annotations

from collections.abc import Iterator

from ingest.document import BlockKind
from ingest.parsers import html
from ingest.parsers.text_builder import ParsedFile, TextBuilder, clean_text
from ingest.parsers.titles import first_usable_title
from ingest.parsers.xml_names import flat_text, name_of
from ingest.parsers.xml_tree import Element

_ROOTS = frozenset(("rss", "RDF", "feed"))
_ENTRIES = frozenset(("item", "entry"))
_BODIES = ("encoded", "content", "description", "summary")
"""The fullest first; an entry's body is the first of them that it has."""

_FACTS = ("author", "creator", "pubDate", "published", "updated", "date", "category")


def is_feed(root: Element) -> bool:
    """Whether ``root`` is that of a feed."""
    return name_of(root) in _ROOTS and next(_entries(root), None) is not None


def write_feed(root: Element) -> ParsedFile:
    """A feed's entries, newest or oldest first as it has them; its title is the feed's."""
    builder = TextBuilder()
    channel = next((child for child in root if name_of(child) == "channel"), root)
    title = first_usable_title((_child_text(channel, "title"),))
    if title:
        builder.add_heading(title, 1)
    for name in ("description", "subtitle"):
        builder.add(BlockKind.PARAGRAPH, _child_text(channel, name))
    for entry in _entries(root):
        _write_entry(builder, entry)
    return builder.build(title)


def _entries(root: Element) -> Iterator[Element]:
    return (element for element in root.iter() if name_of(element) in _ENTRIES)


def _write_entry(builder: TextBuilder, entry: Element) -> None:
    builder.add_heading(_child_text(entry, "title") or _child_text(entry, "link") or "…", 2)
    facts = [(name, _child_text(entry, name)) for name in _FACTS]
    link = next((child.get("href") or flat_text(child) for child in entry if name_of(child) == "link"), "")
    builder.add(
        BlockKind.PARAGRAPH, "\n".join(f"{name}: {text}" for name, text in (*facts, ("link", link)) if text)
    )
    for name in _BODIES:
        body = next((child for child in entry if name_of(child) == name), None)
        if body is not None and (text := flat_text(body)):
            if "<" in text:
                _write_page(builder, "".join(body.itertext()), 2)
            else:
                builder.add(BlockKind.PARAGRAPH, text)
            break


def _write_page(builder: TextBuilder, source: str, level: int) -> None:
    """The blocks of an entry's mark-up, below its heading of ``level``."""
    page = html.parse_source(clean_text(source))
    for block in page.blocks:
        text = page.text[block.start : block.end]
        if block.kind is BlockKind.HEADING:
            builder.add_heading(text, level + len(block.heading_path))
        elif block.kind is BlockKind.TABLE:
            header = page.text[slice(*block.header)] if block.header else ""
            builder.add_table(text.split("\n"), header.count("\n") + bool(header))
        else:
            builder.add(block.kind, text)


def _child_text(parent: Element, name: str) -> str:
    """The text of the child ``name``; several of one name on one line."""
    texts = (flat_text(child) for child in parent if name_of(child) == name)
    return ", ".join(text for text in texts if text)
