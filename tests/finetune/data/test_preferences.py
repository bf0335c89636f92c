from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from finetune.data.examples import BuildOptions, build_examples
from finetune.data.passages import IndexPassages
from finetune.data.preferences import (
    CORRECTED,
    NEEDLESS_REFUSAL,
    UNSUPPORTED_ANSWER,
    WRONG_CITATION,
    pairs_from_examples,
    pairs_from_feedback,
)
from finetune.data.rows import ExampleKind, TrainingExample
from service.answer import Answer, Finished
from service.feedback import new_feedback
from service.history import StoredAnswer
from service.prompt import render, template_for
from tests.fakes import MemoryPipeline
from tests.finetune.handbook import small_index, write_questions
from tests.small_handbook import small_handbook


def examples(tmp_path: Path) -> tuple[TrainingExample, ...]:
    index = small_index()
    source = IndexPassages("snapshot-1", index, index)
    options = BuildOptions(refusal_share=0.4, gold_only_share=0)
    return build_examples(write_questions(tmp_path / "qa.jsonl"), source, options).examples


def answered(question: str) -> Answer:
    async def ask() -> Answer:
        async for event in MemoryPipeline(small_handbook()).stream(question):
            if isinstance(event, Finished):
                return event.answer
        raise AssertionError

    return asyncio.run(ask())


def test_each_example_gives_a_pair_whose_better_answer_is_its_target(tmp_path: Path) -> None:
    rows = examples(tmp_path)
    pairs = pairs_from_examples(rows)
    assert [pair.chosen for pair in pairs] == [row.target for row in rows]
    assert [pair.messages for pair in pairs] == [row.messages for row in rows]
    assert all(pair.rejected != pair.chosen for pair in pairs)
    assert pairs == pairs_from_examples(rows)


def test_the_worse_answer_is_the_mistake_that_its_reason_names(tmp_path: Path) -> None:
    rows = examples(tmp_path)
    seen: set[str] = set()
    for seed in range(10):
        for row, pair in zip(rows, pairs_from_examples(rows, seed=seed), strict=True):
            seen.add(pair.reason)
            if pair.reason == WRONG_CITATION:
                cited = int(pair.rejected.rpartition("[")[2].rstrip("]"))
                assert 1 <= cited <= len(row.sources)
                assert pair.rejected.rpartition("[")[0] == row.target.rpartition("[")[0]
            elif pair.reason == NEEDLESS_REFUSAL:
                assert row.kind is ExampleKind.GOLD
                assert pair.rejected == template_for(row.language).refusal
            else:
                assert row.kind is ExampleKind.REFUSAL
                text, _, marker = pair.rejected.rpartition(" [")
                assert text in " ".join(row.sources[int(marker.rstrip("]")) - 1].split())
    assert seen == {WRONG_CITATION, NEEDLESS_REFUSAL, UNSUPPORTED_ANSWER}


def test_a_readers_correction_beats_the_answer_that_was_given() -> None:
    answer = answered("What is the default rank of an adapter?")
    said = new_feedback(answer.id, "down", "A rank of 16.")
    (pair,) = pairs_from_feedback([StoredAnswer(answer, (said,))])
    marker = answer.citations[0].marker
    assert pair.chosen.startswith(f"A rank of 16. [{marker}]")
    assert pair.rejected == answer.text
    assert pair.reason == CORRECTED
    assert pair.messages == render(answer.question, answer.passages, answer.language)


def test_the_last_correction_counts_and_keeps_its_own_citation() -> None:
    answer = answered("What is the default rank of an adapter?")
    said = (new_feedback(answer.id, "down", "Eight."), new_feedback(answer.id, "down", "Sixteen. [2]"))
    (pair,) = pairs_from_feedback([StoredAnswer(answer, said)])
    assert pair.chosen == "Sixteen. [2]"


def test_thumbs_without_a_correction_and_answers_to_another_prompt_give_no_pair() -> None:
    answer = answered("What is the default rank of an adapter?")
    thumb = StoredAnswer(answer, (new_feedback(answer.id, "up"),))
    old = StoredAnswer(replace(answer, prompt_id="old"), (new_feedback(answer.id, "down", "Sixteen."),))
    same = StoredAnswer(answer, (new_feedback(answer.id, "up", answer.text),))
    assert pairs_from_feedback([thumb, old, same]) == ()
