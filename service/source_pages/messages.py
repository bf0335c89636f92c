"""What the process that draws is told, and what it answers."""

from __future__ import annotations

import msgspec


class DrawTask(msgspec.Struct, frozen=True):
    """Draw a page of the PDF whose bytes have this digest.

    Attributes:
        uri: the document's address, for the errors.
        places: the files that may hold it, the best first; names of files need not be text.
        name: that of the file; its suffix tells what kind it is.
        member: the document's path inside of the file; empty for the file itself.
        sha256: of the bytes that were parsed, in hexadecimal.
        page: counts from 1.
        width: in dots.
        seconds, file_bytes, memory_bytes: what it may cost.
    """

    uri: str
    places: tuple[bytes, ...]
    name: str
    member: str
    sha256: str
    page: int
    width: int
    seconds: float
    file_bytes: int
    memory_bytes: int


class Drawn(msgspec.Struct, frozen=True, tag=True):
    """A page as a PNG, of a document with so many ``pages``."""

    png: bytes
    pages: int


class NotDrawn(msgspec.Struct, frozen=True, tag=True):
    """Why not; ``code`` names an error."""

    code: str
    reason: str


encode_task = msgspec.msgpack.Encoder().encode
decode_task = msgspec.msgpack.Decoder(DrawTask).decode
encode_reply = msgspec.msgpack.Encoder().encode
decode_reply = msgspec.msgpack.Decoder(Drawn | NotDrawn).decode
