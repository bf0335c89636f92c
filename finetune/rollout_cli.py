"""``troika finetune ppo``, ``rloo`` and ``grpo``: learning from answers that the model itself samples."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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


def ppo(
    data: DataOption = None,
    adapter: AdapterOption = None,
    reward_model: Annotated[
        Path | None, typer.Option(help="Folder of a run of `rm`; default rules that check the answers.")
    ] = None,
    config: ConfigOption = None,
    overrides: Overrides = None,
    dry_run: DryRunOption = False,
    resume: ResumeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train on sampled answers that a reward model scores, or rules do, near the adapter it starts from."""
    run_method("ppo", TrainRequest(data, config, overrides, adapter, reward_model, dry_run, resume, as_json))


def rloo(
    data: DataOption = None,
    adapter: AdapterOption = None,
    config: ConfigOption = None,
    overrides: Overrides = None,
    dry_run: DryRunOption = False,
    resume: ResumeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train on groups of sampled answers that rules check, each against the mean of the others."""
    request = TrainRequest(data, config, overrides, adapter, dry_run=dry_run, resume=resume, as_json=as_json)
    run_method("rloo", request)


def grpo(
    data: DataOption = None,
    adapter: AdapterOption = None,
    config: ConfigOption = None,
    overrides: Overrides = None,
    dry_run: DryRunOption = False,
    resume: ResumeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train on groups of sampled answers that rules check, each by its standing in its group."""
    request = TrainRequest(data, config, overrides, adapter, dry_run=dry_run, resume=resume, as_json=as_json)
    run_method("grpo", request)
