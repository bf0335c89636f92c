"""Where the definitions of a Python file stand, by its own grammar."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator, Sequence

from ingest.parsers.code_outline import Section

_LOOKS_LIKE_PYTHON = re.compile(r"^(?:(?:async[ ]+)?def|class)[ ]+\w+[^\n]*", re.MULTILINE)
_MAX_CHARACTERS = 2_000_000
_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def python_outline(text: str, lines: Sequence[str]) -> list[Section] | None:
    """The sections of a Python file in order, which hold all lines; None for what is no valid one."""
    if len(text) > _MAX_CHARACTERS or not _LOOKS_LIKE_PYTHON.search(text):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd escapes and the like in the file
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        # MemoryError is what the grammar raises for brackets nested too deep, and is no lack of memory.
        return None
    return list(_sections(tree.body, lines, 0, len(lines), ()))


def _sections(
    body: Sequence[ast.stmt], lines: Sequence[str], first: int, after: int, path: tuple[str, ...]
) -> Iterator[Section]:
    """Each definition of ``body``, and what stands before, between and behind them."""
    position = first
    for statement in body:
        if not isinstance(statement, _Definition):
            continue
        start = _first_line(statement, lines, position)
        end = statement.end_lineno or start + 1
        if start < position or end <= start:
            continue  # several on one line
        if start > position:
            yield Section(position, start, path)
        inner = (*path, statement.name)
        if isinstance(statement, ast.ClassDef):
            yield from _sections(statement.body, lines, start, end, inner)
        else:
            yield Section(start, end, inner)
        position = end
    if position < after:
        yield Section(position, after, path)


def _first_line(statement: _Definition, lines: Sequence[str], position: int) -> int:
    """The line on which a definition begins, from 0: that of its decorators or of the comment above it."""
    start = min([statement.lineno, *(decorator.lineno for decorator in statement.decorator_list)]) - 1
    while start > position and lines[start - 1].lstrip().startswith("#"):
        start -= 1
    return start
