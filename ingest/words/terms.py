"""Text to the terms that BM25 counts, the same for documents and questions.

NFKC, lower case, diacritics folded (of Latin, Greek and Cyrillic letters); words stemmed by their language;
numbers, codes and identifiers (``XJ-2041b``, ``max_tokens``, ``maxTokens``, ``v1.2.3``) whole and in parts;
CJK characters as 1- and 2-grams, traditional Chinese ones as simplified.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from functools import lru_cache

from ingest.errors import NoTermsError
from ingest.words.han_folding import fold_han
from ingest.words.stemming import DEFAULT_STEMMER, stem
from ingest.words.stop_words import is_seam, is_stop_word

TERMS_VERSION = 2

_CJK = (
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
_TOKEN = re.compile(rf"[{_CJK}]+|[^\W_{_CJK}]+(?:[-_.+#/'][^\W_{_CJK}]+)*[+#]*")
_PART = re.compile(r"[^\W\d_]+|\d+")
_IS_CJK = re.compile(rf"[{_CJK}]")
_DIACRITIC = re.compile("[\u0300-\u036f]")
_CLITIC = re.compile(r"(?:n't|'(?:s|re|ve|ll|d|m))$", re.IGNORECASE)
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
_SHORTEST_HUMP = 3


def terms(text: str, language: str = DEFAULT_STEMMER) -> list[str]:
    """The terms of a text in ``language`` (ISO 639-1), in order, with repeats."""
    found: list[str] = []
    for token in _TOKEN.findall(_compose(text)):
        if _IS_CJK.match(token):
            run = fold_han(token)
            found.extend(run)
            found.extend(run[index : index + 2] for index in range(len(run) - 1))
        else:
            found.extend(_word_terms(token, language))
    return found


def content_terms(text: str, language: str = DEFAULT_STEMMER) -> list[str]:
    """``terms`` without those that any text holds, and without pairs that grammar put side by side."""
    return [term for term in terms(text, language) if not is_stop_word(term) and not is_seam(term)]


def require_terms(text: str) -> None:
    """See to it that a question holds something to search for.

    Raises:
        NoTermsError: it has no terms.
    """
    if not _TOKEN.search(_compose(text)):
        raise NoTermsError(
            "the question holds no word to search for: ask with letters, digits or characters."
        )


def query_terms(text: str, languages: Collection[str]) -> list[str]:
    """What to search for in an index of texts in ``languages``, each term once.

    A short question's language cannot be told for sure, so its words are stemmed as each of the languages
    would, and only texts of that language hold that stem. Terms that any text holds are left out, unless
    there are no others.

    Raises:
        NoTermsError: the text has no terms.
    """
    require_terms(text)
    found = dict.fromkeys(term for language in languages for term in terms(text, language))
    return [term for term in found if not is_stop_word(term)] or list(found)


def fold(text: str) -> str:
    """NFKC, case folded, and the diacritics of Latin, Greek and Cyrillic letters removed.

    The marks of other scripts tell letters apart (Japanese が is not か) and stay.
    """
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    return unicodedata.normalize("NFC", _DIACRITIC.sub("", decomposed))


def _compose(text: str) -> str:
    return text if text.isascii() else unicodedata.normalize("NFKC", text).replace("\u2019", "'")


@lru_cache(maxsize=65536)
def _word_terms(token: str, language: str) -> tuple[str, ...]:
    """A plain word's stem; what is made of several parts as it stands, and the stem of each part."""
    token = _CLITIC.sub("", token) or token
    words = [word for part in _PART.findall(token) for word in _words_of_identifier(part)]
    parts = tuple(stem(fold(word), language) for word in words)
    whole = fold(token)
    if len(parts) == 1 and (token.isalpha() or parts[0] == whole):
        return parts
    return (whole, *parts)


def _words_of_identifier(name: str) -> list[str]:
    """``maxTokens`` and ``LexicalReader`` in words; not so ``TiDB``, a name whose pieces say nothing."""
    words = _HUMP.split(name)
    if name[0].islower() or all(len(word) >= _SHORTEST_HUMP for word in words):
        return words
    return [name]
