"""A comparison says better, worse or can't tell, and is right about it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from eval.decision.compare import compare
from eval.decision.comparison import Comparison, Row, Verdict
from eval.decision.comparison_table import comparison_lines
from eval.decision.pairs import Pairs, pair_runs
from eval.decision.weighted import LATENCY, paired_figures
from eval.measures.measure import Direction
from eval.runs.record import CaseRecord
from eval.statistics.intervals import Interval
from ingest.errors import RunMismatchError
from tests.eval.decision.runs import answered, case, failed, identity, records, written
from tests.eval.fakes import shown


def compared(first: list[CaseRecord], second: list[CaseRecord], *only: str) -> Comparison:
    return compare(Pairs(identity(), identity(), tuple(first), tuple(second)), only or None)


def row(comparison: Comparison, measure: str, part: str | None = None) -> Row:
    rows = comparison.rows if part is None else comparison.slices
    return next(found for found in rows if (found.measure, found.slice) == (measure, part))


BEFORE, AFTER = records(0.4), records(0.8, slower=2.0, words=3)


@pytest.fixture(scope="module")
def better() -> Comparison:
    return compared(BEFORE, AFTER)


def test_a_large_gain_is_better_and_a_loss_is_worse(better: Comparison) -> None:
    gained = row(better, "answer_contains")
    assert gained.verdict is Verdict.BETTER
    assert gained.difference is not None
    assert gained.difference.value == pytest.approx(0.4, abs=0.08)
    assert gained.difference.p_value < 0.001
    slower = row(better, LATENCY)
    assert slower.verdict is Verdict.WORSE
    assert slower.ratio == Interval(2.0, 2.0)
    assert row(better, "citation_validity").verdict is Verdict.CANNOT_TELL


def test_a_figure_without_a_better_side_is_higher_or_lower(better: Comparison) -> None:
    longer = row(better, "answer_characters")
    assert longer.direction is Direction.NEITHER
    assert longer.verdict is Verdict.HIGHER


def test_every_language_and_tag_is_a_row_of_its_own(better: Comparison) -> None:
    names = {found.slice for found in better.slices}
    assert names == {
        "language:en", "language:zh", "tag:part-0", "tag:part-1", "tag:part-2",
        "answerable:yes", "answerable:no",
    }  # fmt: skip
    assert row(better, "answer_contains", "language:zh").verdict is Verdict.BETTER
    assert row(better, "answer_contains", "answerable:no").difference is None


def test_p_values_of_slices_are_adjusted_for_their_number(better: Comparison) -> None:
    before, after = ([found for found in run if found.case.language == "zh"] for run in (BEFORE, AFTER))
    alone = row(compared(before, after, "answer_contains"), "answer_contains").difference
    adjusted = row(better, "answer_contains", "language:zh").difference
    family = [
        found
        for found in better.slices
        if found.measure == "answer_contains" and found.difference is not None
    ]
    assert alone is not None
    assert adjusted is not None
    assert adjusted.interval == alone.interval
    assert 2 * alone.p_value <= adjusted.p_value <= len(family) * alone.p_value


def test_what_is_open_says_how_many_cases_would_tell() -> None:
    open_one = row(compared(records(0.5), records(0.53), "f1"), "f1")
    assert open_one.verdict is Verdict.CANNOT_TELL
    assert open_one.least_detectable is not None
    assert open_one.difference is not None
    assert open_one.least_detectable > open_one.difference.value
    assert open_one.cases_needed is not None
    assert open_one.cases_needed > open_one.cases


def test_a_run_against_itself_shows_nothing_but_leaves_room() -> None:
    same = row(compared(records(0.5), records(0.5), "f1"), "f1")
    assert same.difference is not None
    assert same.difference.value == 0.0
    assert same.difference.p_value == 1.0
    assert same.difference.interval.high == pytest.approx(0.0596, abs=0.001)
    assert same.cases_needed is None
    assert same.verdict is Verdict.CANNOT_TELL


def test_times_count_where_both_runs_asked_the_generator() -> None:
    first, second = records(0.5), records(0.5, slower=3.0)
    cached = second[1].answer
    assert cached is not None
    second[0], second[1] = failed(second[0]), replace(second[1], answer=replace(cached, cache="exact"))
    latency = paired_figures(Pairs(identity(), identity(), tuple(first), tuple(second)))[-1]
    assert latency.name == LATENCY
    assert latency.counted.sum() == 2 * (len(first) - 2)


def test_the_order_of_the_answers_is_without_effect(tmp_path: Path) -> None:
    one, two, reversed_two = (
        written(tmp_path / name, found) for name, found in (("a", BEFORE), ("b", AFTER), ("c", AFTER[::-1]))
    )
    assert pair_runs(one, two) == pair_runs(one, reversed_two)


def test_the_other_way_round_better_is_worse(better: Comparison) -> None:
    gain, loss = (
        row(better, "answer_contains"),
        row(compared(AFTER, BEFORE, "answer_contains"), "answer_contains"),
    )
    assert (gain.verdict, loss.verdict) == (Verdict.BETTER, Verdict.WORSE)
    assert gain.difference is not None
    assert loss.difference is not None
    assert gain.difference.interval.low == pytest.approx(-loss.difference.interval.high)
    assert gain.difference.p_value == loss.difference.p_value


def test_runs_of_other_cases_are_refused_unless_the_common_ones_are_asked_for(tmp_path: Path) -> None:
    first, second = records(0.5), records(0.6)
    changed = replace(second[4], case=replace(second[4].case, answers=("another",)))
    a = written(tmp_path / "a", first[:-2])
    b = written(tmp_path / "b", [changed if r is second[4] else r for r in second[3:]])
    with pytest.raises(
        RunMismatchError, match=r"4 of 178 .* and 3 of 177 .* --common to compare the 174 they share"
    ):
        pair_runs(a, b)
    assert len(pair_runs(a, b, common=True).first) == 174
    with pytest.raises(RunMismatchError, match="take runs of one file"):
        pair_runs(a, written(tmp_path / "c", [answered(replace(case(0), id="x"), right=True)]), common=True)


def test_the_document_is_plain_json_and_the_table_says_it_in_words(better: Comparison) -> None:
    document = msgspec.json.decode(msgspec.json.encode(better.to_json()))
    (f1,) = [found for found in document["measures"] if found["measure"] == "answer_contains"]
    assert f1["verdict"] == "better"
    assert f1["interval"][0] > 0.2
    assert document["first"]["release"] == "base"
    text = shown(comparison_lines(better))
    assert "180 cases about 60 sources" in text
    assert "can't tell" in text
    assert "answer_contains · language:zh" in text
