from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch")

from eval.bench.machine import this_machine
from finetune.adapters.cost import Cost, matrix_weights, run_cost
from finetune.adapters.machine_peak import PEAKS, machine_peak
from finetune.training.run import Run
from tests.finetune.conftest import TinyBase
from tests.finetune.finished_run import tiny_run
from tests.finetune.tiny_model import HEADS, INNER, KEY_HEADS, LAYERS, WIDTH

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")

KEY_WIDTH = WIDTH // HEADS * KEY_HEADS
# (out, in) of each matrix of a layer.
MATRICES = [(WIDTH, WIDTH)] * 2 + [(KEY_WIDTH, WIDTH)] * 2 + [(INNER, WIDTH)] * 2 + [(WIDTH, INNER)]


@pytest.fixture(autouse=True)
def measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine multiplies at 100 GFLOP/s; measuring it takes seconds."""
    monkeypatch.setattr("finetune.adapters.machine_peak.matmul_peak", lambda *_shape: 1e11)


@pytest.fixture(scope="module")
def run(tiny_base: TinyBase, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return tiny_run(tiny_base.home, tiny_base.gguf, tmp_path_factory.mktemp("runs") / "sft-1")


def test_an_adapter_costs_four_operations_a_frozen_weight_and_six_a_trained_one(
    tiny_base: TinyBase, run: Run
) -> None:
    cost = run_cost(tiny_base.home, run)
    frozen = LAYERS * sum(rows * columns for rows, columns in MATRICES)
    trained = LAYERS * sum(4 * (rows + columns) for rows, columns in MATRICES)
    assert cost.flops_per_token == 4 * frozen + 6 * trained
    assert matrix_weights(tiny_base.folder, inside=".layers.") == frozen
    assert cost.utilisation == pytest.approx(cost.flops_per_token * 500.0 / cost.peak_flops)
    assert cost.money is None
    assert "costing" not in cost.told()


def test_money_is_told_where_an_hour_has_a_price(tiny_base: TinyBase, run: Run) -> None:
    train = run.config.train.model_copy(update={"price_per_hour": 36.0})
    priced = replace(run, config=run.config.model_copy(update={"train": train}))
    cost = run_cost(tiny_base.home, priced)
    assert cost.money == pytest.approx(36.0 * 2.0 / 3600)
    assert "costing 0.02" in cost.told()


def test_the_machine_is_measured_once(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    def counted(rows: int, inner: int, columns: int, device: str, dtype: object) -> float:
        calls.append(rows)
        return 1e9

    monkeypatch.setattr("finetune.adapters.machine_peak.matmul_peak", counted)
    assert [machine_peak(tmp_path, run.config.train) for _ in range(2)] == [1e9, 1e9]
    assert len(calls) == 1
    (key,) = json.loads((tmp_path / PEAKS).read_text())
    assert "1 threads" in key
    more = run.config.train.model_copy(update={"threads": this_machine().cores + 1})
    machine_peak(tmp_path, more)
    assert len(calls) == 2


def test_the_line_tells_every_figure() -> None:
    cost = Cost(60.0, 6000, 100.0, 512.0, 10**9, 4e11, 0.25, 0.5)
    assert cost.told() == (
        "6000 tokens in 60 s (100 tokens/s), 25.0% of the 400 GFLOP/s that this machine multiplies at, "
        "512 MB at most, costing 0.5"
    )
