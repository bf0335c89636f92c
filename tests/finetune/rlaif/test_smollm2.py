"""The whole of RLAIF with the packaged model, which is too small to judge, and says so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from finetune.data.row_files import read_pairs, write_rows
from finetune.rlaif.run import run_rlaif
from finetune.settings.rlaif import RlaifSection
from ingest.errors import TrainingDataError
from ingest.settings import load_settings
from tests.finetune.rlaif.test_run import example, label

pytestmark = pytest.mark.slow


def entries(home: Path, name: str) -> list[dict[str, Any]]:
    (journal,) = home.glob(f"runs/*/{name}")
    return [json.loads(line) for line in journal.read_text("utf-8").splitlines() if line]


def test_smollm2_answers_criticises_revises_and_is_held_against_people(tmp_path: Path) -> None:
    asked, people, output = (tmp_path / name for name in ("sft.jsonl", "labels.jsonl", "pairs.jsonl"))
    write_rows(asked, [example("What do bees make"), example("Who makes honey")])
    write_rows(people, [label("0"), label("1")])
    home = tmp_path / "home"
    settings = load_settings({"home": str(home)})
    try:
        made = run_rlaif(settings, RlaifSection(max_new_tokens=48), asked, output, people).pairs
    except TrainingDataError as nothing:
        assert "set a larger model" in str(nothing)
        made = 0
    revisions = entries(home, "revisions.jsonl")
    assert len(revisions) == 2
    assert all(revision["answer"] and revision["critique"] for revision in revisions)
    decided = [revision for revision in revisions if revision["dropped"] is None]
    assert made == len(decided) == (len(read_pairs(output)) if output.exists() else 0)
    assert [verdict["judge"] in {None, 1, 2} for verdict in entries(home, "labels.jsonl")] == [True, True]
