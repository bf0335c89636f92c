from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.abstention.signals import SIGNALS, Signals, measure_signals
from service.grounding.support import Grounding
from tests.service.scripted import passages_of

ALIKE = Grounding(lambda _term: 1, 1000)
RANK = "Alpha is twice the rank. The default rank of an adapter is 16."
OTHER = "The canteen serves soup."


def signals(question: str, *texts: str, evidence: float = 0.5) -> Signals:
    return measure_signals(question, passages_of(*texts), evidence, ALIKE)


def test_a_passage_that_answers_has_the_words_side_by_side_and_a_number() -> None:
    found = signals("How large is the default rank of an adapter?", RANK, OTHER)
    assert found.passage == found.sentence == found.typed > 0.7
    assert found.pairs == pytest.approx(2 / 3)
    assert found.lead == pytest.approx(found.passage)
    assert (found.evidence, found.score, found.negated) == (0.5, 1.0, 0.0)


def test_a_sentence_without_what_is_asked_for_does_not_count_as_typed() -> None:
    found = signals("When was the default rank of an adapter chosen?", RANK)
    assert found.typed == 0.0
    assert found.sentence > 0.5


def test_the_heaviest_word_that_is_missing_counts() -> None:
    assert signals("default rank of an adapter", RANK).missing == 0.0
    assert signals("default rank of a kangaroo", RANK).missing == pytest.approx(1 / 3)


def test_a_negation_that_no_source_shares_is_told() -> None:
    assert signals("Which rank is not the default?", RANK).negated == 1.0
    assert signals("哪个秩不是默认值？", "默认值不是八。").negated == 0.0


@given(st.text(max_size=30), st.lists(st.text(max_size=60), min_size=1, max_size=4))
def test_every_signal_is_between_0_and_1(question: str, texts: list[str]) -> None:
    values = signals(question, *texts).values
    assert len(values) == len(SIGNALS)
    assert all(0.0 <= value <= 1.0 + 1e-9 for value in values)
