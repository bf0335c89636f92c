"""Whether two questions ask for the same, word by word: what an embedding does not see.

"When was X founded?" and "Who founded X?", 1960 and 1970, a chair and a vice-chair, EUR to USD and USD to EUR
lie close together as vectors, and want different answers. The rule errs on the side of a difference.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from ingest.words.language import detect_language
from ingest.words.terms import content_terms, fold

MIN_OVERLAP = 0.6
"""The least share of two questions' words, weighted by rarity, that they have in common."""

RARE_SHARE = 0.01
"""A word that at most this share of the chunks holds names something; such words must agree."""

_LEAST_CHUNKS = 100
"""A smaller collection is weighed as if it had so many chunks, whose words would otherwise all be common."""

_CLOSING = re.compile(r"[\s?？!！.。…,，;；:：~～]+\Z")
_NUMBER = re.compile(
    r"\d+(?:[.,:/-]\d+)*|[零〇一二三四五六七八九十百千万亿两]+(?=[年月日号个次倍天周章条款级度元])"
)
_WHETHER = re.compile(r"(.)[不没]\1|是否[能会可]?|能否|可否|会否")
"""A Chinese question of yes or no, which holds a negation and denies nothing."""

_KINDS = {
    "who": r"\bwho(?:m|se)?\b|谁|哪位|何人",
    "when": (
        r"\bwhen\b|\b(?:what|which) (?:year|date|day|time|month|century)\b|何时|什么时|哪一?年|几月|何年"
    ),
    "where": r"\bwhere\b|哪里|哪儿|何处|何地|在哪|什么地方",
    "why": r"\bwhy\b|\bhow come\b|为什么|为何|怎么会|原因",
    "how much": (
        r"\bhow (?:many|much|long|often|far|old|big|large|high|fast)\b|多少|几[个种次天年]|多[久长大高远快]"
    ),
    "yes or no": r"^\W*(?:is|are|was|were|do|does|did|has|have|had|will|would|should|must)\b|[吗嗎]\W*$",
    "before": r"\b(?:before|until|prior)\b|之?前",
    "after": r"\b(?:after|since)\b|之?后|以来",
    "most": r"\b(?:most|more|max(?:imum)?|best|greatest|highest)\b|最[多大高好长]",
    "least": r"\b(?:least|less|fewe[rs]t?|min(?:imum)?|worst|lowest)\b|最[少小低差短]",
    "first": r"\bfirst\b|首[次个先]|第一",
    "last": r"\b(?:last|latest|current)\b|最后|最新|现任",
}
_ASKED = {kind: re.compile(pattern, re.MULTILINE) for kind, pattern in _KINDS.items()}
_DENIAL = re.compile(
    r"\b(?:not|no|never|none|without|cannot|unable|except|neither|nor|fail\w*)\b|n['’]t\b|[不没無无未非否勿别]"
)
_COURTESY = (
    "please tell me know explain describe find want need like help could give show say question wondering"
)
_CHINESE_COURTESY = re.compile("请问|请?告诉我|帮我|麻烦|我?想知道|我想|一下|如何|怎样|怎么样?")
"""Taken out as a whole: its characters stand in other words, too."""


@dataclass(frozen=True, slots=True)
class Wording:
    """What tells a question from others that are put alike; ``words`` are stems in their order, each once."""

    language: str
    kinds: frozenset[str]
    denials: int
    numbers: tuple[str, ...]
    words: tuple[str, ...]

    @property
    def what_must_match(self) -> tuple[object, ...]:
        """All but the words, which may differ a little."""
        return self.language, self.kinds, self.denials, self.numbers

    @classmethod
    def of(cls, question: str) -> Wording:
        """The wording of ``question``."""
        folded = fold(question)
        plain = _WHETHER.sub(" ", folded)
        kinds = {kind for kind, pattern in _ASKED.items() if pattern.search(plain)}
        if plain != folded:
            kinds.add("yes or no")
        said = content_terms(_CHINESE_COURTESY.sub(" ", plain))
        return cls(
            detect_language(question),
            frozenset(kinds),
            len(_DENIAL.findall(plain)),
            tuple(_NUMBER.findall(folded)),
            tuple(word for word in dict.fromkeys(said) if word not in _courtesy_terms()),
        )


class WordRule:
    """Compares questions with the word statistics of a collection."""

    def __init__(self, document_frequency: Callable[[str], int], chunk_count: int) -> None:
        self._document_frequency = document_frequency
        self._chunk_count = max(chunk_count, _LEAST_CHUNKS)

    def agree(self, left: Wording, right: Wording) -> bool:
        """Whether nothing in the words tells that the questions want different answers.

        Language, kind of question, negations and numbers are the same; no rare word stands in one alone; the
        common ones stand in the same order, and outweigh the others as ``MIN_OVERLAP`` says.
        """
        if left.what_must_match != right.what_must_match:
            return False
        common = frozenset(left.words) & frozenset(right.words)
        if not common or [w for w in left.words if w in common] != [w for w in right.words if w in common]:
            return False
        differing = frozenset(left.words) ^ frozenset(right.words)
        rare = RARE_SHARE * self._chunk_count
        if any(self._document_frequency(word) <= rare for word in differing):
            return False
        shared = sum(map(self._weight, common))
        return shared >= MIN_OVERLAP * (shared + sum(map(self._weight, differing)))

    def _weight(self, word: str) -> float:
        """Rarity as BM25 has it (Robertson & Spärck Jones)."""
        frequency = self._document_frequency(word)
        return math.log(1 + (self._chunk_count - frequency + 0.5) / (frequency + 0.5))


def normalized(question: str) -> str:
    """``question`` so that one put in other case, width, spacing or closing punctuation is the same."""
    folded = unicodedata.normalize("NFKC", question).casefold()
    return " ".join(_CLOSING.sub("", folded).split())


@lru_cache(maxsize=1)
def _courtesy_terms() -> frozenset[str]:
    return frozenset(content_terms(_COURTESY))
