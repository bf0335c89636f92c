"""What the machine offers for training."""

from __future__ import annotations

import torch


def gpu_count() -> int:
    """How many GPUs torch sees."""
    return torch.cuda.device_count()
