"""The outline of a PDF (its bookmarks) -> which lines are headings, and how deep they are."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from ingest.parsers.pdf_lines import Bookmark, PageLines
from ingest.parsers.text_builder import clean_text

_MAX_TITLE_CHARACTERS = 200
_MAX_LEVEL = 6
_NOT_IN_KEY = re.compile(r"[\W_]+")
_LEADING_NUMBER = re.compile(r"\A(?:chapter|section|appendix|part)?[\divx]+(?=[^\W\d_]{3})")
_EMPTY: Mapping[str, int] = {}


class Outline:
    """Levels of the headings that bookmarks name, by page and wording.

    A bookmark says a heading's words and page, seldom its exact place, so a line is taken for it when its
    letters and digits are the same; a leading number may be missing on either side.
    """

    def __init__(self, bookmarks: Sequence[Bookmark]) -> None:
        self._levels: dict[int, dict[str, int]] = defaultdict(dict)
        for bookmark in bookmarks:
            key = _key(clean_text(bookmark.title))
            if key and len(bookmark.title) <= _MAX_TITLE_CHARACTERS:
                for variant in (key, _LEADING_NUMBER.sub("", key)):
                    self._levels[bookmark.page].setdefault(variant, min(bookmark.level, _MAX_LEVEL))

    def on_page(self, number: int) -> Mapping[str, int]:
        """What ``level_in`` wants, for one page; empty for most pages."""
        return self._levels.get(number, _EMPTY)

    def matched_sizes(self, pages: Sequence[PageLines]) -> Mapping[float, int]:
        """For each font size of lines that bookmarks name: the level that most of them have."""
        votes: dict[float, Counter[int]] = defaultdict(Counter)
        for page in pages:
            if names := self.on_page(page.number):
                for line in page.lines:
                    level = level_in(names, line.text)
                    if level is not None:
                        votes[line.size][level] += 1
        return {
            size: max(levels, key=lambda level: (levels[level], -level)) for size, levels in votes.items()
        }


def level_in(names: Mapping[str, int], text: str) -> int | None:
    """The level of the bookmark with these words, if there is one."""
    if len(text) > _MAX_TITLE_CHARACTERS:
        return None
    key = _key(text)
    level = names.get(key)
    return level if level is not None else names.get(_LEADING_NUMBER.sub("", key))


def _key(text: str) -> str:
    return _NOT_IN_KEY.sub("", text.casefold())
