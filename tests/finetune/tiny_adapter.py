"""A LoRA adapter of random weights for the tiny model, as llama.cpp loads it: it answers otherwise."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np

from tests.finetune.tiny_model import INNER, LAYERS, WIDTH

RANK = 4


def write_tiny_adapter(path: Path, seed: int) -> Path:
    """Write the adapter, of the feed-forward layers alone, to ``path``."""
    random = np.random.default_rng(seed)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, 2.0 * RANK)
    for layer in range(LAYERS):
        for module, inputs, outputs in (("ffn_up", WIDTH, INNER), ("ffn_down", INNER, WIDTH)):
            for part, shape in (("a", (RANK, inputs)), ("b", (outputs, RANK))):
                weights = (random.standard_normal(shape) * 0.5).astype(np.float32)
                writer.add_tensor(f"blk.{layer}.{module}.weight.lora_{part}", weights)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
