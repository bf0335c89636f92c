from __future__ import annotations

from pathlib import Path

import pytest

from eval.suite.plan import AnswerPlan, read_plan
from ingest.choices import GeneratorKind
from ingest.errors import CasesError

ROOT = Path(__file__).parents[3]


def plan_of(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "suite.toml"
    path.write_text(text, "utf-8")
    return path


def test_the_shipped_plan_is_one() -> None:
    plan = read_plan(ROOT / "examples" / "suite.toml")
    assert plan.generators == (GeneratorKind.EXTRACTIVE, GeneratorKind.LLAMA_CPP)
    assert {found.cases for found in plan.answers} >= {"squad2_en", "cmrc2018_zh", "drcd_zhhant", "clapnq_en"}
    assert any(found.size(quick=True) for found in plan.answers)


def test_a_quick_run_leaves_out_what_names_no_size_for_it() -> None:
    assert AnswerPlan(cases="a", sample=9).size(quick=True) is None
    assert AnswerPlan(cases="a", sample=9, quick_sample=2).size(quick=True) == 2
    assert AnswerPlan(cases="a", sample=9, quick_sample=2).size(quick=False) == 9


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("generators = [", "cannot be read as a suite"),
        ('generators = ["parrot"]', "generators.0"),
        ('generators = ["extractive"]\nseeds = 1', "seeds"),
        ('generators = ["extractive"]\n[[answers]]\ncases = "a"\nsample = 0', "answers.0.sample"),
    ],
)
def test_what_is_wrong_with_a_plan_is_said_by_name(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(CasesError, match=complaint):
        read_plan(plan_of(tmp_path, text))


def test_a_missing_plan_is_said(tmp_path: Path) -> None:
    with pytest.raises(CasesError, match="cannot be read as a suite"):
        read_plan(tmp_path / "none.toml")
