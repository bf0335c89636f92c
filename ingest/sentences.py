"""Cut text into sentences, English and Chinese alike, with exact spans."""

from __future__ import annotations

import re

_BOUNDARY = re.compile(
    r"""
    (?<=[.!?])["'”’)\]]*\s+(?=["'“‘(\[]*[A-Z0-9\u3400-\u9fff])   # Latin: stop, space, then a new start
    | (?<=[。！？；])["'”’）」』】]*                               # CJK: the stop alone ends it
    | \s*\n\s*                                                    # a line of its own is a unit of its own
    """,
    re.VERBOSE,
)
_ABBREVIATION = re.compile(r"(?:\b(?:e\.g|i\.e|cf|vs|etc|Fig|No|Dr|Mr|Mrs|Ms|St|approx)|\b[A-Z])\.$")


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Half-open spans of the sentences of ``text``, in order, without the white space between them."""
    spans: list[tuple[int, int]] = []
    start = 0
    for boundary in _BOUNDARY.finditer(text):
        end = boundary.end()
        if "\n" not in boundary.group() and _ABBREVIATION.search(text, start, boundary.start()):
            continue
        _append_trimmed(spans, text, start, end)
        start = end
    _append_trimmed(spans, text, start, len(text))
    return spans


def _append_trimmed(spans: list[tuple[int, int]], text: str, start: int, end: int) -> None:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if start < end:
        spans.append((start, end))
