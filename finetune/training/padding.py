"""Rows of token ids as one batch whose last column holds the last token of each."""

from __future__ import annotations

from collections.abc import Sequence

import torch


def pad_left(rows: Sequence[Sequence[int]], device: torch.device | None = None) -> dict[str, torch.Tensor]:
    """``input_ids``, ``attention_mask`` and ``position_ids``, int64 [rows, longest], padded on the left."""
    width = max(map(len, rows))
    ids = torch.tensor([[*[0] * (width - len(row)), *row] for row in rows], device=device)
    real = torch.tensor([[*[0] * (width - len(row)), *[1] * len(row)] for row in rows], device=device)
    positions = (real.cumsum(1) - 1).clamp(min=0)
    return {"input_ids": ids, "attention_mask": real, "position_ids": positions}
