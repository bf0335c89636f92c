"""Cut text into sentences, English and Chinese alike, with exact spans."""

from __future__ import annotations

import re

from ingest.words.language import HAN, KANA

_BOUNDARY = re.compile(
    r"""
    (?<=[.!?])["'”’)\]]*\s+(?=["'“‘(\[]*(?P<next>[^\W_]))   # Latin: stop, space, then a new start
    | (?<=[。！？；])["'”’）」』】]*+(?![。！？；])            # CJK: the last stop alone ends it
    | (?P<line>\n)                                          # most lines are units of their own
    """,
    re.VERBOSE,
)
_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|cf|vs|etc|al|ca|resp|incl|approx|[Ff]igs?|[Ee]qs?|[Ss]ec|[Cc]h|[Vv]ol|pp|No|Nos|Nr"
    r"|Dr|Mr|Mrs|Ms|St|Prof|Gen|Col|Capt|Lt|Rev|Sen|Rep|Gov|Hon|Jr|Sr|Inc|Ltd|Corp|Co"
    r"|Jan|Feb|Mar|Apr|Aug|Sept?|Oct|Nov|Dec)|\b[A-Z])\.$"
)
_LONGEST_ABBREVIATION = 8
_ENUMERATOR = re.compile(r"\s*\d{1,3}\.")

_WRAPPED_COLUMNS = 40
"""A line of fewer columns was ended on purpose; an ideograph takes two."""

_IDEOGRAPH = f"[{HAN}{KANA}]"  # compiled when first used: it takes milliseconds
_LINE_START = re.compile(r"[ \t]{0,8}(?!\d{1,3}[.)]\s|[a-zA-Z][.)]\s)([^\W_])")
_WITHIN = frozenset(",，、-–—(（")
"""Signs that end no sentence and no heading."""


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Half-open spans of the sentences of ``text``, in order, without the white space between them.

    A line is a sentence of its own, unless it is plainly prose that was wrapped to a width.
    """
    spans: list[tuple[int, int]] = []
    start = 0
    for boundary in _BOUNDARY.finditer(text):
        if boundary["next"] and _goes_on(text, start, boundary.start(), boundary["next"]):
            continue
        if boundary["line"] and _is_wrapped(text, boundary.start()):
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


def _is_wrapped(text: str, line_end: int) -> bool:
    """Whether the line that ends here is full, stops within a sentence, and the next one takes it up."""
    last = text[line_end - 1 : line_end]
    following = _LINE_START.match(text, line_end + 1)
    if following is None or not (last.isalnum() or last in _WITHIN):
        return False
    if re.match(_IDEOGRAPH, following[1]):
        return _has_columns(text, line_end, _WRAPPED_COLUMNS // 2) and not last.isascii()
    if following[1].islower():
        return _has_columns(text, line_end, _WRAPPED_COLUMNS)
    return _has_columns(text, line_end, 3 * _WRAPPED_COLUMNS // 2) and not last.isdigit()


def _has_columns(text: str, line_end: int, columns: int) -> bool:
    return line_end >= columns and "\n" not in text[line_end - columns : line_end]


def _append_trimmed(spans: list[tuple[int, int]], text: str, start: int, end: int) -> None:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if start < end:
        spans.append((start, end))
