"""Whether a trained model may take the place of what serves, and the report that is kept of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from eval.decision.comparison import Row
from eval.decision.finding import Finding
from eval.decision.gate import finding_of
from eval.decision.gate_config import NotInferior, Superior
from finetune.settings.encoders import RetrievalGateSection
from ingest.errors import PromotionRefusedError
from ingest.snapshots.durable import replace_text


@dataclass(frozen=True, slots=True)
class RetrievalGate:
    """What a model was found to be worth on the held-out questions of a collection.

    ``rows`` hold each figure before and after, over all questions and over those of each language;
    ``findings`` are the rules, which all have to hold. ``baseline`` is what served; ``questions_sha256`` is
    of the file with the questions.
    """

    model: str
    baseline: str
    collection: str
    snapshot: str
    questions_sha256: str
    held_out: int
    rows: tuple[Row, ...]
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        return all(finding.passed for finding in self.findings)

    def to_json(self) -> dict[str, object]:
        """The report as it is kept and printed."""
        return {
            "model": self.model,
            "baseline": self.baseline,
            "collection": self.collection,
            "snapshot": self.snapshot,
            "questions_sha256": self.questions_sha256,
            "held_out": self.held_out,
            "passed": self.passed,
            "measures": [row.to_json() for row in self.rows],
            "findings": [asdict(finding) for finding in self.findings],
        }


def judge_rows(rows: Sequence[Row], measure: str, gate: RetrievalGateSection) -> tuple[Finding, ...]:
    """Whether ``measure`` is better over all questions, and in no language worse by the margin."""
    own = [row for row in rows if row.measure == measure]
    better = Superior(measure=measure, least_gain=gate.least_gain)
    no_worse = NotInferior(measure=measure, margin=gate.margin)
    return tuple(
        finding_of(better if row.slice is None else no_worse, row, gate.fewest_sources) for row in own
    )


def write_gate(path: Path, gate: RetrievalGate) -> None:
    """Keep the report, durably and in one step."""
    replace_text(path, json.dumps(gate.to_json(), ensure_ascii=False, indent=2) + "\n")


def require_passed(gate: RetrievalGate) -> None:
    """Refuse to serve what was not shown to be better.

    Raises:
        PromotionRefusedError: a rule does not hold.
    """
    if not gate.passed:
        reasons = "; ".join(finding.reason for finding in gate.findings if not finding.passed)
        raise PromotionRefusedError(
            f"{gate.model} does not take the place of {gate.baseline} on {gate.collection!r}: {reasons}."
        )


def gate_lines(gate: RetrievalGate) -> list[str]:
    """The report in words."""
    lines = [
        f"{gate.held_out} questions held out of training, on {gate.collection} ({gate.snapshot}), "
        f"beside {gate.baseline}:"
    ]
    for row in gate.rows:
        where = "" if row.slice is None else f" of {row.slice}"
        lines.append(f"  {row.measure}{where}: {_change(row)}")
    return [*lines, *(f"  {finding.reason}" for finding in gate.findings)]


def _change(row: Row) -> str:
    if row.difference is None or row.first.value is None or row.second.value is None:
        return "cannot be compared, with questions about fewer than two documents"
    found = row.difference
    return (
        f"{row.first.value:.3f} -> {row.second.value:.3f}, {row.verdict} "
        f"({found.interval.low:+.3f} to {found.interval.high:+.3f})"
    )
