"""JSON -> lines "key: value" under headings for what is nested, and tables for lists of flat records."""

from __future__ import annotations

import json

from ingest.errors import BrokenFileError
from ingest.parsers.decode import decode_text
from ingest.parsers.json_lines import parse_source, read_value, too_deep
from ingest.parsers.record_blocks import write_value
from ingest.parsers.records import title_of
from ingest.parsers.text_builder import ParsedFile, TextBuilder
from ingest.parsers.titles import first_usable_title


def parse(content: bytes) -> ParsedFile:
    """The values of a JSON file; its title is its own ``title`` or ``name``.

    A file of several values, one a line, is read as JSON Lines.
    """
    text = decode_text(content)
    try:
        value = read_value(text)
    except json.JSONDecodeError as error:
        if error.msg == "Extra data" and error.lineno > 1:
            return parse_source(text)
        raise BrokenFileError(
            f"line {error.lineno} is no valid JSON ({error.msg}, column {error.colno}): mend it."
        ) from error
    except RecursionError as error:
        raise too_deep() from error
    builder = TextBuilder()
    try:
        write_value(builder, value, "", 1)
    except RecursionError as error:
        raise too_deep() from error
    return builder.build(first_usable_title((title_of(value),)))
