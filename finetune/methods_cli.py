"""``troika finetune METHOD``: one command for each way to train."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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

if TYPE_CHECKING:
    from finetune.settings.train_config import Method


def mount_methods(app: typer.Typer) -> None:
    """Give ``app`` the commands of all methods."""
    for method, what_it_does in _BY_ROWS:
        app.command(method, help=what_it_does)(_by_rows(method))
    app.command("ppo")(ppo)


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


_BY_ROWS: tuple[tuple[Method, str], ...] = (
    ("sft", "Train on answers: LoRA, QLoRA or the whole model."),
    ("rm", "Train a reward model on ranked answers, for ppo to learn from."),
    ("dpo", "Train on preferences, from an adapter that was trained on answers."),
    ("kto", "Train on thumbs up and down, from an adapter that was trained on answers."),
    ("rloo", "Train on groups of sampled answers that rules check, each against the mean of the others."),
    ("grpo", "Train on groups of sampled answers that rules check, each by its standing in its group."),
)


def _by_rows(method: Method) -> Callable[..., None]:
    def command(
        data: DataOption = None,
        adapter: AdapterOption = None,
        config: ConfigOption = None,
        overrides: Overrides = None,
        dry_run: DryRunOption = False,
        resume: ResumeOption = None,
        as_json: JsonOption = False,
    ) -> None:
        run_method(
            method,
            TrainRequest(data, config, overrides, adapter, dry_run=dry_run, resume=resume, as_json=as_json),
        )

    return command
