from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eval.cases.case import Case, Relevant
from finetune.data.examples import BuildOptions, BuildReport, answer_sentence, build_examples
from finetune.data.passages import IndexPassages, OwnPassages
from finetune.data.rows import ExampleKind, TrainingExample
from ingest.errors import TrainingDataError
from service.answer import Passage
from service.prompt import PROMPT_ID, render, template_for
from tests.finetune.handbook import QUESTIONS, question, small_index, write_questions

DEFAULTS = BuildOptions()


def build(
    tmp_path: Path, options: BuildOptions = DEFAULTS, rows: list[dict[str, object]] = QUESTIONS
) -> BuildReport:
    index = small_index()
    return build_examples(
        write_questions(tmp_path / "qa.jsonl", rows), IndexPassages("snapshot-1", index, index), options
    )


def by_id(report: BuildReport) -> dict[str, TrainingExample]:
    return {example.id: example for example in report.examples}


def test_the_target_quotes_the_evidence_and_cites_the_passage_that_holds_it(tmp_path: Path) -> None:
    example = by_id(build(tmp_path))["port:gold"]
    text, _, marker = example.target.rpartition(" ")
    assert text == "The default port of the server is 8080."
    assert text in example.sources[int(marker.strip("[]")) - 1]


def test_the_prompt_is_what_the_server_renders_for_the_same_passages(tmp_path: Path) -> None:
    index = small_index()
    chunks = {c.text: c for document in index.kept for c in index.chunks_of(document.id)}
    asked = {str(row["id"]): str(row["question"]) for row in QUESTIONS}
    for example in build(tmp_path).examples:
        passages = [Passage(n, chunks[text], 0.7) for n, text in enumerate(example.sources, start=1)]
        assert example.messages == render(asked[example.id.partition(":")[0]], passages, example.language)
        assert example.prompt_id == PROMPT_ID
        assert example.snapshot_id == "snapshot-1"


def test_an_unanswerable_question_is_refused_in_its_language(tmp_path: Path) -> None:
    example = by_id(build(tmp_path))["none:refusal"]
    assert example.target == template_for("en").refusal
    assert example.kind is ExampleKind.REFUSAL


def test_missing_refusals_are_made_by_taking_the_gold_passage_away(tmp_path: Path) -> None:
    report = build(tmp_path, BuildOptions(refusal_share=0.5))
    assert report.count(ExampleKind.GOLD) == 5
    assert report.count(ExampleKind.REFUSAL) == 5
    examples = by_id(report)
    made = [
        example
        for example in report.examples
        if example.kind is ExampleKind.REFUSAL and example.id[:4] != "none"
    ]
    for example in made:
        gold = examples[example.id.replace("refusal", "gold")]
        marker = int(gold.target.rpartition("[")[2].rstrip("]"))
        assert gold.sources[marker - 1] not in example.sources
        assert example.target == template_for(example.language).refusal


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 1000), distractors=st.integers(0, 4))
def test_gold_is_always_there_once_and_distractors_never_hold_the_answer(
    tmp_path: Path, seed: int, distractors: int
) -> None:
    report = build(tmp_path, BuildOptions(distractors=distractors, seed=seed))
    answers = {str(row["id"]): row["answers"] for row in QUESTIONS}
    for example in report.examples:
        assert len(example.sources) <= distractors + 1
        assert len(set(example.sources)) == len(example.sources)
        wanted = answers[example.id.partition(":")[0]]
        assert isinstance(wanted, list)
        holding = [text for text in example.sources if any(str(answer) in text for answer in wanted)]
        assert len(holding) == (1 if example.kind is ExampleKind.GOLD else 0)


def test_the_same_seed_gives_the_same_examples_and_a_new_question_leaves_the_others_alone(
    tmp_path: Path,
) -> None:
    assert build(tmp_path) == build(tmp_path)
    extra = question("more", "What never changes?", "backups.md", "Snapshots never change", "Snapshots")
    before, after = by_id(build(tmp_path)), by_id(build(tmp_path, rows=[*QUESTIONS, extra]))
    assert all(after[name].messages == example.messages for name, example in before.items() if "gold" in name)


def test_passages_keep_the_order_in_which_they_are_served_unless_they_are_to_be_shuffled(
    tmp_path: Path,
) -> None:
    index = small_index()
    asked = {str(row["id"]): str(row["question"]) for row in QUESTIONS}
    served = build(tmp_path, BuildOptions(shuffle_share=0, gold_only_share=0))
    for example in served.examples:
        ranking = [hit.chunk.text for hit in index.retrieve(asked[example.id.partition(":")[0]], 12)]
        assert list(example.sources) == sorted(example.sources, key=ranking.index)
    shuffled = build(tmp_path, BuildOptions(shuffle_share=1, gold_only_share=0))
    assert {e.id: set(e.sources) for e in shuffled.examples} == {
        e.id: set(e.sources) for e in served.examples
    }
    assert by_id(shuffled) != by_id(served)


def test_only_the_languages_asked_for_are_kept(tmp_path: Path) -> None:
    report = build(tmp_path, BuildOptions(languages=frozenset({"zh"}), refusal_share=0))
    assert [example.language for example in report.examples] == ["zh"]
    assert report.examples[0].target.startswith("每一条引用都指向原文中的确切位置。 [")


def test_a_question_whose_evidence_is_in_no_single_chunk_is_reported(tmp_path: Path) -> None:
    torn = question("torn", "What?", "rank.md", "The default rank is 16.\n\nAlpha is set", "no such words")
    report = build(tmp_path, rows=[*QUESTIONS, torn])
    assert "torn" in report.skipped
    assert not any(example.id.startswith("torn") for example in report.examples)


def test_a_question_about_a_document_that_was_not_ingested_stops_the_build(tmp_path: Path) -> None:
    with pytest.raises(TrainingDataError, match=r"other\.md"):
        build(tmp_path, rows=[question("x", "What?", "other.md", "evidence", "answer")])


@pytest.mark.parametrize("content", ["", "not json\n", "[1]\n", '{"id": "x"}\n'])
def test_a_malformed_questions_file_is_a_training_data_error(tmp_path: Path, content: str) -> None:
    path = tmp_path / "qa.jsonl"
    path.write_text(content)
    with pytest.raises(TrainingDataError, match="line 1"):
        build_examples(path, OwnPassages(), BuildOptions())


def test_questions_may_bring_their_own_contexts(tmp_path: Path) -> None:
    port = {"id": "a", "question": "Which port?", "contexts": ["Rank is 16.", "Port is 8080."], "gold": [1]}
    host = {"id": "b", "question": "Which host?", "contexts": ["Rank is 16."], "gold": []}
    rows = [
        {**port, "answer": "8080", "answerable": True, "lang": "en"},
        {**host, "answer": "none", "answerable": False, "lang": "en"},
    ]
    path = tmp_path / "sft.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    report = build_examples(path, OwnPassages(), BuildOptions(gold_only_share=0))
    examples = by_id(report)
    target = examples["a:gold"].target
    assert target.startswith("8080. [")
    assert examples["a:gold"].sources[int(target[-2]) - 1] == "Port is 8080."
    assert examples["b:refusal"].target == template_for("en").refusal


@pytest.mark.parametrize(
    ("evidence", "answers", "expected"),
    [
        ("The  rank\nis 16.", ("16",), "The rank is 16."),
        ("the rank is 16,", ("16",), "the rank is 16."),
        (f"{'Long ' * 40}start. The rank is 16.", ("16",), "The rank is 16."),
        (f"{'long ' * 40}rank 16", ("16",), "16."),
        (None, ("sixteen",), "sixteen."),
    ],
)
def test_the_answer_is_the_evidence_when_short_else_its_sentence_else_the_answer(
    evidence: str | None, answers: tuple[str, ...], expected: str
) -> None:
    case = Case("x", "What?", "en", answers, True, (Relevant("d", evidence),))
    assert answer_sentence(case, evidence or "sixteen") == expected


@pytest.mark.parametrize("options", [{"distractors": -1}, {"refusal_share": 1.0}, {"shuffle_share": 1.5}])
def test_impossible_options_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(TrainingDataError):
        BuildOptions(**options)  # pyright: ignore[reportArgumentType]
