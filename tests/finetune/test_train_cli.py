from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from finetune.cli import finetune_app
from finetune.data.row_files import write_rows
from ingest.errors import TroikaError, UsageError
from tests.finetune.conftest import TinyBase
from tests.finetune.sft_runs import example


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TROIKA_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def run(*arguments: str) -> Any:
    result = CliRunner().invoke(finetune_app, list(arguments))
    if isinstance(result.exception, TroikaError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout) if "--json" in arguments else result.output


@pytest.mark.parametrize("method", ["sft", "dpo", "rm", "kto", "rloo", "grpo", "ppo"])
def test_every_method_asks_for_rows_or_a_run_to_go_on_with(method: str) -> None:
    with pytest.raises(UsageError, match="--data, or a run with --resume"):
        run(method)


def test_a_run_is_resumed_as_it_was_started(tmp_path: Path) -> None:
    for more in (["--data", "rows.jsonl"], ["--dry-run"], ["train.seed=1"]):
        with pytest.raises(UsageError, match="leave the data and all other settings out"):
            run("sft", "--resume", str(tmp_path), *more)
    with pytest.raises(UsageError, match="holds no run"):
        run("sft", "--resume", str(tmp_path))


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")
def test_a_dry_run_shows_the_plan_and_writes_nothing(tiny_base: TinyBase, home: Path) -> None:
    pytest.importorskip("trl")
    write_rows(Path("rows.jsonl"), [example(n) for n in range(20)])
    options = ("sft", "--data", "rows.jsonl", "--dry-run", f"model.name_or_path={tiny_base.gguf}")
    shown = run(*options)
    assert "9 steps of 8 rows" in shown
    assert "«The rank is 0. [1]<|im_end|>»" in shown
    assert run(*options, "--json")["schedule"]["steps"] == 9
    assert not home.exists()
