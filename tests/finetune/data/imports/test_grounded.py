from __future__ import annotations

import json
from pathlib import Path

import pytest

from finetune.data.imports.grounded import WRONG_ANSWER
from finetune.data.imports.read import import_rows
from finetune.data.preferences import NEEDLESS_REFUSAL, UNSUPPORTED_ANSWER
from finetune.data.rows import PreferencePair
from ingest.errors import TrainingDataError
from service.prompt import PROMPT_ID, TEMPLATES

NONE = "The documents do not say."
PASSAGES = "[1] It has 120 seats.\n\nAnd a garden.\n\n[2] The library opened in 1976."


def row(identity: str, kind: str, chosen: str, rejected: str) -> dict[str, str]:
    return {
        "id": identity,
        "kind": kind,
        "question": "When did it open?",
        "prompt": f"Answer from these.\n\n{PASSAGES}\n\nQuestion: When did it open?\nAnswer:",
        "chosen": chosen,
        "rejected": rejected,
    }


def pairs(tmp_path: Path, *rows: dict[str, str]) -> list[PreferencePair]:
    path = tmp_path / "grounded.jsonl"
    path.write_text("".join(json.dumps(value) + "\n" for value in rows))
    return [pair for pair in import_rows(path) if isinstance(pair, PreferencePair)]


def test_pairs_are_rendered_anew_and_cite_the_passage_that_holds_the_answer(tmp_path: Path) -> None:
    answer, needless, refusal = pairs(
        tmp_path,
        row("a", "answer", "in 1976", "120"),
        row("b", "answer", "1976", NONE),
        row("c", "refuse", NONE, "in the year of the garden"),
    )
    user = answer.messages[-1].content
    assert answer.messages[0].content == TEMPLATES["en"].system
    assert user.startswith(
        "[1]\n> It has 120 seats.\n>\n> And a garden.\n\n[2]\n> The library opened in 1976."
    )
    assert user.endswith("\n\nQuestion: When did it open?")
    assert answer.prompt_id == PROMPT_ID
    assert (answer.chosen, answer.rejected, answer.reason) == ("in 1976 [2]", "120 [1]", WRONG_ANSWER)
    assert (needless.rejected, needless.reason) == (TEMPLATES["en"].refusal, NEEDLESS_REFUSAL)
    assert (refusal.chosen, refusal.reason) == (TEMPLATES["en"].refusal, UNSUPPORTED_ANSWER)
    assert refusal.rejected == "in the year of the garden [1]"


def test_a_row_without_passages_or_kind_names_its_line(tmp_path: Path) -> None:
    good = row("a", "answer", "in 1976", "120")
    with pytest.raises(TrainingDataError, match="line 2: the prompt holds no passages"):
        pairs(tmp_path, good, {**good, "prompt": "Question: When did it open?"})
    with pytest.raises(TrainingDataError, match="line 2: the kind is 'other'"):
        pairs(tmp_path, good, {**good, "kind": "other"})
    with pytest.raises(TrainingDataError, match=r"line 1: .* say the same"):
        pairs(tmp_path, {**good, "rejected": "IN 1976"})


@pytest.mark.parametrize(
    ("language", "count"), [("en", 1200), pytest.param("zh", 789, marks=pytest.mark.slow)]
)
def test_the_development_pairs_are_all_read(shared_data: Path, language: str, count: int) -> None:
    rows = import_rows(shared_data / "dev" / "dpo" / f"grounded_{language}.jsonl")
    found = [pair for pair in rows if isinstance(pair, PreferencePair)]
    assert len(found) == count
    assert {pair.prompt_id for pair in found} == {PROMPT_ID}
    refusal = TEMPLATES[language].refusal
    assert all((pair.chosen == refusal) == (pair.reason == UNSUPPORTED_ANSWER) for pair in found)
