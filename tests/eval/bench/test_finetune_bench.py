"""The benchmark of training makes rows that training reads, and counts what it compares."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from eval.bench.finetune import ModelShape, count_weights, model_shape, run_finetune_bench, states_share
from eval.bench.finetune_process import Training
from eval.bench.finetune_rows import write_rows
from eval.bench.ingest_corpus import Prose
from finetune.data.row_files import read_examples, read_pairs

WORDS = ("the", "of", "and", "river", "letter", "stone", "winter", "answer", "garden", "measure")


def test_the_rows_are_read_as_training_reads_them_and_differ_in_length(tmp_path: Path) -> None:
    paths = write_rows(tmp_path / "data", Prose(WORDS, 1), rows=12, tokens=512, seed=1)
    examples, pairs = read_examples(paths["sft"]), read_pairs(paths["dpo"])
    assert len(examples) == len(pairs) == 12
    lengths = [len(example.messages[-1].content) for example in examples]
    assert max(lengths) > 1.2 * min(lengths)
    assert examples[0].messages == pairs[0].messages


def test_the_same_seed_makes_the_same_rows(tmp_path: Path) -> None:
    made = [write_rows(tmp_path / name, Prose(WORDS, 1), 3, 512, 1)["dpo"].read_bytes() for name in "ab"]
    assert made[0] == made[1]


def test_weights_are_counted_by_the_header_of_their_file(tmp_path: Path) -> None:
    save_file = pytest.importorskip("safetensors.numpy").save_file
    tensors = {"embed": np.zeros((10, 4), np.float32), "layer": np.zeros((4, 6), np.float32)}
    save_file(tensors, tmp_path / "model.safetensors", metadata={"format": "pt"})
    config = {"hidden_size": 4, "intermediate_size": 6, "vocab_size": 10}
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert count_weights(tmp_path / "model.safetensors") == 64
    assert model_shape(tmp_path) == ModelShape(width=4, inner=6, layer_weights=24, weights=64)


def test_the_states_of_lora_are_the_frozen_weights_and_four_times_the_adapter() -> None:
    assert states_share(ModelShape(8, 8, 50, 100), 10, 4) == pytest.approx((400 + 160) / 1600)


def test_speed_is_tokens_without_padding_by_seconds_of_training() -> None:
    assert Training("troika", 1000, 4, 8.0, 2.0, 900.0, 800).tokens_per_second == 125


def test_a_product_has_a_speed() -> None:
    pytest.importorskip("torch")
    from eval.bench.matmul_peak import matmul_peak

    assert matmul_peak(8, 8, 8, seconds=0.01) > 0


@pytest.mark.slow
def test_troika_and_trl_take_the_same_steps_to_the_same_loss() -> None:
    pytest.importorskip("trl")
    figures = {(figure.what, figure.who): figure for figure in run_finetune_bench(rows=8, tokens=256).figures}
    assert all(figure.value for figure in figures.values())
    for method in ("sft", "dpo"):
        assert figures[f"{method}: difference of the losses", "troika"].met
        assert figures[f"{method}: how many times as fast", "troika"].value
