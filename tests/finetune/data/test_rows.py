from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from finetune.data.row_files import read_examples, read_judged, read_pairs, read_rankings, write_rows
from finetune.data.rows import (
    ExampleKind,
    JudgedAnswer,
    PreferencePair,
    RankedAnswers,
    TrainingExample,
    rows_sha256,
)
from ingest.errors import TrainingDataError
from service.generate import Message
from service.prompt import PROMPT_ID

MESSAGES = (Message("system", "Answer."), Message("user", "问题：𠮷？"))
EXAMPLE = TrainingExample(
    "a", MESSAGES, ("one", "two"), "答案 [1]", ExampleKind.GOLD, "zh", PROMPT_ID, None, "d" * 64
)
PAIR = PreferencePair("a", MESSAGES, "good [1]", "bad [2]", "wrong_citation", "en", PROMPT_ID, "d" * 64)


JUDGED = JudgedAnswer("a", MESSAGES, "good [1]", True, "en", None, "d" * 64)
RANKED = RankedAnswers("a", MESSAGES, ("best", "tied", "also"), (0, 1, 1), "en", None, "d" * 64)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    write_rows(tmp_path / "deep" / "sft.jsonl", [EXAMPLE])
    write_rows(tmp_path / "dpo.jsonl", [PAIR])
    write_rows(tmp_path / "kto.jsonl", [JUDGED])
    write_rows(tmp_path / "rm.jsonl", [RANKED])
    assert read_examples(tmp_path / "deep" / "sft.jsonl") == (EXAMPLE,)
    assert read_pairs(tmp_path / "dpo.jsonl") == (PAIR,)
    assert read_judged(tmp_path / "kto.jsonl") == (JUDGED,)
    assert read_rankings(tmp_path / "rm.jsonl") == (RANKED,)


@pytest.mark.parametrize(
    "change",
    [{"ranks": [0, 1]}, {"ranks": [1, 0, 2]}, {"ranks": [0, 0, 0]}, {"answers": ["one"], "ranks": [0]}],
)
def test_a_ranking_that_says_nothing_is_refused_by_line(tmp_path: Path, change: dict[str, object]) -> None:
    path = tmp_path / "rm.jsonl"
    path.write_text(json.dumps({**asdict(RANKED), **change}) + "\n")
    with pytest.raises(TrainingDataError, match="line 1"):
        read_rankings(path)


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
