"""The state of a run that is saved while it trains, so that it can go on after it was killed.

::

    RUN/checkpoint-STEP/         the last two; written by transformers' Trainer
        weights, optimizer.pt, scheduler.pt, rng_state.pth, trainer_state.json
        run_log.json             written last: a checkpoint without it is not whole, and does not exist

The position in the data is the step: each epoch's order follows from the seed and the epoch alone.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from ingest.snapshots.durable import replace_text, sync_tree

KEPT = 2
RUN_LOG = "run_log.json"

_PREFIX = "checkpoint-"


@dataclass(frozen=True, slots=True)
class SavedLog:
    """What the run's log held at a checkpoint: the time spent until then, in seconds, and the loss curve."""

    seconds: float
    curve: list[dict[str, float]]


def checkpoint_folder(output: Path, step: int) -> Path:
    """Where the state after ``step`` steps is kept."""
    return output / f"{_PREFIX}{step}"


def complete_checkpoint(checkpoint: Path, log: SavedLog) -> None:
    """Make all that lies in ``checkpoint`` durable, then mark it as whole."""
    sync_tree(checkpoint)
    replace_text(checkpoint / RUN_LOG, TypeAdapter(SavedLog).dump_json(log).decode())


def last_checkpoint(output: Path) -> Path | None:
    """The newest whole checkpoint in ``output``; None when there is none."""
    whole = (folder for folder in _checkpoints(output) if (folder / RUN_LOG).is_file())
    return max(whole, key=lambda folder: int(folder.name.removeprefix(_PREFIX)), default=None)


def drop_broken_checkpoints(output: Path) -> None:
    """Remove what a killed or failed save left behind."""
    for folder in _checkpoints(output):
        if not (folder / RUN_LOG).is_file():
            shutil.rmtree(folder, ignore_errors=True)  # another process may be at it too


def read_log(checkpoint: Path) -> SavedLog:
    """The log at a whole checkpoint."""
    return TypeAdapter(SavedLog).validate_json((checkpoint / RUN_LOG).read_bytes())


def _checkpoints(output: Path) -> list[Path]:
    return [path for path in output.glob(f"{_PREFIX}*") if path.name.removeprefix(_PREFIX).isdigit()]
