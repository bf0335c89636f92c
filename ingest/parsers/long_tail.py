"""The long tail of formats through unstructured (extra ``unstructured``).

Slower than the parsers of this package and without pages. Some of its formats fetch a language model on
first use, which fails without a network.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, cast

from ingest.document import BlockKind
from ingest.optional import require
from ingest.parsers.text_builder import ParsedFile, TextBuilder
from ingest.parsers.titles import first_usable_title

SUFFIXES = frozenset(
    (".csv", ".doc", ".eml", ".epub", ".msg", ".odt", ".org", ".ppt", ".pptx", ".rst", ".rtf", ".tsv", ".xls")
) | {".xlsx", ".xml"}

_KINDS = {"ListItem": BlockKind.LIST, "Table": BlockKind.TABLE, "CodeSnippet": BlockKind.CODE}
_LEFT_OUT = frozenset(("Header", "Footer", "PageNumber", "PageBreak"))


def parser_for(suffix: str) -> Callable[[bytes], ParsedFile]:
    """The parser for files that end in ``suffix``.

    Raises:
        MissingExtraError: unstructured is not installed.
    """
    partition = cast("Any", require("unstructured.partition.auto", extra="unstructured")).partition
    return partial(_parse, partition, suffix)


def _parse(partition: Callable[..., Sequence[Any]], suffix: str, content: bytes) -> ParsedFile:
    builder = TextBuilder()
    first_heading: str | None = None
    for element in partition(file=io.BytesIO(content), metadata_filename=f"file{suffix}"):
        category, text = str(element.category), str(element.text)
        if category == "Title":
            first_heading = first_heading or text
            builder.add_heading(text, (element.metadata.category_depth or 0) + 1)
        elif category not in _LEFT_OUT:
            builder.add(_KINDS.get(category, BlockKind.PARAGRAPH), text)
    return builder.build(first_usable_title((first_heading,)))
