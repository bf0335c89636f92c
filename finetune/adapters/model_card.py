"""The model card: what a run's adapter is made of and how good it is, from files alone.

``card.json`` holds it whole, ``README.md`` tells it, and the loss curve lies beside them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from eval.decision.gate_report import read_gate_report
from finetune.adapters.cost import Cost, run_cost
from finetune.adapters.gguf_header import read_licence
from finetune.adapters.trained_run import rows_of
from finetune.data.rows import TrainingExample
from finetune.parity.report import ParityReport, read_parity
from finetune.settings.train_config import TrainConfig
from finetune.training.job import RunMetrics
from finetune.training.run import Run
from ingest.errors import GateReportError
from ingest.snapshots.durable import file_sha256
from service.releases.release import WEIGHTS

CARD = "card.json"
CARD_TEXT = "README.md"


@dataclass(frozen=True, slots=True)
class CardData:
    """The rows: their file's name, their SHA-256, and how many were too long.

    ``languages`` counts them, and ``snapshots`` are the indexes that their passages came from; both are empty
    where the file is gone.
    """

    file: str
    sha256: str
    rows: int
    left_out: int
    languages: Mapping[str, int]
    snapshots: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CardGate:
    """What a gate found: a sentence for each rule, and whether it holds."""

    sha256: str
    passed: bool
    snapshot_id: str | None
    findings: tuple[tuple[bool, str], ...]


@dataclass(frozen=True, slots=True)
class Card:
    """A model card. ``gate`` and ``parity`` are None where they were not measured.

    ``forms`` are the files that hold the weights; ``started_from`` is the SHA-256 of the adapter that
    training went on from; ``licence`` that of the base, None where its file does not tell.
    """

    name: str
    sha256: str
    forms: tuple[str, ...]
    base_model: str
    licence: str | None
    started_from: str | None
    prompt_id: str
    config: TrainConfig
    data: CardData
    libraries: Mapping[str, str]
    metrics: RunMetrics
    details: Mapping[str, float]
    cost: Cost
    gate: CardGate | None
    parity: ParityReport | None


def make_card(home: Path, run: Run, forms: tuple[str, ...], gate_report: Path | None) -> Card:
    """The card of the run's adapter.

    Args:
        forms: the names of the files that hold it.
        gate_report: the file that ``troika eval gate`` wrote about it, when there is one.

    Raises:
        GateReportError: the report cannot be read, or is about another release.
    """
    sha256 = file_sha256(run.folder / WEIGHTS)
    name = f"{run.method}@{sha256[:8]}"
    parity = read_parity(run.folder)
    return Card(
        name=name,
        sha256=sha256,
        forms=forms,
        base_model=run.base.fingerprint,
        licence=read_licence(run.base.source) if run.base.is_gguf else None,
        started_from=run.adapter_sha256,
        prompt_id=run.prompt_id,
        config=run.config,
        data=_data(run),
        libraries=run.libraries,
        metrics=run.metrics,
        details=run.details,
        cost=run_cost(home, run),
        gate=None if gate_report is None else _gate(gate_report, name),
        parity=parity if parity is not None and parity.adapter_sha256 == sha256 else None,
    )


def card_json(card: Card) -> str:
    """The card as a JSON document."""
    return TypeAdapter(Card).dump_json(card, indent=1).decode() + "\n"


def _data(run: Run) -> CardData:
    rows = rows_of(run)
    made_from = {row.snapshot_id for row in rows if isinstance(row, TrainingExample)}
    return CardData(
        file=(run.rows_from or run.data).name,
        sha256=run.dataset_sha256,
        rows=run.metrics.rows,
        left_out=run.left_out,
        languages=dict(Counter(row.language for row in rows)),
        snapshots=tuple(sorted(snapshot for snapshot in made_from if snapshot)),
    )


def _gate(path: Path, name: str) -> CardGate:
    report = read_gate_report(path)
    if report.candidate.release != name:
        raise GateReportError(
            f"{path} is about {report.candidate.release}, and the adapter is {name}: give its own report."
        )
    findings = tuple((finding.passed, finding.reason) for finding in report.findings)
    return CardGate(report.sha256, report.passed, report.candidate.snapshot_id, findings)
