"""A sample has the shares of its file, and is the same for the same seed."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.cases.case import Case
from eval.cases.forms.own import write_cases
from eval.cases.read import iter_cases
from eval.cases.select import Selection, sample_ids
from ingest.errors import CasesError


def cases_of(english: int, chinese: int, refused: int) -> list[Case]:
    """So many of each stratum."""
    strata = [("en", True)] * english + [("zh", True)] * chinese + [("zh", False)] * refused
    return [
        Case(f"c{number}", f"q{number}?", language, ("a",) if answerable else (), answerable)
        for number, (language, answerable) in enumerate(strata)
    ]


@given(st.integers(0, 40), st.integers(0, 40), st.integers(1, 40), st.integers(1, 150), st.integers(0, 9))
def test_each_stratum_gets_its_share(english: int, chinese: int, refused: int, size: int, seed: int) -> None:
    cases = cases_of(english, chinese, refused)
    chosen = sample_ids(cases, size, seed)
    assert len(chosen) == min(size, len(cases))
    shuffled = random.Random(seed).sample(cases, len(cases))
    assert sample_ids(shuffled, size, seed) == chosen
    if size < len(cases):
        taken = Counter((case.language, case.answerable) for case in cases if case.id in chosen)
        for stratum, members in Counter((case.language, case.answerable) for case in cases).items():
            assert abs(taken[stratum] - members * size / len(cases)) < 1


def test_a_sample_keeps_the_order_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "cases.jsonl"
    write_cases(path, cases_of(30, 20, 10))
    sampled = [case.id for case in iter_cases(path, Selection(sample=12, seed=1))]
    assert len(sampled) == 12
    assert sampled == sorted(sampled, key=lambda name: int(name[1:]))
    assert sampled != [case.id for case in iter_cases(path, Selection(sample=12, seed=2))]


def test_the_conditions_hold_together(tmp_path: Path) -> None:
    path = tmp_path / "cases.jsonl"
    write_cases(path, cases_of(30, 20, 10))
    chosen = list(iter_cases(path, Selection(sample=9, language="zh", limit=4)))
    assert len(chosen) == 4
    assert {case.language for case in chosen} == {"zh"}
    with pytest.raises(CasesError, match="none has the tag hard or language fr"):
        list(iter_cases(path, Selection(language="fr", tags=frozenset({"hard"}))))


def test_cases_are_read_as_they_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "cases.jsonl"
    write_cases(path, cases_of(2, 0, 0))
    with path.open("a") as file:
        file.write("broken\n")
    assert len(list(iter_cases(path, Selection(limit=2)))) == 2


def test_no_case_at_all_is_a_wrong_choice() -> None:
    with pytest.raises(CasesError, match="the sample is 0: take at least 1"):
        Selection(sample=0)
    with pytest.raises(CasesError, match="the limit is -1"):
        Selection(limit=-1)
