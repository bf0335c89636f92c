"""The linear layers of a base model, told by building it without its weights."""

from __future__ import annotations

from typing import Any, cast

import torch
from transformers import AutoModelForCausalLM
from transformers.pytorch_utils import Conv1D

from finetune.training.base_model import BaseModel
from finetune.training.checkpoint import read_model_config


def linear_modules(base: BaseModel) -> frozenset[str]:
    """The full names of the layers that PEFT adapts where all linear ones are asked for: not the output."""
    # Unpacked or not, the shape is the same, so that it does not matter where that would be.
    config = read_model_config(base, base.source.parent)
    with torch.device("meta"):
        model: Any = cast("Any", AutoModelForCausalLM).from_config(config)
    head = model.get_output_embeddings()
    return frozenset(
        name
        for name, module in model.named_modules()
        if isinstance(module, (torch.nn.Linear, Conv1D)) and module is not head
    )
