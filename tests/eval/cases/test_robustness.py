"""Rows of RGB and of files like it become cases that differ by their passages alone."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.cases.read import iter_cases, read_cases
from eval.cases.robustness import NOISE_LEVELS, PLACES, RobustnessRow
from eval.cases.select import Selection
from ingest.errors import CasesError
from tests.eval.cases.written import write_lines

NOISE = [f"noise {number}" for number in range(9)]
PLAIN = {"id": 0, "query": "Who acquired it?", "answer": "Ann", "positive": ["by Ann"], "negative": NOISE}


@given(positive=st.integers(1, 7), negative=st.integers(5, 12), seed=st.integers(0, 5))
def test_a_level_adds_noise_to_the_one_below(positive: int, negative: int, seed: int) -> None:
    row = RobustnessRow(
        id="r",
        question="?",
        language="en",
        answers=("a",),
        parts=(),
        positive=(tuple(f"p{number}" for number in range(positive)),),
        negative=tuple(f"n{number}" for number in range(negative)),
    )
    below: set[str] = set()
    for level in NOISE_LEVELS:
        case = row.at_noise(level, seed)
        noise = {passage.text for passage in case.passages if not passage.relevant}
        assert len(noise) == round(level * PLACES)
        assert len(case.passages) == len(noise) + min(positive, PLACES - len(noise))
        assert below <= noise
        assert case == row.at_noise(level, seed)
        below = noise
    refused = row.rejection(seed)
    assert (refused.answerable, refused.answers, len(refused.passages)) == (False, (), PLACES)
    assert not any(passage.relevant for passage in refused.passages)


def test_every_ability_that_a_plain_row_allows_is_drawn(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "en.json", PLAIN, PLAIN | {"id": 1})
    cases = read_cases(path)
    assert Counter(tag for case in cases for tag in case.tags) == Counter(
        {**{f"noise:{level}": 2 for level in NOISE_LEVELS}, "rejection": 2}
    )
    assert {case.id for case in cases[:2]} == {"0@noise:0.0", "0@noise:0.2"}
    assert {case.source for case in cases} == {"0", "1"}
    only = list(iter_cases(path, Selection(tags=frozenset({"rejection"}))))
    assert [case.answerable for case in only] == [False, False]


def test_integration_takes_a_passage_for_each_part(tmp_path: Path) -> None:
    row = PLAIN | {
        "answer": ["3 January", ["12 January", "Jan 12"]],
        "positive": [["a1", "a2"], ["b1", "b2"]],
    }
    (case,) = read_cases(write_lines(tmp_path / "en_int.json", row))
    assert case.tags == ("integration",)
    assert case.parts == (("3 January",), ("12 January", "Jan 12"))
    assert case.answers == ("3 January, 12 January",)
    assert {passage.text[0] for passage in case.passages if passage.relevant} == {"a", "b"}
    assert len(case.passages) == 4


def test_a_file_named_for_integration_needs_all_its_passages(tmp_path: Path) -> None:
    row = {"id": "q", "question": "?", "answers": ["x", "y"], "positive": ["a", "b"], "negative": NOISE}
    (case,) = read_cases(write_lines(tmp_path / "integration.jsonl", row | {"lang": "en"}))
    assert (case.tags, case.answers, case.parts) == (("integration",), ("x", "y"), ())
    assert {passage.text for passage in case.passages if passage.relevant} == {"a", "b"}


def test_a_counterfactual_case_shows_altered_passages_alone(tmp_path: Path) -> None:
    row = PLAIN | {"positive_wrong": ["by Bob"], "fakeanswer": "Bob"}
    (case,) = read_cases(write_lines(tmp_path / "en_fact.json", row))
    assert (case.tags, case.answers, case.false_answers) == (("counterfactual",), ("Ann",), ("Bob",))
    assert [(passage.text, passage.relevant) for passage in case.passages] == [("by Bob", True)]


@pytest.mark.parametrize(
    "fields", [{"positive": []}, {"negative": []}, {"positive": [["a"], []]}, {"answer": ["a", []]}]
)
def test_a_row_that_lacks_a_part_is_named(tmp_path: Path, fields: dict[str, object]) -> None:
    path = write_lines(tmp_path / "en.json", PLAIN, PLAIN | {"id": 1} | fields)
    with pytest.raises(CasesError, match=r"line 2: the field '(answer|positive|negative)'"):
        read_cases(path)


def test_the_development_sets_give_every_ability(shared_data: Path) -> None:
    for language in ("en", "zh"):
        folder = shared_data / "dev" / f"robust_{language}"
        tags = Counter(
            tag for path in sorted(folder.glob("*.jsonl")) for case in read_cases(path) for tag in case.tags
        )
        assert tags == Counter(
            {**{f"noise:{level}": 200 for level in NOISE_LEVELS}, "rejection": 200}
            | {"integration": 100, "counterfactual": 100}
        )
