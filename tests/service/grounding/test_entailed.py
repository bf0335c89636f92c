from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from service.grounding.cite import Citer
from service.grounding.entailed import RememberedEntailment, judge_entailment
from service.grounding.support import Grounding
from tests.service.scripted import passages_of

RANK = "A rank of 16 is the default."
ANSWER = "The default rank is 16 [1]. The moon is made of cheese."


class Sceptic:
    """Believes half of the probability that it is told, and remembers what it was asked."""

    def __init__(self, probability: float) -> None:
        self._probability = probability
        self.asked: list[tuple[str, str]] = []

    def probabilities(self, premises: Sequence[str], hypotheses: Sequence[str]) -> NDArray[np.float32]:
        self.asked += zip(premises, hypotheses, strict=True)
        return np.full(len(premises), self._probability, dtype=np.float32)


def test_a_model_judges_what_cites_a_source_by_the_whole_passage() -> None:
    cited = Citer("Which rank?", passages_of(RANK), Grounding(lambda _term: 1, 1000)).cite(ANSWER)
    assert [sentence.supported for sentence in cited.sentences] == [True, False]
    doubted = Sceptic(0.25)
    judged = judge_entailment(cited, ANSWER, doubted)
    assert doubted.asked == [(RANK, "The default rank is 16.")]
    assert [sentence.supported for sentence in judged.sentences] == [False, False]
    assert judged.sentences[0].score == 0.25
    assert judged.groundedness == 0.0
    assert [citation.supported for citation in cited.citations] == [True]
    assert [citation.supported for citation in judged.citations] == [False]
    assert judge_entailment(cited, ANSWER, Sceptic(0.75)).groundedness == 0.5


def test_a_pair_is_judged_once() -> None:
    behind = Sceptic(0.75)
    remembered = RememberedEntailment(behind)
    assert remembered.probabilities(["a", "a", "b"], ["x", "x", "x"]).tolist() == [0.75] * 3
    assert remembered.probabilities(["b", "a"], ["x", "y"]).tolist() == [0.75] * 2
    assert remembered.probabilities([], []).shape == (0,)
    assert behind.asked == [("a", "x"), ("b", "x"), ("a", "y")]
