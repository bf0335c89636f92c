"""What all packages of Office Open XML share: relations between parts, and the stated properties."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass

from ingest.document import MetadataValue
from ingest.parsers.package import Package, resolve
from ingest.parsers.text_builder import clean_text, collapse_space
from ingest.parsers.xml_tree import Element

_RELATIONSHIP = "{http://schemas.openxmlformats.org/package/2006/relationships}Relationship"
_DUBLIN_CORE = "{http://purl.org/dc/elements/1.1/}"
_TERMS = "{http://purl.org/dc/terms/}"
_CORE = "{http://schemas.openxmlformats.org/package/2006/metadata/core-properties}"
_PROPERTIES = (
    ("author", f"{_DUBLIN_CORE}creator"),
    ("subject", f"{_DUBLIN_CORE}subject"),
    ("keywords", f"{_CORE}keywords"),
    ("description", f"{_DUBLIN_CORE}description"),
    ("language", f"{_DUBLIN_CORE}language"),
    ("created", f"{_TERMS}created"),
    ("modified", f"{_TERMS}modified"),
)


@dataclass(frozen=True, slots=True)
class Relation:
    """A part that another refers to; ``kind`` is the last word of the relation's type."""

    kind: str
    part: str


def related_parts(package: Package, part: str) -> dict[str, Relation]:
    """The parts that ``part`` refers to, by the id of the relation; "" is the package itself."""
    folder, name = posixpath.split(part)
    relations = posixpath.join(folder, "_rels", f"{name}.rels")
    if relations not in package:
        return {}
    found: dict[str, Relation] = {}
    for entry in package.read_xml(relations).iter(_RELATIONSHIP):
        identifier, target = entry.get("Id"), entry.get("Target")
        if identifier and target and entry.get("TargetMode") != "External":
            kind = (entry.get("Type") or "").rpartition("/")[2]
            found[identifier] = Relation(kind, resolve(part, target))
    return found


def read_properties(package: Package) -> tuple[str | None, dict[str, MetadataValue]]:
    """The title that a package states, and its other properties."""
    part = next((r.part for r in related_parts(package, "").values() if r.kind == "core-properties"), None)
    if part is None or part not in package:
        return None, {}
    root = package.read_xml(part)
    stated = ((name, _text(root, tag)) for name, tag in _PROPERTIES)
    return _text(root, f"{_DUBLIN_CORE}title") or None, {name: text for name, text in stated if text}


def _text(root: Element, tag: str) -> str:
    element = root.find(tag)
    return "" if element is None else collapse_space(clean_text(element.text or ""))
