"""On real questions about health, with the packaged embedder: what the README states, on fewer steps."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

pytest.importorskip("datasets")

from eval.retrieval.dataset_index import ensure_indexed
from eval.retrieval.datasets import read_dataset
from finetune.cli import finetune_app
from ingest.settings import Settings


@pytest.mark.slow
def test_the_packaged_embedder_learns_from_the_questions_of_a_domain(
    settings: Settings, shared_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shared_data / "dev" / "medquad_faq_en"
    collection = ensure_indexed(read_dataset(folder), settings)
    monkeypatch.setenv("TROIKA_HOME", str(settings.home))
    result = CliRunner().invoke(
        finetune_app,
        [
            "embedder", "--questions", str(folder), "--collection", collection, "--json",
            "data.held_out=0.5", "train.num_train_epochs=1", "train.report_to=[]",
        ],
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["metrics"]["last_loss"] < report["metrics"]["first_loss"]
    figures = {row["measure"]: row for row in report["gate"]["measures"] if row["slice"] is None}
    assert figures["hybrid ndcg@10"]["verdict"] != "worse"
    assert report["gate"]["held_out"] == 200
