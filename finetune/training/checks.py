"""What is checked before a training starts, beside its rows: machine, batch, and what it starts from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from finetune.data.rows import Row
from finetune.settings.servable import refusal
from finetune.settings.shared import TrainSection
from finetune.settings.train_config import TrainConfig
from finetune.training.base_model import BaseModel
from ingest.errors import (
    AdapterRejectedError,
    MissingExtraError,
    ModelNotFoundError,
    SettingsError,
    TrainingDataError,
)
from ingest.optional import is_installed
from service.releases.adapters import CONFIG
from service.releases.release import WEIGHTS

LIBRARIES = ("torch", "transformers", "peft", "trl", "datasets", "gguf", "safetensors")

_EXTRAS = {"mlflow": "mlflow", "wandb": "wandb", "bitsandbytes": "qlora"}


def check_machine(train: TrainSection) -> None:
    """Whether the libraries and the hardware that ``train`` asks for are there.

    Raises:
        MissingExtraError: a library is not installed.
        SettingsError: QLoRA is asked for without a GPU.
    """
    quantizer = ("bitsandbytes",) if train.finetuning == "qlora" else ()
    for library in (*LIBRARIES, *train.report_to, *quantizer):
        if not is_installed(library):
            extra = _EXTRAS.get(library, "train")
            raise MissingExtraError(
                f'{library} is not installed, and this training needs it: pip install "troika[{extra}]".'
            )
    if train.finetuning == "qlora":
        from finetune.training.machine import gpu_count

        if not gpu_count():
            raise SettingsError(
                "train.finetuning is qlora, and torch sees no GPU: take lora, or train on a machine with one."
            )


def check_chat_template(base: BaseModel) -> None:
    """Whether the folder of ``base`` has a chat template; that of a GGUF is seen when it is unpacked.

    Raises:
        ModelNotFoundError: it has none.
    """
    if base.is_gguf or (base.source / "chat_template.jinja").is_file():
        return
    try:
        settings: Any = json.loads((base.source / "tokenizer_config.json").read_text("utf-8"))
    except (OSError, ValueError):
        settings = {}
    if not settings.get("chat_template"):
        raise ModelNotFoundError(
            f"{base.source} has no chat template, in which its server would put a question: "
            "give an instruct model."
        )


def check_batch(config: TrainConfig, rows: Sequence[Row], processes: int) -> None:
    """Whether there are rows for one step.

    Raises:
        TrainingDataError: there are fewer.
    """
    needed = rows_per_step(config, processes)
    if len(rows) < needed:
        raise TrainingDataError(
            f"there are {len(rows)} rows, and one step takes {needed}: lower "
            "train.per_device_train_batch_size or train.gradient_accumulation_steps, or give more rows."
        )


def rows_per_step(config: TrainConfig, processes: int) -> int:
    """How many rows one update of the weights takes; a batch of ``rloo`` or ``grpo`` counts their answers."""
    train = config.train
    batch = train.per_device_train_batch_size * train.gradient_accumulation_steps * processes
    sampled = config.method in {"ppo", "rloo", "grpo"}
    return batch // config.rollout.num_generations if sampled else batch


def check_adapter(adapter: Path, base: BaseModel) -> None:
    """Whether ``adapter`` is the folder of an adapter of ``base`` that can be trained on and served.

    Raises:
        AdapterRejectedError: it is not.
    """
    try:
        config = cast("dict[str, Any]", json.loads((adapter / CONFIG).read_text("utf-8")))
        found = config["base_model_name_or_path"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise AdapterRejectedError(
            f"{adapter} holds no adapter ({error}): give the folder of a run."
        ) from error
    if found != base.fingerprint:
        raise AdapterRejectedError(
            f"the adapter in {adapter} was trained on {found}, but {base.fingerprint} is to be trained: "
            "set model.name_or_path to its base."
        )
    if not (adapter / WEIGHTS).is_file():
        raise AdapterRejectedError(
            f"{adapter} holds the shape of an adapter and no weights ({WEIGHTS}): give the folder of a run "
            "that was finished."
        )
    reason = refusal(config)
    if reason is not None:
        raise AdapterRejectedError(f"the adapter in {adapter} could never be served: {reason}.")
