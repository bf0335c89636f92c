"""How deep a heading is, by what its size and the outline say together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ingest.parsers.pdf_lines import PageLines
from ingest.parsers.pdf_outline import Outline
from ingest.parsers.pdf_typography import Typography

_MAX_LEVEL = 6


class HeadingLevels:
    """Levels by size alone where the outline names no line; else by the outline, and sizes fall in with it.

    A size larger than that of all lines that the outline names (the title's) stands above them.
    """

    def __init__(self, pages: Sequence[PageLines], typography: Typography, outline: Outline) -> None:
        matched = outline.matched_sizes(pages)
        self._outline = outline
        self._matched = matched
        self._largest = max(matched, default=0.0)
        self._above = typography.count_heading_sizes_over(self._largest) if matched else 0

    def named_on(self, page: int) -> Mapping[str, int]:
        """The bookmarks of a page, for ``level_in``."""
        return self._outline.on_page(page)

    def of_bookmark(self, level: int) -> int:
        """The level of a heading whose bookmark has ``level``."""
        return min(level + self._above, _MAX_LEVEL)

    def of_size(self, size: float, level: int) -> int:
        """The level of a heading that no bookmark names, of which the size alone says ``level``."""
        if size > self._largest:
            return level
        known = self._matched.get(size)
        if known is None:
            known = 1 + self._matched[min(other for other in self._matched if other > size)]
        return self.of_bookmark(known)
