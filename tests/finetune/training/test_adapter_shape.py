from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("trl")

from finetune.settings.shared import LoraSection
from finetune.settings.train_config import load_config
from finetune.training.adapter_shape import adapter_shape
from finetune.training.base_model import BaseModel, find_base_model
from ingest.errors import AdapterRejectedError, SettingsError
from tests.finetune.conftest import TinyBase

SEVEN = "down_proj, gate_proj, k_proj, o_proj, q_proj, up_proj, v_proj"


@pytest.fixture(params=["gguf", "folder"])
def base(tiny_base: TinyBase, request: pytest.FixtureRequest) -> BaseModel:
    return find_base_model(str(getattr(tiny_base, request.param)))


def asked(*overrides: str) -> LoraSection:
    return load_config("sft", None, overrides).lora


def written(folder: Path, **config: object) -> Path:
    (folder / "adapter_config.json").write_text(json.dumps(config))
    return folder


@pytest.mark.parametrize(
    "names", [["q_prj"], ["q_proj", "v_prj"], ["self_attn"], ["input_layernorm"], ["layers.9.mlp.up_proj"]]
)
def test_a_layer_that_the_base_has_not_is_refused_with_those_it_has(
    base: BaseModel, names: list[str]
) -> None:
    with pytest.raises(SettingsError, match=f"names {names[-1]}, .* {base.fingerprint} .*take of {SEVEN}"):
        adapter_shape(asked(f"lora.target_modules={names}"), base, None)


def test_layers_of_the_base_are_taken_as_they_are_asked_for(base: BaseModel) -> None:
    for names in ("['q_proj']", "['self_attn.q_proj', 'layers.0.mlp.up_proj']", "all-linear"):
        lora = asked(f"lora.target_modules={names}")
        assert adapter_shape(lora, base, None) is lora


def test_the_shape_is_that_of_the_adapter_to_start_from(base: BaseModel, tmp_path: Path) -> None:
    adapter = written(tmp_path, r=8, lora_alpha=16, target_modules=["v_proj", "q_proj"], use_rslora=True)
    shape = LoraSection(r=8, lora_alpha=16, target_modules=("q_proj", "v_proj"), use_rslora=True)
    assert adapter_shape(asked(), base, adapter) == shape
    same = ("lora.r=8", "lora.target_modules=['q_proj', 'v_proj']", "lora.use_rslora=true")
    assert adapter_shape(asked(*same), base, adapter) == shape


@pytest.mark.parametrize(
    ("override", "reason"),
    [
        ("lora.r=16", "lora.r is 16, .* where it is 8: leave lora.r out, or leave --adapter out"),
        ("lora.lora_alpha=32", "where it is 16.0"),
        ("lora.lora_dropout=0.1", "where it is 0.0"),
        ("lora.use_rslora=true", "where it is False"),
        ("lora.target_modules=all-linear", "where it is q_proj, v_proj"),
    ],
)
def test_another_shape_than_that_of_the_adapter_is_refused(
    tiny_base: TinyBase, tmp_path: Path, override: str, reason: str
) -> None:
    adapter = written(tmp_path, r=8, lora_alpha=16, target_modules=["v_proj", "q_proj"])
    with pytest.raises(SettingsError, match=reason):
        adapter_shape(asked(override), find_base_model(str(tiny_base.gguf)), adapter)


def test_the_same_layers_in_other_words_are_no_other_shape(base: BaseModel, tmp_path: Path) -> None:
    named = adapter_shape(asked(), base, written(tmp_path, target_modules=SEVEN.split(", ")))
    assert (named.r, named.lora_alpha, named.target_modules) == (8, 8, tuple(SEVEN.split(", ")))
    assert adapter_shape(asked("lora.target_modules=all-linear"), base, tmp_path) == named
    by_expression = adapter_shape(asked(), base, written(tmp_path, target_modules=r".*\.q_proj"))
    assert by_expression.target_modules == tuple(f"model.layers.{n}.self_attn.q_proj" for n in range(2))


def test_a_shape_that_cannot_be_told_is_refused(tiny_base: TinyBase, tmp_path: Path) -> None:
    base = find_base_model(str(tiny_base.gguf))
    for config, reason in (
        ({"r": 8}, "names no layers"),
        ({"target_modules": ["q_proj"], "lora_dropout": 1}, "lora_dropout 1, .* less than 1"),
    ):
        with pytest.raises(AdapterRejectedError, match=reason):
            adapter_shape(asked(), base, written(tmp_path, **config))
