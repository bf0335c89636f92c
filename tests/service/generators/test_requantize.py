from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest

from ingest.errors import AdapterRejectedError
from service.generators.requantize import MergedAdapter, requantized

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


@pytest.fixture
def adapter(tmp_path: Path) -> MergedAdapter:
    """Of rank 2, with alpha = 8, for the two matrices."""
    return written_adapter(tmp_path / "adapter.gguf", {"matrix": 64, "odd": 5})


def written_adapter(path: Path, columns: dict[str, int]) -> MergedAdapter:
    random = np.random.default_rng(1)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, 8.0)
    for name, width in columns.items():
        writer.add_tensor(f"{name}.lora_a", random.standard_normal((2, width)).astype(np.float32))
        writer.add_tensor(f"{name}.lora_b", random.standard_normal((4, 2)).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return MergedAdapter("sft@00000001", path)


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


def test_an_adapter_is_added_to_the_weights_that_it_changes(
    source: Path, adapter: MergedAdapter, tmp_path: Path
) -> None:
    before, parts = tensors_of(source), tensors_of(adapter.path)
    after = tensors_of(requantized(source, tmp_path / "models", FINGERPRINT, adapter))
    assert after.keys() == before.keys()
    for name in ("matrix", "odd"):
        change = 8.0 / 2 * parts[f"{name}.lora_b"].data @ parts[f"{name}.lora_a"].data
        expected = values_of(before[name]) + change
        assert np.abs(values_of(after[name]) - expected).max() <= np.abs(expected).max() / 127
    assert np.array_equal(values_of(after["norm"]), values_of(before["norm"]))


def test_an_adapter_for_a_larger_model_is_refused_and_nothing_left(source: Path, tmp_path: Path) -> None:
    foreign = written_adapter(tmp_path / "foreign.gguf", {"blk.99.attn_q.weight": 64})
    models = tmp_path / "models"
    with pytest.raises(AdapterRejectedError, match=r"blk\.99\.attn_q\.weight"):
        requantized(source, models, FINGERPRINT, foreign)
    assert list(models.iterdir()) == []


def test_of_the_forms_with_an_adapter_those_asked_for_last_are_kept(
    source: Path, adapter: MergedAdapter, tmp_path: Path
) -> None:
    models = tmp_path / "models"
    names = [f"sft@0000000{number}" for number in range(4)]
    base = requantized(source, models, FINGERPRINT)
    made = [
        requantized(source, models, FINGERPRINT, MergedAdapter(names[number], adapter.path))
        for number in (0, 1, 0, 2, 3)
    ]
    assert set(models.iterdir()) == {base, made[0], made[3], made[4]}
