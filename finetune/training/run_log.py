"""The log of a run on transformers' Trainer: loss curve and figures, checkpoints, and the limit of time."""

# ruff: noqa: ARG002  (the signatures of the callbacks are transformers')

from __future__ import annotations

import json
import resource
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback

from eval.plot import write_plot
from finetune.training.job import LOSS_CURVE, METRICS, RunMetrics, writes_files
from finetune.training.loss_curve import loss_plot
from finetune.training.progress import TrainingProgress
from finetune.training.saved_state import SavedLog, checkpoint_folder, complete_checkpoint
from ingest.snapshots.durable import replace_text

# What the trainers log beside the loss; other keys come and go with TRL's versions.
_LOGGED = (
    "loss",
    "grad_norm",
    "learning_rate",
    "mean_token_accuracy",
    "rewards/accuracies",
    "rewards/margins",
)
_ENDS = 0.1
_MEGABYTE = 1 << 20


class RunLog(TrainerCallback):
    """Keeps the loss curve, shows it as it grows, marks checkpoints, and stops a run that takes too long."""

    def __init__(
        self,
        rows: int,
        tokens_per_epoch: int | None,
        max_minutes: float | None,
        figures: Sequence[str] = (),
    ) -> None:
        """``figures`` join the loss in the log; without ``tokens_per_epoch`` the trainer logs num_tokens."""
        self.curve: list[dict[str, float]] = []
        self.stopped_early = False
        self._rows = rows
        self._tokens_per_epoch = tokens_per_epoch
        self._figures = (*_LOGGED, *figures)
        self._limit = None if max_minutes is None else max_minutes * 60
        self._started = self._seconds_before = 0.0
        self._computed = 0
        self._progress = TrainingProgress() if writes_files() else None

    def restore(self, saved: SavedLog) -> None:
        """Go on with the log of a checkpoint."""
        self.curve, self._seconds_before = [*saved.curve], saved.seconds
        self._computed = int(self.curve[-1].get("computed_tokens", 0)) if self.curve else 0

    def computed(self, tokens: int) -> None:
        """So many tokens, packed, go through the model, forward and backward."""
        self._computed += tokens

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._started = time.perf_counter()
        if self._progress is not None:
            self._progress.start(Path(args.output_dir), state.global_step, state.max_steps)

    def on_log(
        self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **kwargs: Any
    ) -> None:
        if logs is None or "loss" not in logs:
            return
        seconds = self._seconds()
        if self._tokens_per_epoch is None:
            tokens = round(logs["num_tokens"])
        else:
            tokens = round(self._tokens_per_epoch * float(state.epoch or 0))
        entry = {"step": float(state.global_step), "seconds": round(seconds, 2), "tokens": float(tokens)}
        if self._computed:
            entry["computed_tokens"] = float(self._computed)
        entry |= {key: float(logs[key]) for key in self._figures if logs.get(key) is not None}
        self.curve.append(entry)
        if self._progress is not None:
            self._progress.measured(entry["loss"], tokens / seconds)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self._progress is not None:
            self._progress.reached(state.global_step)
        late = self._limit is not None and time.perf_counter() - self._started > self._limit
        if state.global_step >= state.max_steps:
            control.should_log = True  # whatever logging_steps is: the figures of a run are those of its end
        elif late:
            self.stopped_early = True
            control.should_log = control.should_save = control.should_training_stop = True

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if writes_files():
            folder = checkpoint_folder(Path(args.output_dir), state.global_step)
            complete_checkpoint(folder, SavedLog(self._seconds(), self.curve))

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self._progress is not None:
            self._progress.stop()

    def metrics(self) -> RunMetrics:
        """What the run came to, resumptions included; call it after the training."""
        losses = [entry["loss"] for entry in self.curve]
        ends = max(1, round(len(losses) * _ENDS))
        last = self.curve[-1]
        return RunMetrics(
            rows=self._rows,
            steps=int(last["step"]),
            tokens=int(last["tokens"]),
            seconds=last["seconds"],
            tokens_per_second=round(last["tokens"] / last["seconds"], 1),
            peak_memory_mb=round(_peak_memory() / _MEGABYTE, 1),
            first_loss=round(sum(losses[:ends]) / ends, 4),
            last_loss=round(sum(losses[-ends:]) / ends, 4),
            stopped_early=self.stopped_early,
            computed_tokens=self._computed or None,
        )

    def _seconds(self) -> float:
        return self._seconds_before + time.perf_counter() - self._started


def write_log(output: Path, log: RunLog) -> RunMetrics:
    """Write the figures of a run with its loss curve, as JSON and as a drawing."""
    metrics = log.metrics()
    replace_text(output / METRICS, json.dumps({**asdict(metrics), "curve": log.curve}, indent=1))
    write_plot(output / LOSS_CURVE, loss_plot(f"Loss of {output.name}", log.curve))
    return metrics


def _peak_memory() -> int:
    """In bytes: of the GPU where there is one, else of this process."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
