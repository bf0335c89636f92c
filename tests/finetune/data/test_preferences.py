from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from finetune.data.examples import BuildOptions, build_examples
from finetune.data.passages import IndexPassages
from finetune.data.preferences import (
    NEEDLESS_REFUSAL,
    UNSUPPORTED_ANSWER,
    WRONG_CITATION,
    pairs_from_examples,
)
from finetune.data.rows import ExampleKind, TrainingExample
from service.grounding.cite import markers_of
from service.prompt import template_for
from tests.finetune.handbook import small_index, write_questions


def examples(tmp_path: Path) -> tuple[TrainingExample, ...]:
    index = small_index()
    source = IndexPassages("snapshot-1", index, index)
    options = BuildOptions(refusal_share=0.4, alone_share=0)
    return build_examples(write_questions(tmp_path / "qa.jsonl"), source, options).examples


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


def test_a_footnote_mark_of_a_source_is_no_citation_of_an_unsupported_answer(tmp_path: Path) -> None:
    refusal = next(row for row in examples(tmp_path) if row.kind is ExampleKind.REFUSAL)
    for source, sentence in (
        ("He left Warsaw[3] in 1891.[4] She followed.", "He left Warsaw(3) in 1891.(4)"),
        ("(He left Warsaw.) She followed.", "(He left Warsaw.)"),
    ):
        (pair,) = pairs_from_examples([replace(refusal, sources=(source,))])
        assert pair.rejected == f"{sentence} [1]"
        assert markers_of(pair.rejected) == [1]
