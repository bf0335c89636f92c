"""Words to stems, by the Snowball algorithm of their language (Porter 2001, snowballstem.org)."""

from __future__ import annotations

import threading
from functools import lru_cache
from typing import Protocol, cast

import Stemmer  # pyright: ignore[reportMissingTypeStubs]

_ALGORITHMS = {
    "ar": "arabic",
    "de": "german",
    "el": "greek",
    "en": "english",
    "es": "spanish",
    "fr": "french",
    "hi": "hindi",
    "it": "italian",
    "nl": "dutch",
    "pt": "portuguese",
    "ru": "russian",
}
DEFAULT_STEMMER = "en"
"""Whose stemmer takes the words of a language that has none here, Chinese among them."""


@lru_cache(maxsize=65536)
def stem(word: str, language: str) -> str:
    """The stem of a word in lower case; ``language`` is an ISO 639-1 code."""
    return _stemmers().of(stemmer_of(language)).stemWord(word)


def stemmer_of(language: str) -> str:
    """The language whose stemmer takes words of ``language``."""
    return language if language in _ALGORITHMS else DEFAULT_STEMMER


class _Stemmer(Protocol):
    """What is used of PyStemmer, which has no types."""

    def stemWord(self, word: str) -> str: ...  # noqa: N802 - the library's name


class _Stemmers(threading.local):
    """The stemmers of one thread, made when asked for; two threads must not use the same one at once."""

    def __init__(self) -> None:
        self._made: dict[str, _Stemmer] = {}

    def of(self, language: str) -> _Stemmer:
        if language not in self._made:
            self._made[language] = cast("_Stemmer", Stemmer.Stemmer(_ALGORITHMS[language]))  # pyright: ignore[reportUnknownMemberType]
        return self._made[language]


@lru_cache(maxsize=1)
def _stemmers() -> _Stemmers:
    return _Stemmers()
