"""What the methods on transformers' Trainer share: a run's arguments, its log, and what it leaves behind."""

# ruff: noqa: ARG002  (the signatures of the callbacks are transformers')

from __future__ import annotations

import json
import os
import resource
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import datasets  # pyright: ignore[reportMissingTypeStubs]
import torch
from peft import LoraConfig, PeftModel, TaskType
from transformers import TrainerCallback, TrainerState
from transformers.trainer import TRAINER_STATE_NAME

from eval.plot import write_plot
from finetune.settings.shared import LoraSection, TrainSection
from finetune.training.bfloat16 import multiplies_bfloat16
from finetune.training.job import LOSS_CURVE, METRICS, MODEL, RunMetrics, writes_files
from finetune.training.loss_curve import loss_plot
from finetune.training.progress import TrainingProgress
from finetune.training.saved_state import (
    KEPT,
    SavedLog,
    checkpoint_folder,
    complete_checkpoint,
    drop_broken_checkpoints,
    last_checkpoint,
    read_log,
)
from ingest.snapshots.durable import replace_text, sync_tree
from service.releases.adapters import CONFIG
from service.releases.release import WEIGHTS

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


def lora_config(lora: LoraSection) -> LoraConfig:
    """The adapter's shape for PEFT."""
    return LoraConfig(
        r=lora.r,
        lora_alpha=cast("Any", lora.lora_alpha),
        lora_dropout=lora.lora_dropout,
        target_modules=lora.target_modules
        if isinstance(lora.target_modules, str)
        else [*lora.target_modules],
        use_rslora=lora.use_rslora,
        bias="none",
        task_type=TaskType.CAUSAL_LM,
    )


def start_from(model: Any, adapter: Path | None, lora: LoraSection) -> dict[str, Any]:
    """What one of TRL's trainers trains, as its arguments: ``adapter``, or a new one of the shape ``lora``.

    Its reference is what it starts from: TRL freezes a copy of the adapter that a trainable PeftModel brings
    when no shape of a new one comes with it.
    """
    if adapter is None:
        return {"model": model, "peft_config": lora_config(lora)}
    return {"model": cast("Any", PeftModel).from_pretrained(model, adapter, is_trainable=True)}


def training_arguments(train: TrainSection, output: Path) -> dict[str, Any]:
    """The keyword arguments that SFTConfig, DPOConfig and their like share.

    TRL's defaults are for a GPU: bfloat16, gradient checkpointing, rows cut at 1,024 tokens. None holds here.
    """
    return {
        "output_dir": str(output),
        "run_name": output.name,
        "learning_rate": train.learning_rate,
        "num_train_epochs": train.num_train_epochs,
        "max_steps": train.max_steps or -1,
        "per_device_train_batch_size": train.per_device_train_batch_size,
        "gradient_accumulation_steps": train.gradient_accumulation_steps,
        "lr_scheduler_type": train.lr_scheduler_type,
        "warmup_steps": train.warmup_ratio,  # below 1 it is a share of all steps
        "weight_decay": train.weight_decay,
        "max_grad_norm": train.max_grad_norm,
        "logging_steps": train.logging_steps,
        "seed": train.seed,
        "data_seed": train.seed,
        "bf16": multiplies_bfloat16() if train.bf16 == "auto" else train.bf16,
        "use_cpu": not torch.cuda.is_available(),
        "max_length": None,  # rows that are too long were refused when they were encoded
        "gradient_checkpointing": False,
        "report_to": list(train.report_to) or "none",
        "save_strategy": "steps",
        "save_steps": train.save_steps,
        "save_total_limit": KEPT,
        "disable_tqdm": True,
        "dataloader_pin_memory": torch.cuda.is_available(),
    }


def as_dataset(rows: Sequence[Mapping[str, list[int]]]) -> Any:
    """The rows as the data set that a trainer takes."""
    return cast("Any", datasets).Dataset.from_list(list(rows))


def run_trainer(trainer: Any, log: RunLog) -> None:
    """Train to the end, from the last checkpoint in the trainer's output folder if there is one.

    Args:
        trainer: a Trainer with the callback ``log``.
    """
    output = Path(trainer.args.output_dir)
    if writes_files():
        drop_broken_checkpoints(output)
    checkpoint = last_checkpoint(output)
    if checkpoint is None:
        trainer.train()
        return
    log.restore(read_log(checkpoint))
    state = TrainerState.load_from_json(str(checkpoint / TRAINER_STATE_NAME))
    if state.global_step < state.max_steps:
        trainer.train(resume_from_checkpoint=str(checkpoint))
    else:  # asked to resume after the last step, transformers would take one more
        trainer._load_from_checkpoint(str(checkpoint))


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
        self._progress = TrainingProgress() if writes_files() else None

    def restore(self, saved: SavedLog) -> None:
        """Go on with the log of a checkpoint."""
        self.curve, self._seconds_before = [*saved.curve], saved.seconds

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
        entry |= {key: float(logs[key]) for key in self._figures if logs.get(key) is not None}
        self.curve.append(entry)
        if self._progress is not None:
            self._progress.measured(entry["loss"], tokens / seconds)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self._progress is not None:
            self._progress.reached(state.global_step)
        late = self._limit is not None and time.perf_counter() - self._started > self._limit
        if late and state.global_step < state.max_steps:
            self.stopped_early = True
            control.should_save = control.should_training_stop = True

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
        )

    def _seconds(self) -> float:
        return self._seconds_before + time.perf_counter() - self._started


def save_adapter(model: Any, output: Path, base_fingerprint: str, log: RunLog) -> RunMetrics:
    """Write the adapter and its loss curve; the base is named by its fingerprint, not by a path.

    The configuration comes last: without it there is no adapter in ``output``.
    """
    if not writes_files():
        return log.metrics()
    staged = _staged(output)
    model.save_pretrained(staged, selected_adapters=["default"])
    config: dict[str, Any] = json.loads((staged / CONFIG).read_text("utf-8"))
    config["base_model_name_or_path"] = base_fingerprint
    replace_text(staged / CONFIG, json.dumps(config, indent=2, sort_keys=True))
    sync_tree(staged)
    for name in (WEIGHTS, CONFIG):
        os.replace(staged / name, output / name)
    shutil.rmtree(staged)
    return write_log(output, log)


def save_model(trainer: Any, output: Path, log: RunLog) -> RunMetrics:
    """Write all weights with their configuration and tokenizer into the folder ``model``, and the loss curve.

    The trainer gathers what several processes hold, so each of them must call this.
    """
    staged = _staged(output)
    trainer.save_model(str(staged))
    if not writes_files():
        return log.metrics()
    (staged / "training_args.bin").unlink()
    sync_tree(staged)
    shutil.rmtree(output / MODEL, ignore_errors=True)
    os.replace(staged, output / MODEL)
    return write_log(output, log)


def write_log(output: Path, log: RunLog) -> RunMetrics:
    """Write the figures of a run with its loss curve, as JSON and as a drawing."""
    metrics = log.metrics()
    replace_text(output / METRICS, json.dumps({**asdict(metrics), "curve": log.curve}, indent=1))
    write_plot(output / LOSS_CURVE, loss_plot(f"Loss of {output.name}", log.curve))
    return metrics


def _staged(output: Path) -> Path:
    staged = output / ".staged"
    if writes_files():
        shutil.rmtree(staged, ignore_errors=True)
    return staged


def _peak_memory() -> int:
    """In bytes: of the GPU where there is one, else of this process."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
