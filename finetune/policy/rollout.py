"""Prompts and sampled answers as one batch of tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from finetune.training.padding import pad_left


@dataclass(frozen=True, slots=True)
class Rollout:
    """Prompts padded on the left and their answers on the right, so that all answers begin in one column.

    ``input_ids`` is int64 [answers, prompt + answer tokens] and ``present`` bool of that shape, false for
    padding; ``mask`` is bool [answers, answer tokens], the last columns of ``present``.
    """

    input_ids: Tensor
    present: Tensor
    mask: Tensor

    @property
    def answer_ids(self) -> Tensor:
        return self.input_ids[:, -self.mask.shape[1] :]

    def rows(self, indices: Tensor) -> Rollout:
        """The rows with these indices, without the columns in which all of them are padded on the left."""
        present = self.present[indices]
        first = int(present.any(dim=0).int().argmax())
        return Rollout(self.input_ids[indices, first:], present[:, first:], self.mask[indices])


def as_rollout(prompts: Sequence[list[int]], answers: Sequence[list[int]], device: torch.device) -> Rollout:
    """The batch of prompts and answers; no answer is empty."""
    left = pad_left(prompts, device)
    tokens = [torch.tensor(answer, device=device) for answer in answers]
    mask = pad_sequence([torch.ones_like(row, dtype=torch.bool) for row in tokens], batch_first=True)
    return Rollout(
        torch.cat([left["input_ids"], pad_sequence(tokens, batch_first=True)], dim=1),
        torch.cat([left["attention_mask"].bool(), mask], dim=1),
        mask,
    )
