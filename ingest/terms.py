"""Text to the terms that BM25 counts, the same for documents and questions.

NFKC, lower case, diacritics folded (of Latin, Greek and Cyrillic letters); Latin words stemmed (Snowball
English); numbers, codes and identifiers (``XJ-2041b``, ``max_tokens``) whole and in parts; CJK characters as
1- and 2-grams.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Protocol, cast

import snowballstemmer  # pyright: ignore[reportMissingTypeStubs]

TERMS_VERSION = 1

_CJK = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u3040-\u30ff\uac00-\ud7af\U00020000-\U0003ffff"
_TOKEN = re.compile(rf"[{_CJK}]+|[^\W_{_CJK}]+(?:[-_.+#/'][^\W_{_CJK}]+)*[+#]*")
_PART = re.compile(r"[^\W\d_]+|\d+")
_IS_CJK = re.compile(rf"[{_CJK}]")
_DIACRITIC = re.compile("[\u0300-\u036f]")

_STOPWORDS = """
a an and are as at be been but by can did do does for from had has have how i if in into is it its many
may me much must my no not of on one or our shall should so such than that the their them then there
these they this to was we were what when where which who whom whose why will with would you your 的 了 是
在 和 与 或 吗 呢 么 什 么 什么 怎 怎么 如 何 如何 哪 些 哪些 多 少 多少 为 为什 个 一 有 被 把 从 对 中
上 下 请 问 几 哪个 谁 时 会 能 可 以 可以 要 应 该 应该 用 到 其 这 那 它 们 吧 啊 就 都 也 而 及 等 之
于 由 所 并 且 里 给
"""
STOPWORDS: frozenset[str] = frozenset(_STOPWORDS.split())


def terms(text: str) -> list[str]:
    """The terms of ``text`` in order, with repeats."""
    found: list[str] = []
    for token in _TOKEN.findall(fold(text)):
        if _IS_CJK.match(token):
            found.extend(token)
            found.extend(token[index : index + 2] for index in range(len(token) - 1))
        else:
            found.extend(_latin_terms(token))
    return found


def content_terms(text: str) -> list[str]:
    """``terms`` without the words that any text holds; a CJK 2-gram goes when either half is such a word."""
    return [term for term in terms(text) if not _is_empty_word(term)]


def fold(text: str) -> str:
    """NFKC, case folded, and the diacritics of Latin, Greek and Cyrillic letters removed.

    The marks of other scripts tell letters apart (Japanese が is not か) and stay.
    """
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    return unicodedata.normalize("NFC", _DIACRITIC.sub("", decomposed))


def _is_empty_word(term: str) -> bool:
    if term in _empty_terms():
        return True
    return len(term) == 2 and bool(_IS_CJK.match(term)) and any(part in STOPWORDS for part in term)


@lru_cache(maxsize=1)
def _empty_terms() -> frozenset[str]:
    """The stop words, and what ``terms`` makes of them."""
    return STOPWORDS | frozenset(_stem(word) for word in STOPWORDS if word.isascii())


@lru_cache(maxsize=65536)
def _latin_terms(token: str) -> tuple[str, ...]:
    if token.isalpha():
        return (_stem(token),)
    parts = [_stem(part) for part in _PART.findall(token)]
    if len(parts) == 1 and parts[0] == token:
        return (token,)
    return (token, *parts)


@lru_cache(maxsize=65536)
def _stem(word: str) -> str:
    return _stemmer().stemWord(word)


class _Stemmer(Protocol):
    """What is used of snowballstemmer, which has no types."""

    def stemWord(self, word: str) -> str: ...  # noqa: N802 - the library's name


@lru_cache(maxsize=1)
def _stemmer() -> _Stemmer:
    return cast("_Stemmer", snowballstemmer.stemmer("english"))  # pyright: ignore[reportUnknownMemberType]
