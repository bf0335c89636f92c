"""Log-probabilities from transformers, with PEFT where there is an adapter."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from finetune.adapters.frozen_model import answer_logits, open_model
from finetune.adapters.probes import Probe
from finetune.parity.scores import Scores


def transformers_scores(checkpoint: Path, adapter: Path | None, probes: Sequence[Probe]) -> list[Scores]:
    """Score the probes in float32 with the model in ``checkpoint`` and, if there is one, the PEFT adapter."""
    scores: list[Scores] = []
    for probe, logits in zip(probes, answer_logits(open_model(checkpoint, adapter), probes), strict=True):
        logprobs = logits.double().log_softmax(-1)
        told = logprobs.gather(-1, torch.tensor(probe.answer).unsqueeze(-1)).squeeze(-1)
        scores.append(Scores(told.numpy(), logits.argmax(-1).numpy()))
    return scores
