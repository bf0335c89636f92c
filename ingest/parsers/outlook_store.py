"""The properties of an Outlook message, out of the compound file that holds them (see [MS-OXMSG])."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import olefile

from ingest.errors import BrokenFileError, ParseError, WrongExtensionError
from ingest.parsers.decode import decode_text
from ingest.parsers.rtf_codes import decode

_PROPERTIES = "__properties_version1.0"
_ATTACHMENT = "__attach_version1.0_"
_UNICODE, _EIGHT_BIT, _BINARY, _OBJECT = "001F", "001E", "0102", "000D"
_INTEGER, _BOOLEAN, _TIME = 0x0003, 0x000B, 0x0040
_MESSAGE_CODE_PAGE, _INTERNET_CODE_PAGE = 0x3FFD, 0x3FDE
_ATTACHED_DATA = 0x3701
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_ENTRY = struct.Struct("<HHIQ")
_MAX_TICKS = 2**58


class Store:
    """A storage in the file: the message itself, an attachment, or a message attached to it."""

    def __init__(self, ole: Any, path: tuple[str, ...], header_bytes: int, code_page: int = 0) -> None:
        self._ole = ole
        self._path = path
        self._fixed = dict(self._fixed_values(header_bytes))
        self._code_page = self.integer(_MESSAGE_CODE_PAGE) or self.integer(_INTERNET_CODE_PAGE) or code_page

    def text(self, tag: int) -> str:
        """A property that is text; "" when it is not there."""
        wide = self._stream(tag, _UNICODE)
        if wide is not None:
            return wide.decode("utf-16-le", "replace").rstrip("\0")
        narrow = self._stream(tag, _EIGHT_BIT)
        return "" if narrow is None else self.decoded(narrow.rstrip(b"\0"))

    def decoded(self, content: bytes) -> str:
        """Bytes of text, in the code page that the message states, else in what they look like."""
        try:
            return decode_text(content, f"cp{self._code_page}" if self._code_page else None)
        except ParseError:
            return decode(content, self._code_page)

    def binary(self, tag: int) -> bytes | None:
        """A property that is bytes; None when it is not there."""
        return self._stream(tag, _BINARY)

    def integer(self, tag: int) -> int:
        """A property that is a number; 0 when it is not there."""
        return self._fixed.get((tag, _INTEGER), 0) & 0xFFFFFFFF

    def is_set(self, tag: int) -> bool:
        """A property that is yes or no."""
        return bool(self._fixed.get((tag, _BOOLEAN), 0) & 0xFF)

    def time(self, tag: int) -> datetime | None:
        """A property that is a moment."""
        ticks = self._fixed.get((tag, _TIME), 0)
        return _EPOCH + timedelta(microseconds=ticks // 10) if 0 < ticks < _MAX_TICKS else None

    def attachments(self) -> Iterator[Store]:
        """The attachments in order."""
        depth = len(self._path)
        entries = cast("list[list[str]]", self._ole.listdir(streams=False, storages=True))
        names = {
            entry[depth]
            for entry in entries
            if len(entry) > depth
            and tuple(entry[:depth]) == self._path
            and entry[depth].startswith(_ATTACHMENT)
        }
        for name in sorted(names):
            yield Store(self._ole, (*self._path, name), 8, self._code_page)

    def attached_message(self) -> Store | None:
        """The message that this attachment is, where it is one."""
        path = (*self._path, f"__substg1.0_{_ATTACHED_DATA:04X}{_OBJECT}")
        if not self._ole.exists([*path, _PROPERTIES]):
            return None
        return Store(self._ole, path, 24, self._code_page)

    def _stream(self, tag: int, kind: str) -> bytes | None:
        return self._read(f"__substg1.0_{tag:04X}{kind}")

    def _read(self, name: str) -> bytes | None:
        path = [*self._path, name]
        if not self._ole.exists(path):
            return None
        try:
            with self._ole.openstream(path) as stream:
                return cast("bytes", stream.read())
        except OSError as error:
            raise BrokenFileError(
                f"the message is damaged ({error}): fetch it again from where it came."
            ) from error

    def _fixed_values(self, header_bytes: int) -> Iterator[tuple[tuple[int, int], int]]:
        content = (self._read(_PROPERTIES) or b"")[header_bytes:]
        for kind, tag, _, value in _ENTRY.iter_unpack(content[: len(content) // _ENTRY.size * _ENTRY.size]):
            yield (tag, kind), value


def open_store(content: bytes) -> Store:
    """The message in a compound file.

    Raises:
        BrokenFileError: the file is damaged.
        WrongExtensionError: it holds something else, a Word document, say.
    """
    try:
        # Bytes shorter than its header would be taken for the name of a file.
        ole = cast("Any", olefile).OleFileIO(io.BytesIO(content))
    except OSError as error:
        raise BrokenFileError(
            f"the message is damaged ({error}): fetch it again from where it came."
        ) from error
    if not ole.exists(_PROPERTIES):
        raise WrongExtensionError("the file is of Office, but no Outlook message: give it its real suffix.")
    return Store(ole, (), 32)
