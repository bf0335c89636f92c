"""What is written says what it is worth, and holds only what changes."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from eval.statistics.intervals import Interval
from eval.tuning.objective_name import ObjectiveName
from eval.tuning.report import CONFIGURATION, require_own, tuned_lines, write_results
from eval.tuning.search import Limits
from eval.tuning.space import Candidate
from eval.tuning.tune import Change, Trial, Tuned
from ingest.errors import UsageError
from tests.eval.fakes import shown

CURRENT = Trial(Candidate((("chunking.max_tokens", 128), ("retrieval.depth", 100))), 0.7, 4.0)
BEST = Trial(Candidate((("chunking.max_tokens", 256), ("retrieval.depth", 100))), 0.8, 5.0)
TUNED = Tuned(
    collection="docs",
    labels="cases.jsonl",
    objective=ObjectiveName.NDCG,
    limits=Limits(20, 10.0),
    cases=200,
    current=CURRENT,
    best=BEST,
    changes=(Change("chunking.max_tokens", 128, 256),),
    out_of_fold=0.78,
    difference=Interval(0.03, 0.13),
    trials=(CURRENT, BEST),
    seconds=12.0,
)


def test_the_settings_that_help_are_written_with_what_they_are_worth(tmp_path: Path) -> None:
    path = write_results(TUNED, tmp_path, force=False)
    assert path == tmp_path / CONFIGURATION
    text = (tmp_path / CONFIGURATION).read_text("utf-8")
    assert tomllib.loads(text) == {"chunking": {"max_tokens": 256}}
    assert "max_tokens = 256  # was 128" in text
    assert "out of fold: 0.7800, before 0.7000, difference +0.0300 to +0.1300" in text
    assert "200 cases of cases.jsonl" in text
    assert "cuts and embeds the collection anew" in text
    require_own(tmp_path)


@pytest.mark.parametrize(
    "tuned",
    [
        replace(TUNED, difference=Interval(-0.01, 0.13)),
        replace(TUNED, limits=Limits(20, 4.5)),
        replace(TUNED, best=CURRENT, changes=()),
    ],
)
def test_settings_that_are_not_established_to_help_take_those_before_away(
    tuned: Tuned, tmp_path: Path
) -> None:
    write_results(TUNED, tmp_path, force=False)
    assert write_results(tuned, tmp_path, force=False) is None
    assert not (tmp_path / CONFIGURATION).exists()
    assert write_results(tuned, tmp_path, force=True) == tmp_path / CONFIGURATION


def test_a_person_sees_what_changes_and_that_nothing_kept_the_limit(tmp_path: Path) -> None:
    slow = replace(TUNED, limits=Limits(20, 4.5))
    text = shown(tuned_lines(slow))
    assert "chunking.max_tokens 256" in text
    assert "retrieval.depth" not in text
    assert "allowed 4.5 ms" in text
    assert "these are the fastest" in text


def test_a_configuration_of_a_person_is_not_taken_for_an_own_one(tmp_path: Path) -> None:
    (tmp_path / CONFIGURATION).write_text("[server]\n", "utf-8")
    with pytest.raises(UsageError, match="would be overwritten"):
        require_own(tmp_path)
