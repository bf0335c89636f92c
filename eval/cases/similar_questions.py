"""Find the question among many that asks the same as another in nearly the same words.

Two questions are near-duplicates when what tells questions apart agrees (language, who or when or how much,
negations, numbers: ``ingest.words.questions``), and the words of one are nearly those of the other::

    Σ w(t), t in A ∩ B   /   Σ w(t), t in A ∪ B   ≥ 0.8,    w(t) = log(1 + N / n(t))

with A and B the sets of stems without stop words, N the number of questions and n(t) how many of them hold t,
so that another name outweighs another turn of phrase. 0.8 is the threshold of Lee et al. (2022,
arXiv:2107.06499) for near-duplicate training texts, there of word 5-grams, for which questions are too short.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from ingest.words.questions import Wording, normalized

SIMILARITY = 0.8


class QuestionIndex:
    """Questions that others are compared with."""

    def __init__(self, questions: Sequence[str], others: Iterable[str] = ()) -> None:
        """``others`` only count for how rare a word is; those to be looked up belong there."""
        self._wordings = [Wording.of(question) for question in questions]
        self._words = [frozenset(wording.words) for wording in self._wordings]
        self._exact = {normalized(question): number for number, question in reversed([*enumerate(questions)])}
        self._holding: defaultdict[str, list[int]] = defaultdict(list)
        for number, words in enumerate(self._words):
            for word in words:
                self._holding[word].append(number)
        rest = [Wording.of(question).words for question in others]
        counts = Counter(word for words in (*self._words, *rest) for word in words)
        total = len(questions) + len(rest)
        self._weights = {word: math.log1p(total / count) for word, count in counts.items()}
        self._unseen = math.log1p(total)

    def same(self, question: str) -> int | None:
        """The number of the first question that differs in case, width, spacing and closing signs at most."""
        return self._exact.get(normalized(question))

    def similar(self, question: str) -> tuple[int, float] | None:
        """The nearest of the near-duplicates of ``question``, and how near it is; None without any."""
        wording = Wording.of(question)
        words = frozenset(wording.words)
        found = (
            (-self._overlap(words, self._words[number]), number)
            for number in self._candidates(words)
            if self._wordings[number].what_must_match == wording.what_must_match
        )
        overlap, number = min(found, default=(0.0, -1))
        return (number, -overlap) if -overlap >= SIMILARITY else None

    def _candidates(self, words: frozenset[str]) -> set[int]:
        """All questions that could overlap enough: they hold one of the rarest words.

        What two near-duplicates don't share weighs at most 1 - ``SIMILARITY`` of either, so of any words that
        weigh more, they share one (prefix filtering, Chaudhuri et al. 2006).
        """
        spare = (1 - SIMILARITY) * self._weight(words)
        found: set[int] = set()
        for word in sorted(words, key=lambda word: (-self._weight((word,)), word)):
            found.update(self._holding.get(word, ()))
            spare -= self._weight((word,))
            if spare < 0:
                break
        return found

    def _overlap(self, left: frozenset[str], right: frozenset[str]) -> float:
        return self._weight(left & right) / self._weight(left | right)

    def _weight(self, words: Iterable[str]) -> float:
        return sum(self._weights.get(word, self._unseen) for word in words)
