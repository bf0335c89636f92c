from __future__ import annotations

import shutil
from pathlib import Path

import pytest

pytest.importorskip("trl")

from finetune.data.encode import EncodedJudgement
from finetune.methods.kto import columns, train, weights_of
from finetune.settings.kto import KtoSection
from ingest.errors import TrainingDataError
from tests.finetune.conftest import TinyBase
from tests.finetune.methods.preference_jobs import curve, job, judged

# peft 0.21 uses a property that transformers 5.23 deprecates; both warn of what TRL does on a CPU.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")

LEARN = ("train.learning_rate=1e-2", "train.num_train_epochs=4", "train.per_device_train_batch_size=4")


def rows(good: int, bad: int) -> list[EncodedJudgement]:
    return [EncodedJudgement([1, n], [9, n], n < good) for n in range(good + bad)]


@pytest.mark.parametrize(
    ("good", "bad", "weights"), [(4, 4, (1, 1)), (30, 10, (1, 3)), (10, 30, (3, 1)), (1, 2, (2, 1))]
)
def test_the_rarer_side_gets_the_weight_that_balances_both(
    good: int, bad: int, weights: tuple[float, float]
) -> None:
    found = weights_of(KtoSection(), rows(good, bad))
    assert found == weights
    assert found[0] * good == pytest.approx(found[1] * bad)


def test_given_weights_hold_and_one_sided_thumbs_are_refused() -> None:
    given = KtoSection(desirable_weight=1.0, undesirable_weight=1.33)
    assert weights_of(given, rows(30, 10)) == (1.0, 1.33)
    for good, bad in ((3, 0), (0, 3)):
        with pytest.raises(TrainingDataError, match=f"{good} are good and {bad} bad"):
            weights_of(given, rows(good, bad))


def test_every_row_brings_the_answer_to_another_prompt() -> None:
    three = columns(rows(2, 1))
    assert [row["KL_completion_ids"] for row in three] == [[9, 2], [9, 0], [9, 1]]
    assert [row["label"] for row in three] == [True, True, False]


def test_the_margin_widens_from_zero_and_is_reported(tiny_base: TinyBase, tmp_path: Path) -> None:
    weights = ("kto.desirable_weight=1.0", "kto.undesirable_weight=1.0")
    outcome = train(job(tiny_base, tmp_path, "kto", judged(8, 4), *LEARN, *weights), tiny_base.folder)
    logged = curve(tmp_path)
    # Policy and reference are the same at first, so every answer loses 1 - σ(0).
    assert logged[0]["loss"] == pytest.approx(0.5, abs=1e-3)
    assert logged[0]["rewards/chosen"] == pytest.approx(0, abs=1e-4)
    assert outcome.details["rewards/margins"] > 0
    assert outcome.details["lengths/chosen"] > 1
    assert outcome.details["sampled_tokens/before"] > 0
    assert not (tmp_path / "ref").exists()


def test_a_resumed_run_ends_with_the_same_loss(tiny_base: TinyBase, tmp_path: Path) -> None:
    overrides = (*LEARN, "train.num_train_epochs=2", "train.save_steps=2")
    whole, resumed = tmp_path / "whole", tmp_path / "resumed"
    outcome = train(job(tiny_base, whole, "kto", judged(12, 8), *overrides), tiny_base.folder)
    assert outcome.details["weight/rejected"] == 2
    continued = job(tiny_base, resumed, "kto", judged(12, 8), *overrides)
    shutil.copytree(whole / "checkpoint-4", resumed / "checkpoint-4")
    train(continued, tiny_base.folder)
    assert curve(resumed)[:4] == curve(whole)[:4]  # with their times: these steps were not made again
    assert curve(resumed)[-1]["step"] == curve(whole)[-1]["step"] == 6
    assert curve(resumed)[-1]["loss"] == pytest.approx(curve(whole)[-1]["loss"], abs=1e-3)
