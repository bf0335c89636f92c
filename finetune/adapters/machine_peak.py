"""How fast the machine that trains multiplies matrices, measured once and kept under ``TROIKA_HOME``."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from eval.bench.machine import this_machine
from eval.bench.matmul_peak import matmul_peak
from finetune.settings.shared import TrainSection
from finetune.training.bfloat16 import multiplies_bfloat16
from ingest.snapshots.durable import replace_text

PEAKS = "matmul_peaks.json"
# Large enough that starting a product costs nothing beside it.
_CPU_SIZE, _GPU_SIZE = 2048, 8192


def machine_peak(home: Path, train: TrainSection) -> float:
    """Operations per second of the best product of square matrices in the type that ``train`` computes in."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    name = torch.cuda.get_device_name() if device == "cuda" else this_machine().processor
    lower = multiplies_bfloat16() if train.bf16 == "auto" else train.bf16
    dtype = torch.bfloat16 if lower else torch.float32
    threads = train.threads or this_machine().cores
    key = f"{name}, {threads} threads, {dtype}"
    peaks = _read(home / PEAKS)
    if key not in peaks:
        size = _GPU_SIZE if device == "cuda" else _CPU_SIZE
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        try:
            peaks[key] = matmul_peak(size, size, size, device, dtype)
        finally:
            torch.set_num_threads(before)
        replace_text(home / PEAKS, json.dumps(peaks, indent=1) + "\n")
    return peaks[key]


def _read(path: Path) -> dict[str, float]:
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
