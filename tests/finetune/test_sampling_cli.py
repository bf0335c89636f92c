from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

pytest.importorskip("trl")

from finetune.cli import finetune_app
from finetune.data.row_files import read_pairs, write_rows
from finetune.data.rows import ExampleKind
from ingest.errors import SettingsError, TrainingDataError, TroikaError, UsageError
from tests.finetune.conftest import TinyBase
from tests.finetune.model_server import model_server
from tests.finetune.rlaif.test_run import example as asked_example
from tests.finetune.rlaif.test_run import fair
from tests.finetune.sampling.test_acceptance import example


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TROIKA_HOME", str(tmp_path / "home"))
    write_rows(Path("rows.jsonl"), [*(example(name=str(n)) for n in range(9)), example(ExampleKind.REPLAY)])
    write_rows(Path("asked.jsonl"), [asked_example(name) for name in "ab"])
    return tmp_path / "home"


def run(*arguments: str) -> Any:
    result = CliRunner().invoke(finetune_app, list(arguments))
    if isinstance(result.exception, TroikaError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout) if "--json" in arguments else result.output


def served_by(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("KIND", "openai"), ("BASE_URL", address), ("MODEL", "m")):
        monkeypatch.setenv(f"TROIKA_GENERATOR__{name}", value)


@pytest.mark.parametrize("method", ["rft", "rlaif"])
def test_a_run_is_resumed_as_it_was_started(method: str, tmp_path: Path) -> None:
    for more in (["--data", "rows.jsonl"], ["--dry-run"], [f"{method}.temperature=1"]):
        with pytest.raises(UsageError, match="leave the data and all other settings out"):
            run(method, "--resume", str(tmp_path), *more)
    with pytest.raises(UsageError, match=f"holds no run of {method}"):
        run(method, "--resume", str(tmp_path))
    with pytest.raises(UsageError, match=r"--data.* or a run with --resume"):
        run(method)


def test_rft_refuses_a_share_of_rows_that_it_is_not_given(home: Path) -> None:
    with pytest.raises(UsageError, match="--false-refusals is given without --held-out"):
        run("rft", "--data", "rows.jsonl", "--false-refusals", "0")
    with pytest.raises(UsageError, match="leave the data and all other settings out"):
        run("rft", "--resume", "absent", "--false-refusals", "0.1")
    assert not home.exists()


def test_rlaif_tells_an_output_that_cannot_be_written_in_its_dry_run(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served_by("http://127.0.0.1:9/v1", monkeypatch)
    with pytest.raises(UsageError, match="which is there and no file"):
        run("rlaif", "--data", "asked.jsonl", "--output", ".", "--dry-run")
    assert not home.exists()


def test_a_dry_run_of_rft_shows_what_would_be_asked_and_writes_nothing(
    tiny_base: TinyBase, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served_by("http://127.0.0.1:9/v1", monkeypatch)
    options = ("rft", "--data", "rows.jsonl", "--dry-run", f"model.name_or_path={tiny_base.gguf}")
    shown = run(*options, "rft.samples=4")
    assert "rft samples base by openai m\n9 questions, 4 samples of each, 36 in a round; rounds: 1" in shown
    assert "1 rows are not asked" in shown
    assert '  lora: {"r": 16, "lora_alpha": 32' in shown
    assert shown.count("user: When was the bridge built?") == 3
    plan = run(*options, "--json")
    assert plan["training"]["method"] == "sft"
    assert plan["training"]["train"]["num_train_epochs"] == 2
    assert [prompt[0]["content"] for prompt in plan["prompts"]] == ["When was the bridge built?"] * 3
    with pytest.raises(TrainingDataError, match="absent"):
        run(*options, "--held-out", "absent.jsonl")
    monkeypatch.delenv("TROIKA_GENERATOR__BASE_URL")
    with pytest.raises(SettingsError, match=r"generator\.base_url"):
        run(*options)
    assert not home.exists()


def test_rlaif_writes_what_its_dry_run_said(
    home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    options = ("rlaif", "--data", "asked.jsonl", "--output", "pairs.jsonl")
    with model_server(fair) as address:
        served_by(address, monkeypatch)
        shown = run(*options, "--dry-run")
        assert "rlaif samples base by openai m\n2 questions, 1 samples of each" in shown
        assert "── prompt 2\nsystem: Answer." in shown
        assert not home.exists()
        assert run(*options, "--json")["pairs"] == 2
    assert len(read_pairs(tmp_path / "pairs.jsonl")) == 2
    (folder,) = (home / "runs").iterdir()
    with pytest.raises(UsageError, match="is finished"):
        run("rlaif", "--resume", str(folder))
