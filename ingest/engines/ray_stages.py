"""What the actors of a Ray cluster do: parse files within the limits, and embed texts.

Rows and results are bytes, in the form in which parsing processes and their parent speak to each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np

from ingest.embed import EmbedderSpec, Matrix, load_embedder
from ingest.settings import EmbedderSettings
from ingest.workers.messages import (
    LENGTH_BYTES,
    Failed,
    Frames,
    Parsed,
    ParseTask,
    ReplyReader,
    ReplyWriter,
    RequestCoder,
)
from ingest.workers.pool import ParseResult, ParserPool, WorkerLimits

_TASKS_OF_A_ROW = 8
_ROW_BYTES = 1_000_000
_MOST = 1 << 32


class _Result(msgspec.Struct, frozen=True, array_like=True):
    """A ``ParseResult``; ``part`` is a reply's frame."""

    key: int
    part: bytes | None
    source_sha256: str
    last: bool


class _Vectors(msgspec.Struct, frozen=True, array_like=True):
    """The vectors of batch ``number``: ``rows`` times the dimension, float32, little-endian."""

    number: int
    rows: Annotated[int, msgspec.Meta(ge=0)]
    values: bytes


_results = msgspec.msgpack.Decoder(list[_Result])
_texts = msgspec.msgpack.Decoder(tuple[int, list[str]])
_vectors = msgspec.msgpack.Decoder(_Vectors)


def task_rows(tasks: Iterable[ParseTask]) -> Iterator[bytes]:
    """Tasks as rows, a few in each."""
    coder, row, count = RequestCoder(), bytearray(), 0
    for task in tasks:
        row += coder.encode(task)
        count += 1
        if count >= _TASKS_OF_A_ROW or len(row) >= _ROW_BYTES:
            yield bytes(row)
            row, count = bytearray(), 0
    if row:
        yield bytes(row)


def parse_results(data: bytes, reader: ReplyReader) -> Iterator[ParseResult]:
    """The results that one result of ``ParseFiles`` holds."""
    for result in _results.decode(data):
        reply = None if result.part is None else reader.read(result.part[LENGTH_BYTES:])
        part = reader.part_of(reply) if isinstance(reply, Parsed | Failed) else None
        yield ParseResult(result.key, part, result.source_sha256, result.last)


class ParseFiles:
    """Parses rows of tasks, each file in a guarded process of this actor."""

    def __init__(self, limits: WorkerLimits) -> None:
        self._pool = ParserPool(1, limits)
        self._coder = RequestCoder()
        self._writer = ReplyWriter(limits.parse)

    def __call__(self, row: bytes) -> Iterator[bytes]:
        messages = Frames(_MOST).feed(row)
        results: list[_Result] = []
        size = 0
        for result in self._pool.parse(self._coder.decode(message) for message in messages):
            part = (
                None if result.part is None else bytes(self._writer.part(result.part, result.source_sha256))
            )
            results.append(_Result(result.key, part, result.source_sha256, result.last))
            size += len(part or b"")
            if size >= _ROW_BYTES:
                yield msgspec.msgpack.encode(results)
                results, size = [], 0
        yield msgspec.msgpack.encode(results)

    def __del__(self) -> None:
        self._pool.close()


def text_row(number: int, texts: Sequence[str]) -> bytes:
    """Batch ``number`` as a row."""
    return msgspec.msgpack.encode((number, list(texts)))


def vectors_of(data: bytes) -> tuple[int, Matrix]:
    """The number of a batch, and its vectors."""
    found = _vectors.decode(data)
    return found.number, np.frombuffer(found.values, dtype="<f4").reshape(found.rows, -1)


class EmbedTexts:
    """Embeds rows of texts with an embedder that is loaded once in each actor."""

    def __init__(self, spec: EmbedderSpec, settings: EmbedderSettings, models: Path) -> None:
        self._embedder = load_embedder(spec, settings, models)

    def __call__(self, row: bytes) -> Iterator[bytes]:
        number, texts = _texts.decode(row)
        vectors = np.ascontiguousarray(self._embedder.embed_passages(texts), dtype="<f4")
        yield msgspec.msgpack.encode(_Vectors(number, len(vectors), vectors.tobytes()))
