"""Headings for contexts that come without one.

A served passage stands under its title, and data sets give bare contexts. A model that was trained on these
has never seen words behind a number in its prompt: having cited [1] it went on with the title that it saw
there, again and again. The heading need not be the true one, it has to look like one.
"""

from __future__ import annotations

import re
from collections import Counter

from ingest.words.stop_words import is_stop_word

_NAME = re.compile(r"[A-Z][\w’'-]*(?:\s+(?:(?:of|the|de|von)\s+){0,2}[A-Z][\w’'-]*)*")
_HAN = re.compile(r"[\u4e00-\u9fff]{2,12}")
_WORDS = 4


def heading_of(text: str) -> str:
    """The name that ``text`` repeats most, the first of several; in Chinese, or without, its first words."""
    han = _HAN.search(text)
    if han is not None and han.start() < len(han[0]):
        return han[0]
    names = Counter(name for name in _NAME.findall(text) if not is_stop_word(name.casefold()))
    if names:
        return max(names, key=names.__getitem__)
    return " ".join(text.split()[:_WORDS])
