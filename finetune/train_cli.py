"""What the commands that train share: their options, and what is done with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ingest.errors import UsageError
from ingest.settings import load_settings

if TYPE_CHECKING:
    from finetune.settings.train_config import Method
    from finetune.training.run import Run

DataOption = Annotated[
    Path | None, typer.Option(help="Rows to learn from, as `troika finetune data` writes them.")
]
AdapterOption = Annotated[
    str | None, typer.Option(help="Start from this run's folder, or kept adapter; default the base model.")
]
ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="YAML or TOML; default finetune/configs.")
]
Overrides = Annotated[
    list[str] | None, typer.Argument(help="Settings as section.key=value, for example train.max_steps=20.")
]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Check everything and show the plan; train and write nothing.")
]
ResumeOption = Annotated[
    Path | None, typer.Option(help="Continue this run's folder from its last checkpoint, as it was started.")
]


@dataclass(frozen=True, slots=True)
class TrainRequest:
    """What the command line of a method asks for; ``resume`` stands alone, else there is ``data``."""

    data: Path | None = None
    config: Path | None = None
    overrides: Sequence[str] | None = None
    adapter: str | None = None
    reward_model: Path | None = None
    dry_run: bool = False
    resume: Path | None = None
    as_json: bool = False


def run_method(method: Method, request: TrainRequest) -> None:
    """Plan, continue or start a run as ``request`` says, and print what came of it.

    Raises:
        UsageError: ``resume`` comes with anything else, or there is nothing to learn from.
    """
    from finetune.settings.train_config import load_config
    from finetune.training.run import resume_run, start_run

    home = load_settings().home
    if request.resume is not None:
        if request != TrainRequest(resume=request.resume, as_json=request.as_json):
            raise UsageError(
                "--resume continues a run as it was started: leave the data and all other settings out."
            )
        return show_run(resume_run(method, request.resume), request.as_json)
    if request.data is None:
        raise UsageError("there is nothing to learn from: name the rows with --data, or a run with --resume.")
    config = load_config(method, request.config, request.overrides or ())
    start = _adapter_folder(home, request.adapter)
    if request.dry_run:
        from finetune.training.plan import plan_run
        from finetune.training.show_plan import show_plan

        return show_plan(plan_run(home, config, request.data, start, request.reward_model), request.as_json)
    return show_run(start_run(home, config, request.data, start, request.reward_model), request.as_json)


def show_run(run: Run, as_json: bool) -> None:
    """Print a finished run: its losses, what it cost, figures of the method's own, and how to keep it."""
    if as_json:
        from finetune.training.run import run_json

        typer.echo(run_json(run))
        return
    from finetune.adapters.cost import run_cost

    metrics = run.metrics
    typer.echo(f"loss {metrics.first_loss:.3f} -> {metrics.last_loss:.3f} in {metrics.steps} steps")
    typer.echo(run_cost(load_settings().home, run).told())
    for name, value in run.details.items():
        typer.echo(f"{name} {value:.4g}")
    if metrics.stopped_early:
        typer.echo(
            f"stopped by train.max_minutes before the last step; go on with --resume {run.folder}", err=True
        )
    if run.method == "rm":
        typer.echo(f"learn from it with: troika finetune ppo --reward-model {run.folder}")
    else:
        typer.echo(f"keep it with: troika finetune export {run.folder}")


def _adapter_folder(home: Path, adapter: str | None) -> Path | None:
    from service.releases.release import adapter_folder

    if adapter is None:
        return None
    kept = adapter_folder(home, adapter)
    return kept if kept.is_dir() else Path(adapter)
