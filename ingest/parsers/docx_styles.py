"""Which paragraphs of a Word file are headings, titles or list items, in any language of Word.

A heading is told by its outline level, its own or its style's (which every localized style keeps), and
only then by the style's name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ingest.parsers.xml_tree import Element

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
TITLE_LEVEL = 0
"""A title stands above the headings of level 1."""

_HEADING_NAME = re.compile(
    r"(?:heading|标题|標題|見出し|제목|überschrift|titre|título|titolo|заголовок)\s*([1-9])\Z"
)
_TITLE_NAMES = frozenset(("title", "标题", "標題", "titel", "título", "titolo", "название"))
_CONTENTS_NAME = re.compile(r"(?:toc|目录|目錄)\s*(?:[1-9]|heading|标题)|table of figures")
_LIST_NAME = re.compile(r"list(?:\s|\Z)|列表|项目符号|清单")
_BODY_LEVEL = 10
_MAX_CHAIN = 20


@dataclass(frozen=True, slots=True)
class ParagraphRole:
    """What a paragraph is. ``level`` is a heading's; ``indent`` is a list item's depth from 0."""

    level: int | None = None
    indent: int | None = None
    is_title: bool = False
    is_contents: bool = False


class StyleSheet:
    """The paragraph styles of one file."""

    def __init__(self, styles: Element | None) -> None:
        self._styles: dict[str, Element] = {}
        self._roles: dict[str, ParagraphRole] = {}
        self._default = ""
        for style in styles.iter(f"{W}style") if styles is not None else ():
            identifier = style.get(f"{W}styleId")
            if identifier is None or style.get(f"{W}type") != "paragraph":
                continue
            self._styles[identifier] = style
            if style.get(f"{W}default") in ("1", "true"):
                self._default = identifier

    def role(self, paragraph: Element) -> ParagraphRole:
        """What ``paragraph`` is, by its own properties first and by its style's then."""
        properties = paragraph.find(f"{W}pPr")
        if properties is None:
            return self._style_role(self._default)
        style = self._style_role(_value(properties, "pStyle") or self._default)
        level = _outline_level(properties)
        if level is not None or style.level is not None:
            level = style.level if level is None else level
            return ParagraphRole(
                level=None if level is None or level >= _BODY_LEVEL else level, is_title=style.is_title
            )
        indent = _list_indent(properties)
        if indent is None or style.is_contents:
            return style
        return ParagraphRole(indent=None if indent < 0 else indent)

    def _style_role(self, identifier: str) -> ParagraphRole:
        if identifier not in self._roles:
            self._roles[identifier] = self._read_style(identifier)
        return self._roles[identifier]

    def _read_style(self, identifier: str) -> ParagraphRole:
        """The first style of the chain of ``basedOn`` that says anything decides."""
        for _ in range(_MAX_CHAIN):
            style = self._styles.get(identifier)
            if style is None:
                break
            role = _stated_role(style)
            if role is not None:
                return role
            identifier = _value(style, "basedOn") or ""
        return ParagraphRole()


def _stated_role(style: Element) -> ParagraphRole | None:
    name = (_value(style, "name") or "").strip().lower()
    if name in _TITLE_NAMES:
        return ParagraphRole(level=TITLE_LEVEL, is_title=True)
    if _CONTENTS_NAME.match(name):
        return ParagraphRole(is_contents=True)
    properties = style.find(f"{W}pPr")
    level = _outline_level(properties) if properties is not None else None
    if level is not None:
        return ParagraphRole(level=None if level >= _BODY_LEVEL else level)
    heading = _HEADING_NAME.match(name)
    if heading:
        return ParagraphRole(level=int(heading[1]))
    indent = _list_indent(properties) if properties is not None else None
    if indent is not None:
        return ParagraphRole(indent=None if indent < 0 else indent)
    return ParagraphRole(indent=0) if _LIST_NAME.match(name) else None


def _outline_level(properties: Element) -> int | None:
    """The outline level counted from 1; 10 is body text, said explicitly."""
    value = _value(properties, "outlineLvl")
    return int(value) + 1 if value is not None and value.isdigit() else None


def _list_indent(properties: Element) -> int | None:
    """A list item's depth; -1 where numbering is switched off, None where it isn't spoken of."""
    numbering = properties.find(f"{W}numPr")
    if numbering is None:
        return None
    if _value(numbering, "numId") == "0":
        return -1
    depth = _value(numbering, "ilvl")
    return min(int(depth), 8) if depth is not None and depth.isdigit() else 0


def _value(parent: Element, name: str) -> str | None:
    child = parent.find(f"{W}{name}")
    return None if child is None else child.get(f"{W}val")
