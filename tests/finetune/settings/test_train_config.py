from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest
from pydantic import ValidationError

from finetune.settings.train_config import CONFIGS, Method, TrainConfig, load_config
from ingest.errors import SettingsError


@pytest.mark.parametrize("method", get_args(Method))
def test_every_method_has_a_configuration_that_is_valid(method: Method) -> None:
    paths = [CONFIGS / f"{method}.yaml", *CONFIGS.glob(f"*-{method}.yaml")]
    assert {load_config(method, path).method for path in paths} == {method}


def test_overrides_win_over_the_file_and_the_file_over_the_defaults(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text("[train]\nlearning_rate = 1e-3\nseed = 7\n[lora]\nr = 8\n")
    config = load_config("sft", path, ["train.seed=9", "model.name_or_path=some/folder", "train.bf16=false"])
    assert (config.train.learning_rate, config.train.seed, config.lora.r) == (1e-3, 9, 8)
    assert config.model.name_or_path == "some/folder"
    assert config.train.bf16 is False
    assert config.train.max_length == 2048


def test_yaml_is_read_like_toml(tmp_path: Path) -> None:
    pytest.importorskip("yaml")
    path = tmp_path / "run.yaml"
    path.write_text(
        "method: dpo\ntrain:\n  max_steps: 3\ndpo:\n  loss_type: [sigmoid]\n  loss_weights: null\n"
    )
    config = load_config("dpo", path)
    assert (config.train.max_steps, config.dpo.loss_type, config.dpo.loss_weights) == (3, ("sigmoid",), None)


@pytest.mark.parametrize(
    "override",
    [
        "lora.r=0",
        "lora.rank=8",
        "train.learning_rate=-1",
        "train.learning_rate=fast",
        "train.max_steps=0",
        "optimizer.name=sgd",
        "train.seed",
        "=1",
        "method.name=sft",
        "train.max_length=4",
    ],
)
def test_a_wrong_setting_is_refused(override: str) -> None:
    with pytest.raises(SettingsError):
        load_config("sft", None, [override])


@pytest.mark.parametrize(
    ("method", "override", "reason"),
    [
        (
            "sft",
            "dpo.beta=0.9",
            "'dpo' is not read by sft, whose sections are model, lora, train: leave it out",
        ),
        ("sft", "rollout.temperature=5", "'rollout' is not read by sft"),
        ("dpo", "kto.beta=0.9", "'kto' is not read by dpo, whose sections are dpo, model, lora, train"),
        ("rloo", "ppo.num_ppo_epochs=1", "'ppo' is not read by rloo, whose sections are rollout,"),
        ("ppo", "rollout.use_vllm=true", r"'rollout\.use_vllm' is not read by ppo"),
        ("ppo", "rollout.vllm_mode=server", r"'rollout\.vllm_mode' is not read by ppo"),
        ("grpo", "train.packing=false", r"'train\.packing' is not read by grpo"),
        ("ppo", "rollout.beta=0.9", r"'rollout\.beta' is not read by ppo.*set ppo\.beta"),
    ],
)
def test_a_setting_that_the_method_does_not_read_is_refused(
    tmp_path: Path, method: Method, override: str, reason: str
) -> None:
    with pytest.raises(SettingsError, match=reason):
        load_config(method, None, [override])
    key, _, value = override.partition("=")
    section, _, name = key.partition(".")
    (tmp_path / "run.yaml").write_text(f"method: {method}\n{section}: {{{name}: {value}}}\n")
    with pytest.raises(SettingsError, match=reason):
        load_config(method, tmp_path / "run.yaml")


def test_the_values_of_the_files_that_come_with_the_project_do_not_count_as_asked_for(tmp_path: Path) -> None:
    assert load_config("sft", None).lora.model_fields_set == set()
    config = load_config("sft", CONFIGS / "demo-sft.yaml", ["lora.lora_alpha=8", "lora.bias=none"])
    assert config.lora.model_fields_set == {"lora_alpha"}
    assert (config.lora.r, config.lora.lora_alpha) == (16, 8)
    (tmp_path / "run.yaml").write_text("lora: {r: 16}\n")
    assert load_config("sft", tmp_path / "run.yaml").lora.model_fields_set == {"r"}
    with pytest.raises(SettingsError, match=r"lora"):
        load_config("sft", None, ["lora=4"])


def test_a_configuration_for_another_method_is_refused() -> None:
    with pytest.raises(SettingsError, match="'dpo'"):
        load_config("sft", CONFIGS / "dpo.yaml")


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.toml", "=="), ("a.yaml", "a: [1"), ("a.yaml", "- 1"), ("a.json", "{}"), ("a.toml", None)],
)
def test_an_unreadable_file_is_refused(tmp_path: Path, name: str, content: str | None) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(SettingsError, match=name):
        load_config("sft", tmp_path / name)


def test_a_configuration_is_frozen() -> None:
    config = TrainConfig(method="sft")
    with pytest.raises(ValidationError):
        config.method = "dpo"  # pyright: ignore[reportAttributeAccessIssue]
