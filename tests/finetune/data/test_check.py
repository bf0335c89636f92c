"""A file of rows is counted and held against evaluation cases; what must not be trained on blocks it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from eval.cases.choices import LeakKind
from finetune.data.check import CheckOptions, check_file
from finetune.data.check_lengths import Lengths
from finetune.data.check_report import CheckReport
from finetune.data.row_files import write_rows
from finetune.data.rows import (
    ExampleKind,
    JudgedAnswer,
    PreferencePair,
    RankedAnswers,
    Row,
    TrainingExample,
)
from ingest.document import Chunk
from service.answer import Passage
from service.generate import Message
from service.prompt import PROMPT_ID, render, template_for
from tests.small_handbook import chunks_of, make_document

RECEIPTS = (
    "Receipts must reach the accounting office within thirty days of the journey, together with the form "
    "that the traveller and the head of the department have signed."
)
CANTEEN = (
    "The canteen on the ground floor opens at noon and closes at two o'clock, except on public holidays "
    "and on the last Friday of each month, when it is cleaned."
)
CHINESE = "出差结束后三十天内须将票据连同本人和部门负责人签字的申请表一并交到财务处，逾期不予报销费用。"
QUESTION = "Within how many days must receipts reach the accounting office?"
REFUSAL = template_for("en").refusal


def chunk(name: str, text: str) -> Chunk:
    return chunks_of(make_document(name, "Guide", text))[0]


PASSAGES = [
    Passage(marker, chunk(f"{name}.md", text), 1.0)
    for marker, (name, text) in enumerate({"travel": RECEIPTS, "canteen": CANTEEN}.items(), start=1)
]


def example(target: str, question: str = QUESTION, **changed: Any) -> TrainingExample:
    row = TrainingExample(
        id=f"{question}:{target}",
        messages=render(question, PASSAGES, "en"),
        sources=tuple(passage.chunk.text for passage in PASSAGES),
        target=target,
        kind=ExampleKind.REFUSAL if target == REFUSAL else ExampleKind.GOLD,
        language="en",
        prompt_id=PROMPT_ID,
        snapshot_id=None,
        dataset_sha256="d" * 64,
        documents=tuple(passage.chunk.uri for passage in PASSAGES),
    )
    return replace(row, **changed)


def checked(tmp_path: Path, *rows: Row, **options: Any) -> CheckReport:
    path = tmp_path / "rows.jsonl"
    write_rows(path, rows)
    return check_file(path, CheckOptions(**options)).report


def cases(tmp_path: Path, *stated: dict[str, object]) -> tuple[Path, ...]:
    path = tmp_path / "cases.jsonl"
    rows = (
        {"id": str(n), "language": "en", "answerable": True, "answers": ["a"], **row}
        for n, row in enumerate(stated)
    )
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return (path,)


MESSAGES = render(QUESTION, PASSAGES, "en")
STAMP = ("en", PROMPT_ID, "d" * 64)
KINDS: dict[str, Row] = {
    "sft": example("Thirty days. [1]"),
    "dpo": PreferencePair("a", MESSAGES, "Thirty days. [1]", "Two. [2]", "r", *STAMP),
    "kto": JudgedAnswer("a", MESSAGES, "Thirty days. [1]", True, *STAMP),
    "rm": RankedAnswers("a", MESSAGES, ("Thirty days. [1]", "Two. [2]"), (0, 1), *STAMP),
}


@pytest.mark.parametrize("kind", KINDS)
def test_rows_of_each_kind_leak_their_question_and_the_passage_they_cite(tmp_path: Path, kind: str) -> None:
    travel, canteen = ({"text": text, "relevant": True} for text in (RECEIPTS, CANTEEN))
    against = cases(
        tmp_path,
        {"question": QUESTION.upper()},
        {"question": "Within how many days must the receipts reach the office of accounting?"},
        {"question": "Who signs the form?", "passages": [travel]},
        {"question": "When is it cleaned?", "passages": [canteen]},
        {"question": "Where do travellers sleep?", "document": "travel.md", "evidence": "a hotel"},
        {"question": "What is for lunch?", "document": "handbook/canteen.md", "evidence": "soup"},
    )
    report = checked(tmp_path, KINDS[kind], against=against)
    assert report.leaks is not None
    found = {(leak.kind, leak.case_id) for leak in report.leaks.leaks}
    document = {(LeakKind.DOCUMENT, "4")} if kind == "sft" else set[tuple[LeakKind, str]]()
    assert found == {(LeakKind.QUESTION, "0"), (LeakKind.SIMILAR, "1"), (LeakKind.PASSAGE, "2")} | document
    assert all(leak.place == f"{tmp_path / 'rows.jsonl'}, line 1" for leak in report.leaks.leaks)
    assert "evaluation cases stand in it" in report.blocked[0]
    allowed = checked(tmp_path, KINDS[kind], against=against, allowed=frozenset(LeakKind))
    assert allowed.blocked == ()


def test_chinese_leaks_are_found(tmp_path: Path) -> None:
    passages = [Passage(1, chunk("差旅.md", CHINESE), 1.0)]
    row = example("三十天内。 [1]", messages=render("票据须在多少天内交到财务处？", passages, "zh"),
                  sources=(CHINESE,), language="zh", documents=(passages[0].chunk.uri,))  # fmt: skip
    passage = {"text": f"规定：{CHINESE}", "relevant": True}
    against = cases(
        tmp_path,
        {"question": "请问票据须在多少天内交到财务处", "language": "zh"},
        {"question": "谁要签字？", "language": "zh", "passages": [passage], "document": "差旅.md"},
    )
    leaks = checked(tmp_path, row, against=against).leaks
    assert leaks is not None
    assert [leak.kind.value for leak in leaks.leaks] == ["similar", "passage", "document"]


def test_a_refusal_and_a_question_within_a_passage_give_no_case_away(tmp_path: Path) -> None:
    asks = "How do I get a parking permit for the garage?"
    source = f"{asks}\n{RECEIPTS}"
    rows = (
        example(REFUSAL, "What does a taxi cost?"),
        example("30 [1]", messages=(MESSAGES[0], Message("user", f"[1] F\n{source}\n\nQuestion: Receipts?"))),
    )
    against = cases(tmp_path, {"question": asks}, {"question": "Signed?", "passages": [{"text": CANTEEN}]})
    report = checked(tmp_path, *rows, against=against)
    assert report.leaks is not None
    assert report.leaks.leaks == ()


def test_general_rows_are_searched_whole(tmp_path: Path) -> None:
    row = example(
        "Paris.",
        kind=ExampleKind.REPLAY,
        messages=(Message("user", "What is the capital of France?"),),
        sources=(),
        documents=(),
        prompt_id=None,
    )
    against = cases(tmp_path, {"question": "what is the capital of France"})
    leaks = checked(tmp_path, row, against=against).leaks
    assert leaks is not None
    assert [leak.kind for leak in leaks.leaks] == [LeakKind.QUESTION]


def test_what_a_file_holds_is_counted(tmp_path: Path) -> None:
    rows = (
        example("Thirty days. [1]"),
        replace(example("Thirty days. [1]"), id="again"),
        example(REFUSAL, "Who pays?"),
        example("Ask ann@acme.io. [1]", "Whom to ask?"),
        example("Old. [1]", "Old?", prompt_id="other"),
        replace(KINDS["sft"], language="zh"),
    )
    report = checked(tmp_path, *rows)
    assert (report.rows, report.refusals, report.repeated, report.other_prompt) == (6, 1, 2, 1)
    assert report.kinds == {"gold": 5, "refusal": 1}
    assert report.languages == {"en": 5, "zh": 1}
    assert report.personal == {"EMAIL": 1}
    assert report.blocked == ("1 rows were made for another prompt: build them again",)
    document = json.loads(json.dumps(report.to_json(20)))
    assert (document["rows"], document["answerable"], document["unit"]) == (6, 5, "characters")
    assert "leaks" not in document
    assert any("personal data: 1 EMAIL" in line for line in report.lines(20))


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_counted_as_what_it_is(tmp_path: Path, kind: str) -> None:
    names = {"sft": "gold", "dpo": "r", "kto": "good", "rm": "2 ranked"}
    assert checked(tmp_path, KINDS[kind]).kinds == {names[kind]: 1}


def test_broken_and_empty_lines_are_named_and_the_others_counted(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    write_rows(path, [KINDS["sft"], example(" ", "Blank?"), KINDS["dpo"]])
    with path.open("a", encoding="utf-8") as file:
        file.write('{"question": "a"}\n')
    report = check_file(path, CheckOptions()).report
    assert (report.rows, report.empty) == (1, 1)
    assert [problem.partition(": ")[0] for problem in report.problems] == [
        f"{path}, line {line}" for line in (2, 3, 4)
    ]
    assert "another kind" in report.problems[1]
    assert "no row to train on" in report.problems[2]


class Words:
    """A tokenizer of words."""

    def apply_chat_template(self, conversation: list[dict[str, str]], *, add_generation_prompt: bool) -> str:
        return " ".join(turn["content"] for turn in conversation) + " answer:" * add_generation_prompt

    def encode(self, text: str) -> list[int]:
        return [len(word) for word in text.split()]


def test_rows_that_training_would_cut_off_block_it(tmp_path: Path) -> None:
    rows = [example(f"{n} [1]") for n in range(3)]
    prompt = len(Words().encode(Words().apply_chat_template(
        [{"content": message.content} for message in MESSAGES], add_generation_prompt=True
    )))  # fmt: skip
    report = checked(tmp_path, *rows, tokenizer=Words(), max_length=prompt + 3)
    assert (report.cut_off, report.blocked) == (0, ())
    assert report.prompts == Lengths((prompt,) * 3)
    assert report.answers == Lengths((3,) * 3)  # the number, the marker and the end of the turn
    report = checked(tmp_path, *rows, tokenizer=Words(), max_length=prompt + 2)
    assert report.cut_off == 3
    assert "raise max_length" in report.blocked[0]


def test_a_histogram_shows_where_the_rows_lie() -> None:
    lengths = Lengths.of([900, *range(1, 101)])
    assert lengths is not None
    assert (lengths.quantile(0.5), lengths.quantile(0.9), lengths.values[-1]) == (51, 91, 900)
    assert lengths.bins == ((8, 8), (16, 8), (32, 16), (64, 32), (128, 36), (256, 0), (512, 0), (1024, 1))
    bars = [*lengths.lines()]
    assert bars[4] == f"  ≤  128  {'█' * 40} 36"
    assert bars[5] == "  ≤  256   0"
    assert Lengths.of([]) is None


def test_the_redacted_rows_can_be_trained_on(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    write_rows(path, [example("Ask ann@acme.io. [1]")])
    (row,) = check_file(path, CheckOptions()).redacted
    assert isinstance(row, TrainingExample)
    assert row.target == "Ask [EMAIL_1]. [1]"
