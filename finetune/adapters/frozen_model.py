"""A trained model in transformers, to be asked and not trained: the base with its adapter, or merged."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import torch
from peft import PeftModel
from transformers.utils import logging

from finetune.adapters.probes import Probe
from finetune.training.checkpoint import load_model


def open_model(checkpoint: Path, adapter: Path | None) -> torch.nn.Module:
    """The model in ``checkpoint`` in float32, to be asked only, with the adapter in ``adapter`` if any."""
    cast("Any", logging).disable_progress_bar()
    model = load_model(checkpoint)
    if adapter is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # peft reads what transformers has renamed
            model = cast("Any", PeftModel).from_pretrained(model, adapter)
    return cast("torch.nn.Module", model.to("cuda" if torch.cuda.is_available() else "cpu").eval())


def answer_logits(model: torch.nn.Module, probes: Sequence[Probe]) -> Iterator[torch.Tensor]:
    """For each probe the logits before each token of its answer: float32, (tokens, vocabulary)."""
    device = next(model.parameters()).device
    for probe in probes:
        ids = torch.tensor([[*probe.prompt, *probe.answer[:-1]]], device=device)
        with torch.inference_mode():
            yield cast("Any", model)(ids, logits_to_keep=len(probe.answer)).logits[0].float().cpu()
