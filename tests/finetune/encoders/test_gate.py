from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from eval.decision.comparison import Row, Verdict
from eval.measures.measure import mean_measure
from eval.retrieval.datasets import Query
from finetune.encoders.gate import RetrievalGate, gate_lines, judge_rows, require_passed, write_gate
from finetune.encoders.measure import compared
from finetune.settings.encoders import RetrievalGateSection
from ingest.errors import PromotionRefusedError

NAME = "hybrid ndcg@10"
CASES = 120


def rows(gain: dict[str, float], spread: float = 0.1) -> list[Row]:
    """Figures of as many questions in each language, each about a document of its own."""
    random = np.random.default_rng(0)
    languages = [language for language in gain for _ in range(CASES // len(gain))]
    queries = [Query(str(n), "", language, {f"{n}.md": 1}) for n, language in enumerate(languages)]
    before = random.uniform(0.3, 0.6, CASES)
    after = before + [gain[language] for language in languages] + random.normal(0.0, spread, CASES)
    return compared([mean_measure(NAME, before)], [mean_measure(NAME, after)], queries)


def gate(measured: list[Row], fewest_sources: int = 30) -> RetrievalGate:
    findings = judge_rows(measured, NAME, RetrievalGateSection(fewest_sources=fewest_sources))
    return RetrievalGate("embedder@1", "minilm", "handbook", "s1", "q", CASES, tuple(measured), findings)


def test_a_gain_in_every_language_passes() -> None:
    judged = gate(rows({"en": 0.1, "zh": 0.1}))
    assert judged.passed
    assert [row.slice for row in judged.rows] == [None, "language:en", "language:zh"]
    assert judged.rows[0].verdict is Verdict.BETTER
    require_passed(judged)


@pytest.mark.parametrize(
    ("gain", "verdict", "reason"),
    [
        ({"en": -0.1}, Verdict.WORSE, "not shown to be better"),
        ({"en": 0.0}, Verdict.CANNOT_TELL, "not shown to be better"),
        ({"en": 0.3, "zh": -0.05}, Verdict.BETTER, "of language:zh is not shown to be at most 0.02 worse"),
    ],
)
def test_what_is_not_better_everywhere_is_refused(
    gain: dict[str, float], verdict: Verdict, reason: str
) -> None:
    judged = gate(rows(gain))
    assert judged.rows[0].verdict is verdict
    assert not judged.passed
    with pytest.raises(PromotionRefusedError, match=reason):
        require_passed(judged)


def test_questions_about_few_documents_show_nothing() -> None:
    judged = gate(rows({"en": 0.1}), fewest_sources=CASES + 1)
    assert not judged.passed
    assert "can't be judged" in judged.findings[0].reason


def test_the_report_says_what_was_found(tmp_path: Path) -> None:
    judged = gate(rows({"en": 0.1}))
    write_gate(tmp_path / "gate.json", judged)
    kept = json.loads((tmp_path / "gate.json").read_text())
    assert kept["passed"]
    assert (kept["model"], kept["collection"], kept["held_out"]) == ("embedder@1", "handbook", CASES)
    assert kept["measures"][0]["verdict"] == "better"
    assert kept["findings"][0]["rule"] == "superior"
    lines = "\n".join(gate_lines(judged))
    assert f"{NAME}: 0." in lines
    assert "better (+0.0" in lines
