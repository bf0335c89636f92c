"""Words are compared as the published implementations do; their numbers stand here beside the inputs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.metrics.words import chrf, cmrc_f1, contains_answer, exact_match, rouge_l, token_f1

TEXTS = st.text(alphabet="ab the 中文，.1", max_size=30)


@pytest.mark.parametrize(
    ("answer", "reference", "em", "f1"),
    [
        ("the cat sat", "a cat sat", 1, 1.0),
        ("The U.S. Army's 2,000 men!", "2000 men of the US army", 0, 2 / 3),
        ("dog dog", "dog", 0, 2 / 3),
        ("Denver Broncos", "The Denver Broncos won.", 0, 0.8),
        ("1870 to 1939", "from 1870 to 1939", 0, 0.857142857142857),
        ("an apple", "the", 0, 0.0),
        ("the", "an", 1, 1.0),
        ("", "cat", 0, 0.0),
    ],
)
def test_em_and_f1_are_those_of_squads_official_script(
    answer: str, reference: str, em: int, f1: float
) -> None:
    assert exact_match(answer, [reference]) == em
    assert token_f1(answer, [reference]) == pytest.approx(f1)


@pytest.mark.parametrize(
    ("answer", "references", "em", "f1"),
    [
        ("光荣和ω-force", ["光荣和ω-force"], 1, 1.0),
        ("范廷颂是越南罗马天主教枢机。", ["范廷颂枢机"], 0, 0.333333333333333),
        ("1963年，被任为主教", ["1963年", "被任为主教"], 0, 0.833333333333333),
        ("北京，上海", ["上海，北京"], 0, 0.5),
        ("任命为总主教", ["担任总主教"], 0, 0.545454545454545),
        ("《战国无双3》", ["战国无双3"], 1, 1.0),
        ("约三百二十人", ["三百二十人左右", "320人"], 0, 0.769230769230769),
    ],
)
def test_cmrc_f1_is_that_of_cmrcs_official_script(
    answer: str, references: list[str], em: int, f1: float
) -> None:
    assert exact_match(answer, references) == em
    assert cmrc_f1(answer, references) == pytest.approx(f1)


@pytest.mark.parametrize(
    ("answer", "reference", "f1"),
    [
        (
            "The quick brown dog jumps on the log.",
            "The quick brown fox jumps over the lazy dog",
            0.588235294117647,
        ),
        ("the gunman police killed", "police killed the gunman", 0.5),
        ("2,000 men of the US army", "The U.S. Army's 2,000 men!", 0.4),
        ("g f e d c b a", "a b c d e f g", 0.142857142857143),
        ("testing", "testing one two", 0.5),
    ],
)
def test_rouge_l_is_that_of_googles_rouge_score(answer: str, reference: str, f1: float) -> None:
    assert rouge_l(answer, [reference]) == pytest.approx(f1)


def test_rouge_l_takes_chinese_by_characters() -> None:
    assert rouge_l("检索增强生成", ["增强的检索生成"]) == pytest.approx(2 * 4 / 13)


@pytest.mark.parametrize(
    ("answer", "reference", "value"),
    [("It is second.", "It is second.", 1.0), ("", "abc", 0.0), ("适配器", "适配层", 7 / 18)],
)
def test_chrf_is_that_of_sacrebleu_as_a_share(answer: str, reference: str, value: float) -> None:
    assert chrf(answer, [reference]) == pytest.approx(value)


def test_the_reference_that_fits_best_counts() -> None:
    for metric in (exact_match, token_f1, cmrc_f1, contains_answer, rouge_l, chrf):
        assert metric("fish", ["cat", "fish"]) == pytest.approx(1.0)
        assert metric("fish", []) == 0.0


def test_full_width_and_half_width_are_the_same_and_traditional_characters_are_not_simplified() -> None:
    assert exact_match("（Ａ）模型，数据。", ["(a)模型,数据"]) == 1.0
    assert exact_match("檢索", ["检索"]) == 0.0


def test_contained_words_must_be_whole_and_unbroken() -> None:
    assert contains_answer("It stood from 1870 to 1939, they say.", ["1870 to 1939"]) == 1.0
    assert contains_answer("from 1870 up to 1939", ["1870 to 1939"]) == 0.0
    assert contains_answer("cats", ["cat"]) == 0.0
    assert contains_answer("anything", ["the"]) == 0.0


@given(TEXTS, TEXTS)
def test_values_are_shares_and_alike_both_ways(first: str, second: str) -> None:
    for metric in (token_f1, cmrc_f1, rouge_l):
        assert 0.0 <= metric(first, [second]) <= 1.0
        assert metric(first, [second]) == pytest.approx(metric(second, [first]))
        assert metric(first, [first]) == 1.0
    assert exact_match(first, [second]) <= cmrc_f1(first, [second]) <= token_f1(first, [second])
    assert 0.0 <= chrf(first, [second]) <= 1.0


@given(st.lists(st.sampled_from("abc"), max_size=12), st.lists(st.sampled_from("abc"), max_size=12))
def test_rouge_l_counts_the_longest_common_subsequence(first: list[str], second: list[str]) -> None:
    lengths = [[0] * (len(second) + 1) for _ in range(len(first) + 1)]
    for i, one in enumerate(first):
        for j, other in enumerate(second):
            longest = max(lengths[i][j + 1], lengths[i + 1][j])
            lengths[i + 1][j + 1] = lengths[i][j] + 1 if one == other else longest
    both = len(first) + len(second)
    expected = 2 * lengths[-1][-1] / both if both else 1.0
    assert rouge_l(" ".join(first), [" ".join(second)]) == pytest.approx(expected)
