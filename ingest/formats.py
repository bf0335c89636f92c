"""The formats that Troika reads, and the suffixes that name them."""

from __future__ import annotations

from enum import StrEnum
from pathlib import PurePath


class Format(StrEnum):
    """A kind of file, as a message names it."""

    TEXT = "text"
    MARKDOWN = "Markdown"
    RESTRUCTURED_TEXT = "reStructuredText"
    HTML = "an HTML page"
    XML = "XML"
    JSON = "JSON"
    JSON_LINES = "JSON Lines"
    CSV = "a table of values (CSV, TSV)"
    SUBTITLES = "subtitles"
    CODE = "source code"
    PDF = "a PDF"
    DOCX = "a Word document"
    PPTX = "a PowerPoint presentation"
    XLSX = "an Excel workbook"
    XLS = "an old Excel workbook (Excel 97-2003)"
    OPEN_DOCUMENT = "an OpenDocument file"
    RTF = "an RTF document"
    EPUB = "an EPUB book"
    EMAIL = "an e-mail message"
    OUTLOOK = "an Outlook message"
    ZIP = "a zip archive"
    TAR = "a tar archive"


_SUFFIXES: dict[Format, str] = {
    Format.TEXT: ".txt .text .log",
    Format.MARKDOWN: ".md .markdown .mdx",
    Format.RESTRUCTURED_TEXT: ".rst .rest",
    Format.HTML: ".html .htm .xhtml",
    Format.XML: ".xml",
    Format.JSON: ".json",
    Format.JSON_LINES: ".jsonl .ndjson",
    Format.CSV: ".csv .tsv",
    Format.SUBTITLES: ".srt .vtt",
    Format.CODE: (
        ".py .pyi .js .mjs .jsx .ts .tsx .java .kt .go .rs .c .h .cc .cpp .hpp .cs .rb .php .swift .scala "
        ".lua .pl .r .jl .sh .bash .ps1 .sql .css .scss .proto .graphql .yaml .yml .toml .ini .cfg .conf .tf"
    ),
    Format.PDF: ".pdf",
    Format.DOCX: ".docx .docm",
    Format.PPTX: ".pptx .pptm",
    Format.XLSX: ".xlsx .xlsm",
    Format.XLS: ".xls",
    Format.OPEN_DOCUMENT: ".odt .ods .odp",
    Format.RTF: ".rtf",
    Format.EPUB: ".epub",
    Format.EMAIL: ".eml",
    Format.OUTLOOK: ".msg",
    Format.ZIP: ".zip",
    Format.TAR: ".tar .tgz .tar.gz .tar.bz2 .tar.xz",
}

SUFFIX_FORMATS: dict[str, Format] = {
    suffix: kind for kind, suffixes in _SUFFIXES.items() for suffix in suffixes.split()
}
SUPPORTED_SUFFIXES = frozenset(SUFFIX_FORMATS)


def suffix_of(name: str) -> str:
    """The suffix that tells a file's format, in lower case; ``.tar.gz`` and its kin count as one."""
    suffixes = [suffix.lower() for suffix in PurePath(name).suffixes[-2:]]
    double = "".join(suffixes)
    return double if double in SUFFIX_FORMATS else (suffixes[-1] if suffixes else "")


def format_of(name: str) -> Format | None:
    """The format that a file's name promises; None for a suffix that no parser reads, or none."""
    return SUFFIX_FORMATS.get(suffix_of(name))
