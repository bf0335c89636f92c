"""``troika finetune rm`` and ``kto``: learning from ranked answers and from thumbs."""

from __future__ import annotations

from finetune.train_cli import (
    AdapterOption,
    ConfigOption,
    DataOption,
    DryRunOption,
    Overrides,
    ResumeOption,
    TrainRequest,
    run_method,
)
from ingest.cli import JsonOption


def rm(
    data: DataOption = None,
    adapter: AdapterOption = None,
    config: ConfigOption = None,
    overrides: Overrides = None,
    dry_run: DryRunOption = False,
    resume: ResumeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a reward model on ranked answers, for ppo to learn from."""
    request = TrainRequest(data, config, overrides, adapter, dry_run=dry_run, resume=resume, as_json=as_json)
    run_method("rm", request)


def kto(
    data: DataOption = None,
    adapter: AdapterOption = None,
    config: ConfigOption = None,
    overrides: Overrides = None,
    dry_run: DryRunOption = False,
    resume: ResumeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train on thumbs up and down, from an adapter that was trained on answers."""
    request = TrainRequest(data, config, overrides, adapter, dry_run=dry_run, resume=resume, as_json=as_json)
    run_method("kto", request)
