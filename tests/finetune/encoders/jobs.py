"""Jobs on the tiny encoders, done in this process."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from finetune.encoders.job import EncoderJob
from finetune.encoders.rows import EncoderRow, write_rows
from finetune.encoders.worker import main
from finetune.settings.encoders import EmbedderConfig, RerankerConfig
from finetune.settings.train_config import read_config
from finetune.training.job import ROWS, Outcome, read_outcome
from tests.finetune.encoders.tiny_models import IN_DOCUMENTS, IN_QUESTIONS, WINDOW, said, things

QUICK = ("train.bf16=false", "train.report_to=[]", "train.warmup_ratio=0", "train.threads=1")


def rows(count: int, others: int = 1) -> tuple[EncoderRow, ...]:
    """A row for each of ``count`` documents; the others are the documents that come next."""
    texts = [said(IN_DOCUMENTS, about) for about in things(count + others)]
    return tuple(
        EncoderRow(said(IN_QUESTIONS, about), texts[number], tuple(texts[number + 1 : number + 1 + others]))
        for number, about in enumerate(things(count + others)[:count])
    )


def embedder_job(base: Path, output: Path, learned: Sequence[EncoderRow], *overrides: str) -> EncoderJob:
    """A job that trains the embedder in ``base`` into ``output``."""
    config = read_config(EmbedderConfig, "embedder", None, [*QUICK, *overrides])
    return _written(EncoderJob(config, base, WINDOW, output), learned)


def reranker_job(base: Path, output: Path, learned: Sequence[EncoderRow], *overrides: str) -> EncoderJob:
    """A job that trains a reranker on ``base`` into ``output``."""
    config = read_config(RerankerConfig, "reranker", None, [*QUICK, *overrides])
    return _written(EncoderJob(config, base, WINDOW, output), learned)


def train_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let ``start_job`` call the training process's own entry, which saves the time to load everything."""

    def run(command: Sequence[str], threads: int | None, output: Path) -> Outcome:
        assert main(command[-1:]) == 0
        outcome = read_outcome(output)
        assert isinstance(outcome, Outcome)
        return outcome

    monkeypatch.setattr("finetune.encoders.job.run_process", run)


def _written(job: EncoderJob, learned: Sequence[EncoderRow]) -> EncoderJob:
    job.output.mkdir(parents=True, exist_ok=True)
    write_rows(job.output / ROWS, learned)
    return job
