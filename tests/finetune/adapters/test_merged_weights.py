from __future__ import annotations

import json
import math
import weakref
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

pytest.importorskip("peft")

import torch
from hypothesis import given
from hypothesis import strategies as st
from peft import PeftModel
from safetensors.torch import load_file, save_file

from finetune.adapters.lora import read_lora
from finetune.adapters.merged_weights import Rounding, measure_rounding, overall, write_merged_weights
from finetune.adapters.tensor_file import TensorPlace, write_tensors
from finetune.training.checkpoint import load_model
from finetune.training.run import Run
from ingest.errors import AdapterRejectedError
from tests.finetune.conftest import TinyBase
from tests.finetune.finished_run import change_json, tiny_run

# peft 0.21 uses a property that transformers 5.23 deprecates.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")

Tensors = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def run(tiny_base: TinyBase, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return tiny_run(tiny_base.home, tiny_base.gguf, tmp_path_factory.mktemp("runs") / "sft-1")


def merged(run: Run, checkpoint: Path, target: Path, dtype: torch.dtype = torch.float32) -> Tensors:
    target.mkdir(exist_ok=True)
    write_merged_weights(read_lora(run.folder), checkpoint, target, dtype)
    return {name: tensor for path in target.glob("*.safetensors") for name, tensor in load_file(path).items()}


def merged_by_peft(checkpoint: Path, adapter: Path) -> Tensors:
    model = cast("Any", PeftModel).from_pretrained(load_model(checkpoint), adapter)
    return dict(model.merge_and_unload().named_parameters())


@pytest.mark.parametrize("shape", [{}, {"r": 8, "use_rslora": True}], ids=["plain", "rank-stabilised"])
def test_every_tensor_is_bit_for_bit_what_peft_merges(
    tiny_base: TinyBase, tmp_path: Path, shape: dict[str, Any]
) -> None:
    run = tiny_run(tiny_base.home, tiny_base.gguf, tmp_path / "run", **shape)
    expected = merged_by_peft(tiny_base.folder, run.folder)
    for dtype in (torch.float32, torch.bfloat16):
        found = merged(run, tiny_base.folder, tmp_path / str(dtype), dtype)
        assert set(found) == set(expected)
        for name, tensor in found.items():
            assert tensor.dtype is dtype
            assert torch.equal(tensor, expected[name].to(dtype)), name


def test_every_changed_tensor_is_the_formula_written_out_in_more_digits(
    tiny_base: TinyBase, run: Run, tmp_path: Path
) -> None:
    found = merged(run, tiny_base.folder, tmp_path)
    base = load_file(tiny_base.folder / "model.safetensors")
    adapter = load_file(run.folder / "adapter_model.safetensors")
    changed = 0
    for name, tensor in found.items():
        key = f"base_model.model.{name.removesuffix('.weight')}"
        if f"{key}.lora_A.weight" not in adapter:
            assert torch.equal(tensor, base[name]), name
            continue
        a = adapter[f"{key}.lora_A.weight"].numpy().astype(np.float64)
        b = adapter[f"{key}.lora_B.weight"].numpy().astype(np.float64)
        # alpha 8 and rank 4: the scale is 2. The sum over the rank is written out, outer product by product.
        change = sum(2.0 * np.outer(b[:, place], a[place]) for place in range(4))
        expected = base[name].numpy().astype(np.float64) + change
        np.testing.assert_allclose(tensor.numpy(), expected, rtol=0, atol=4 * 2.0**-23)
        changed += 1
    assert changed == 7 * 2


def test_a_base_in_several_files_is_merged_file_by_file(
    tiny_base: TinyBase, run: Run, tmp_path: Path
) -> None:
    weights = load_file(tiny_base.folder / "model.safetensors")
    names, parts = sorted(weights), tmp_path / "parts"
    parts.mkdir()
    files = {name: f"model-0000{1 + (number % 2)}-of-00002.safetensors" for number, name in enumerate(names)}
    for file in set(files.values()):
        save_file({name: weights[name] for name in names if files[name] == file}, parts / file)
    index = {"metadata": {"total_size": 1}, "weight_map": files}
    (parts / "model.safetensors.index.json").write_text(json.dumps(index))

    found = merged(run, parts, tmp_path / "merged", torch.bfloat16)
    whole = merged(run, tiny_base.folder, tmp_path / "whole", torch.bfloat16)
    assert all(torch.equal(found[name], whole[name]) for name in whole)
    written = json.loads((tmp_path / "merged" / "model.safetensors.index.json").read_text())
    assert written["weight_map"] == files
    assert written["metadata"]["total_size"] == sum(
        path.stat().st_size for path in (tmp_path / "merged").glob("*.safetensors")
    )


def test_what_rounding_loses_of_a_change_is_measured() -> None:
    # Next to 1, bfloat16 knows 1 + 2^-7 and nothing between: half of that step is lost, all of it is kept.
    one = torch.ones(2, 2)
    lost = measure_rounding("layer", one, torch.full((2, 2), 2.0**-9), torch.bfloat16)
    kept = measure_rounding("layer", one, torch.full((2, 2), 2.0**-7), torch.bfloat16)
    assert (lost.lost_share, lost.change_rms, lost.weight_rms) == (1.0, 2.0**-9, 1.0)
    assert kept.lost_share == 0.0
    assert measure_rounding("layer", one, torch.zeros(2, 2), torch.bfloat16).lost_share == 0.0


def test_the_overall_figures_weigh_every_weight_the_same() -> None:
    total = overall([Rounding("a", 3, 1.0, 2.0, 0.0), Rounding("b", 1, 3.0, 0.0, 4.0)])
    assert total.count == 4
    assert total.weight_rms == pytest.approx(math.sqrt((3 * 1 + 9) / 4))
    assert total.change_rms == pytest.approx(math.sqrt(3 * 4 / 4))
    assert total.lost_rms == pytest.approx(math.sqrt(16 / 4))


def test_an_adapter_that_does_not_fit_the_base_is_refused(
    tiny_base: TinyBase, run: Run, tmp_path: Path
) -> None:
    weights = load_file(tiny_base.folder / "model.safetensors")
    name = "model.layers.1.mlp.up_proj.weight"
    for number, (change, complaint) in enumerate(
        [
            ({name: None}, "no such weights"),
            ({name: torch.zeros(96, 63)}, "does not fit"),
            ({name: weights[name].to(torch.int8)}, "not quantised"),
        ]
    ):
        base = tmp_path / f"base-{number}"
        base.mkdir()
        changed = {key: tensor for key, tensor in {**weights, **change}.items() if tensor is not None}
        save_file(changed, base / "model.safetensors")
        with pytest.raises(AdapterRejectedError, match=complaint):
            merged(run, base, tmp_path / f"merged-{number}")


@pytest.mark.parametrize(
    "change",
    [
        {"use_dora": True},
        {"bias": "lora_only"},
        {"modules_to_save": ["score"]},
        {"rank_pattern": {"q_proj": 2}},
        {"task_type": "SEQ_CLS"},
        {"peft_type": "IA3"},
    ],
)
def test_what_is_more_than_lora_on_linear_layers_is_refused(
    tiny_base: TinyBase, tmp_path: Path, change: dict[str, object]
) -> None:
    run = tiny_run(tiny_base.home, tiny_base.gguf, tmp_path / "run")
    change_json(run.folder / "adapter_config.json", **change)
    with pytest.raises(
        AdapterRejectedError, match=r"use_dora|biases|modules_to_save|rank_pattern|expected LORA"
    ):
        read_lora(run.folder)


@given(st.lists(st.lists(st.integers(0, 4), min_size=1, max_size=3), min_size=1, max_size=5), st.booleans())
def test_tensors_of_any_shape_are_read_back_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, shapes: list[list[int]], lower: bool
) -> None:
    dtype = torch.bfloat16 if lower else torch.float32
    tensors = {f"tensor {number}": torch.randn(shape) for number, shape in enumerate(shapes)}
    path = tmp_path_factory.mktemp("tensors") / "written.safetensors"
    places = [TensorPlace(name, tuple(tensor.shape)) for name, tensor in tensors.items()]
    write_tensors(path, dtype, places, tensors.values())
    found = load_file(path)
    assert set(found) == set(tensors)
    assert all(torch.equal(found[name], tensor.to(dtype)) for name, tensor in tensors.items())


def test_only_one_tensor_is_held_at_a_time(tmp_path: Path) -> None:
    living: list[weakref.ref[torch.Tensor]] = []

    def tensors() -> Iterator[torch.Tensor]:
        for _ in range(5):
            assert sum(reference() is not None for reference in living) <= 1
            tensor = torch.zeros(8, 8)
            living.append(weakref.ref(tensor))
            yield tensor

    places = [TensorPlace(str(number), (8, 8)) for number in range(5)]
    write_tensors(tmp_path / "written.safetensors", torch.bfloat16, places, tensors())


def test_the_scale_is_alpha_over_the_rank_or_over_its_root(run: Run) -> None:
    lora = read_lora(run.folder)
    assert lora.scale == 2.0
    assert replace(lora, rank_stabilised=True).scale == 4.0
