"""How much memory a training takes, from the model's configuration alone: no weights are read or made.

The model is built of tensors that have a shape and a type but no data. For P parameters, of which T are
trained::

    weights       P x 4 bytes (float32) or 2 (bfloat16), trained ones always 4; in 4 bits a linear layer takes
                  1/2 + 1/64 + 1/4096 bytes a weight: the number, and a scale for each 64, itself quantised
    gradients     T x 4
    optimizer     T x 8, AdamW's two moments, and a step of 4 bytes for each tensor
    activations   what autograd keeps from the forward pass of a padded batch for its backward pass, counted
                  in such a pass; and for each learned token its logits and their gradients, vocabulary x 8

What libraries, allocators and single operations need on top of it is not in these figures. A packed batch
keeps less: it has no padding.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, cast

import torch
from peft import get_peft_model
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.autograd.graph import saved_tensors_hooks
from transformers import AutoModelForCausalLM

from finetune.settings.shared import Finetuning
from finetune.settings.train_config import TrainConfig
from finetune.training.bfloat16 import multiplies_bfloat16
from finetune.training.trainer import lora_config

_GRADIENT, _MOMENTS, _LOGITS = 4, 8, 8
_STEP = 4
_FOUR_BITS = 1 / 2 + 1 / 64 + 1 / 4096


@dataclass(frozen=True, slots=True)
class Batch:
    """The batch to plan for: rows that are padded to ``length`` tokens, and how many tokens are learned."""

    rows: int
    length: int
    learned: int


@dataclass(frozen=True, slots=True)
class MemoryPlan:
    """The memory of a training by what it holds, in bytes; ``parameters`` and ``trained`` are counts."""

    finetuning: Finetuning
    parameters: int
    trained: int
    weights: int
    gradients: int
    optimizer: int
    activations: int

    @property
    def states(self) -> int:
        """All but the activations: what does not depend on the batch."""
        return self.weights + self.gradients + self.optimizer

    @property
    def total(self) -> int:
        return self.states + self.activations


def plan_memory(model_config: Any, config: TrainConfig, finetuning: Finetuning, batch: Batch) -> MemoryPlan:
    """The plan for a model with the transformers configuration ``model_config``.

    Args:
        model_config: as ``transformers.AutoConfig`` reads it from a ``config.json``.
        config: the adapter's shape and the types are taken from it.
        finetuning: instead of that in ``config``.
        batch: the largest batch of the run.
    """
    dtype = torch.float32 if finetuning == "full" else getattr(torch, config.model.dtype)
    with torch.device("meta"):
        model: Any = cast("Any", AutoModelForCausalLM).from_config(model_config, dtype=dtype)
        if finetuning != "full":
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)  # peft reads what transformers has renamed
                model = get_peft_model(model, lora_config(config.lora))
    parameters = list(model.parameters())
    weights = _weight_bytes(model, in_4_bits=finetuning == "qlora")
    # Unlike meta tensors, these take the operations of a processor, and keep what those keep.
    with FakeTensorMode(allow_non_fake_inputs=True):
        activations = saved_bytes(model.to_empty(device="cpu"), batch, config.train.bf16)
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    count = sum(parameter.numel() for parameter in trained)
    return MemoryPlan(
        finetuning=finetuning,
        parameters=sum(parameter.numel() for parameter in parameters),
        trained=count,
        weights=weights,
        gradients=count * _GRADIENT,
        optimizer=count * _MOMENTS + len(trained) * _STEP,
        activations=activations + batch.learned * int(model_config.vocab_size) * _LOGITS,
    )


def _weight_bytes(model: Any, *, in_4_bits: bool) -> int:
    quantized: set[Any] = set()
    if in_4_bits:
        head = model.get_output_embeddings()
        quantized = {
            module.weight
            for module in model.modules()
            if isinstance(module, torch.nn.Linear) and module is not head and not module.weight.requires_grad
        }
    return round(
        sum(
            parameter.numel() * (_FOUR_BITS if parameter in quantized else parameter.element_size())
            for parameter in model.parameters()
        )
    )


def saved_bytes(model: Any, batch: Batch, bf16: object) -> int:
    """The bytes that autograd keeps of a forward pass up to the output layer, beside the parameters."""
    kept: dict[int, torch.Tensor] = {}
    parameters = {_storage(parameter) for parameter in model.parameters()}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = _storage(tensor)
        if storage not in parameters:
            kept[storage] = tensor
        return tensor

    mask = torch.ones(batch.rows, batch.length, dtype=torch.int64)
    mask[0, 0] = 0  # a batch without padding takes another way through attention
    lower = multiplies_bfloat16() if bf16 == "auto" else bool(bf16)
    ids = torch.zeros(batch.rows, batch.length, dtype=torch.int64)
    model.train()
    with saved_tensors_hooks(keep, lambda tensor: tensor), torch.autocast("cpu", torch.bfloat16, lower):
        model.get_decoder()(input_ids=ids, attention_mask=mask, use_cache=False)
    return sum(tensor.untyped_storage().nbytes() for tensor in kept.values())


def _storage(tensor: Any) -> int:
    # Tensors without data have no address to tell them by.
    return tensor.untyped_storage()._cdata
