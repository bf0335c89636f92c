"""docutils, made safe and quiet; and the directives that it leaves to other tools."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from typing import Any, cast

from docutils import nodes
from docutils.core import publish_doctree  # pyright: ignore[reportUnknownVariableType]

from ingest.errors import BrokenFileError
from ingest.parsers.rst_substitutions import check_substitutions

_DIRECTIVE = re.compile(
    r"\.\.[ ]+(?:\|[^|\n]+\|[ ]+)?(?P<name>[\w:.+-]+)::[ ]*(?P<argument>[^\n]*)(?P<rest>(?:\n.*)?)\Z",
    re.DOTALL,
)
_OPTION = re.compile(r":[^:\n]+:(?:[ ].*)?\Z")
_DATE = re.compile(r"^(?P<start>\.\.[ ]+\|[^|\n]+\|[ ]+)date::", re.MULTILINE)
_CODE_NAMES = (
    "code code-block sourcecode parsed-literal doctest testcode testsetup testoutput ipython "
    "prompt console jupyter-execute math productionlist"
)
_CODE = frozenset(_CODE_NAMES.split())
_WITHOUT_TEXT_NAMES = (
    "toctree include literalinclude raw contents sectnum image figure index meta currentmodule module "
    "highlight automodule autoclass autofunction autosummary automethod autodata autoexception graphviz "
    "mermaid plot inheritance-diagram tabularcolumns default-role role default-domain py:module "
    "py:currentmodule date"
)
_WITHOUT_TEXT = frozenset(_WITHOUT_TEXT_NAMES.split())
_SUBSTITUTION_CHARACTERS = 10_000
"""The limit of docutils for a line, and for what a substitution grows to; long lines alone raise it."""

_SETTINGS = {
    "_disable_config": True,
    "file_insertion_enabled": False,
    "raw_enabled": False,
    "syntax_highlight": "none",
    "report_level": 1,  # messages stay in the tree, which is where unknown directives are found
    "halt_level": 6,
    "warning_stream": False,
    "traceback": True,
    "input_encoding": "unicode",
    "smart_quotes": False,
}


@dataclass(frozen=True, slots=True)
class Directive:
    """A directive as it is written: ``.. name:: argument``, options, a blank line, its body."""

    name: str
    argument: str
    body: str

    @property
    def is_code(self) -> bool:
        """Whether its body is to be kept letter by letter."""
        return self.name in _CODE

    @property
    def is_left_out(self) -> bool:
        """Whether it holds nothing that a reader would read."""
        return self.name in _WITHOUT_TEXT


def read_doctree(source: str, *, is_whole: bool = True) -> nodes.document:
    """The tree of ``source``, with docutils' complaints as nodes in it.

    Only a whole file may begin with its title and with fields about itself.

    Raises:
        BrokenFileError: it is nested too deep.
        UnsafeFileError: its substitutions grow without bounds.
    """
    check_substitutions(source)
    # The directive ``date`` would make the text depend on the day.
    source = _DATE.sub(r"\g<start>replace:: …", source)
    longest = max(map(len, source.split("\n")))
    settings = {
        **_SETTINGS,
        "line_length_limit": max(longest + 1, _SUBSTITUTION_CHARACTERS),
        "doctitle_xform": is_whole,
        "docinfo_xform": is_whole,
    }
    try:
        return cast("nodes.document", cast("Any", publish_doctree)(source, settings_overrides=settings))
    except RecursionError as error:
        raise BrokenFileError("its elements are nested too deep: flatten them.") from error


def directive_of(source: str) -> Directive | None:
    """The directive that ``source`` is; None when it is none."""
    match = _DIRECTIVE.match(source)
    if match is None:
        return None
    lines = textwrap.dedent(match["rest"].lstrip("\n")).split("\n")
    start = 0
    while start < len(lines) and _OPTION.match(lines[start]):
        start += 1
    name = match["name"].lower()
    argument = match["argument"].strip()
    return Directive(name, "" if name in _CODE else argument, "\n".join(lines[start:]).strip("\n"))
