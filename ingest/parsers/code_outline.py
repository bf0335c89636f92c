"""Where the definitions of a source file stand, by its lines alone, in any common language.

A definition begins on a line without indentation (or, in a large class, with that of its members) that
names something: ``class X``, ``function x(``, ``[section]``, ``key:``, ``CREATE TABLE x``, ``.selector {``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_MODIFIERS = (
    r"(?:(?:export|default|declare|public|private|protected|internal|static|final|abstract|sealed|async|open|"
    r"override|virtual|inline|extern|unsafe|pub(?:\([^)]*\))?|partial|data|local|const|typedef|suspend|"
    r"CREATE(?:\s+OR\s+REPLACE)?|create(?:\s+or\s+replace)?|UNIQUE|unique|TEMP|TEMPORARY)\s+)*"
)
_KEYWORDS = (
    "class|interface|struct|enum|union|trait|impl|fn|func|function|fun|def|sub|module|namespace|type|record|"
    "object|protocol|extension|macro|message|service|rpc|input|scalar|resource|variable|output|"
    "provider|TABLE|table|VIEW|view|INDEX|index|FUNCTION|PROCEDURE|procedure|TRIGGER|trigger"
)
_NAME = r"""["'`]?[\w$.:~-]+["'`]?"""
_NAMED = (
    re.compile(
        rf"{_MODIFIERS}(?:{_KEYWORDS})\b\s*(?:<[^>]*>\s*)?(?:\([^)]*\)\s*)?(?:IF\s+NOT\s+EXISTS\s+)?(?P<name>{_NAME})"
    ),
    re.compile(
        rf"{_MODIFIERS}(?:const|let|var|val)\s+(?P<name>[\w$]+)\s*(?::[^=]+)?=\s*(?:async\b|function\b|\(|class\b)"
    ),
    re.compile(r"\[{1,2}(?P<name>[^\[\]]+)\]{1,2}\s*(?:[#;].*)?$"),
    re.compile(r"(?P<name>[\w.\-/ ]{1,80}):\s*(?:[#|>].*)?$"),
    re.compile(r"(?P<name>[.#@:*\w][^{};=()]{0,100}?)\s*\{\s*$"),
    re.compile(r"(?:[\w<>\[\],:&*?~.]+\s+)+[*&]*(?P<name>[\w:~]+)\s*\([^;]*$"),
    re.compile(r"(?P<name>\w+)\s*(?:<-\s*function\s*)?\([^;]*\)\s*(?:->\s*\w+\s*)?\{"),
)
_NO_NAME = frozenset(
    ("if", "else", "for", "while", "switch", "return", "do", "try", "catch", "with", "match")
)
_COMMENT = ("//", "#", "--", "/*", "*", ";", "@", "%", '"""')
_CLOSING = re.compile(r"[)}\]]|(?:end|END|fi|done|esac)\b|\{\s*$")
_MAX_WHOLE_LINES = 60
_MAX_LINE_CHARACTERS = 400


@dataclass(frozen=True, slots=True)
class Section:
    """The lines ``first`` up to ``after``, counted from 0, and the names of what they define."""

    first: int
    after: int
    path: tuple[str, ...]


def outline(lines: Sequence[str]) -> list[Section]:
    """The sections of a file in order; together they hold all of its lines."""
    sections: list[Section] = []
    for section in _sections(lines, 0, len(lines), 0, ()):
        sections += _members(lines, section)
    return sections


def _members(lines: Sequence[str], section: Section) -> list[Section]:
    """A long definition cut into its members, if it has some; else as it is."""
    if not section.path or section.after - section.first <= _MAX_WHOLE_LINES:
        return [section]
    inside = range(section.first + 1, section.after)
    indents = [_indent(lines[index]) for index in inside if lines[index].strip()]
    indent = min((width for width in indents if width), default=0)
    if not indent:
        return [section]
    # The line that opens the definition stays with what is before its first member.
    parts = list(_sections(lines, section.first, section.after, indent, section.path))
    return parts if any(part.path != section.path for part in parts) else [section]


def _sections(
    lines: Sequence[str], first: int, after: int, indent: int, path: tuple[str, ...]
) -> Iterator[Section]:
    start, name = first, ""
    for index in range(first, after):
        line = lines[index]
        if not line.strip() or _indent(line) != indent:
            continue
        found = _defined(line.strip())
        begins = bool(found) or (bool(name) and index > first and not lines[index - 1].strip())
        if not begins or (not found and _CLOSING.match(line.strip())):
            continue
        above = _with_comments(lines, index, start, indent)
        if above > start:
            yield Section(start, above, (*path, name) if name else path)
            start = above
        name = found
    yield Section(start, after, (*path, name) if name else path)


def _defined(line: str) -> str:
    """The name of what a line begins to define; "" when it defines nothing."""
    if line.startswith(_COMMENT) and not line.startswith(("#[", "@media")):
        return ""
    for pattern in _NAMED:
        match = pattern.match(line[:_MAX_LINE_CHARACTERS])
        if match:
            name = match["name"].strip("\"'`: ")
            return "" if name.split(" ")[0] in _NO_NAME else name
    return ""


def _with_comments(lines: Sequence[str], index: int, start: int, indent: int) -> int:
    """The first of the comments, attributes and decorators right above line ``index``."""
    while (
        index > start
        and _indent(lines[index - 1]) >= indent
        and lines[index - 1].lstrip().startswith(_COMMENT)
        and lines[index - 1].strip()
    ):
        index -= 1
    return index


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
