from __future__ import annotations

import pytest

from finetune.settings.servable import refusal
from finetune.settings.shared import LoraSection
from finetune.settings.train_config import load_config
from ingest.errors import SettingsError


@pytest.mark.parametrize(
    ("override", "reason"),
    [
        ("lora.r=1024", "at most 512"),
        ("lora.use_dora=true", "no DoRA"),
        ("lora.bias=all", "no trained biases"),
        ("lora.modules_to_save=['lm_head']", "modules that are replaced"),
        ("lora.target_modules=['q_proj','lm_head']", "adapters of lm_head"),
        ("lora.target_modules=['model.embed_tokens']", "adapters of model.embed_tokens"),
    ],
)
def test_what_vllm_cannot_serve_is_refused_with_the_reason(override: str, reason: str) -> None:
    with pytest.raises(SettingsError, match=reason):
        load_config("sft", None, [override])


@pytest.mark.parametrize("rank", [1, 4, 12, 64, 512])
def test_every_rank_up_to_the_highest_is_taken(rank: int) -> None:
    assert load_config("sft", None, [f"lora.r={rank}"]).lora.r == rank


def test_keys_of_peft_that_ask_for_nothing_are_taken() -> None:
    overrides = ["lora.bias=none", "lora.use_dora=false", "lora.modules_to_save=[]"]
    assert load_config("sft", None, overrides).lora == LoraSection()
    with pytest.raises(SettingsError, match="rank"):
        load_config("sft", None, ["lora.rank=8"])


def test_the_ranks_of_single_layers_count_too() -> None:
    assert refusal({"r": 8, "rank_pattern": {"q_proj": 600}}) is not None
    assert refusal({"r": 8, "rank_pattern": {}, "target_modules": "all-linear"}) is None
