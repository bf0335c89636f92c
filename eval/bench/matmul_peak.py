"""How fast this machine multiplies matrices: ``python -m eval.bench.matmul_peak ROWS INNER COLUMNS``.

Prints the most float32 operations per second of a product, which is what a training is held against.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

import torch

_SECONDS = 2.0


def matmul_peak(
    rows: int,
    inner: int,
    columns: int,
    device: str = "cpu",
    dtype: torch.dtype = torch.float32,
    seconds: float = _SECONDS,
) -> float:
    """Floating-point operations per second of (rows, inner) by (inner, columns), of the fastest product.

    Each multiplication and addition counts as two operations; products are made for ``seconds``.
    """
    left = torch.randn(rows, inner, device=device, dtype=dtype)
    right = torch.randn(inner, columns, device=device, dtype=dtype)
    best, until = float("inf"), time.perf_counter() + seconds
    while (started := time.perf_counter()) < until:
        torch.mm(left, right)
        if left.is_cuda:
            torch.cuda.synchronize()  # the product is only queued
        best = min(best, time.perf_counter() - started)
    return 2.0 * rows * inner * columns / best


def main(arguments: Sequence[str]) -> None:
    """Measure and print."""
    rows, inner, columns = map(int, arguments)
    sys.stdout.write(f"{matmul_peak(rows, inner, columns)}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
