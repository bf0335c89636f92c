"""File -> ``Document``: check it, tell what it is, hand its bytes to the parser of its format.

Parsers are imported when the first file of their format comes. Every offset counts in the cleaned text
(see ``ingest.parsers.text_builder``); ``content_sha256`` is of the bytes on disk.
"""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from ingest.document import Document, document_id
from ingest.errors import (
    BrokenFileError,
    EmptyFileError,
    EncryptedFileError,
    FileTooLargeError,
    NoTextError,
    ParseError,
    UnknownFormatError,
    UnreadableFileError,
    WrongExtensionError,
)
from ingest.language import detect_language
from ingest.optional import is_installed
from ingest.parsers.sniff import Content, sniff
from ingest.parsers.text_builder import ParsedFile, clean_text

MAX_BYTES = 100_000_000

_TEXT_SUFFIXES = frozenset((".txt", ".text"))
_MARKDOWN_SUFFIXES = frozenset((".md", ".markdown"))
_HTML_SUFFIXES = frozenset((".html", ".htm"))
SUPPORTED_SUFFIXES = _TEXT_SUFFIXES | _MARKDOWN_SUFFIXES | _HTML_SUFFIXES | {".pdf", ".docx"}

_LONG_TAIL = "unstructured"
_BLANK_BYTES = b" \t\r\n\v\f\0\xef\xbb\xbf\xff\xfe"

_Parser = Callable[[bytes], ParsedFile]


def parse_file(path: Path, *, max_bytes: int = MAX_BYTES) -> Document:
    """Read and parse one file.

    Args:
        path: the file; its suffix, in either case, names the format.
        max_bytes: the largest file that is read.

    Raises:
        ParseError: one of its subclasses, always, for whatever is wrong with the file.
    """
    path = path.absolute()
    suffix = path.suffix.lower()
    long_tail = None if suffix in SUPPORTED_SUFFIXES else _long_tail_parser(path, suffix)
    content = _read(path, max_bytes)
    if not content.strip(_BLANK_BYTES):
        raise EmptyFileError(f"{path} is empty: there is nothing to ingest.")
    parsed = _run(long_tail or _parser_for(path, suffix, content), path, content)
    if not parsed.blocks:
        if not parsed.text.strip() and suffix in _TEXT_SUFFIXES | _MARKDOWN_SUFFIXES:
            raise EmptyFileError(f"{path} holds nothing but white space: there is nothing to ingest.")
        raise NoTextError(f"{path} holds no text: there is nothing to ingest.")
    uri = path.resolve().as_uri()
    return Document(
        id=document_id(uri, parsed.text),
        uri=uri,
        title=parsed.title or clean_text(path.stem).strip() or uri,
        text=parsed.text,
        language=detect_language(parsed.text),
        pages=parsed.pages,
        blocks=parsed.blocks,
        content_sha256=hashlib.sha256(content).hexdigest(),
        metadata=parsed.metadata,
    )


def _read(path: Path, max_bytes: int) -> bytes:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableFileError(f"{path} is no regular file: name a file.")
        if status.st_size > max_bytes:
            raise FileTooLargeError(
                f"{path} has {status.st_size} bytes, and at most {max_bytes} are read: split the file, "
                "or raise ingest.max_file_megabytes."
            )
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise UnreadableFileError(
            f"{path} cannot be read ({reason}): check that it exists and that you may read it."
        ) from error


def _parser_for(path: Path, suffix: str, content: bytes) -> _Parser:
    """The parser for what the file is, or an error when that is not what its name says."""
    found = sniff(content)
    match suffix:
        case ".pdf":
            # A PDF without its header may still be read; only what is clearly another kind is refused.
            if found not in (Content.PDF, None):
                _refuse(path, "a PDF", found)
            from ingest.parsers import pdf as parser
        case ".docx":
            if found == Content.ENCRYPTED_OFFICE:
                raise EncryptedFileError(
                    f"{path} asks for a password: save a copy without one and ingest that."
                )
            if found != Content.DOCX:
                _refuse(path, "a Word document", found)
            from ingest.parsers import docx as parser
        case _ if found not in (Content.HTML, None):
            _refuse(path, "text", found)
        case ".html" | ".htm":
            from ingest.parsers import html as parser
        case ".md" | ".markdown":
            from ingest.parsers import markdown as parser
        case _:
            # A saved page that lost its suffix is read as the page it is.
            if found == Content.HTML:
                from ingest.parsers import html as parser
            else:
                from ingest.parsers import text as parser
    return parser.parse


def _refuse(path: Path, expected: str, found: str | None) -> NoReturn:
    if found == "a damaged zip archive":
        raise BrokenFileError(f"{path} is {found} (cut off, perhaps): fetch it again from where it came.")
    raise WrongExtensionError(
        f"{path} seems to be {found or 'of another kind'}, and its name says {expected}: rename it."
    )


def _long_tail_parser(path: Path, suffix: str) -> _Parser:
    """The parser behind the extra ``unstructured``, for the kinds that it reads."""
    if is_installed(_LONG_TAIL):
        from ingest.parsers import long_tail

        if suffix in long_tail.SUFFIXES:
            return long_tail.parser_for(suffix)
    raise UnknownFormatError(
        f"{path} has the suffix {suffix!r}, which no parser reads (read are "
        f"{' '.join(sorted(SUPPORTED_SUFFIXES))}): convert it, or install the extra for more kinds with "
        f'pip install "troika[{_LONG_TAIL}]".'
    )


def _run(parser: _Parser, path: Path, content: bytes) -> ParsedFile:
    try:
        return parser(content)
    except ParseError as error:
        raise type(error)(f"{path}: {error}") from error
    except Exception as error:
        # Parser libraries raise whatever their code runs into on damaged input, and one bad file must
        # not stop the others; the cause stays chained.
        raise BrokenFileError(
            f"{path} cannot be parsed ({type(error).__name__}: {error}): open it in its own program and "
            "save it again."
        ) from error
