"""``troika finetune METHOD``: one command for each way to train. Everything heavy is imported inside them."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ingest.cli import JsonOption
from ingest.settings import load_settings

if TYPE_CHECKING:
    from finetune.settings.train_config import Method
    from finetune.training.run import Run

ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="YAML or TOML; default finetune/configs.")
]
Overrides = Annotated[
    list[str] | None, typer.Argument(help="Settings as section.key=value, for example train.max_steps=20.")
]


def sft(
    data: Annotated[Path, typer.Option(help="Examples, as `finetune data build` writes them.")],
    config: ConfigOption = None,
    overrides: Overrides = None,
    as_json: JsonOption = False,
) -> None:
    """Train an adapter on answers (LoRA)."""
    _show_run(_run("sft", data, None, config, overrides), as_json)


def dpo(
    data: Annotated[Path, typer.Option(help="Pairs, as `finetune data build` writes them.")],
    adapter: Annotated[
        str | None, typer.Option(help="Start from this run's folder, or kept adapter.")
    ] = None,
    config: ConfigOption = None,
    overrides: Overrides = None,
    as_json: JsonOption = False,
) -> None:
    """Train on preferences, from an adapter that was trained on answers."""
    _show_run(_run("dpo", data, adapter, config, overrides), as_json)


def _run(
    method: Method,
    data: Path,
    adapter: str | None,
    config: Path | None,
    overrides: list[str] | None,
) -> Run:
    from finetune.settings.train_config import load_config
    from finetune.training.run import start_run
    from service.release import ADAPTERS

    home = load_settings().home
    start = None
    if adapter is not None:
        kept = home / ADAPTERS / adapter
        start = kept if kept.is_dir() else Path(adapter)
    return start_run(home, load_config(method, config, overrides or ()), data, start)


def _show_run(run: Run, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(asdict(run), ensure_ascii=False, indent=2, default=str))
        return
    metrics = run.metrics
    typer.echo(
        f"loss {metrics.first_loss:.3f} -> {metrics.last_loss:.3f}, {metrics.steps} steps in "
        f"{metrics.seconds:.0f} s ({metrics.tokens_per_second:.0f} tokens/s, "
        f"{metrics.peak_memory_mb:.0f} MB)"
    )
    if metrics.stopped_early:
        typer.echo("stopped by train.max_minutes before the last step", err=True)
    typer.echo(f"keep it with: troika finetune export {run.folder}")
