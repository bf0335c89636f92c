"""What a worker process and its parent say to each other: MessagePack frames, each behind its length.

A parser may have been taken over by the file that it read, so nothing that a worker sends can run code in
the parent: no pickle, a closed set of message types, every field checked, every length bounded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, cast

import msgspec

from ingest.document import Block, Page, TextBox
from ingest.errors import (
    AddressRefusedError,
    FetchError,
    FileTooLargeError,
    ParseError,
    ParserCrashedError,
    RobotsRefusedError,
    SourceGoneError,
)
from ingest.parse import ParsedPart, ParseLimits
from ingest.parsers.text_builder import ParsedFile

LENGTH_BYTES = 4
_UTF8_BYTES = 4
_STRUCTURE_BYTES = 128_000_000
_MAX_NAME = 65_536
_MAX_REASON = 4_000

_Name = Annotated[str, msgspec.Meta(max_length=_MAX_NAME)]
_Reason = Annotated[str, msgspec.Meta(max_length=_MAX_REASON)]
_Digest = Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{64})?\Z")]


@dataclass(frozen=True, slots=True)
class ParseTask:
    """A file on disk (``path``), or one whose bytes are at hand (``content``); ``name`` tells its format.

    ``key`` is the caller's own, and comes back with each result.
    """

    key: int
    path: Path | None
    content: bytes | None
    name: str


class Started(msgspec.Struct, frozen=True, tag="started", array_like=True, forbid_unknown_fields=True):
    """The next task has come; what happens from here on is that file's doing."""


class Parsed(msgspec.Struct, frozen=True, tag="parsed", array_like=True, forbid_unknown_fields=True):
    """The text of the file, or of one inside of it."""

    member: _Name
    content_sha256: _Digest
    source_sha256: _Digest
    parsed: ParsedFile


class Failed(msgspec.Struct, frozen=True, tag="failed", array_like=True, forbid_unknown_fields=True):
    """Why the file, or one inside of it, could not be read; ``code`` names a class of ``ParseError``."""

    member: _Name
    content_sha256: _Digest
    source_sha256: _Digest
    code: _Name
    reason: _Reason


class Finished(msgspec.Struct, frozen=True, tag="finished", array_like=True, forbid_unknown_fields=True):
    """Nothing more comes of this task."""

    source_sha256: _Digest


Reply = Started | Parsed | Failed | Finished


class _Request(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A task; names are bytes, because those of files need not be text."""

    key: int
    path: bytes | None
    content: bytes | None
    name: bytes


class Frames:
    """Cuts a stream of bytes into the messages that it carries."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The messages that are complete with ``data``.

        Raises:
            ParserCrashedError: a message announces more bytes than any may have.
        """
        self._buffer += data
        while len(self._buffer) >= LENGTH_BYTES:
            length = int.from_bytes(self._buffer[:LENGTH_BYTES], "big")
            if length > self._max_bytes:
                raise malformed(f"announced {length} bytes, and at most {self._max_bytes} are read")
            end = LENGTH_BYTES + length
            if len(self._buffer) < end:
                return
            message = bytes(memoryview(self._buffer)[LENGTH_BYTES:end])
            del self._buffer[:end]
            yield message


class RequestCoder:
    """Tasks as bytes, and back."""

    def __init__(self) -> None:
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(_Request)

    def encode(self, task: ParseTask) -> bytearray:
        """``task`` as a frame."""
        path = None if task.path is None else _bytes_of(str(task.path))
        return _frame(self._encoder, _Request(task.key, path, task.content, _bytes_of(task.name)))

    def decode(self, message: bytes | bytearray) -> ParseTask:
        """The task in a frame's message."""
        request = self._decoder.decode(message)
        path = None if request.path is None else Path(_text_of(request.path))
        return ParseTask(request.key, path, request.content, _text_of(request.name))


class ReplyWriter:
    """What a worker makes of its results: frames that its parent accepts."""

    def __init__(self, limits: ParseLimits) -> None:
        self._encoder = msgspec.msgpack.Encoder()
        self._max_bytes = max_reply_bytes(limits)

    def started(self) -> bytearray:
        """The frame that opens a task."""
        return self._encode(Started())

    def part(self, part: ParsedPart, source_sha256: str) -> bytearray:
        """The frame of one result; one that is too large becomes the error that says so."""
        outcome = part.outcome
        if isinstance(outcome, ParseError):
            reason = " ".join(_scrubbed(str(outcome)).split())[:_MAX_REASON]
            return self._encode(
                Failed(_member(part), part.content_sha256, source_sha256, type(outcome).code, reason)
            )
        try:
            frame = self._encode(Parsed(_member(part), part.content_sha256, source_sha256, outcome))
            if len(frame) <= self._max_bytes:
                return frame
            refused: ParseError = FileTooLargeError(
                f"What was parsed takes {len(frame)} bytes, and at most {self._max_bytes} are passed on: "
                "split the file."
            )
        except (OverflowError, TypeError) as error:
            refused = malformed(f"found what cannot be passed on ({error})")
        return self.part(ParsedPart(part.member, part.content_sha256, refused), source_sha256)

    def finished(self, source_sha256: str) -> bytearray:
        """The frame that closes a task."""
        return self._encode(Finished(source_sha256))

    def _encode(self, reply: Reply) -> bytearray:
        try:
            return _frame(self._encoder, reply)
        except UnicodeEncodeError:
            # A lone surrogate that a parser let through. Each becomes one "?", so that all spans hold.
            return _frame(self._encoder, _scrubbed(msgspec.to_builtins(reply)))


class ReplyReader:
    """What the parent makes of a worker's messages; anything out of order is a crash of the worker."""

    def __init__(self, limits: ParseLimits) -> None:
        self._decoder = msgspec.msgpack.Decoder(Reply)
        self._max_characters = limits.text_characters
        self._errors = parser_errors()

    def read(self, message: bytes) -> Reply:
        """The message, well formed.

        Raises:
            ParserCrashedError: it is not.
        """
        try:
            reply = self._decoder.decode(message)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise malformed("sent what is no result") from error
        if isinstance(reply, Parsed) and not _is_sound(reply.parsed, self._max_characters):
            raise malformed("gave spans outside of the text, or too much text")
        if isinstance(reply, Failed) and reply.code not in self._errors:
            raise malformed("sent an error that does not exist")
        return reply

    def part_of(self, reply: Parsed | Failed) -> ParsedPart:
        """The result that a message carries."""
        if isinstance(reply, Parsed):
            return ParsedPart(reply.member, reply.content_sha256, reply.parsed)
        error = self._errors[reply.code](reply.reason)
        return ParsedPart(reply.member, reply.content_sha256, error)


def parser_errors() -> dict[str, type[ParseError]]:
    """What a parser may say is wrong with a file, by code; of a page's address it knows nothing."""
    of_addresses = (AddressRefusedError, RobotsRefusedError, FetchError, SourceGoneError)
    public = (cls for cls in ParseError.__subclasses__() if cls.__module__ == ParseError.__module__)
    return {cls.code: cls for cls in (ParseError, *public) if cls not in of_addresses}


def malformed(what: str) -> ParserCrashedError:
    """The error for a worker that broke the protocol; ``what`` it did."""
    return ParserCrashedError(
        f"its parser {what}, and was stopped: open the file in its own program and save it again."
    )


def max_reply_bytes(limits: ParseLimits) -> int:
    """The longest message that a worker may send: the most text, and room for its structure."""
    return _UTF8_BYTES * limits.text_characters + _STRUCTURE_BYTES


def _is_sound(parsed: ParsedFile, max_characters: int) -> bool:
    """Whether every span lies in the text, so that nothing behind it reads outside of it."""
    length = len(parsed.text)
    spans: tuple[tuple[Block, ...] | tuple[Page, ...] | tuple[TextBox, ...], ...]
    spans = (parsed.blocks, parsed.pages, parsed.boxes)
    return (
        length <= max_characters
        and all(0 <= span.start <= span.end <= length for group in spans for span in group)
        and all(
            block.start <= block.header[0] <= block.header[1] <= block.end
            for block in parsed.blocks
            if block.header is not None
        )
    )


def _member(part: ParsedPart) -> str:
    return part.member[:_MAX_NAME]


def _scrubbed(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {_scrubbed(k): _scrubbed(v) for k, v in cast("dict[Any, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [_scrubbed(item) for item in cast("list[Any]", value)]
    return value


def _bytes_of(name: str) -> bytes:
    return name.encode("utf-8", "surrogatepass")


def _text_of(name: bytes) -> str:
    return name.decode("utf-8", "surrogatepass")


def _frame(encoder: msgspec.msgpack.Encoder, message: object) -> bytearray:
    frame = bytearray(LENGTH_BYTES)
    encoder.encode_into(message, frame, LENGTH_BYTES)
    frame[:LENGTH_BYTES] = (len(frame) - LENGTH_BYTES).to_bytes(LENGTH_BYTES, "big")
    return frame
