"""The compressed RTF in which Outlook keeps the text of a message ([MS-OXRTFCP])."""

from __future__ import annotations

import struct

from ingest.errors import BrokenFileError, FileTooLargeError

_HEADER = struct.Struct("<IIII")
_COMPRESSED, _PLAIN = 0x75465A4C, 0x414C454D
_WINDOW = 4096
_MAX_BYTES = 50_000_000
_START = (
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript "
    b"\\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par "
    b"\\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"
)
"""What the specification puts into the window before the first byte."""


def decompress(content: bytes) -> bytes:
    """The RTF.

    Raises:
        BrokenFileError: the bytes are not compressed as specified.
        FileTooLargeError: they unpack to more than 50 MB.
    """
    if len(content) < _HEADER.size:
        raise BrokenFileError("the message's text is cut off: fetch it again from where it came.")
    _, size, kind, _ = _HEADER.unpack_from(content)
    if kind == _PLAIN:
        return content[_HEADER.size : _HEADER.size + size]
    if kind != _COMPRESSED:
        raise BrokenFileError("the message's text is compressed in an unknown way: save it again.")
    return _unpack(content[_HEADER.size :], size)


def _unpack(packed: bytes, size: int) -> bytes:
    window = bytearray(_START.ljust(_WINDOW, b"\0"))
    place = len(_START)
    unpacked = bytearray()
    position = 0
    while position < len(packed) and len(unpacked) < size:
        flags = packed[position]
        position += 1
        for bit in range(8):
            is_reference = flags >> bit & 1
            if position + is_reference >= len(packed):
                return bytes(unpacked)
            if is_reference:
                pair = packed[position] << 8 | packed[position + 1]
                position += 2
                start, count = pair >> 4, (pair & 0xF) + 2
                if start == place:
                    return bytes(unpacked)  # the end mark
            else:
                window[place] = packed[position]
                start, count = place, 1
                position += 1
            for step in range(count):
                byte = window[(start + step) % _WINDOW]
                unpacked.append(byte)
                window[place] = byte
                place = (place + 1) % _WINDOW
        if len(unpacked) > _MAX_BYTES:
            raise FileTooLargeError("the message's text unpacks to more than 50 MB: check where it is from.")
    return bytes(unpacked)
