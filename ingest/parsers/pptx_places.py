"""Where the shapes of a slide stand; a placeholder may leave that to its layout or its master."""

from __future__ import annotations

from collections.abc import Iterator

from ingest.parsers.drawing_text import FALLBACK, A
from ingest.parsers.office_properties import related_parts
from ingest.parsers.package import Package
from ingest.parsers.reading_order import Place
from ingest.parsers.xml_tree import Element

P = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
_FRAMES = frozenset((f"{P}sp", f"{P}grpSp", f"{P}graphicFrame"))
_BROAD_KINDS = {"ctrTitle": "title", "subTitle": "body", "obj": "body"}
"""The kind of placeholder on the master that each kind on a layout is made from."""


def shapes_in(parent: Element) -> Iterator[Element]:
    """The shapes directly in a slide or group; of alternatives the first, which a current program shows."""
    for child in parent:
        tag = str(child.tag)
        if tag in _FRAMES:
            yield child
        elif tag.endswith(("}AlternateContent", "}Choice")) and tag != FALLBACK:
            yield from shapes_in(child)


def placeholder_kind(shape: Element) -> str | None:
    """What kind of placeholder a shape is ("obj" when it holds anything); None when it is none."""
    mark = _mark(shape)
    return None if mark is None else mark.get("type") or "obj"


class Places:
    """The places that layouts and masters give to placeholders, read once for each."""

    def __init__(self, package: Package) -> None:
        self._package = package
        self._known: dict[str, dict[str, Place]] = {}

    def place(self, shape: Element, layout: str | None) -> Place | None:
        """The distance of a shape from the top and the left of the slide, in EMU, if anything tells it."""
        own = _own_place(shape)
        if own is not None or layout is None:
            return own
        kind, mark = placeholder_kind(shape), _mark(shape)
        if kind is None or mark is None:
            return None
        given = self._given(layout, "slideMaster")
        # A layout is matched by the index of the placeholder, a master by its kind.
        for key in (f"#{mark.get('idx') or 0}", kind, _BROAD_KINDS.get(kind, kind)):
            if key in given:
                return given[key]
        return None

    def _given(self, part: str, parent_kind: str | None) -> dict[str, Place]:
        if part in self._known:
            return self._known[part]
        given: dict[str, Place] = {}
        self._known[part] = given
        if parent_kind is not None:
            for relation in related_parts(self._package, part).values():
                if relation.kind == parent_kind:
                    given |= {k: v for k, v in self._given(relation.part, None).items() if k[0] != "#"}
        tree = self._package.read_xml(part).find(f"{P}cSld/{P}spTree") if part in self._package else None
        for shape in shapes_in(tree) if tree is not None else ():
            mark, place = _mark(shape), _own_place(shape)
            if mark is not None and place is not None:
                given[f"#{mark.get('idx') or 0}"] = place
                given[mark.get("type") or "obj"] = place
        return given


def _mark(shape: Element) -> Element | None:
    return shape.find(f"{P}nvSpPr/{P}nvPr/{P}ph")


def _own_place(shape: Element) -> Place | None:
    offset = next(shape.iter(f"{A}off"), None)
    if offset is None:
        return None
    left, top = offset.get("x") or "", offset.get("y") or ""
    if not (left.removeprefix("-").isdecimal() and top.removeprefix("-").isdecimal()):
        return None
    return int(top), int(left)
