"""The parser of each format, imported when the first file of that format comes."""

from __future__ import annotations

from collections.abc import Callable

from ingest.formats import Format
from ingest.parsers.parts import PartsReader
from ingest.parsers.text_builder import ParsedFile

Parser = Callable[[bytes], ParsedFile]


def parser_of(kind: Format) -> Parser | None:
    """What turns the bytes of a file into text; None for a kind that only holds other files."""
    match kind:
        case Format.TEXT:
            from ingest.parsers import text as parser
        case Format.MARKDOWN:
            from ingest.parsers import markdown as parser
        case Format.RESTRUCTURED_TEXT:
            from ingest.parsers import rst as parser
        case Format.XML:
            from ingest.parsers import xml as parser
        case Format.JSON:
            from ingest.parsers import json_values as parser
        case Format.JSON_LINES:
            from ingest.parsers import json_lines as parser
        case Format.CSV:
            from ingest.parsers import csv_table as parser
        case Format.SUBTITLES:
            from ingest.parsers import subtitles as parser
        case Format.CODE:
            from ingest.parsers import code as parser
        case Format.HTML:
            from ingest.parsers import html as parser
        case Format.PDF:
            from ingest.parsers import pdf as parser
        case Format.DOCX:
            from ingest.parsers import docx as parser
        case Format.PPTX:
            from ingest.parsers import pptx as parser
        case Format.XLSX:
            from ingest.parsers import xlsx as parser
        case Format.XLS:
            from ingest.parsers import xls as parser
        case Format.OPEN_DOCUMENT:
            from ingest.parsers import opendocument as parser
        case Format.RTF:
            from ingest.parsers import rtf as parser
        case Format.EPUB:
            from ingest.parsers import epub as parser
        case Format.EMAIL:
            from ingest.parsers import email as parser
        case Format.OUTLOOK:
            from ingest.parsers import outlook as parser
        case _:
            return None
    return parser.parse


def parts_of(kind: Format) -> PartsReader | None:
    """What reads the files inside a file of this kind; None for a kind that holds none."""
    match kind:
        case Format.ZIP:
            from ingest.parsers.archive import zip_parts as reader
        case Format.TAR:
            from ingest.parsers.archive import tar_parts as reader
        case Format.EMAIL:
            from ingest.parsers.email import parts as reader
        case Format.OUTLOOK:
            from ingest.parsers.outlook import parts as reader
        case _:
            return None
    return reader
