"""Rankings are joined by the evidence that each has to give."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.choices import FusionKind
from service.retrieval.fuse import Fused, Fusion, Ranking, Rankings

SPREAD = 0.1
DEPTH = 20
HALF = Fusion(0.5, SPREAD)

scores = st.dictionaries(
    st.integers(0, 50), st.floats(-1.0, 1.0, allow_nan=False, allow_subnormal=False), max_size=DEPTH
)
lexical_scores = st.dictionaries(
    st.integers(0, 50), st.floats(0.0, 40.0, allow_nan=False, allow_subnormal=False), max_size=DEPTH
)
fusions = st.builds(
    Fusion,
    dense_weight=st.floats(0.0, 1.0, allow_nan=False),
    cosine_spread=st.floats(0.01, 0.3),
    kind=st.sampled_from(FusionKind),
)


def join(fusion: Fusion, dense: Ranking, lexical: Ranking, depth: int = DEPTH) -> list[Fused]:
    return fusion.fuse(Rankings(dense, lexical, depth))


def numbers(fused: list[Fused]) -> list[int]:
    return [item.number for item in fused]


@pytest.mark.parametrize("kind", list(FusionKind))
def test_the_best_of_both_parts_scores_one(kind: FusionKind) -> None:
    best = join(Fusion(0.5, SPREAD, kind), [(7, 0.9), (8, 0.3)], [(7, 12.0), (9, 3.0)])[0]
    assert best.score == pytest.approx(1.0)
    assert (best.number, best.dense_score, best.lexical_score) == (7, 0.9, 12.0)


def test_a_part_weighs_by_how_far_its_best_stands_out() -> None:
    # Ten points for each of two spreads, beside twenty points: as much evidence on either side.
    fused = {item.number: item.score for item in join(HALF, [(1, 0.5), (2, 0.3)], [(3, 20.0)])}
    assert fused == {1: pytest.approx(0.5), 2: pytest.approx(0.0), 3: pytest.approx(0.5)}
    fused = {item.number: item.score for item in join(HALF, [(1, 0.4), (2, 0.3)], [(3, 20.0)])}
    assert fused == {1: pytest.approx(1 / 3), 2: pytest.approx(0.0), 3: pytest.approx(2 / 3)}


def test_a_model_with_a_small_spread_counts_small_differences() -> None:
    dense, lexical = [(1, 0.83), (2, 0.80)], [(2, 6.0), (1, 1.0)]
    assert numbers(join(Fusion(0.5, 0.1), dense, lexical)) == [2, 1]
    assert numbers(join(Fusion(0.5, 0.01), dense, lexical)) == [1, 2]


def test_a_full_list_of_words_counts_from_its_last() -> None:
    dense, lexical = [(1, 0.5), (2, 0.4)], [(2, 11.0), (1, 10.0)]
    assert numbers(join(HALF, dense, lexical, 2)) == [1, 2]
    assert join(HALF, dense, lexical, 2)[1].score == pytest.approx(1 / 11)
    assert join(HALF, dense, lexical, 3)[1].score == pytest.approx(11 / 21)


def test_a_question_that_the_embedder_does_not_know_goes_by_its_words() -> None:
    dense, lexical = [(1, 0.9), (2, 0.1)], [(2, 20.0), (1, 1.0)]
    for kind in FusionKind:
        fusion = Fusion(0.7, SPREAD, kind)
        assert numbers(fusion.fuse(Rankings(dense, lexical, DEPTH, known_share=1.0))) == [1, 2]
        assert numbers(fusion.fuse(Rankings(dense, lexical, DEPTH, known_share=0.05))) == [2, 1]


def test_the_dense_weight_ranges_from_words_alone_to_vectors_alone() -> None:
    dense, lexical = [(1, 0.9), (2, 0.1)], [(2, 20.0), (1, 1.0)]
    assert numbers(join(Fusion(0.0, SPREAD), dense, lexical)) == [2, 1]
    assert numbers(join(Fusion(1.0, SPREAD), dense, lexical)) == [1, 2]


def test_reciprocal_ranks_look_at_no_score() -> None:
    fusion = Fusion(0.5, SPREAD, FusionKind.RRF)
    once = join(fusion, [(1, 0.9), (2, 0.8)], [(2, 9.0), (3, 1.0)])
    assert numbers(once) == [2, 1, 3]
    again = join(fusion, [(1, 0.9), (2, 0.1)], [(2, 1.5), (3, 1.0)])
    assert [item.score for item in again] == [item.score for item in once]


def test_a_part_that_did_not_find_a_chunk_gives_no_raw_score() -> None:
    fused = {item.number: item for item in join(HALF, [(1, 0.8)], [(2, 10.0)])}
    assert (fused[1].lexical_score, fused[2].dense_score) == (None, None)


def test_ties_go_to_the_lower_number() -> None:
    assert numbers(join(HALF, [(5, 0.7), (3, 0.7), (4, 0.7)], [])) == [3, 4, 5]


def test_nothing_found_is_nothing_fused() -> None:
    assert join(HALF, [], []) == []


@given(scores, lexical_scores, fusions)
def test_fused_scores_lie_between_zero_and_one_and_fall(
    dense: dict[int, float], lexical: dict[int, float], fusion: Fusion
) -> None:
    fused = [item.score for item in join(fusion, list(dense.items()), list(lexical.items()))]
    assert all(0.0 <= score <= 1.0 + 1e-9 for score in fused)
    assert fused == sorted(fused, reverse=True)


@given(scores, lexical_scores, fusions, st.randoms(use_true_random=False))
def test_the_order_in_which_the_parts_come_does_not_matter(
    dense: dict[int, float], lexical: dict[int, float], fusion: Fusion, shuffler: random.Random
) -> None:
    one, other = list(dense.items()), list(lexical.items())
    expected = join(fusion, one, other)
    shuffler.shuffle(one)
    shuffler.shuffle(other)
    assert join(fusion, one, other) == expected
    assert set(numbers(expected)) == dense.keys() | lexical.keys()
