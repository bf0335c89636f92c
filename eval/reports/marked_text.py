"""Cut a text where marks begin and end, so that a page can show them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise


class MarkKind(StrEnum):
    """What a mark says of the words below it, from good to bad."""

    SUPPORTED = "supported"
    UNSUPPORTED = "unsupported"
    ELSEWHERE = "elsewhere"
    INEXACT = "inexact"


LEGEND = {
    MarkKind.SUPPORTED: "borne out by the quote",
    MarkKind.UNSUPPORTED: "not borne out",
    MarkKind.ELSEWHERE: "quoted from another place than expected",
    MarkKind.INEXACT: "not the source's words",
}


@dataclass(frozen=True, slots=True)
class Mark:
    """Some characters of a text, from ``start`` to before ``end``, and what is said of them."""

    start: int
    end: int
    kind: MarkKind


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a text; ``kind`` is None where it is not marked."""

    text: str
    kind: MarkKind | None


def marked_pieces(text: str, marks: Iterable[Mark]) -> Iterator[Piece]:
    """``text`` in pieces, each of which lies under the same marks; under several, the worst counts.

    Marks are cut to the text, and those that lie outside are left out.
    """
    inside = [Mark(max(mark.start, 0), min(mark.end, len(text)), mark.kind) for mark in marks]
    inside = [mark for mark in inside if mark.start < mark.end]
    ends = sorted({0, len(text), *(mark.start for mark in inside), *(mark.end for mark in inside)})
    order = list(MarkKind)
    for start, end in pairwise(ends):
        over = [mark.kind for mark in inside if mark.start <= start and end <= mark.end]
        yield Piece(text[start:end], max(over, key=order.index, default=None))
