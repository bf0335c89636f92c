"""The process that trains with plain TRL: ``python -m eval.bench.peers.trl_process CHECKPOINT TASK``.

CHECKPOINT is the model's folder, TASK a ``TrainingTask`` in JSON. It trains as a reader of TRL's
documentation would: a trainer with its defaults, rows as text, an adapter of the same shape as Troika's. One
default is not kept: TRL trains in bfloat16, which a processor that does not multiply it emulates, at a third
of the speed of float32. Its last line is one JSON document.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import datasets  # pyright: ignore[reportMissingTypeStubs]
import torch
from peft import LoraConfig
from transformers import AutoTokenizer, set_seed
from trl.trainer.dpo_config import DPOConfig
from trl.trainer.dpo_trainer import DPOTrainer
from trl.trainer.sft_config import SFTConfig
from trl.trainer.sft_trainer import SFTTrainer

from eval.bench.peers.trl_task import TrainingTask, TrlRun

_PAIR = ("chosen", "rejected")


def train(checkpoint: str, task: TrainingTask) -> TrlRun:
    """Train an adapter of the model in the folder ``checkpoint``."""
    set_seed(task.seed)
    with tempfile.TemporaryDirectory() as folder:
        trainer = _trainer(checkpoint, task, folder)
        result = trainer.train()
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    return TrlRun(
        steps=result.global_step,
        seconds=float(result.metrics["train_runtime"]),
        loss=sum(losses) / len(losses),
        bf16=multiplies_bfloat16(),
        peak_memory_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    )


def multiplies_bfloat16() -> bool:
    """Whether this processor does; torch has no public name for the question."""
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(bool(getattr(torch.cpu, check, bool)()) for check in checks)


def _trainer(checkpoint: str, task: TrainingTask, folder: str) -> Any:
    settings: dict[str, Any] = {
        "output_dir": folder,
        "num_train_epochs": 1,
        "learning_rate": task.learning_rate,
        "use_cpu": True,
        "bf16": multiplies_bfloat16(),
        "seed": task.seed,
        "logging_steps": 1,
        "save_strategy": "no",
        "disable_tqdm": True,
    }
    form, kind = (SFTConfig, SFTTrainer) if task.method == "sft" else (DPOConfig, DPOTrainer)
    return cast("Any", kind)(
        model=checkpoint,
        args=cast("Any", form)(**settings),
        train_dataset=cast("Any", datasets).Dataset.from_list(_texts(checkpoint, task)),
        peft_config=LoraConfig(
            r=task.rank,
            lora_alpha=cast("Any", task.lora_alpha),
            target_modules="all-linear",
            task_type="CAUSAL_LM",
        ),
    )


def _texts(checkpoint: str, task: TrainingTask) -> list[dict[str, str]]:
    """The rows in TRL's standard form; it ends each answer with the token that ends a turn."""
    tokenizer: Any = cast("Any", AutoTokenizer).from_pretrained(checkpoint)
    answers = {"completion": "target"} if task.method == "sft" else {name: name for name in _PAIR}
    rows: list[dict[str, str]] = []
    for line in Path(task.rows).read_text("utf-8").splitlines():
        row: dict[str, Any] = json.loads(line)
        prompt = tokenizer.apply_chat_template(row["messages"], tokenize=False, add_generation_prompt=True)
        rows.append({"prompt": prompt, **{column: row[field] for column, field in answers.items()}})
    return rows


def main(arguments: Sequence[str]) -> None:
    """Train as the task says and print how it went."""
    checkpoint, task = arguments
    run = train(checkpoint, TrainingTask(**json.loads(task)))
    sys.stdout.write(json.dumps(asdict(run)) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
