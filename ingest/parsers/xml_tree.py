"""The little of lxml that the parsers use, typed here because lxml ships no types.

Nothing read through here resolves external entities, loads a DTD or touches the network.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol, cast

from lxml import etree  # pyright: ignore[reportMissingTypeStubs, reportAttributeAccessIssue, reportUnknownVariableType]

from ingest.errors import BrokenFileError

_etree = cast("Any", etree)


class Element(Protocol):
    """An element of an XML or HTML tree. ``tag`` is no string for comments, entities and the like."""

    tag: str | object
    text: str | None
    tail: str | None

    def get(self, key: str) -> str | None:
        """The attribute ``key``; None when the element has none."""
        ...

    def items(self) -> list[tuple[str, str]]:
        """All attributes, in document order."""
        ...

    def find(self, path: str) -> Element | None:
        """The first element at ``path`` below this one."""
        ...

    def findall(self, path: str) -> list[Element]:
        """All elements at ``path`` below this one."""
        ...

    def iter(self, *tags: str) -> Iterator[Element]:
        """This element and those below it that have one of ``tags``, in document order."""
        ...

    def iterdescendants(self, *tags: str) -> Iterator[Element]:
        """The elements below this one that have one of ``tags``, in document order."""
        ...

    def iterancestors(self, *tags: str) -> Iterator[Element]:
        """The elements above this one that have one of ``tags``, innermost first."""
        ...

    def itertext(self) -> Iterator[str]:
        """All text in this element, in document order."""
        ...

    def __iter__(self) -> Iterator[Element]:
        """The direct children."""
        ...


class Walk(Protocol):
    """A walk over a tree in document order, without recursion."""

    def __iter__(self) -> Iterator[tuple[str, Element]]:
        """("start", element) on the way in, ("end", element) on the way out."""
        ...

    def skip_subtree(self) -> None:
        """Pass over what is below the element just entered; its "end" is still reported."""
        ...


def walk(element: Element) -> Walk:
    """A walk over ``element`` and all below it."""
    return cast("Walk", _etree.iterwalk(element, events=("start", "end")))


def read_html(source: str) -> tuple[Element | None, bool]:
    """The tree of a page, None when it holds nothing; and whether it is complete.

    libxml2 drops what is nested more than 2048 deep.
    """
    parser = _etree.HTMLParser(
        encoding="utf-8", huge_tree=True, no_network=True, remove_comments=True, remove_pis=True
    )
    root = cast("Element | None", _etree.fromstring(source.encode("utf-8"), parser))
    limit = _etree.ErrorTypes.ERR_RESOURCE_LIMIT
    return root, not any(entry.type == limit for entry in parser.error_log)


def read_xml(content: bytes) -> Element:
    """The tree of an XML file; entities it declares stay unresolved."""
    parser = _etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True)
    return cast("Element", _etree.fromstring(content, parser))


def read_xml_source(source: str) -> Element:
    """The tree of decoded XML that declares no document type, without comments and instructions.

    Raises:
        BrokenFileError: it is not well formed, or is nested more than 2048 deep.
    """
    parser = _etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=True,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        return cast("Element", _etree.fromstring(source.encode("utf-8"), parser))
    except _etree.XMLSyntaxError as error:
        reason = " ".join(str(error.msg).split())
        raise BrokenFileError(f"it is no well-formed XML ({reason}): mend it.") from error
