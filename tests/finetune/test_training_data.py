from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from finetune.training_data import (
    ExampleKind,
    PreferencePair,
    TrainingExample,
    read_examples,
    read_pairs,
    rows_sha256,
    write_rows,
)
from ingest.errors import TrainingDataError
from service.generate import Message
from service.prompt import PROMPT_ID

MESSAGES = (Message("system", "Answer."), Message("user", "问题：𠮷？"))
EXAMPLE = TrainingExample(
    "a", MESSAGES, ("one", "two"), "答案 [1]", ExampleKind.GOLD, "zh", PROMPT_ID, None, "d" * 64
)
PAIR = PreferencePair("a", MESSAGES, "good [1]", "bad [2]", "wrong_citation", "en", PROMPT_ID, "d" * 64)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    write_rows(tmp_path / "deep" / "sft.jsonl", [EXAMPLE])
    write_rows(tmp_path / "dpo.jsonl", [PAIR])
    assert read_examples(tmp_path / "deep" / "sft.jsonl") == (EXAMPLE,)
    assert read_pairs(tmp_path / "dpo.jsonl") == (PAIR,)


def test_data_for_another_prompt_is_refused_with_what_to_do(tmp_path: Path) -> None:
    write_rows(tmp_path / "sft.jsonl", [EXAMPLE, replace(EXAMPLE, prompt_id="old")])
    with pytest.raises(TrainingDataError, match=r"line 2: .*old.*data build"):
        read_examples(tmp_path / "sft.jsonl")


@pytest.mark.parametrize(
    "change",
    [
        {"messages": []},
        {"messages": "text"},
        {"messages": [{"role": "robot", "content": "x"}]},
        {"messages": [{"role": "user"}]},
        {"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "x"}]},
        {"target": ""},
        {"kind": "guess"},
        {"id": None},
    ],
)
def test_a_malformed_example_is_refused_by_line(tmp_path: Path, change: dict[str, object]) -> None:
    path = tmp_path / "sft.jsonl"
    path.write_text(json.dumps(asdict(EXAMPLE)) + "\n" + json.dumps({**asdict(EXAMPLE), **change}) + "\n")
    with pytest.raises(TrainingDataError, match="line 2"):
        read_examples(path)


def test_a_pair_of_equal_answers_is_refused(tmp_path: Path) -> None:
    write_rows(tmp_path / "dpo.jsonl", [replace(PAIR, rejected=PAIR.chosen)])
    with pytest.raises(TrainingDataError, match="the same"):
        read_pairs(tmp_path / "dpo.jsonl")


def test_examples_are_no_pairs(tmp_path: Path) -> None:
    write_rows(tmp_path / "sft.jsonl", [EXAMPLE])
    with pytest.raises(TrainingDataError, match="chosen"):
        read_pairs(tmp_path / "sft.jsonl")


def test_the_hash_of_a_data_set_follows_its_rows_and_their_order() -> None:
    other = replace(EXAMPLE, id="b")
    assert rows_sha256([EXAMPLE, other]) != rows_sha256([other, EXAMPLE])
    assert rows_sha256([EXAMPLE]) == rows_sha256([replace(EXAMPLE)])
