"""What the methods on transformers' Trainer share: what is trained, with which arguments, from which step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import datasets  # pyright: ignore[reportMissingTypeStubs]
import torch
from peft import LoraConfig, PeftModel, TaskType
from transformers import TrainerState
from transformers.trainer import TRAINER_STATE_NAME

from finetune.settings.shared import LoraSection, TrainSection
from finetune.training.bfloat16 import multiplies_bfloat16
from finetune.training.job import writes_files
from finetune.training.run_log import RunLog
from finetune.training.saved_state import (
    KEPT,
    drop_broken_checkpoints,
    last_checkpoint,
    read_log,
)


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


def learn_in_float32(model: Any) -> None:
    """Have all that is trained of ``model`` in float32; TRL rounds the adapter of a model in 4 bits."""
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()


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
        return
    # Asked to resume after the last step, transformers would take one more.
    if trainer.is_fsdp_enabled:  # its checkpoints are of a model that is divided
        trainer.model, _ = trainer.accelerator.prepare(trainer.model, trainer.create_optimizer())
    trainer._load_from_checkpoint(str(checkpoint))
