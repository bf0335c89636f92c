"""What supervised and preference training share: the run's arguments, its log, and what it leaves behind."""

# ruff: noqa: ARG002  (the signatures of the callbacks are transformers')

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import datasets  # pyright: ignore[reportMissingTypeStubs]
import torch
from peft import LoraConfig, TaskType
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from transformers import TrainerCallback

from finetune.settings.shared import LoraSection, TrainSection
from finetune.training.job import RunMetrics
from ingest.snapshots.durable import replace_text

METRICS = "metrics.json"
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


def lora_config(lora: LoraSection) -> LoraConfig:
    """The adapter's shape for PEFT."""
    return LoraConfig(
        r=lora.r,
        lora_alpha=cast("Any", lora.lora_alpha),
        lora_dropout=lora.lora_dropout,
        target_modules=lora.target_modules,
        bias="none",
        task_type=TaskType.CAUSAL_LM,
    )


def training_arguments(train: TrainSection, output: Path) -> dict[str, Any]:
    """The keyword arguments that SFTConfig and DPOConfig share.

    TRL's defaults are for a GPU: bfloat16, gradient checkpointing, rows cut at 1,024 tokens. None holds here.
    """
    return {
        "output_dir": str(output),
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
        "report_to": "none",
        "save_strategy": "no",
        "disable_tqdm": True,
        "dataloader_pin_memory": torch.cuda.is_available(),
    }


def multiplies_bfloat16() -> bool:
    """Whether bfloat16 is faster here than float32: with a GPU, or a processor with AVX512-BF16 or AMX."""
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported()
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")  # torch has no public name for them
    return any(bool(getattr(torch.cpu, check, bool)()) for check in checks)


def as_dataset(rows: Sequence[Mapping[str, list[int]]]) -> Any:
    """The rows as the data set that a trainer takes."""
    return cast("Any", datasets).Dataset.from_list(list(rows))


class RunLog(TrainerCallback):
    """Keeps the loss curve, shows it as it grows, and stops a run that takes too long."""

    def __init__(self, rows: int, tokens_per_epoch: int, max_minutes: float | None) -> None:
        self.curve: list[dict[str, float]] = []
        self.stopped_early = False
        self._rows = rows
        self._tokens_per_epoch = tokens_per_epoch
        self._limit = None if max_minutes is None else max_minutes * 60
        self._started = 0.0
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            disable=not sys.stderr.isatty(),
        )
        self._task = self._progress.add_task("training", total=None)

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._started = time.perf_counter()
        self._progress.update(self._task, total=state.max_steps)
        self._progress.start()

    def on_log(
        self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **kwargs: Any
    ) -> None:
        if logs is None or "loss" not in logs:
            return
        seconds = time.perf_counter() - self._started
        tokens = round(self._tokens_per_epoch * float(state.epoch or 0))
        entry = {"step": float(state.global_step), "seconds": round(seconds, 2), "tokens": float(tokens)}
        entry |= {key: float(logs[key]) for key in _LOGGED if key in logs}
        self.curve.append(entry)
        self._progress.update(
            self._task, description=f"loss {entry['loss']:.3f}, {tokens / seconds:.0f} tokens/s"
        )

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._progress.update(self._task, completed=state.global_step)
        late = self._limit is not None and time.perf_counter() - self._started > self._limit
        if late and state.global_step < state.max_steps:
            self.stopped_early = True
            control.should_training_stop = True

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._progress.stop()

    def metrics(self) -> RunMetrics:
        """What the run came to; call it after the training."""
        losses = [entry["loss"] for entry in self.curve]
        ends = max(1, round(len(losses) * _ENDS))
        last = self.curve[-1]
        return RunMetrics(
            rows=self._rows,
            steps=int(last["step"]),
            tokens=int(last["tokens"]),
            seconds=last["seconds"],
            tokens_per_second=round(last["tokens"] / last["seconds"], 1),
            peak_memory_mb=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
            first_loss=round(sum(losses[:ends]) / ends, 4),
            last_loss=round(sum(losses[-ends:]) / ends, 4),
            stopped_early=self.stopped_early,
        )


def save_adapter(model: Any, output: Path, base_fingerprint: str, log: RunLog) -> RunMetrics:
    """Write the adapter and its loss curve; the base is named by its fingerprint, not by a path."""
    metrics = log.metrics()
    model.save_pretrained(output, selected_adapters=["default"])
    path = output / "adapter_config.json"
    config: dict[str, Any] = json.loads(path.read_text("utf-8"))
    config["base_model_name_or_path"] = base_fingerprint
    replace_text(path, json.dumps(config, indent=2, sort_keys=True))
    replace_text(output / METRICS, json.dumps({**asdict(metrics), "curve": log.curve}, indent=1))
    return metrics
