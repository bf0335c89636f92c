from __future__ import annotations

import json
from pathlib import Path

import pytest

from finetune.data.choices import ImportForm, RowKind
from finetune.data.imports.read import import_file, import_rows
from finetune.data.row_files import read_examples, read_judged, read_pairs, read_rankings
from finetune.data.rows import (
    ExampleKind,
    JudgedAnswer,
    PreferencePair,
    RankedAnswers,
    TrainingExample,
)
from ingest.errors import TrainingDataError
from service.generate import Message

ASKED = (Message("user", "Hi?"),)
TURNS = [{"role": "user", "content": "Hi?"}, {"role": "assistant", "content": "Hello."}]
SAID = [{"from": "human", "value": "Hi?"}, {"from": "gpt", "value": "Hello."}]


def write(tmp_path: Path, *rows: object) -> Path:
    path = tmp_path / "data.jsonl"
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return path


@pytest.mark.parametrize(
    "row",
    [
        {"instruction": "Hi?", "input": "", "output": "Hello."},
        {"conversations": SAID},
        {"messages": TURNS},
        {"prompt": "Hi?", "completion": "Hello."},
        {"prompt": TURNS[:1], "completion": TURNS[1:]},
    ],
)
def test_an_instruction_in_any_form_is_the_same_example(tmp_path: Path, row: dict[str, object]) -> None:
    (example,) = import_rows(write(tmp_path, row))
    assert isinstance(example, TrainingExample)
    assert (example.messages, example.target) == (ASKED, "Hello.")
    assert (example.kind, example.prompt_id, example.language) == (ExampleKind.REPLAY, None, "en")


@pytest.mark.parametrize(
    "row",
    [
        {"instruction": "Hi?", "chosen": "Hello.", "rejected": "Go away."},
        {"conversations": SAID[:1], "chosen": SAID[1], "rejected": {"from": "gpt", "value": "Go away."}},
        {"prompt": "Hi?", "chosen": "Hello.", "rejected": "Go away."},
        {"prompt": TURNS[:1], "chosen": TURNS[1:], "rejected": [{**TURNS[1], "content": "Go away."}]},
        {"chosen": TURNS, "rejected": [TURNS[0], {**TURNS[1], "content": "Go away."}]},
    ],
)
def test_a_preference_in_any_form_is_the_same_pair(tmp_path: Path, row: dict[str, object]) -> None:
    (pair,) = import_rows(write(tmp_path, row))
    assert isinstance(pair, PreferencePair)
    assert (pair.messages, pair.chosen, pair.rejected) == (ASKED, "Hello.", "Go away.")


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "Hi?", "completion": "Hello.", "label": False},
        {"instruction": "Hi?", "output": "Hello.", "kto_tag": False},
        {"conversations": SAID, "kto_tag": False},
    ],
)
def test_a_thumb_in_any_form_is_the_same_judgement(tmp_path: Path, row: dict[str, object]) -> None:
    (judged,) = import_rows(write(tmp_path, row))
    assert isinstance(judged, JudgedAnswer)
    assert (judged.messages, judged.answer, judged.good) == (ASKED, "Hello.", False)


def test_a_ranking_keeps_its_order_and_its_ties(tmp_path: Path) -> None:
    plain = {"prompt": "Hi?", "ranking": ["Hello.", "Hi.", "No."]}
    tied = {"instruction": "Ho?", "output": ["Hello.", "Hi.", "No."], "ranks": [0, 0, 1]}
    (first,) = import_rows(write(tmp_path, plain))
    (second,) = import_rows(write(tmp_path, tied))
    assert isinstance(first, RankedAnswers)
    assert isinstance(second, RankedAnswers)
    assert (first.answers, first.ranks) == (("Hello.", "Hi.", "No."), (0, 1, 2))
    assert second.ranks == (0, 0, 1)


def test_each_answer_of_a_conversation_is_learned_from_the_turns_before_it(tmp_path: Path) -> None:
    said = [{"from": "system", "value": "Be short."}, *SAID, {"from": "human", "value": "Bye?"},
            {"from": "gpt", "value": "Bye."}]  # fmt: skip
    first, second = import_rows(write(tmp_path, {"id": 7, "conversations": said}))
    assert isinstance(first, TrainingExample)
    assert isinstance(second, TrainingExample)
    assert (first.id, second.id) == ("7", "7:1")
    assert [m.role for m in second.messages] == ["system", "user", "assistant", "user"]
    assert second.target == "Bye."


def test_history_and_input_stand_before_the_question(tmp_path: Path) -> None:
    row = {"instruction": "Sum up:", "input": "Long.", "output": "L.", "system": "S", "history": [["a", "b"]]}
    (example,) = import_rows(write(tmp_path, row))
    assert [(m.role, m.content) for m in example.messages] == [
        ("system", "S"),
        ("user", "a"),
        ("assistant", "b"),
        ("user", "Sum up:\n\nLong."),
    ]


def test_a_json_array_is_read_as_json_lines_are(tmp_path: Path) -> None:
    path = tmp_path / "data.json"
    path.write_text(json.dumps([{"prompt": "Hi?", "completion": "Hello."}] * 2, indent=1))
    assert len(import_rows(path)) == 2


PAIR = {"id": "p", "prompt": "Hi?", "chosen": "Hello.", "rejected": "Go away."}


def test_a_pair_becomes_an_example_two_thumbs_or_a_ranking(tmp_path: Path) -> None:
    path = write(tmp_path, PAIR)
    for kind, read, count in (
        (RowKind.SFT, read_examples, 1),
        (RowKind.DPO, read_pairs, 1),
        (RowKind.KTO, read_judged, 2),
        (RowKind.RM, read_rankings, 1),
    ):
        imported = import_file(path, None, kind, tmp_path / "out")
        assert imported.path.name == f"data.{kind}.jsonl"
        assert (imported.form, imported.rows) == (ImportForm.TRL, count)
        assert len(read(imported.path)) == count


def test_pairs_that_share_a_prompt_and_an_answer_become_one_ranking(tmp_path: Path) -> None:
    rows = [PAIR, {**PAIR, "id": "q", "chosen": "Good day.", "rejected": "Hello."}, {**PAIR, "prompt": "Ho?"}]
    apart = {**PAIR, "id": "r", "chosen": "Ahoy.", "rejected": "Hm."}
    merged, alone, other = import_rows(write(tmp_path, *rows, apart), kind=RowKind.RM)
    assert isinstance(alone, RankedAnswers)
    assert (alone.id, alone.answers) == ("r", ("Ahoy.", "Hm."))
    assert isinstance(merged, RankedAnswers)
    assert (merged.answers, merged.ranks) == (("Good day.", "Hello.", "Go away."), (0, 1, 2))
    assert isinstance(other, RankedAnswers)
    assert other.answers == ("Hello.", "Go away.")


def test_pairs_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    rows = [PAIR, {**PAIR, "id": "q", "chosen": "Go away.", "rejected": "Hello."}]
    with pytest.raises(TrainingDataError, match=r"p, q .* contradict"):
        import_rows(write(tmp_path, *rows), kind=RowKind.RM)


def test_a_ranking_gives_a_pair_for_every_two_answers_that_are_not_tied(tmp_path: Path) -> None:
    row = {"prompt": "Hi?", "ranking": ["a", "b", "c", "d"], "ranks": [0, 1, 1, 2]}
    pairs = import_rows(write(tmp_path, row), kind=RowKind.DPO)
    assert [(p.chosen, p.rejected) for p in pairs if isinstance(p, PreferencePair)] == [
        ("a", "b"), ("a", "c"), ("a", "d"), ("b", "d"), ("c", "d"),
    ]  # fmt: skip


def test_only_good_answers_become_examples(tmp_path: Path) -> None:
    bad = {"prompt": "Hi?", "completion": "Go away.", "label": False}
    good = {"prompt": "Hi?", "completion": "Hello.", "label": True}
    (example,) = import_rows(write(tmp_path, bad, good), kind=RowKind.SFT)
    assert isinstance(example, TrainingExample)
    assert example.target == "Hello."
    with pytest.raises(TrainingDataError, match="rejected"):
        import_rows(write(tmp_path, bad), kind=RowKind.SFT)


@pytest.mark.parametrize(
    ("second", "complaint"),
    [
        ({"prompt": "Hi?"}, "'completion' is missing or empty"),
        ({"prompt": "Hi?", "completion": "  "}, "'completion' is missing or empty"),
        ({"prompt": [], "completion": "x"}, "'prompt' is missing or empty"),
        ({"prompt": [TURNS[1]], "completion": "x"}, "of assistant: it must be of the user"),
        ({"prompt": "Hi?", "completion": TURNS}, "holds 2 turns"),
        ({"prompt": "Hi?", "completion": TURNS[:1]}, "a turn of the user: expected an answer"),
        ({"prompt": [{"role": "tool", "content": "x"}], "completion": "x"}, "'tool'"),
        ({"messages": TURNS, "tools": "[]"}, "tools"),
        ({"messages": TURNS[:1]}, "there is no answer to learn"),
        ({"messages": TURNS + TURNS[1:]}, "must be of the user"),
        ({"prompt": "Hi?", "chosen": "a", "rejected": "a"}, "are the same"),
        ({"prompt": "Hi?", "completion": "a", "label": 1}, "'label' is a number"),
        ({"prompt": "Hi?", "completion": "a", "history": [["x"]]}, "no pair"),
        (["x"], "a list"),
    ],
)  # fmt: skip
def test_every_complaint_names_the_file_and_the_line(tmp_path: Path, second: object, complaint: str) -> None:
    path = write(tmp_path, {"prompt": "Hi?", "completion": "Hello."}, second)
    with pytest.raises(TrainingDataError, match=f"data.jsonl, line 2: .*{complaint}"):
        import_rows(path)


def test_a_row_that_does_not_say_what_the_kind_takes_is_refused(tmp_path: Path) -> None:
    judged = {"prompt": "Hi?", "completion": "a", "label": True}
    path = write(tmp_path, judged, {"prompt": "Hi?", "completion": "b"})
    with pytest.raises(TrainingDataError, match=r"line 2: the row is for sft .* what kto takes: .* --as sft"):
        import_rows(path)
    with pytest.raises(TrainingDataError, match=r"line 1: the row is for kto .* what dpo takes"):
        import_rows(path, kind=RowKind.DPO)


def test_fields_of_no_known_form_are_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingDataError, match=r"line 1: the fields text, label are of no known form"):
        import_rows(write(tmp_path, {"text": "x", "label": 1}))
    with pytest.raises(TrainingDataError, match="cannot be read"):
        import_rows(tmp_path / "none.jsonl")
