"""What a claim must share with its source besides words: its numbers, its names and its negations.

A sentence with another figure, another name or a "not" shares nearly all of its words with the one that it
contradicts, so these three are looked at by themselves.
"""

from __future__ import annotations

import re

from ingest.words.terms import content_terms, fold, terms

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_THOUSANDS = re.compile(r",(?=\d{3}(?!\d))")
_NAME = re.compile(r"(?<=\w\W)[A-Z][^\W\d_]+|(?<=\w\W\W)[A-Z][^\W\d_]+")
_NEGATION = re.compile(r"\b(?:not|no|never|without|neither|nor|cannot)\b|n['’]t\b", re.IGNORECASE)
_HAN_NEGATED = re.compile("(?:不(?!仅|但|同|过|断|久|少)|没有?|沒有?|未(?!来|來)|并非|並非)([\u4e00-\u9fff])")
_REACH = 24
"""Characters behind an English negation in which the word that it turns round is looked for."""


def numbers(text: str) -> frozenset[str]:
    """The numbers of ``text``, without marks between thousands."""
    return frozenset(_THOUSANDS.sub("", number) for number in _NUMBER.findall(fold(text)))


def names(text: str) -> frozenset[str]:
    """The words of ``text`` with a capital letter, folded, but for the first, which has one anyway."""
    return frozenset(fold(name) for name in _NAME.findall(text))


def is_turned_round(claim: str, source: str) -> bool:
    """Whether a word that both hold is negated in one of them and not in the other."""
    difference = _negated(claim) ^ _negated(source)
    return bool(difference) and not difference.isdisjoint(set(terms(claim)) & set(terms(source)))


def _negated(text: str) -> frozenset[str]:
    """The terms behind a negation: the next word, or the next Chinese character."""
    behind = (content_terms(text[match.end() :][:_REACH]) for match in _NEGATION.finditer(text))
    return frozenset((*(words[0] for words in behind if words), *_HAN_NEGATED.findall(text)))
