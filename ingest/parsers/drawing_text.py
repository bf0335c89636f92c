"""The paragraphs of a drawing (a shape on a slide, a chart's title): DrawingML text -> blocks."""

from __future__ import annotations

from dataclasses import dataclass

from ingest.document import BlockKind
from ingest.parsers.text_builder import TextBuilder, clean_text, collapse_space
from ingest.parsers.xml_tree import Element

A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_MATH_TEXT = "{http://schemas.openxmlformats.org/officeDocument/2006/math}t"
_TEXTS = frozenset((f"{A}t", _MATH_TEXT))
_PASSED_OVER = frozenset((FALLBACK, f"{A}pPr", f"{A}rPr", f"{A}endParaRPr"))
_BULLETS = (f"{A}buChar", f"{A}buAutoNum", f"{A}buBlip")
_INDENT = "  "
_MAX_LEVEL = 8


@dataclass(frozen=True, slots=True)
class _Paragraph:
    text: str
    level: int
    is_item: bool
    is_numbered: bool


def write_paragraphs(builder: TextBuilder, body: Element, *, bulleted: bool) -> None:
    """Append the paragraphs of a text body; neighbouring list items become one block.

    Args:
        builder: where to.
        body: the element that holds the paragraphs.
        bulleted: whether a paragraph that does not say otherwise is a list item, as on most slides.
    """
    paragraphs = [_paragraph(element, bulleted=bulleted) for element in body.findall(f"{A}p")]
    paragraphs = [paragraph for paragraph in paragraphs if paragraph.text]
    alone = len(paragraphs) == 1
    items: list[str] = []
    numbers: dict[int, int] = {}
    for paragraph in paragraphs:
        if paragraph.is_item and not alone:
            items.append(_item_line(paragraph, numbers))
            continue
        builder.add(BlockKind.LIST, "\n".join(items))
        items, numbers = [], {}
        builder.add(BlockKind.PARAGRAPH, paragraph.text)
    builder.add(BlockKind.LIST, "\n".join(items))


def paragraph_text(element: Element) -> str:
    """The text of a paragraph, or of all paragraphs in an element, as it is shown."""
    parts: list[str] = []
    _collect(element, parts)
    return clean_text("".join(parts)).strip()


def one_line(element: Element | None) -> str:
    """The text of all paragraphs in an element on one line; "" for None."""
    if element is None:
        return ""
    texts = (paragraph_text(paragraph) for paragraph in element.iter(f"{A}p"))
    return collapse_space(" ".join(text for text in texts if text))


def _paragraph(element: Element, *, bulleted: bool) -> _Paragraph:
    properties = element.find(f"{A}pPr")
    level, is_item, is_numbered = 0, bulleted, False
    if properties is not None:
        stated = properties.get("lvl") or "0"
        level = min(int(stated), _MAX_LEVEL) if stated.isdecimal() else 0
        is_numbered = properties.find(f"{A}buAutoNum") is not None
        marked = any(properties.find(tag) is not None for tag in _BULLETS)
        is_item = marked or (bulleted and properties.find(f"{A}buNone") is None)
    return _Paragraph(paragraph_text(element), level, is_item, is_numbered)


def _item_line(paragraph: _Paragraph, numbers: dict[int, int]) -> str:
    for level in [level for level in numbers if level > paragraph.level]:
        del numbers[level]
    marker = "- "
    if paragraph.is_numbered:
        numbers[paragraph.level] = numbers.get(paragraph.level, 0) + 1
        marker = f"{numbers[paragraph.level]}. "
    return f"{_INDENT * paragraph.level}{marker}{collapse_space(paragraph.text)}"


def _collect(element: Element, parts: list[str]) -> None:
    for child in element:
        tag = child.tag
        if tag in _TEXTS:
            parts.append(child.text or "")
        elif tag == f"{A}br":
            parts.append("\n")
        elif tag == f"{A}fld" and child.get("type") == "slidenum":
            continue
        elif isinstance(tag, str) and tag not in _PASSED_OVER:
            _collect(child, parts)
            if tag == f"{A}p":
                parts.append("\n")
