"""Cut text into sentences, English and Chinese alike, with exact spans."""

from __future__ import annotations

import re

_BOUNDARY = re.compile(
    r"""
    (?<=[.!?])["'”’)\]]*\s+(?=["'“‘(\[]*(?P<next>[^\W_]))   # Latin: stop, space, then a new start
    | (?<=[。！？；])["'”’）」』】]*+(?![。！？；])            # CJK: the last stop alone ends it
    | \n                                                    # a line of its own is a unit of its own
    """,
    re.VERBOSE,
)
_ABBREVIATION = re.compile(r"(?:\b(?:e\.g|i\.e|cf|vs|etc|Fig|No|Dr|Mr|Mrs|Ms|St|approx)|\b[A-Z])\.$")
_LONGEST_ABBREVIATION = 8
_ENUMERATOR = re.compile(r"\s*\d{1,3}\.")


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Half-open spans of the sentences of ``text``, in order, without the white space between them."""
    spans: list[tuple[int, int]] = []
    start = 0
    for boundary in _BOUNDARY.finditer(text):
        if boundary["next"] and _goes_on(text, start, boundary.start(), boundary["next"]):
            continue
        _append_trimmed(spans, text, start, boundary.end())
        start = boundary.end()
    _append_trimmed(spans, text, start, len(text))
    return spans


def _goes_on(text: str, start: int, stop: int, following: str) -> bool:
    """Whether the stop that ends ``text[start:stop]`` belongs to an abbreviation or to a list's number."""
    if "\n" in text[stop : text.index(following, stop)]:
        return False
    # The search is kept short: a text of nothing but initials would make it quadratic.
    return (
        following.islower()
        or _ABBREVIATION.search(text, max(start, stop - _LONGEST_ABBREVIATION), stop) is not None
        or _ENUMERATOR.fullmatch(text, start, stop) is not None
    )


def _append_trimmed(spans: list[tuple[int, int]], text: str, start: int, end: int) -> None:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if start < end:
        spans.append((start, end))
