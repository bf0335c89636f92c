"""Find the running headers, footers and page numbers of a paginated text and leave them out.

A running line stands in the outer sixth or so of its page, among the two outermost lines there, and comes
again on other pages with nothing but the page number in it changed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice

from ingest.parsers.pdf_lines import Line, PageLines

_ZONE = 0.15
_OUTERMOST_LINES = 2
_MIN_REPEATS = 3
_MAX_NUMBERS = 5
_MAX_PAGE_NUMBER_CHARACTERS = 40
_DIGITS = re.compile(r"\b\d{1,4}\b")
_NUMBER = r"(?:\d{1,4}|[ivxlc]{1,7})"
_PAGE_NUMBER = re.compile(
    rf"""[-–—·|\s]*(?:page|seite|p\.|第)?\s*(?P<number>{_NUMBER})\s*页?\s*
    (?:(?:of|von|/|，?\s*共)\s*(?P<total>{_NUMBER})\s*页?)?[-–—·|\s]*\Z""",
    re.IGNORECASE | re.VERBOSE,
)


def drop_running_lines(pages: Sequence[PageLines]) -> list[PageLines]:
    """The pages without what runs along their edges."""
    repeats = Counter(
        key
        for page in pages
        for key in {key for line in _edge_lines(page) for key in _keys(line, page.number)}
    )
    needed = min(_MIN_REPEATS, max(2, len(pages)))
    kept: list[PageLines] = []
    for page in pages:
        running = {
            id(line)
            for line in _edge_lines(page)
            if any(repeats[key] >= needed for key in _keys(line, page.number))
            or _is_page_number(line, page.number, len(pages))
        }
        kept.append(replace(page, lines=tuple(line for line in page.lines if id(line) not in running)))
    return kept


def _edge_lines(page: PageLines) -> Iterator[Line]:
    """The outermost lines at the top and at the bottom of a page that has more than those."""
    if len(page.lines) <= 1:
        return
    lowest_first = sorted(page.lines, key=lambda line: line.bottom)
    for line in lowest_first[:_OUTERMOST_LINES]:
        if line.top < _ZONE * page.height:
            yield line
    for line in lowest_first[-_OUTERMOST_LINES:]:
        if line.bottom > (1 - _ZONE) * page.height:
            yield line


def _keys(line: Line, page_number: int) -> Iterator[str]:
    """The line as it is, and with each of its numbers counted from the number of the page."""
    text = " ".join(line.text.lower().split())
    yield text
    for match in islice(_DIGITS.finditer(text), _MAX_NUMBERS):
        distance = int(match[0]) - page_number
        yield f"{text[: match.start()]}<{distance}>{text[match.end() :]}"


def _is_page_number(line: Line, page_number: int, page_count: int) -> bool:
    """Whether a line says nothing but a page number, or "3 of 9"; a single page has none but "1"."""
    match = _PAGE_NUMBER.match(line.text) if len(line.text) <= _MAX_PAGE_NUMBER_CHARACTERS else None
    if match is None:
        return False
    return match["total"] is not None or page_count > 1 or match["number"] == str(page_number)
