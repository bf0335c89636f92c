"""``troika bench finetune``: training beside plain TRL, with the same model, rows and steps."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from eval.bench.finetune_process import Training, measure_matmul, train_own, train_with_trl
from eval.bench.finetune_rows import write_rows
from eval.bench.goal_figures import Figure, GoalFigures
from eval.bench.ingest_corpus import Prose, english_words
from eval.bench.machine import this_machine
from eval.bench.peers.trl_task import Method, TrainingTask
from ingest.embed import PRESETS

TIMES_AS_FAST: dict[Method, float] = {"sft": 2.0, "dpo": 1.3}
SAME_LOSS = 0.02
STATES_SHARE = 0.25
_SEED = 42
_LEARNING_RATES: dict[Method, float] = {"sft": 2e-4, "dpo": 5e-6}
_RANK, _ALPHA = 16, 32.0
_ROWS_OF_PRODUCT = 1024
# Bytes of a weight that is trained, in float32 with its gradient and Adam's two moments, and of a frozen one.
_TRAINED = 16
_FROZEN = {"float32": 4, "bfloat16": 2}
_LORA_OPERATIONS = 4
"""For each token and weight of a layer: a multiplication and an addition forward, and again backward for
what comes in; a frozen weight needs no gradient. The vocabulary, attention and the adapter are left out."""


@dataclass(frozen=True, slots=True)
class ModelShape:
    """Of a llama: the width of its layers and inside them, and the weights in layers and in all."""

    width: int
    inner: int
    layer_weights: int
    weights: int


def run_finetune_bench(rows: int, tokens: int) -> GoalFigures:
    """Train on ``rows`` examples of about ``tokens`` tokens, and on as many pairs: with Troika, with TRL."""
    with tempfile.TemporaryDirectory(prefix="troika-bench-") as folder:
        figures = tuple(_measure(Path(folder), rows, tokens))
    return GoalFigures("troika bench finetune", date.today(), this_machine(), figures)


def model_shape(checkpoint: Path) -> ModelShape:
    """The shape of the model in ``checkpoint``, in the Hugging Face layout; its input and output are tied."""
    config: dict[str, Any] = json.loads((checkpoint / "config.json").read_text("utf-8"))
    weights = count_weights(checkpoint / "model.safetensors")
    width = int(config["hidden_size"])
    return ModelShape(
        width=width,
        inner=int(config["intermediate_size"]),
        layer_weights=weights - width * int(config["vocab_size"]),
        weights=weights,
    )


def count_weights(path: Path) -> int:
    """How many numbers a safetensors file holds, by its header."""
    with path.open("rb") as file:
        header: dict[str, Any] = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    return sum(math.prod(entry["shape"]) for name, entry in header.items() if name != "__metadata__")


def states_share(shape: ModelShape, adapter_weights: int, frozen_bytes: int) -> float:
    """Weights, gradients and optimizer of LoRA, as a share of those of full fine-tuning in float32."""
    return (shape.weights * frozen_bytes + adapter_weights * _TRAINED) / (shape.weights * _TRAINED)


def _measure(folder: Path, rows: int, tokens: int) -> Iterator[Figure]:
    prose = Prose(english_words(PRESETS["minilm"]), _SEED)
    paths = write_rows(folder / "data", prose, rows, tokens, _SEED)
    home = folder / "home"
    for method, path in paths.items():
        task = TrainingTask(method, str(path), _LEARNING_RATES[method], _RANK, _ALPHA, _SEED)
        own = train_own(home, task)
        checkpoint = next(path.parent for path in (home / "models").glob("*/config.json"))
        trl = train_with_trl(checkpoint, task, own.training.tokens)
        shape = model_shape(checkpoint)
        yield from _compare(method, rows, own.training, trl)
        if method == "sft":
            yield from _utilisation(shape, own.training, trl)
            yield from _states(shape, count_weights(own.folder / "adapter_model.safetensors"))


def _compare(method: Method, rows: int, own: Training, trl: Training) -> Iterator[Figure]:
    what = f"{method} of {rows} rows of {own.tokens / rows:.0f} tokens"
    for run in (own, trl):
        yield Figure(method, what, run.who, "tokens/s", run.tokens_per_second)
    times = own.tokens_per_second / trl.tokens_per_second
    yield Figure(method, f"{method}: how many times as fast", "troika", "times", times, TIMES_AS_FAST[method])
    for run in (own, trl):
        yield Figure(method, f"{method}: mean loss of {run.steps} steps", run.who, "", run.loss)
    difference = abs(own.loss - trl.loss) / trl.loss
    yield Figure(method, f"{method}: difference of the losses", "troika", "", difference, SAME_LOSS, False)
    for run in (own, trl):
        yield Figure(method, f"{method}: peak memory of the process", run.who, "MB", run.peak_memory_mb)


def _utilisation(shape: ModelShape, own: Training, trl: Training) -> Iterator[Figure]:
    peak = measure_matmul(_ROWS_OF_PRODUCT, shape.width, shape.inner)
    what = f"sft: share of the {peak / 1e9:.0f} GFLOP/s of a float32 product"
    for run in (own, trl):
        operations = _LORA_OPERATIONS * shape.layer_weights * run.computed_tokens / run.seconds
        yield Figure("sft", what, run.who, "%", 100 * operations / peak)


def _states(shape: ModelShape, adapter_weights: int) -> Iterator[Figure]:
    full = shape.weights * _TRAINED / 1e6
    for dtype, size in _FROZEN.items():
        what = f"weights, gradients and optimizer of LoRA, of the {full:,.0f} MB of full fine-tuning"
        share = states_share(shape, adapter_weights, size)
        yield Figure("sft", what, f"troika, frozen weights in {dtype}", "", share, STATES_SHARE, False)
