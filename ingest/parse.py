"""File -> documents: check it, tell what it is, hand its bytes to the parser of its format.

A file is one document, and one more for each file inside of it: members of an archive, attachments of a
message. Every offset counts in the cleaned text (see ``ingest.parsers.text_builder``).
"""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TypeVar
from urllib.parse import quote

from ingest.document import Document, MetadataValue, document_id
from ingest.errors import (
    BrokenFileError,
    EmptyFileError,
    FileTooLargeError,
    NestedArchiveError,
    NoTextError,
    ParseError,
    UnknownFormatError,
    UnreadableFileError,
)
from ingest.formats import SUPPORTED_SUFFIXES, Format, format_of, suffix_of
from ingest.optional import is_installed
from ingest.parsers.choose import Parser, parser_of, parts_of
from ingest.parsers.parts import PartLimits, PartsReader
from ingest.parsers.sniff import check_content, sniffed_format
from ingest.parsers.text_builder import ParsedFile, clean_text
from ingest.sources.metadata import merge_metadata
from ingest.words.language import detect_language

__all__ = ["SUPPORTED_SUFFIXES", "ParseLimits", "ParsedPart", "document_of", "parse_file", "parse_parts"]

PARSERS_VERSION = 1
"""Changes whenever a file may be parsed to another text, so that it is parsed again."""

MEMBER_MARK = "!/"
"""Between the address of a file and the path of a part inside of it."""

_ARCHIVES = frozenset((Format.ZIP, Format.TAR))
_LONG_TAIL = "unstructured"
_T = TypeVar("_T")
_BLANK_BYTES = b" \t\r\n\v\f\0\xef\xbb\xbf\xff\xfe"
_TEXTS = frozenset((Format.TEXT, Format.MARKDOWN))


@dataclass(frozen=True, slots=True)
class ParseLimits:
    """The largest file that is read, the most text that may come of one, and what it may hold inside."""

    file_bytes: int = 100_000_000
    text_characters: int = 50_000_000
    parts: PartLimits = field(default_factory=PartLimits)


@dataclass(frozen=True, slots=True)
class ParsedPart:
    """What came of a file (``member`` is empty) or of one inside of it, by its path there."""

    member: str
    content_sha256: str
    outcome: ParsedFile | ParseError


def parse_file(path: Path, limits: ParseLimits | None = None) -> Document:
    """Read and parse one file, and nothing inside of it.

    Raises:
        ParseError: one of its subclasses, always, for whatever is wrong with the file.
    """
    path = path.absolute()
    part = next(parse_parts(path, limits or ParseLimits()))
    if isinstance(part.outcome, ParseError):
        raise part.outcome
    return document_of(path.resolve().as_uri(), path.name, part.outcome, part.content_sha256)


def parse_parts(path: Path, limits: ParseLimits) -> Iterator[ParsedPart]:
    """What comes of a file and of all files inside of it, one by one; errors are outcomes, too."""
    path = path.absolute()
    try:
        content = _read(path, limits.file_bytes)
    except ParseError as error:
        yield ParsedPart("", "", error)
        return
    yield from parse_content(content, str(path), limits)


def parse_content(
    content: bytes, name: str, limits: ParseLimits, member: str = "", *, archived: bool = False
) -> Iterator[ParsedPart]:
    """As ``parse_parts``, for bytes at hand.

    Args:
        content: a file's bytes.
        name: the file's name or path; its suffix, in either case, names the format.
        limits: what is accepted.
        member: the path of these bytes inside of the file that is parsed.
        archived: whether they come out of an archive, which may hold no other.
    """
    sha256 = hashlib.sha256(content).hexdigest()
    try:
        kind, parser = _choose(name, content)
        if kind in _ARCHIVES and archived:
            raise NestedArchiveError(f"{name} is an archive inside an archive: unpack it and ingest that.")
        reader = parts_of(kind) if kind else None
        if parser is not None:
            yield ParsedPart(member, sha256, _checked(parser, name, content, limits, kind))
        elif reader is None:
            raise _unknown(name)
        if reader is not None:
            yield from _inside(reader, content, name, limits, member, archived or kind in _ARCHIVES)
    except ParseError as error:
        yield ParsedPart(member, sha256, error)


def _inside(
    reader: PartsReader, content: bytes, name: str, limits: ParseLimits, member: str, archived: bool
) -> Iterator[ParsedPart]:
    parts = reader(content, limits.parts)
    while (part := _guarded(name, lambda: next(parts, None))) is not None:
        path = f"{member}{MEMBER_MARK}{part.name}" if member else part.name
        if isinstance(part.content, ParseError):
            yield ParsedPart(path, "", part.content)
        else:
            yield from parse_content(
                part.content, f"{name}{MEMBER_MARK}{part.name}", limits, path, archived=archived
            )


def part_inside(content: bytes, name: str, member: str, limits: PartLimits) -> bytes | None:
    """The bytes of a file inside of another, by its path there (``ParsedPart.member``); None without one.

    Raises:
        ParseError: the outer file, or the part, cannot be read.
    """
    kind, _ = _choose(name, content)
    reader = parts_of(kind) if kind else None
    for part in reader(content, limits) if reader else ():
        rest = member.removeprefix(part.name)
        if rest == member or not (rest == "" or rest.startswith(MEMBER_MARK)):
            continue
        if isinstance(part.content, ParseError):
            raise part.content
        inner = rest.removeprefix(MEMBER_MARK)
        return part_inside(part.content, part.name, inner, limits) if inner else part.content
    return None


def document_of(
    uri: str,
    name: str,
    parsed: ParsedFile,
    content_sha256: str,
    metadata: Mapping[str, MetadataValue] | None = None,
    title: str | None = None,
) -> Document:
    """The document of a parsed file. ``metadata`` and ``title`` from outside override what the file states.

    Raises:
        MetadataError: the access list that results is none.
    """
    merged = merge_metadata(parsed.metadata, metadata or {})
    outer = (metadata or {}).get("title")
    stated = title or (outer if isinstance(outer, str) else None) or parsed.title
    return Document(
        id=document_id(uri, parsed.text),
        uri=uri,
        title=stated or clean_text(PurePosixPath(name).stem).strip() or uri,
        text=parsed.text,
        language=detect_language(parsed.text),
        pages=parsed.pages,
        blocks=parsed.blocks,
        content_sha256=content_sha256,
        metadata=merged,
        boxes=parsed.boxes,
        named_by_file=not stated,
    )


def member_uri(uri: str, member: str) -> str:
    """The address of a part inside of the file at ``uri``; the file's own when ``member`` is empty."""
    return f"{uri}{MEMBER_MARK}{quote(member, safe='/!')}" if member else uri


def _choose(name: str, content: bytes) -> tuple[Format | None, Parser | None]:
    kind = format_of(name)
    if kind is None and not suffix_of(name):
        kind = sniffed_format(content)
    if kind is None:
        return None, _long_tail_parser(name)
    if not content.strip(_BLANK_BYTES):
        raise EmptyFileError(f"{name} is empty: there is nothing to ingest.")
    kind = check_content(name, kind, content)
    return kind, parser_of(kind)


def _checked(
    parser: Parser, name: str, content: bytes, limits: ParseLimits, kind: Format | None
) -> ParsedFile:
    """What the parser makes of it, if that is some text and not too much."""
    parsed = _guarded(name, lambda: parser(content))
    if len(parsed.text) > limits.text_characters:
        raise FileTooLargeError(
            f"{name} holds {len(parsed.text)} characters of text, and at most {limits.text_characters} are "
            "read: split the file, or raise ingest.max_text_characters."
        )
    if not parsed.blocks:
        if not parsed.text.strip() and kind in _TEXTS:
            raise EmptyFileError(f"{name} holds nothing but white space: there is nothing to ingest.")
        raise NoTextError(f"{name} holds no text: there is nothing to ingest.")
    return parsed


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


def _long_tail_parser(name: str) -> Parser:
    """The parser behind the extra ``unstructured``, for the kinds that it reads."""
    if is_installed(_LONG_TAIL):
        from ingest.parsers import long_tail

        if suffix_of(name) in long_tail.SUFFIXES:
            return long_tail.parser_for(suffix_of(name))
    raise _unknown(name)


def _unknown(name: str) -> UnknownFormatError:
    return UnknownFormatError(
        f"{name} has the suffix {suffix_of(name)!r}, which no parser reads (read are "
        f"{' '.join(sorted(SUPPORTED_SUFFIXES))}): convert it, or install the extra for more kinds with "
        f'pip install "troika[{_LONG_TAIL}]".'
    )


def _guarded(name: str, read: Callable[[], _T]) -> _T:
    try:
        return read()
    except ParseError as error:
        raise type(error)(f"{name}: {error}") from error
    except MemoryError:
        raise  # the worker's limit, which its parent reports
    except Exception as error:
        # Parser libraries raise whatever their code runs into on damaged input, and one bad file must
        # not stop the others; the cause stays chained.
        raise BrokenFileError(
            f"{name} cannot be parsed ({type(error).__name__}: {error}): open it in its own program and "
            "save it again."
        ) from error
