"""A reward model: the base model with one number in place of a vocabulary, read at the end of an answer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import torch
from peft import PeftModel
from transformers import AutoModelForSequenceClassification

from finetune.training.padding import pad_left

# Answers in one forward pass.
BATCH = 8


class RewardModel:
    """Scores answers; higher is better. Only differences between answers to one prompt mean anything."""

    def __init__(self, network: Any) -> None:
        self._network = network.eval()

    @torch.no_grad()
    def score(self, rows: Sequence[tuple[list[int], list[int]]]) -> torch.Tensor:
        """The rewards of prompt ids with answer ids: float32 [rows], on the CPU."""
        device = next(self._network.parameters()).device
        rewards = [
            rewards_of(self._network, pad_left([prompt + answer for prompt, answer in batch], device))
            for batch in (rows[start : start + BATCH] for start in range(0, len(rows), BATCH))
        ]
        return torch.cat(rewards).cpu()


def load_reward_model(folder: Path, checkpoint: Path) -> RewardModel:
    """The reward model that a run of ``rm`` left in ``folder``, on the base model in ``checkpoint``.

    It goes to the GPU if there is one.
    """
    network = cast("Any", PeftModel).from_pretrained(load_classifier(checkpoint), folder)
    return RewardModel(network.to("cuda" if torch.cuda.is_available() else "cpu"))


def load_classifier(checkpoint: Path) -> Any:
    """The base model in float32 under a head of one number; the head's weights are drawn at random."""
    network = cast("Any", AutoModelForSequenceClassification).from_pretrained(
        checkpoint, num_labels=1, dtype=torch.float32, local_files_only=True
    )
    # The head is read at the last token that is not the padding's, and SmolLM2 pads with the very token that
    # ends an answer. Rows are padded on the left here, so that no id has to mark the padding.
    network.config.pad_token_id = -1
    return network


def rewards_of(network: Any, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """The rewards of a batch of ``pad_left``: float32 [rows]."""
    return network(**batch).logits[:, 0].float()
