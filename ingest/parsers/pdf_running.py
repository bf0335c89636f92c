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
from operator import itemgetter

from ingest.parsers.pdf_lines import Line, PageLines

_ZONE = 0.15
_PAGE_NUMBER_ZONE = 0.2
_BOTTOM = Line._fields.index("bottom")
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
    edges = [list(_edge_lines(page)) for page in pages]
    repeats = Counter(
        key
        for page, lines in zip(pages, edges, strict=True)
        for key in {key for line in lines if _is_near(line, page, _ZONE) for key in _keys(line, page.number)}
    )
    needed = min(_MIN_REPEATS, max(2, len(pages)))
    kept: list[PageLines] = []
    for whole, lines in zip(pages, edges, strict=True):
        page = whole
        running = {
            id(line)
            for line in lines
            if (
                _is_near(line, page, _ZONE)
                and any(repeats[key] >= needed for key in _keys(line, page.number))
            )
            or _is_page_number(line, page.number, len(pages))
        }
        if running:
            page = replace(page, lines=tuple(line for line in page.lines if id(line) not in running))
        kept.append(page)
    return kept


def _edge_lines(page: PageLines) -> list[Line]:
    """The outermost lines near the top and the bottom of a page that has more than those."""
    if len(page.lines) <= 1:
        return []
    lowest_first = sorted(page.lines, key=itemgetter(_BOTTOM))
    outermost = lowest_first[:_OUTERMOST_LINES] + lowest_first[-_OUTERMOST_LINES:]
    return [line for line in outermost if _is_near(line, page, _PAGE_NUMBER_ZONE)]


def _is_near(line: Line, page: PageLines, zone: float) -> bool:
    """Whether a line stands in the uppermost or lowermost ``zone`` of its page."""
    return line.top < zone * page.height or line.bottom > (1 - zone) * page.height


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
