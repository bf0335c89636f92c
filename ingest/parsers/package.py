"""Zip files that hold one document (Office, OpenDocument, EPUB): their parts, read with bounds.

No part is unpacked beyond the size that the directory states, bombs are refused by that size, and XML that
declares entities is refused, which no program that writes these formats does.
"""

from __future__ import annotations

import io
import lzma
import posixpath
import zipfile
import zlib
from collections.abc import Iterator
from types import TracebackType
from typing import Self
from urllib.parse import unquote

from ingest.errors import BrokenFileError, EncryptedFileError, UnsafeFileError
from ingest.parsers.xml_stream import stream_elements
from ingest.parsers.xml_tree import Element, read_xml

MAX_RATIO = 100
"""A part over ``MIN_BOMB_BYTES`` that shrank more often than this is no text anyone wrote, but a bomb."""

DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    ValueError,
    RuntimeError,
)
"""What zipfile raises for a damaged archive, or one that it does not know how to unpack."""

MIN_BOMB_BYTES = 10_000_000
_MAX_PARTS = 50_000
_ENCRYPTED = 0x1
_BYTE_ORDER_MARKS = (b"\xff\xfe", b"\xfe\xff")
_PROLOG_BYTES = 65_536


class Package:
    """An opened package, to be used in a ``with`` statement.

    Raises:
        BrokenFileError: on opening, when it is no zip file, or a damaged one.
        UnsafeFileError: on opening, when a part would unpack to absurd size, or there are too many parts.
    """

    def __init__(self, content: bytes) -> None:
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(content))
        except DAMAGE as error:
            raise BrokenFileError(
                f"the file is no readable zip package ({error}): fetch it again from where it came."
            ) from error
        self._parts = {part.filename: part for part in self._archive.infolist()}
        if len(self._parts) > _MAX_PARTS:
            raise UnsafeFileError(
                f"the file holds {len(self._parts)} parts, where at most {_MAX_PARTS} are read: "
                "check where it is from."
            )
        for part in self._parts.values():
            check_ratio(part)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._archive.close()

    def __contains__(self, name: str) -> bool:
        return name in self._parts

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all parts, in the order of the directory."""
        return tuple(self._parts)

    def size(self, name: str) -> int:
        """The unpacked size of a part in bytes, as the directory states it."""
        return self._found(name).file_size

    def read(self, name: str) -> bytes:
        """The bytes of a part.

        Raises:
            BrokenFileError: there is no such part, or it is damaged.
            EncryptedFileError: it is encrypted.
        """
        part = self._found(name)
        if part.flag_bits & _ENCRYPTED:
            raise EncryptedFileError("the file asks for a password: save a copy without one and ingest that.")
        try:
            return self._archive.read(part)
        except DAMAGE as error:
            raise _damaged(name, error) from error

    def read_xml(self, name: str) -> Element:
        """The tree of an XML part.

        Raises:
            BrokenFileError: there is no such part, or it is no XML.
            UnsafeFileError: it declares entities.
        """
        content = self.read(name)
        refuse_entities(content, name)
        try:
            return read_xml(content)
        except SyntaxError as error:
            raise _damaged(name, error) from error

    def stream(self, name: str, *tags: str) -> Iterator[Element]:
        """The elements with one of ``tags`` in an XML part, as ``stream_elements`` yields them.

        Raises:
            BrokenFileError: there is no such part, or it is damaged from some place on.
            UnsafeFileError: it declares entities.
        """
        part = self._found(name)
        try:
            with self._archive.open(part) as source:
                refuse_entities(source.read(_PROLOG_BYTES), name)
            with self._archive.open(part) as source:
                yield from stream_elements(source, *tags)
        except (SyntaxError, *DAMAGE) as error:
            raise _damaged(name, error) from error

    def _found(self, name: str) -> zipfile.ZipInfo:
        part = self._parts.get(name)
        if part is None:
            raise BrokenFileError(
                f"the file lacks its part {name!r}: open it in its own program and save it again."
            )
        return part


def check_ratio(part: zipfile.ZipInfo) -> None:
    """Refuse a bomb by the sizes that the directory states.

    Raises:
        UnsafeFileError: the part would unpack to absurd size.
    """
    ratio = part.file_size / max(1, part.compress_size)
    if part.file_size > MIN_BOMB_BYTES and ratio > MAX_RATIO:
        raise UnsafeFileError(
            f"part {part.filename!r} unpacks to {part.file_size // 1_000_000} MB, {ratio:.0f} times its "
            f"packed size, where at most {MAX_RATIO} times is read: check where it is from."
        )


def refuse_entities(content: bytes, name: str) -> None:
    """Refuse XML that declares entities, with which a few bytes can stand for gigabytes.

    Raises:
        UnsafeFileError: it does.
    """
    plain = content.replace(b"\0", b"") if content.startswith(_BYTE_ORDER_MARKS) else content
    if b"<!ENTITY" in plain:
        raise UnsafeFileError(
            f"part {name!r} declares XML entities, which no office program writes: check where it is from."
        )


def resolve(base: str, target: str) -> str:
    """The name of the part that ``target`` means when it stands in the part ``base``."""
    path = unquote(target.partition("#")[0])
    if path.startswith("/"):
        return posixpath.normpath(path).lstrip("/")
    return posixpath.normpath(posixpath.join(posixpath.dirname(base), path))


def _damaged(name: str, error: Exception) -> BrokenFileError:
    reason = " ".join(str(error).split()) or type(error).__name__
    return BrokenFileError(
        f"part {name!r} is damaged ({reason}): open the file in its own program and save it again."
    )
