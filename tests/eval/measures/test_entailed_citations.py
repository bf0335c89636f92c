"""Citations are judged by entailment as ALCE does; the model is a table of what follows from what."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from eval.measures.entailed_citations import entailed_citation_measures
from eval.measures.measure import values_of
from eval.runs.record import CaseRecord
from tests.eval.metrics.records import answered, case, citation, failed, passage, refused

PASSAGES = (passage(1, "Rome is old."), passage(2, "Rome is big."), passage(3, "Oslo is cold."))


class Follows:
    """Entails what ``pairs`` holds; ``asked`` is what it was given."""

    def __init__(self, *pairs: tuple[str, str]) -> None:
        self._pairs = pairs
        self.asked: list[tuple[str, str]] = []

    def probabilities(self, premises: Sequence[str], hypotheses: Sequence[str]) -> NDArray[np.float32]:
        asked = list(zip(premises, hypotheses, strict=True))
        self.asked += asked
        return np.array([0.9 if pair in self._pairs else 0.1 for pair in asked], dtype=np.float32)


def record(text: str, *citations: tuple[int, int, int]) -> CaseRecord:
    """An answer with citations (marker, start, end)."""
    cited = tuple(citation(start, end, marker=marker) for marker, start, end in citations)
    return answered(case("q", "x"), text, citations=cited, passages=PASSAGES)


def measured(entailment: Follows, *records: CaseRecord) -> tuple[float | None, float | None]:
    recall, precision = values_of(entailed_citation_measures(records, entailment)).values()
    return recall, precision


def test_a_sentence_is_supported_by_its_own_passages_alone() -> None:
    entailment = Follows(("Rome is old.", "It is old."))
    said = record("It is old [1]. It is cold.", (1, 0, 14))
    assert measured(entailment, said) == (pytest.approx(1 / 2), 1.0)
    assert entailment.asked == [("Rome is old.", "It is old.")]


def test_passages_may_support_a_sentence_together() -> None:
    both = ("Rome is old.\nRome is big.", "It is old and big.")
    said = record("It is old and big [1][2].", (1, 0, 25), (2, 0, 25))
    assert measured(Follows(both), said) == (1.0, 1.0)


def test_a_passage_that_a_sentence_does_not_need_is_a_wrong_citation() -> None:
    entailment = Follows(("Rome is old.\nOslo is cold.", "It is old."), ("Rome is old.", "It is old."))
    said = record("It is old [1][3].", (1, 0, 17), (3, 0, 17))
    assert measured(entailment, said) == (1.0, pytest.approx(1 / 2))


def test_citations_of_a_sentence_that_is_not_supported_are_wrong() -> None:
    assert measured(Follows(), record("It is old [1].", (1, 0, 14))) == (0.0, 0.0)


def test_refusals_and_failures_say_nothing_that_could_be_supported() -> None:
    assert measured(Follows(), refused(case("q")), failed(case("p"))) == (None, None)
