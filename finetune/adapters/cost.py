"""What a run cost: time, tokens, memory, how well it used the machine, and money."""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from finetune.training.job import MODEL
from finetune.training.run import Run

_SECONDS_PER_HOUR = 3600


@dataclass(frozen=True, slots=True)
class Cost:
    """``flops_per_token`` and ``peak_flops`` (per second) count two for each multiplication and addition.

    ``utilisation`` is MFU, the model's operations over those that the machine could have done meanwhile
    (Chowdhery et al., 2022)::

        MFU = flops_per_token * computed_tokens / seconds / peak_flops

    A beginning that several packed rows share is computed once, and so counts once here, and in each row's
    ``tokens``.
    Training all N weights takes 6 N operations a token: 2 N forward, 4 N backward. Training an adapter of M
    weights on N frozen ones takes 4 N + 6 M: the frozen need no gradients of their own. N counts the matrices
    inside the layers. The output layer, which only learned tokens pass, attention's products over positions
    and a reference model's passes are left out, so MFU is a lower bound.

    ``money`` is in whatever ``train.price_per_hour`` is; None where that is not set.
    """

    seconds: float
    tokens: int
    tokens_per_second: float
    peak_memory_mb: float
    flops_per_token: int
    peak_flops: float
    utilisation: float
    money: float | None

    def told(self) -> str:
        """The figures in one line."""
        price = "" if self.money is None else f", costing {self.money:.4g}"
        return (
            f"{self.tokens} tokens in {self.seconds:.0f} s ({self.tokens_per_second:.0f} tokens/s), "
            f"{self.utilisation:.1%} of the {self.peak_flops / 1e9:.0f} GFLOP/s that this machine multiplies "
            f"at, {self.peak_memory_mb:.0f} MB at most{price}"
        )


def run_cost(home: Path, run: Run) -> Cost:
    """The cost of ``run``; the machine's speed is measured when it is not known yet, in two seconds."""
    from finetune.adapters.machine_peak import machine_peak

    metrics, price = run.metrics, run.config.train.price_per_hour
    flops_per_token = _flops_per_token(home, run)
    peak_flops = machine_peak(home, run.config.train)
    computed = metrics.tokens if metrics.computed_tokens is None else metrics.computed_tokens
    return Cost(
        seconds=metrics.seconds,
        tokens=metrics.tokens,
        tokens_per_second=metrics.tokens_per_second,
        peak_memory_mb=metrics.peak_memory_mb,
        flops_per_token=flops_per_token,
        peak_flops=peak_flops,
        utilisation=flops_per_token * computed / metrics.seconds / peak_flops,
        money=None if price is None else price * metrics.seconds / _SECONDS_PER_HOUR,
    )


def _flops_per_token(home: Path, run: Run) -> int:
    if run.config.train.finetuning == "full":
        return 6 * matrix_weights(run.folder / MODEL, inside=".layers.")
    frozen = matrix_weights(run.base.checkpoint(home), inside=".layers.")
    return 4 * frozen + 6 * matrix_weights(run.folder, inside=".lora_")


def matrix_weights(folder: Path, inside: str) -> int:
    """How many weights the matrices in a folder's safetensors have whose names contain ``inside``."""
    shapes = (shape for path in folder.glob("*.safetensors") for shape in _shapes(path, inside))
    return sum(prod(shape) for shape in shapes if len(shape) == 2)


def _shapes(path: Path, inside: str) -> list[list[int]]:
    """Read from the header alone: its length in 8 bytes, then the tensors' places as JSON."""
    with path.open("rb") as file:
        header: dict[str, Any] = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    return [entry["shape"] for name, entry in header.items() if inside in name]
