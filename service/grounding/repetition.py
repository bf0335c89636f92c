"""Where an answer begins to go round in circles, as small models do once they have said what they know."""

from __future__ import annotations

import re
from collections.abc import Iterable

_MARKER = re.compile(r"\[(\d{1,3})\]")
_NOT_A_WORD = re.compile(r"\W+")


def end_before_repetition(text: str, headings: Iterable[str]) -> int | None:
    """Where to end ``text``, behind a marker: what follows repeats the marker, a heading or earlier words.

    None while nothing is repeated. Only what a further marker closes is looked at, since the words before
    it may go on.
    """
    repeated = {_words(heading) for heading in headings}
    said: set[str] = set()
    run: set[str] = set()
    behind = 0
    for marker in _MARKER.finditer(text):
        words = _words(text[behind : marker.start()])
        if words:
            if behind and (words in repeated or words in said):
                return behind
            said.add(words)
            run = set()
        elif marker[1] in run:
            return behind
        run.add(marker[1])
        behind = marker.end()
    return None


def _words(text: str) -> str:
    return _NOT_A_WORD.sub(" ", text).strip().casefold()
