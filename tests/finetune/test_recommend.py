from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from finetune.cli import finetune_app
from finetune.label_counts import LabelCounts, count_labels
from finetune.recommend import Reasoning, recommend, write_configs
from finetune.settings.train_config import load_config
from ingest.errors import TrainingDataError
from tests.finetune.handbook import write_questions

UNKNOWN = Reasoning()
SELDOM = Reasoning(helps=True, pass_at_1=0.5, pass_at_8=0.75)


@pytest.mark.parametrize(
    ("counts", "reasoning", "methods"),
    [
        (LabelCounts(), UNKNOWN, ["prompting"]),
        (LabelCounts(gold=49, verifiable=49), UNKNOWN, ["prompting"]),
        (LabelCounts(gold=50, verifiable=50), UNKNOWN, ["rft"]),
        (LabelCounts(gold=40, verifiable=20, refusals=10), UNKNOWN, ["rft"]),
        (LabelCounts(gold=50, verifiable=24), UNKNOWN, ["sft"]),
        (LabelCounts(gold=50), UNKNOWN, ["sft"]),
        (LabelCounts(gold=499, verifiable=499), UNKNOWN, ["rft"]),
        (LabelCounts(gold=500, verifiable=500), UNKNOWN, ["sft", "rft"]),
        (LabelCounts(gold=500), UNKNOWN, ["sft"]),
        (LabelCounts(gold=10_000, verifiable=10_000), UNKNOWN, ["sft", "rft"]),
        (LabelCounts(gold=10_001, verifiable=10_001), UNKNOWN, ["sft"]),
        (LabelCounts(gold=10_001, verifiable=10_001), SELDOM, ["sft", "grpo"]),
        (LabelCounts(gold=50, verifiable=50), SELDOM, ["grpo"]),
        (LabelCounts(gold=50, verifiable=50), Reasoning(True, 0.5, 0.74), ["rft"]),
        (LabelCounts(gold=50, verifiable=50), Reasoning(False, 0.2, 0.9), ["rft"]),
        (LabelCounts(gold=50), SELDOM, ["sft"]),
        (LabelCounts(pairs=999), UNKNOWN, ["prompting"]),
        (LabelCounts(pairs=1000), UNKNOWN, ["dpo"]),
        (LabelCounts(pairs=4999), UNKNOWN, ["dpo"]),
        (LabelCounts(pairs=5000), UNKNOWN, ["rm", "ppo"]),
        (LabelCounts(gold=500, verifiable=500, pairs=5000), UNKNOWN, ["sft", "rft", "dpo"]),
        (LabelCounts(thumbs_up=999), UNKNOWN, ["prompting"]),
        (LabelCounts(thumbs_up=1000), UNKNOWN, ["prompting"]),
        (LabelCounts(thumbs_up=998, thumbs_down=1), UNKNOWN, ["prompting"]),
        (LabelCounts(thumbs_up=999, thumbs_down=1), UNKNOWN, ["kto"]),
        (LabelCounts(thumbs_up=999, thumbs_down=1, pairs=1000), UNKNOWN, ["dpo"]),
    ],
)
def test_the_labels_decide_the_methods(counts: LabelCounts, reasoning: Reasoning, methods: list[str]) -> None:
    found = recommend(counts, reasoning)
    assert [stage.method for stage in found.stages] == methods
    assert all(stage.reason.endswith(".") for stage in found.stages)


@pytest.mark.parametrize(
    ("counts", "reasoning", "asked"),
    [
        (LabelCounts(gold=50, verifiable=50), UNKNOWN, "--reasoning"),
        (LabelCounts(gold=50, verifiable=50), Reasoning(helps=True), "--pass-at-1"),
        (LabelCounts(thumbs_down=1000), UNKNOWN, "thumbs"),
        (LabelCounts(pairs=5000), UNKNOWN, "16 or more for a step; there are 0"),
    ],
)
def test_what_is_not_known_is_asked_for(counts: LabelCounts, reasoning: Reasoning, asked: str) -> None:
    (question,) = recommend(counts, reasoning).open_questions
    assert asked in question
    assert recommend(LabelCounts(gold=50), reasoning).open_questions == ()


def test_a_configuration_is_written_for_each_stage_and_can_be_loaded(tmp_path: Path) -> None:
    counts = LabelCounts(gold=2000, verifiable=0, pairs=1000)
    sft, dpo = write_configs(recommend(counts, UNKNOWN), counts, tmp_path / "configs")
    assert (sft.name, dpo.name) == ("1-sft.yaml", "2-dpo.yaml")
    assert load_config("sft", sft).train.num_train_epochs == 2
    assert load_config("dpo", dpo) == load_config("dpo", None)


def test_a_reward_model_is_learned_from_by_the_method_that_takes_one(tmp_path: Path) -> None:
    counts = LabelCounts(gold=500, pairs=5000)
    found = recommend(counts, UNKNOWN)
    assert [stage.method for stage in found.stages] == ["sft", "rm", "ppo"]
    assert "--reward-model RUN" in found.stages[-1].reason
    assert found.open_questions == ()
    told = CliRunner().invoke(finetune_app, ["ppo", "--help"], env={"COLUMNS": "200"})
    assert "--reward-model" in told.output
    paths = write_configs(found, counts, tmp_path)
    for method, path in zip(("sft", "rm", "ppo"), paths, strict=True):
        assert load_config(method, path) == load_config(method, None)


def jsonl(path: Path, *rows: dict[str, object]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return path


def test_labels_are_counted_whatever_form_they_are_in(tmp_path: Path) -> None:
    questions = write_questions(tmp_path / "qa.jsonl")
    instructions = jsonl(tmp_path / "alpaca.jsonl", {"instruction": "Hi?", "output": "Hello."})
    ranking = jsonl(tmp_path / "rank.jsonl", {"prompt": "Hi?", "ranking": ["a", "b", "c"]})
    thumbs = jsonl(
        tmp_path / "kto.jsonl",
        {"prompt": "Hi?", "completion": "a", "label": True},
        {"prompt": "Hi?", "completion": "b", "label": False},
    )
    assert count_labels([questions, instructions, ranking, thumbs]) == LabelCounts(
        gold=5, verifiable=5, refusals=1, general=1, pairs=3, thumbs_up=1, thumbs_down=1
    )


def test_built_rows_are_counted_and_long_answers_cannot_be_verified(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    row: dict[str, object] = {"id": "a", "question": "Which port?", "contexts": ["The port is 8080."],
           "gold": [0], "answer": "8080", "answerable": True, "lang": "en"}  # fmt: skip
    long = {**row, "id": "b", "answer": "The port depends on " + "very " * 9 + "many things."}
    none = {**row, "id": "c", "gold": [], "answer": "No.", "answerable": False}
    source = jsonl(tmp_path / "qa.jsonl", row, long, none)
    run = CliRunner().invoke(finetune_app, ["data", "build", str(source), "--own-contexts", "--output", "."])
    assert run.exit_code == 0, run.output
    counts = LabelCounts(gold=2, verifiable=1, refusals=1)
    assert count_labels([tmp_path / "qa.sft.jsonl"]) == counts
    assert count_labels([source]) == counts
    assert count_labels([tmp_path / "qa.dpo.jsonl"]).pairs == 3


def test_the_command_prints_counts_stages_and_questions_and_writes_configurations(tmp_path: Path) -> None:
    rows = [{"id": str(n), "question": f"What is {n}?", "language": "en", "answerable": True,
             "answers": [str(n)]} for n in range(500)]  # fmt: skip
    path = jsonl(tmp_path / "qa.jsonl", *rows)
    arguments = ["recommend", str(path), "--output", str(tmp_path / "out")]
    said = CliRunner().invoke(finetune_app, arguments)
    assert said.exit_code == 0, said.output
    assert "500 gold, 500 verifiable" in said.output
    assert "1. sft: 500 labels" in said.output
    assert "--reasoning" in said.output
    found = json.loads(CliRunner().invoke(finetune_app, [*arguments, "--json", "--no-reasoning"]).stdout)
    assert [stage["method"] for stage in found["stages"]] == ["sft", "rft"]
    assert found["open_questions"] == []
    assert (tmp_path / "out" / "1-sft.yaml").is_file()


def test_a_file_of_no_known_form_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TrainingDataError, match=r"line 1"):
        count_labels([jsonl(tmp_path / "x.jsonl", {"text": "x"})])
    with pytest.raises(TrainingDataError, match=r"empty"):
        count_labels([jsonl(tmp_path / "x.jsonl")])
