from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest

from service.generators.requantize import requantized

FINGERPRINT = "tiny@0123456789abcdef"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A file with a 4-bit matrix, one whose rows are no whole blocks, and a vector."""
    path = tmp_path / "tiny.Q4_1.gguf"
    random = np.random.default_rng(0)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("tiny")
    writer.add_block_count(3)
    writer.add_array("tokenizer.ggml.tokens", ["a", "b", "字"])
    writer.add_array("tokenizer.ggml.scores", [0.5, 1.5])
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q4_1)
    matrix = random.standard_normal((4, 64)).astype(np.float32)
    kind = gguf.GGMLQuantizationType.Q4_1
    writer.add_tensor("matrix", gguf.quants.quantize(matrix, kind), raw_dtype=kind)
    writer.add_tensor("odd", random.standard_normal((4, 5)).astype(np.float32))
    writer.add_tensor("norm", random.standard_normal(64).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def tensors_of(path: Path) -> dict[str, Any]:
    return {tensor.name: tensor for tensor in gguf.GGUFReader(path).tensors}


def values_of(tensor: Any) -> Any:
    return gguf.quants.dequantize(tensor.data, tensor.tensor_type)


def test_matrices_become_eight_bit_and_stay_what_they_were(source: Path, tmp_path: Path) -> None:
    before = tensors_of(source)
    after = tensors_of(requantized(source, tmp_path / "models", FINGERPRINT))
    assert after.keys() == before.keys()
    assert {name: tensor.tensor_type.name for name, tensor in after.items()} == {
        "matrix": "Q8_0",
        "odd": "F32",
        "norm": "F32",
    }
    old, new = values_of(before["matrix"]), values_of(after["matrix"])
    assert np.abs(new - old).max() <= np.abs(old).max() / 127
    for name in ("odd", "norm"):
        assert np.array_equal(values_of(after[name]), values_of(before[name]))


def test_everything_but_the_kind_of_file_is_copied(source: Path, tmp_path: Path) -> None:
    fields = [
        {
            name: field.contents()
            for name, field in gguf.GGUFReader(path).fields.items()
            if not name.startswith("GGUF.")
        }
        for path in (source, requantized(source, tmp_path / "models", FINGERPRINT))
    ]
    before, after = fields
    assert after.pop("general.file_type") == gguf.LlamaFileType.MOSTLY_Q8_0
    assert before.pop("general.file_type") == gguf.LlamaFileType.MOSTLY_Q4_1
    assert after == before


def test_it_is_made_once_for_each_fingerprint(source: Path, tmp_path: Path) -> None:
    models = tmp_path / "models"
    path = requantized(source, models, FINGERPRINT)
    path.write_bytes(b"as it was left")
    assert requantized(source, models, FINGERPRINT).read_bytes() == b"as it was left"
    assert requantized(source, models, "tiny@fedcba9876543210") != path


def test_a_failure_leaves_nothing_behind(source: Path, tmp_path: Path) -> None:
    os.truncate(source, source.stat().st_size - 100)
    models = tmp_path / "models"
    with pytest.raises(ValueError, match=r".*"):
        requantized(source, models, FINGERPRINT)
    assert list(models.iterdir()) == []
