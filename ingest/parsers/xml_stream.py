"""Large XML read element by element, so that a part of 100 MB never stands in memory as a tree.

As in ``ingest.parsers.xml_tree``, no entity is resolved, no DTD loaded, and the network is never used.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Any, cast

from lxml import etree  # pyright: ignore[reportMissingTypeStubs, reportAttributeAccessIssue, reportUnknownVariableType]

from ingest.parsers.xml_tree import Element

_etree = cast("Any", etree)


def stream_elements(source: IO[bytes], *tags: str) -> Iterator[Element]:
    """Each element that has one of ``tags``, complete, in document order; it is emptied when the next comes.

    Raises:
        SyntaxError: the XML is not well-formed, at the place where it is not.
    """
    events = _etree.iterparse(
        source,
        events=("end",),
        tag=tags,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        remove_comments=True,
        remove_pis=True,
    )
    for _, element in events:
        yield cast("Element", element)
        element.clear()
        while element.getprevious() is not None:
            del element.getparent()[0]
