"""The parts of an Excel workbook that its sheets refer to: their list, the shared strings, the formats."""

from __future__ import annotations

from dataclasses import dataclass, field

from ingest.errors import BrokenFileError
from ingest.parsers.number_format import NumberFormat, built_in_code, read_format
from ingest.parsers.office_properties import related_parts
from ingest.parsers.package import Package
from ingest.parsers.xml_tree import Element

_STRICT = "http://purl.oclc.org/ooxml/spreadsheetml/main"
_USUAL = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATION_IDS = (
    "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id",
    "{http://purl.oclc.org/ooxml/officeDocument/relationships}id",
)
_WORKBOOK = "xl/workbook.xml"
_AS_IT_IS = NumberFormat()


@dataclass(frozen=True, slots=True)
class SheetPart:
    """A sheet's name and the part it is in."""

    name: str
    part: str


@dataclass(frozen=True, slots=True)
class Workbook:
    """What all sheets share.

    ``space`` is the namespace of the workbook's elements, in braces. ``formats`` are by the index of a cell's
    style, None where a number is shown as it is.
    """

    space: str
    sheets: tuple[SheetPart, ...]
    from_1904: bool
    strings: list[str] = field(default_factory=list[str])
    formats: list[NumberFormat | None] = field(default_factory=list[NumberFormat | None])

    value_tag: str = field(init=False)
    inline_tag: str = field(init=False)

    def __post_init__(self) -> None:
        # Both are compared with for every cell.
        object.__setattr__(self, "value_tag", f"{self.space}v")
        object.__setattr__(self, "inline_tag", f"{self.space}is")


def read_workbook(package: Package) -> Workbook:
    """The sheets in order with what they refer to.

    Raises:
        BrokenFileError: a part is missing or damaged.
    """
    root = package.read_xml(_WORKBOOK)
    space = f"{{{_STRICT}}}" if str(root.tag).startswith(f"{{{_STRICT}}}") else f"{{{_USUAL}}}"
    targets = related_parts(package, _WORKBOOK)
    sheets: list[SheetPart] = []
    for sheet in root.findall(f"{space}sheets/{space}sheet"):
        identifier = next((found for key in _RELATION_IDS if (found := sheet.get(key))), "")
        target = targets.get(identifier)
        if target is not None and target.part in package and target.kind == "worksheet":
            sheets.append(SheetPart(sheet.get("name") or "", target.part))
    if not sheets and not targets:
        raise BrokenFileError("the workbook names no sheets: open it in its own program and save it again.")
    properties = root.find(f"{space}workbookPr")
    from_1904 = properties is not None and properties.get("date1904") in ("1", "true", "on")
    kinds = {target.kind: target.part for target in targets.values()}
    return Workbook(
        space,
        tuple(sheets),
        from_1904,
        _strings(package, kinds.get("sharedStrings"), space),
        _formats(package, kinds.get("styles"), space),
    )


def rich_text(element: Element, space: str) -> str:
    """The text of a string of one or more runs, without its phonetic guide."""
    if len(children := list(element)) == 1 and children[0].tag == f"{space}t":
        return children[0].text or ""
    parts: list[str] = []
    for child in children:
        if child.tag == f"{space}t":
            parts.append(child.text or "")
        elif child.tag == f"{space}r":
            parts += [text.text or "" for text in child.findall(f"{space}t")]
    return "".join(parts)


def _strings(package: Package, part: str | None, space: str) -> list[str]:
    if part is None or part not in package:
        return []
    return [rich_text(item, space) for item in package.stream(part, f"{space}si")]


def _formats(package: Package, part: str | None, space: str) -> list[NumberFormat | None]:
    """The number format of each cell style, by its index."""
    if part is None or part not in package:
        return []
    root = package.read_xml(part)
    own = {
        entry.get("numFmtId"): entry.get("formatCode") or ""
        for entry in root.findall(f"{space}numFmts/{space}numFmt")
    }
    formats: list[NumberFormat | None] = []
    for style in root.findall(f"{space}cellXfs/{space}xf"):
        number = style.get("numFmtId") or "0"
        code = own.get(number)
        shown = read_format(built_in_code(int(number)) if code is None else code)
        formats.append(None if shown == _AS_IT_IS else shown)
    return formats
