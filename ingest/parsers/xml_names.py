"""What the elements of common XML vocabularies are for, by their names without name spaces."""

from __future__ import annotations

from collections.abc import Iterator

from ingest.parsers.text_builder import clean_text, collapse_space
from ingest.parsers.xml_tree import Element


def _words(names: str) -> frozenset[str]:
    return frozenset(names.split())


PARAGRAPHS = _words("p para simpara formalpara ab blockquote note warning tip important caution verse-group")
TITLES = _words("title head heading article-title")
TITLE_HOLDERS = _words(
    "info title-group article-meta front titlepage teiHeader fileDesc titleStmt book-meta book-title-group "
    "articleinfo bookinfo chapterinfo sectioninfo sect1info refentryinfo setinfo"
)
LISTS = _words("itemizedlist orderedlist variablelist simplelist list ul ol dl sl steps def-list procedure")
ITEMS = _words("listitem li item list-item varlistentry member dlentry sli step def-item")
TABLES = _words("table informaltable table-wrap simpletable")
ROWS = _words("row tr strow sthead")
HEADER_GROUPS = _words("thead sthead")
CODE = _words("programlisting screen literallayout synopsis codeblock pre listing")
NOTES = _words("footnote fn")
LEFT_OUT = _words("indexterm toc lot graphic imagedata style script journal-meta permissions")


def name_of(element: Element) -> str:
    """An element's name without its name space; "" for what is no element."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def own_text(element: Element) -> str:
    """The text that stands in ``element`` itself, beside its children; "" for white space alone."""
    parts = [element.text or "", *(child.tail or "" for child in element)]
    return "".join(parts).strip()


def flat_text(element: Element, without: frozenset[str] = frozenset()) -> str:
    """All text below ``element`` on one line, but that of elements named in ``without``."""
    return collapse_space(clean_text(joined_text(element, without)))


def joined_text(element: Element, without: frozenset[str] = frozenset()) -> str:
    """As ``flat_text``, with white space as it is.

    A space stands between the parts of an element that has no text of its own, as they are no words of one
    line.
    """
    children = list(element)
    if not children:
        return element.text or ""
    parts = [element.text or ""]
    for child in children:
        name = name_of(child)
        shown = name and name not in LEFT_OUT and name not in without
        parts += [joined_text(child, without) if shown else " ", child.tail or ""]
    return ("" if own_text(element) else " ").join(parts)


def outermost(element: Element, names: frozenset[str]) -> Iterator[Element]:
    """The elements below ``element`` with one of ``names``, but none within another of them."""
    for child in element:
        if name_of(child) in names:
            yield child
        else:
            yield from outermost(child, names)
