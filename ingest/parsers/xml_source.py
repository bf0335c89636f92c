"""The source of an XML file -> its tree, with no entity left that a parser could expand or fetch.

The document type declaration is read here and taken out before the parser sees the file. Entities that it
declares as plain short text are put in their places, and so are the names that HTML knows (``&nbsp;``).
One that stands for other entities or for another file is what bombs and leaks are made of, and is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import unescape
from html.entities import html5

from ingest.errors import BrokenFileError, UnsafeFileError
from ingest.parsers.decode import decode_text
from ingest.parsers.text_builder import clean_text
from ingest.parsers.xml_tree import Element, read_xml_source

_DECLARED_ENCODING = re.compile(rb"""\A\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9_.:-]+)""")
_DECLARATION = re.compile(r"\A\s*+<\?xml\s.*?\?>", re.DOTALL)
_PROLOG = re.compile(r"(?:\s++|<\?.*?\?>|<!--.*?-->)*+", re.DOTALL)
_DOCTYPE = re.compile(
    r"""<!DOCTYPE(?:"[^"]*+"|'[^']*+'|[^\["'>])*+
    (?:\[(?P<subset>(?:<!--.*?-->|<\?.*?\?>|"[^"]*+"|'[^']*+'|[^\]"'<]|<)*+)\]\s*+)?+>""",
    re.DOTALL | re.VERBOSE,
)
_SUBSET_COMMENT = re.compile(r"<!--.*?-->|<\?.*?\?>", re.DOTALL)
_ENTITY = re.compile(
    r"""<!ENTITY\s++(?P<parameter>%\s++)?+(?P<name>[^\s"'%>]++)\s++
    (?:(?P<outside>SYSTEM|PUBLIC)\b|"(?P<double>[^"]*+)"|'(?P<single>[^']*+)')""",
    re.VERBOSE,
)
_REFERENCE = re.compile(r"&([A-Za-z_][\w.-]*+);")
_MARKUP = re.compile(r"<[^<>]*+>")
_HTML_NAMES = frozenset(name.removesuffix(";") for name in html5)
_KEPT = frozenset(("amp", "lt", "gt", "quot", "apos"))
_MAX_ENTITY_CHARACTERS = 1000
_MAX_GROWTH = 1_000_000
"""How many characters the declared entities may add to a file, beyond doubling it."""


def read_tree(content: bytes) -> tuple[Element, str]:
    """The root of an XML file and its decoded source, without its document type.

    Raises:
        UnsafeFileError: it declares entities that expand or reach outside.
        BrokenFileError: it is not well formed.
    """
    declared = _DECLARED_ENCODING.match(content[:1024])
    text = decode_text(content, declared[1].decode("ascii") if declared else None)
    source = _without_document_type(_DECLARATION.sub("", text, count=1))
    return read_xml_source(source), source


def _without_document_type(text: str) -> str:
    """``text`` with its entities in place; lines keep their numbers."""
    prolog = _PROLOG.match(text)
    start = prolog.end() if prolog else 0
    if not text.startswith("<!DOCTYPE", start):
        return _replaced(text, {})
    found = _DOCTYPE.match(text, start)
    if found is None:
        raise BrokenFileError("its document type declaration is cut off: fetch it again from where it came.")
    entities = _declared_entities(found["subset"] or "")
    return _replaced(text[:start] + "\n" * found[0].count("\n") + text[found.end() :], entities)


def _declared_entities(subset: str) -> dict[str, str]:
    entities: dict[str, str] = {}
    for entity in _ENTITY.finditer(_SUBSET_COMMENT.sub("", subset)):
        name = entity["name"]
        if entity["outside"]:
            if entity["parameter"]:
                continue  # a part of the document type itself, which is not read
            raise UnsafeFileError(
                f"it declares the entity {name[:40]!r}, which stands for another file: write it out."
            )
        value = entity["double"] if entity["double"] is not None else entity["single"]
        references = {*_REFERENCE.findall(value)} - _KEPT
        if len(value) > _MAX_ENTITY_CHARACTERS or references.difference(_HTML_NAMES) or "%" in value:
            raise UnsafeFileError(
                f"it declares the entity {name[:40]!r}, which stands for other entities or a long text, as a "
                "bomb does: write out what it stands for."
            )
        entities.setdefault(name, clean_text(unescape(_MARKUP.sub("", value))))
    return entities


def _replaced(text: str, entities: Mapping[str, str]) -> str:
    if "&" not in text:
        return text
    growth = sum(len(entities.get(match[1], "")) for match in _REFERENCE.finditer(text)) if entities else 0
    if growth > len(text) + _MAX_GROWTH:
        raise UnsafeFileError(
            f"its entities would add {growth} characters to {len(text)}, as a bomb's do: write them out."
        )
    return _REFERENCE.sub(lambda match: _value(match, entities), text)


def _value(reference: re.Match[str], entities: Mapping[str, str]) -> str:
    """What a reference stands for, escaped; one that nobody declared stays as it is written."""
    name = reference[1]
    if name in _KEPT:
        return reference[0]
    value = entities.get(name, html5.get(f"{name};"))
    if value is None:
        return f"&amp;{name};"
    return value.replace("&", "&amp;").replace("<", "&lt;")
