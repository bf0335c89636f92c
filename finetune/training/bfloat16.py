"""Whether this machine computes in bfloat16 by itself."""

from __future__ import annotations

import torch


def multiplies_bfloat16() -> bool:
    """Whether bfloat16 is faster here than float32: with a GPU, or a processor with AVX512-BF16 or AMX."""
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported()
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")  # torch has no public name for them
    return any(bool(getattr(torch.cpu, check, bool)()) for check in checks)
