from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from finetune.encoders.job import JOB, EncoderJob, Probe, new_run, read_job, start_job
from finetune.encoders.rows import EncoderRow, read_rows, rows_sha256
from finetune.settings.encoders import EmbedderConfig, RerankerConfig
from finetune.settings.train_config import read_config
from finetune.training.job import Outcome, RunMetrics
from ingest.errors import SettingsError, TrainingDataError, UsageError

ROWS = (EncoderRow("which port?", "Ports\nThe port is 8080.\u2028", ("排名是 16。",)),)


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[Sequence[str]]:
    """The commands of the processes that would have been started."""
    started: list[Sequence[str]] = []

    def run(command: Sequence[str], environment: Mapping[str, str], _output: Path) -> Outcome:
        assert environment["CUDA_VISIBLE_DEVICES"] == "1", "it trains alone, on the first GPU it may see"
        started.append(command)
        return Outcome(RunMetrics(1, 1, 1, 1.0, 1.0, 1.0, 1.0, 1.0, stopped_early=False), 0)

    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1,2")
    monkeypatch.setattr("finetune.encoders.job.run_process", run)
    return started


def job(output: Path, *overrides: str) -> EncoderJob:
    config = read_config(EmbedderConfig, "embedder", None, overrides)
    return EncoderJob(config, output / "base", 64, output, Probe("text", (0.5, 0.25)))


def test_a_job_is_read_as_it_was_written(tmp_path: Path, commands: list[Sequence[str]]) -> None:
    written = job(new_run(tmp_path, "embedder"))
    start_job(written, ROWS)
    path = written.output / JOB
    assert commands == [[sys.executable, "-m", "finetune.encoders.worker", str(path)]]
    assert read_job(path) == written
    assert written.rows == ROWS
    reranker = EncoderJob(read_config(RerankerConfig, "reranker", None, ()), tmp_path, 64, tmp_path / "other")
    reranker.output.mkdir()
    start_job(reranker, ROWS)
    assert read_job(reranker.output / JOB) == reranker


def test_a_run_goes_on_with_what_it_began_with(tmp_path: Path, commands: list[Sequence[str]]) -> None:
    first = job(new_run(tmp_path, "embedder"))
    start_job(first, ROWS)
    start_job(first, ROWS)
    assert len(commands) == 2
    for changed, rows in ((first, (*ROWS, *ROWS)), (job(first.output, "train.seed=1"), ROWS)):
        with pytest.raises(TrainingDataError, match="began with other"):
            start_job(changed, rows)


def test_a_folder_without_a_run_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no readable"):
        read_job(tmp_path / JOB)


def test_rows_have_an_identity(tmp_path: Path, commands: list[Sequence[str]]) -> None:
    written = job(new_run(tmp_path, "embedder"))
    start_job(written, ROWS)
    assert read_rows(written.output / "rows.jsonl") == ROWS
    assert rows_sha256(ROWS) != rows_sha256((*ROWS, *ROWS))


def test_settings_that_mean_nothing_here_are_refused() -> None:
    for override in ("train.packing=true", "train.per_device_train_batch_size=1", "data.held_out=0"):
        with pytest.raises(SettingsError, match=override.partition("=")[0]):
            read_config(EmbedderConfig, "embedder", None, [override])
    with pytest.raises(SettingsError, match="for 'embedder'"):
        read_config(RerankerConfig, "reranker", None, ["method=embedder"])


def test_the_shipped_settings_are_those_of_the_trainers() -> None:
    train = read_config(EmbedderConfig, "embedder", None, ()).train
    assert train.shared.gradient_accumulation_steps == 1
    assert train.shared.learning_rate == train.learning_rate
