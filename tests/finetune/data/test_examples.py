from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finetune.data.choices import TargetForm
from finetune.data.examples import AS_THEY_COME, BuildOptions, BuildReport, build_examples
from finetune.data.imports.read import import_examples
from finetune.data.own_passages import OwnPassages
from finetune.data.passages import IndexPassages
from finetune.data.rows import ExampleKind, TrainingExample
from ingest.errors import TrainingDataError
from service.answer import Passage
from service.prompt import PROMPT_ID, render, template_for
from tests.finetune.handbook import QUESTIONS, MemoryIndex, question, small_index, write_questions
from tests.small_handbook import make_document

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


@pytest.mark.parametrize(
    ("form", "said"),
    [(TargetForm.ANSWER, "8080"), (TargetForm.SENTENCE, "The default port of the server is 8080.")],
)
def test_the_target_quotes_and_cites_the_passage_that_holds_the_answer(
    tmp_path: Path, form: TargetForm, said: str
) -> None:
    example = by_id(build(tmp_path, BuildOptions(target=form)))["port:gold"]
    text, _, marker = example.target.rpartition(" ")
    assert text == said
    assert text in example.sources[int(marker.strip("[]")) - 1]
    assert example.answers == ("8080",)


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
    served = build(tmp_path, BuildOptions(shuffle_share=0, alone_share=0))
    for example in served.examples:
        ranking = [hit.chunk.text for hit in index.retrieve(asked[example.id.partition(":")[0]], 12)]
        assert list(example.sources) == sorted(example.sources, key=ranking.index)
    shuffled = build(tmp_path, BuildOptions(shuffle_share=1, alone_share=0))
    assert {e.id: set(e.sources) for e in shuffled.examples} == {
        e.id: set(e.sources) for e in served.examples
    }
    assert by_id(shuffled) != by_id(served)


def test_only_the_languages_asked_for_are_kept(tmp_path: Path) -> None:
    report = build(tmp_path, BuildOptions(languages=frozenset({"zh"}), refusal_share=0))
    assert [example.language for example in report.examples] == ["zh"]
    assert report.examples[0].target.startswith("原文中的确切位置 [")


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


def own_rows(tmp_path: Path, *rows: dict[str, object]) -> Path:
    path = tmp_path / "sft.jsonl"
    path.write_text("".join(json.dumps({"lang": "en", **row}) + "\n" for row in rows))
    return path


PORT = {"id": "a", "question": "Which port?", "contexts": ["Rank is 16.", "Port is 8080."], "gold": [1],
        "answer": "8080", "answerable": True}  # fmt: skip
HOST = {"id": "b", "question": "Which host?", "contexts": ["Rank is 16."], "gold": [], "answer": "No idea.",
        "answerable": False}  # fmt: skip


def test_contexts_that_come_with_a_question_stay_as_they_are(tmp_path: Path) -> None:
    report = build_examples(own_rows(tmp_path, PORT, HOST), OwnPassages(), AS_THEY_COME)
    examples = by_id(report)
    assert len(report.examples) == 2
    assert examples["a:gold"].sources == ("Rank is 16.", "Port is 8080.")
    assert examples["a:gold"].target == "8080 [2]"
    assert examples["b:refusal"].sources == ("Rank is 16.",)
    assert examples["b:refusal"].target == template_for("en").refusal


def test_an_answer_from_several_contexts_cites_them_all(tmp_path: Path) -> None:
    both = {**PORT, "gold": [0, 1], "answer": "16 and 8080"}
    (example,) = build_examples(own_rows(tmp_path, both), OwnPassages(), AS_THEY_COME).examples
    assert example.target == "16 and 8080 [1][2]"


def test_an_answer_that_its_own_context_does_not_hold_is_no_gold(tmp_path: Path) -> None:
    absent = {**PORT, "id": "absent", "answer": "ultraviolet purple"}
    built = build_examples(own_rows(tmp_path, absent, PORT), OwnPassages(), AS_THEY_COME)
    assert len(built.examples) == 1
    assert len(built.skipped) == 1


def test_a_question_that_needs_two_documents_is_shown_both_and_cites_both(tmp_path: Path) -> None:
    places = [
        {"document": "rank.md", "evidence": "The default rank is 16."},
        {"document": "backups.md", "evidence": "The default port of the server is 8080."},
    ]
    row = {**question("two", "Which numbers are defaults?", None, None, "16"), "answerable": True,
           "relevant": places}  # fmt: skip
    example = by_id(build(tmp_path, rows=[row]))["two:gold"]
    cited = [int(marker) for marker in re.findall(r"\[(\d)\]", example.target)]
    holding = [n for n, text in enumerate(example.sources, 1) if "16" in text or "8080" in text]
    assert cited == holding
    assert len(cited) == 2


@pytest.mark.parametrize("document", ["backups.md", None])
def test_without_evidence_the_passage_with_the_answer_is_looked_for(
    tmp_path: Path, document: str | None
) -> None:
    row = {**question("port", "Which port is the default?", document, None, "8080"), "answerable": True}
    example = by_id(build(tmp_path, rows=[row]))["port:gold"]
    assert "The default port of the server is 8080." in example.sources


def test_a_document_is_named_by_whole_path_segments(tmp_path: Path) -> None:
    evidence = "The default port of the server is 8080."
    named = question("port", "Which port?", "handbook/backups.md", evidence, "8080")
    assert by_id(build(tmp_path, rows=[named]))["port:gold"].answers == ("8080",)
    with pytest.raises(TrainingDataError, match=r"ups\.md"):
        build(tmp_path, rows=[question("port", "Which port?", "ups.md", evidence, "8080")])


def test_near_duplicates_of_the_gold_passage_are_no_distractors(tmp_path: Path) -> None:
    words = "a server keeps its state in the home directory and copies it when asked to"
    index = MemoryIndex(
        [
            make_document("gold.md", "State", f"# State\n\n{words}, at 8080.\n"),
            make_document("copy.md", "State", f"# State\n\n{words}.\n"),
            make_document("other.md", "State", "# State\n\nA server has no state at all.\n"),
        ]
    )
    asked = question("x", "Where does a server keep its state?", "gold.md", f"{words}, at 8080.", "8080")
    path = write_questions(tmp_path / "qa.jsonl", [asked])
    options = BuildOptions(alone_share=0, refusal_share=0)
    (example,) = build_examples(path, IndexPassages("s", index, index), options).examples
    assert len(example.sources) == 2
    assert f"{words}." not in example.sources


def test_general_instructions_take_their_share(tmp_path: Path) -> None:
    path = tmp_path / "alpaca.json"
    path.write_text(json.dumps([{"instruction": f"Say {n}.", "output": str(n)} for n in range(9)]))
    index = small_index()
    report = build_examples(
        write_questions(tmp_path / "qa.jsonl"),
        IndexPassages("s", index, index),
        BuildOptions(replay_share=0.25),
        replay=import_examples(path),
    )
    assert report.count(ExampleKind.REPLAY) == 2
    assert len(report.examples) == 8
    assert all(row.prompt_id is None for row in report.examples if row.kind is ExampleKind.REPLAY)


def test_general_instructions_that_are_too_long_are_left_out_as_the_others_are(tmp_path: Path) -> None:
    path = tmp_path / "alpaca.json"
    rows = [{"instruction": "Say it." * length, "output": "it"} for length in (1, 1, *[900] * 20)]
    path.write_text(json.dumps(rows))
    index = small_index()
    report = build_examples(
        write_questions(tmp_path / "qa.jsonl"),
        IndexPassages("s", index, index),
        BuildOptions(replay_share=0.5),
        replay=import_examples(path),
        fits=lambda example: len(example.messages[-1].content) < 5000,
    )
    assert report.count(ExampleKind.REPLAY) == 2


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 1000))
def test_no_document_that_answers_a_question_of_one_side_is_shown_on_the_other(
    tmp_path: Path, seed: int
) -> None:
    report = build(tmp_path, BuildOptions(valid_share=0.4, seed=seed))
    assert report.examples
    assert report.held_out
    for side, other in ((report.examples, report.held_out), (report.held_out, report.examples)):
        answering = {
            example.documents[int(example.target.rpartition("[")[2].rstrip("]")) - 1]
            for example in side
            if example.kind is ExampleKind.GOLD
        }
        assert answering.isdisjoint(uri for example in other for uri in example.documents)


def test_what_cannot_be_split_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TrainingDataError, match="split"):
        build(tmp_path, BuildOptions(valid_share=0.2), rows=QUESTIONS[:1])


def test_a_follow_up_is_left_out_because_it_does_not_stand_alone(tmp_path: Path) -> None:
    follow_up = {**QUESTIONS[0], "id": "next", "history": ["What is a rank?"]}
    assert "conversation" in build(tmp_path, rows=[*QUESTIONS, follow_up]).skipped["next"]


def test_rows_for_evaluation_are_not_trained_on(tmp_path: Path) -> None:
    rows = [{**QUESTIONS[0], "fold": "eval"}, {**QUESTIONS[1], "fold": "train"}, QUESTIONS[2]]
    report = build(tmp_path, BuildOptions(refusal_share=0), rows=rows)
    assert sorted(example.id for example in report.examples) == ["alpha:gold", "port:gold"]
    with pytest.raises(TrainingDataError, match="fold"):
        build(tmp_path, rows=rows[:1])


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ([QUESTIONS[0], QUESTIONS[0]], r"line 2: the id 'rank' was used on line 1"),
        ([{**QUESTIONS[0], "answers": []}], r"line 1: question 'rank' .* no answer"),
    ],
)
def test_a_question_that_cannot_be_learned_names_its_line(
    tmp_path: Path, rows: list[dict[str, object]], complaint: str
) -> None:
    with pytest.raises(TrainingDataError, match=complaint):
        build(tmp_path, rows=rows)


@pytest.mark.parametrize("options", [{"distractors": -1}, {"refusal_share": 1.0}, {"shuffle_share": 1.5}])
def test_impossible_options_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(TrainingDataError):
        BuildOptions(**options)  # pyright: ignore[reportArgumentType]


def test_examples_that_do_not_fit_are_left_out_and_their_places_taken(tmp_path: Path) -> None:
    options = BuildOptions(refusal_share=0.4)
    whole = build(tmp_path, options)
    longest = max(len(example.messages[-1].content) for example in whole.examples)
    index = small_index()
    report = build_examples(
        tmp_path / "qa.jsonl",
        IndexPassages("snapshot-1", index, index),
        options,
        fits=lambda example: len(example.messages[-1].content) < longest,
    )
    assert 0 < len(report.examples) < len(whole.examples)
    assert all(len(example.messages[-1].content) < longest for example in report.examples)
    assert "its example is too long" in report.skipped.values()


def test_examples_that_are_all_too_long_are_refused(tmp_path: Path) -> None:
    index = small_index()
    path = write_questions(tmp_path / "qa.jsonl", QUESTIONS)
    with pytest.raises(TrainingDataError, match="too long"):
        build_examples(path, IndexPassages("s", index, index), DEFAULTS, fits=lambda _: False)


def test_refusals_show_as_few_passages_as_answers_do(tmp_path: Path) -> None:
    alone = build(tmp_path, BuildOptions(refusal_share=0.4, alone_share=1))
    refusals = [example for example in alone.examples if example.kind is ExampleKind.REFUSAL]
    assert refusals
    assert {len(example.sources) for example in refusals} == {1}
