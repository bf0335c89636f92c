from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("trl")

from finetune.data.row_files import write_rows
from finetune.settings.train_config import load_config
from finetune.training.plan import Plan, plan_run
from finetune.training.show_plan import show_plan
from ingest.errors import SettingsError, TrainingDataError
from tests.finetune.conftest import TinyBase
from tests.finetune.methods.preference_jobs import rankings
from tests.finetune.sft_runs import encoded, example, run_sft

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")


def plan(
    tiny_base: TinyBase, tmp_path: Path, home: Path, *overrides: str, adapter: Path | None = None
) -> Plan:
    data = tmp_path / "rows.jsonl"
    write_rows(data, [example(n) for n in range(20)])
    overrides = (f"model.name_or_path={tiny_base.gguf}", "train.report_to=[]", *overrides)
    return plan_run(home, load_config("sft", None, overrides), data, adapter)


def test_a_plan_counts_what_a_run_would_do_and_writes_nothing(tiny_base: TinyBase, tmp_path: Path) -> None:
    home = tmp_path / "home"
    found = plan(tiny_base, tmp_path, home)
    rows = encoded(tiny_base, 20)
    assert (found.rows, found.left_out) == (20, 0)
    assert found.tokens == sum(len(row.input_ids) for row in rows)
    assert found.learned_tokens == sum(label != -100 for row in rows for label in row.labels)
    assert found.longest == max(len(row.input_ids) for row in rows)
    assert (found.schedule.steps, found.schedule.rows_per_step, found.schedule.warmup_steps) == (9, 8, 1)
    assert [way.finetuning for way in found.memory] == ["lora", "full"]
    assert not home.exists()


def test_a_reward_model_is_not_planned_to_learn_what_it_is_measured_on(
    tiny_base: TinyBase, tmp_path: Path
) -> None:
    data = tmp_path / "rankings.jsonl"
    write_rows(data, rankings(20))
    overrides = (f"model.name_or_path={tiny_base.gguf}", "rm.eval_share=0.5", "train.num_train_epochs=1")
    found = plan_run(tmp_path / "home", load_config("rm", None, overrides), data)
    assert found.rows == 20
    assert (found.schedule.steps, found.schedule.rows_per_step, found.schedule.epochs) == (1, 16, 1.0)


def test_a_plan_of_a_model_that_was_unpacked_is_the_same(tiny_base: TinyBase, tmp_path: Path) -> None:
    assert plan(tiny_base, tmp_path, tiny_base.home) == plan(tiny_base, tmp_path, tmp_path / "home")


def test_a_plan_is_of_the_adapter_that_training_goes_on_in(tiny_base: TinyBase, tmp_path: Path) -> None:
    adapter = tmp_path / "adapter"
    run_sft(tiny_base, adapter, "train.max_steps=1", "lora.r=4", "lora.target_modules=['q_proj']")
    small = ("lora.r=4", "lora.target_modules=['q_proj']")
    asked = plan(tiny_base, tmp_path, tiny_base.home, *small).memory[0]
    assert plan(tiny_base, tmp_path, tiny_base.home, adapter=adapter).memory[0] == asked
    with pytest.raises(SettingsError, match=r"lora\.r is 8"):
        plan(tiny_base, tmp_path, tiny_base.home, "lora.r=8", adapter=adapter)


def test_a_layer_that_the_model_has_not_is_told_as_by_a_run(tiny_base: TinyBase, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"names q_prj, .* take of down_proj, gate_proj"):
        plan(tiny_base, tmp_path, tiny_base.home, "lora.target_modules=['q_prj']")


def test_the_first_examples_show_what_is_learned(
    tiny_base: TinyBase, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = plan(tiny_base, tmp_path, tiny_base.home)
    assert len(found.examples) == 3
    prompt, answer = found.examples[1]
    assert (prompt.learned, answer.learned) == (False, True)
    assert prompt.text.endswith("<|im_start|>assistant\n")
    assert answer.text == "The rank is 1. [1]<|im_end|>"
    show_plan(found, as_json=False)
    assert "«The rank is 1. [1]<|im_end|>»" in capsys.readouterr().out
    show_plan(found, as_json=True)
    printed = json.loads(capsys.readouterr().out)
    assert printed["memory"][0]["total"] == found.memory[0].total
    assert printed["examples"][1][1] == {"text": answer.text, "learned": True}


def test_what_is_wrong_with_the_rows_is_told_as_by_a_run(tiny_base: TinyBase, tmp_path: Path) -> None:
    with pytest.raises(TrainingDataError, match="raise max_length"):
        plan(tiny_base, tmp_path, tiny_base.home, "train.max_length=16")
