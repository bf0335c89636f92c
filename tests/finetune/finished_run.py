"""The folder of a finished run with a random adapter, as a training would leave it, without the training."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, cast

import torch
from peft import LoraConfig, get_peft_model
from pydantic import TypeAdapter

from eval.plot import write_plot
from finetune.data.row_files import write_rows
from finetune.data.rows import ExampleKind, TrainingExample, rows_sha256
from finetune.settings.train_config import load_config
from finetune.training.base_model import BaseModel, find_base_model
from finetune.training.checkpoint import ensure_checkpoint, load_model
from finetune.training.job import LOSS_CURVE, METRICS, RunMetrics
from finetune.training.loss_curve import loss_plot
from finetune.training.run import RUN, Run
from service.generate import Message
from service.prompt import PROMPT_ID

CURVE = [{"step": float(step), "loss": 3.0 / step, "seconds": 0.5 * step} for step in range(1, 5)]


def examples() -> list[TrainingExample]:
    """Six rows, one of them Chinese."""
    rows = [
        TrainingExample(
            id=str(number),
            messages=(
                Message("system", "Answer the question."),
                Message("user", f"[1] Rank\nThe rank is {number}.\n\nQuestion: rank?"),
            ),
            sources=(f"The rank is {number}.",),
            target=f"The rank is {number}. [1]",
            kind=ExampleKind.GOLD,
            language="en",
            prompt_id=PROMPT_ID,
            snapshot_id="snapshot-1",
            dataset_sha256="d",
        )
        for number in range(5)
    ]
    return [*rows, replace(rows[0], id="zh", target="秩是16。[1]", language="zh")]


def finished_run(home: Path, folder: Path, base: BaseModel, *, std: float = 0.15, **lora: Any) -> Run:
    """Write a run into the new ``folder``; ``std`` is of the numbers in A and B, ``lora`` their shape."""
    folder.mkdir(parents=True)
    rows = examples()
    data = folder / "rows.sft.jsonl"
    write_rows(data, rows)
    write_adapter(folder, base, ensure_checkpoint(base, home), std, lora)
    metrics = RunMetrics(len(rows), 4, 1000, 2.0, 500.0, 300.0, 3.0, 0.75, stopped_early=False)
    (folder / METRICS).write_text(json.dumps({**asdict(metrics), "curve": CURVE}))
    write_plot(folder / LOSS_CURVE, loss_plot("sft", CURVE))
    run = Run(
        folder=folder,
        method="sft",
        base=base,
        prompt_id=PROMPT_ID,
        dataset_sha256=rows_sha256(rows),
        left_out=1,
        metrics=metrics,
        details={"accuracy": 0.5},
        config=load_config("sft", None, [f"model.name_or_path={base.source}", "train.threads=1"]),
        data=data,
        adapter_sha256=None,
        libraries={"torch": "2", "peft": "1"},
    )
    (folder / RUN).write_bytes(TypeAdapter(Run).dump_json(run))
    return run


def write_adapter(folder: Path, base: BaseModel, checkpoint: Path, std: float, lora: dict[str, Any]) -> None:
    """A random adapter of every linear layer, as PEFT writes it and a run leaves it."""
    shape: dict[str, Any] = {"r": 4, "lora_alpha": 8, **lora}
    config = LoraConfig(target_modules="all-linear", task_type="CAUSAL_LM", **shape)
    torch.manual_seed(3)
    model = cast("Any", get_peft_model(cast("Any", load_model(checkpoint)), config))
    for name, parameter in model.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(parameter, std=std)
    model.save_pretrained(folder)
    change_json(folder / "adapter_config.json", base_model_name_or_path=base.fingerprint)


def change_json(path: Path, **changes: object) -> None:
    """Set keys of the JSON object in ``path``."""
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def tiny_run(home: Path, gguf: Path, folder: Path, **lora: Any) -> Run:
    """``finished_run`` on the tiny model."""
    return finished_run(home, folder, find_base_model(str(gguf)), **lora)
