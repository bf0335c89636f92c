"""Pictures of pages -> lines of text, by RapidOCR, which carries its models (English and Chinese) with it.

This module needs the extra ``ocr``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple, Protocol, cast

from ingest.optional import is_installed, require

EXTRA = "ocr"
_LIBRARY = "rapidocr"
_MIN_SCORE = 0.5


class RecognizedLine(NamedTuple):
    """A line and its box in dots from the upper left corner of the picture."""

    text: str
    left: float
    top: float
    right: float
    bottom: float


class _Result(Protocol):
    boxes: Any
    txts: Sequence[str] | None


class _Engine(Protocol):
    def __call__(self, picture: Any, *, text_score: float) -> _Result: ...


def is_available() -> bool:
    """Whether the extra is installed."""
    return is_installed(_LIBRARY) and is_installed("onnxruntime")


def recognize(picture: Any) -> list[RecognizedLine]:
    """The lines of a picture (an array of rows, columns and blue, green, red), in reading order.

    What stands on one height is in order from left to right; columns are not told apart.

    Raises:
        MissingExtraError: the extra ``ocr`` is not installed.
    """
    result = _engine()(picture, text_score=_MIN_SCORE)
    if result.boxes is None or result.txts is None:
        return []
    lines: list[RecognizedLine] = []
    for corners, text in zip(result.boxes, result.txts, strict=True):
        (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
        lines.append(RecognizedLine(text, float(left), float(top), float(right), float(bottom)))
    return _in_rows(lines)


@cache
def _engine() -> _Engine:
    """The models, loaded once for a process (half a second).

    One thread: the files of an ingest are spread over the cores already. Lines are read one by one, since a
    batch is as wide as its longest line. They are looked for at the picture's full size: at less, lines
    that stand close come as one.
    """
    module = cast("Any", require(_LIBRARY, extra=EXTRA))
    settings = {
        "Global.log_level": "critical",
        "EngineConfig.onnxruntime.intra_op_num_threads": 1,
        "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        "Rec.rec_batch_num": 1,
    }
    return cast("_Engine", module.RapidOCR(params=settings))


def _in_rows(lines: list[RecognizedLine]) -> list[RecognizedLine]:
    """From top to bottom, and from left to right where lines stand beside one another."""
    rows: list[list[RecognizedLine]] = []
    for line in sorted(lines, key=lambda line: line.top + line.bottom):
        if rows and (line.top + line.bottom) / 2 < _lower_quarter(rows[-1][0]):
            rows[-1].append(line)
        else:
            rows.append([line])
    return [line for row in rows for line in sorted(row, key=lambda line: line.left)]


def _lower_quarter(line: RecognizedLine) -> float:
    return line.bottom - (line.bottom - line.top) / 4
