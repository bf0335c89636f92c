"""The order of the rows in an epoch, which a resumed run must find again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

import torch
from torch.utils.data import Sampler
from transformers import trainer_pt_utils

_EPOCHS = 1_000_003


class LengthGrouped(Sampler[int]):
    """Rows of about the same length side by side, drawn anew in each epoch.

    The order depends on the seed and the epoch alone. That of transformers' own sampler depends on all that
    was drawn before, so a run that is resumed after its first epoch would see other batches.
    """

    def __init__(self, lengths: Sequence[int], batch: int, seed: int) -> None:
        self._lengths, self._batch, self._seed = list(lengths), batch, seed
        self._epoch = 0

    def __len__(self) -> int:
        return len(self._lengths)

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch, from 0, whose order comes next; the trainer calls it."""
        self._epoch = epoch

    def __iter__(self) -> Iterator[int]:
        # seed + epoch would give seed 0's second epoch to seed 1 as its first.
        generator = torch.Generator().manual_seed(self._seed * _EPOCHS + self._epoch)
        group = cast("Any", trainer_pt_utils).get_length_grouped_indices
        return iter(cast("list[int]", group(self._lengths, self._batch, generator=generator)))
