from __future__ import annotations

import pytest

from finetune.settings.train_config import Method, load_config
from ingest.errors import SettingsError


@pytest.mark.parametrize("method", ["rm", "dpo", "kto"])
def test_a_method_brings_its_own_configuration(method: Method) -> None:
    assert load_config(method, None).method == method


@pytest.mark.parametrize("loss", ["apo_zero", "apo_down", "ipo", "sigmoid_norm"])
def test_losses_are_combined_with_a_weight_each(loss: str) -> None:
    config = load_config("dpo", None, [f"dpo.loss_type=['{loss}', 'sft']", "dpo.loss_weights=[1.0, 0.1]"])
    assert config.dpo.loss_type == (loss, "sft")


@pytest.mark.parametrize(
    ("method", "overrides", "said"),
    [
        ("dpo", ["dpo.label_smoothing=0.1"], "robust"),
        ("dpo", ["dpo.loss_weights=[1.0]"], "give one for each"),
        ("dpo", ["dpo.loss_type=[]"], "loss_type is empty"),
        ("dpo", ["dpo.loss_type=['robust', 'sft']"], "label_smoothing is 0.0"),
        ("dpo", ["dpo.loss_type=['robust', 'sft']", "dpo.label_smoothing=0.5"], "less than 0.5"),
        ("dpo", ["dpo.loss_type=['exo_pair', 'sft']"], "exo_pair"),
        ("kto", ["kto.desirable_weight=1.0"], "give both"),
        ("kto", ["train.per_device_train_batch_size=1"], "per_device_train_batch_size"),
        ("rm", ["rm.eval_share=0.6"], "0.6"),
        ("rm", ["model.dtype='bfloat16'"], "float32"),
    ],
)
def test_what_would_be_ignored_or_fail_later_is_refused(
    method: Method, overrides: list[str], said: str
) -> None:
    with pytest.raises(SettingsError, match=said):
        load_config(method, None, overrides)


def test_flipped_labels_are_the_business_of_robust() -> None:
    config = load_config("dpo", None, ["dpo.loss_type=['robust', 'sft']", "dpo.label_smoothing=0.1"])
    assert config.dpo.label_smoothing == 0.1
