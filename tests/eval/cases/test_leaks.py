"""What a model was trained on is found again, and what only looks like it is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from eval.cases.case import Case, CasePassage, Relevant
from eval.cases.choices import LeakKind
from eval.cases.leaks import find_leaks
from eval.cases.read import read_cases
from eval.cases.training_text import TrainingText, case_text, read_training
from tests.eval.cases.written import write_document, write_lines

PASSAGE = (
    "Receipts must reach the accounting office within thirty days of the journey, together with the form "
    "that the traveller and the head of the department have signed."
)
FILLER = tuple(f"What is the colour of the {thing}?" for thing in ("sky", "sea", "grass", "sun", "moon"))


def case_of(question: str, *, passage: str = "", document: str = "") -> Case:
    """A case with or without a passage and a document."""
    return Case(
        "c",
        question,
        "en",
        ("a",),
        answerable=True,
        relevant=(Relevant(document),) if document else (),
        passages=(CasePassage(passage, relevant=True),) if passage else (),
    )


def kinds(case: Case, *, questions: tuple[str, ...] = (), passage: str = "", document: str = "") -> list[str]:
    """The kinds of leak that are found of a case in a training set of one row and some others."""
    rows = [TrainingText(f"line {number}", (question,), ()) for number, question in enumerate(FILLER)]
    row = TrainingText(
        "train.jsonl, line 9", questions, (passage,) if passage else (), (document,) if document else ()
    )
    report = find_leaks([case], [*rows, row])
    assert all(leak.place == "train.jsonl, line 9" for leak in report.leaks)
    return [leak.kind.value for leak in report.leaks]


@pytest.mark.parametrize(
    "trained",
    ["Within how many days must receipts be handed in?", "within how many days must receipts be handed in"],
)
def test_the_same_question_is_found(trained: str) -> None:
    case = case_of("Within how many days must receipts be handed in?")
    assert kinds(case, questions=(trained,)) == ["question"]


@pytest.mark.parametrize(
    ("asked", "trained"),
    [
        (
            "Who founded the Warsaw School of Economics?",
            "Who was it that founded Warsaw's School of Economics?",
        ),
        ("锣鼓经是什么样的打击乐记谱方法？", "请问锣鼓经是什么样的打击乐记谱方法"),
    ],
)
def test_nearly_the_same_words_are_found(asked: str, trained: str) -> None:
    assert kinds(case_of(asked), questions=(trained,)) == ["similar"]


@pytest.mark.parametrize(
    ("asked", "trained"),
    [
        ("Who founded the Warsaw School of Economics?", "When was the Warsaw School of Economics founded?"),
        ("What was the revenue of Acme in 1960?", "What was the revenue of Acme in 1970?"),
        ("What is the colour of the flag of Poland?", "What is the colour of the flag of Norway?"),
        ("Which courses does the school offer?", "Which courses does the school not offer?"),
        ("出租人有哪些义务？", "承租人有哪些权利？"),
    ],
)
def test_another_question_is_none(asked: str, trained: str) -> None:
    assert kinds(case_of(asked), questions=(trained,)) == []


def test_a_passage_is_found_with_words_around_it_and_a_word_changed() -> None:
    case = case_of("Why?", passage=PASSAGE)
    changed = f"From the manual: {PASSAGE.upper().replace('SIGNED', 'APPROVED')} More follows."
    assert kinds(case, passage=changed) == ["passage"]
    assert kinds(case, passage=" ".join(reversed(PASSAGE.split()))) == []
    assert kinds(case_of("Why?", passage="Too short."), passage="Too short.") == []


def test_evidence_stands_in_for_passages() -> None:
    case = Case("c", "Why?", "en", ("a",), answerable=True, relevant=(Relevant("a.md", PASSAGE),))
    assert kinds(case, passage=PASSAGE, document="a.md") == ["passage", "document"]


@pytest.mark.parametrize(
    "trained", [case_of("Why?", document="a.md"), Case("u", "Why not?", "en", (), False, origin="a.md")]
)
def test_an_unanswerable_question_about_a_document_of_the_training_is_found(trained: Case) -> None:
    asked = Case("c", "Who then?", "en", (), answerable=False, origin="a.md")
    (leak,) = find_leaks([asked], [case_text(trained, "1")]).leaks
    assert (leak.kind, leak.what) == (LeakKind.DOCUMENT, "a.md")


def test_the_worst_leak_comes_first() -> None:
    near = case_of("Who founded the Warsaw School of Economics?", document="a.md")
    report = find_leaks(
        [near, case_of(FILLER[0])],
        [TrainingText("1", ("Who then founded the Warsaw School of Economics?", FILLER[0]), (), ("a.md",))],
    )
    assert [leak.kind for leak in report.leaks] == [LeakKind.QUESTION, LeakKind.SIMILAR, LeakKind.DOCUMENT]
    assert report.count(LeakKind.SIMILAR) == 1
    assert len(report.without({LeakKind.DOCUMENT}).leaks) == 2
    assert find_leaks([], []).leaks == ()


CHATS = {
    "messages": {
        "messages": [
            {"role": "system", "content": "Answer."},
            {"role": "user", "content": f"[1] Guide\n{PASSAGE}\n\nQuestion: Who pays for the trip"},
            {"role": "assistant", "content": "What do I know?"},
        ]
    },
    "conversations": {
        "conversations": [
            {"from": "human", "value": f"{PASSAGE}\nWho pays for the trip?"},
            {"from": "gpt", "value": "Ann."},
        ]
    },
    "prompt of turns": {"prompt": [{"role": "user", "content": "Who pays for the trip?"}], "chosen": "Ann"},
    "prompt": {"prompt": f"{PASSAGE}\n问题：Who pays for the trip?", "completion": "Ann."},
    "instruction": {"instruction": "Who pays for the trip?", "input": PASSAGE, "output": "Ann."},
}


@pytest.mark.parametrize("form", CHATS)
def test_questions_and_passages_of_chats_are_read(tmp_path: Path, form: str) -> None:
    path = write_document(tmp_path / "train.json", [CHATS[form]])
    (row,) = read_training(path)
    assert "What do I know?" not in row.questions
    found = find_leaks([case_of("Who pays for the trip?", passage=PASSAGE)], [row])
    expected = {LeakKind.QUESTION} if form == "prompt of turns" else {LeakKind.QUESTION, LeakKind.PASSAGE}
    assert {leak.kind for leak in found.leaks} == expected
    assert found.leaks[0].place == f"{path}, line 2"


def test_the_training_fold_of_queries_is_read(tmp_path: Path) -> None:
    query = {"text": "Why?", "answers": ["so"]}
    path = write_lines(
        tmp_path / "queries.jsonl",
        query | {"_id": "q", "fold": "train"},
        query | {"_id": "r", "fold": "eval", "text": "Who?"},
    )
    assert [row.questions for row in read_training(path)] == [("Why?",)]


def test_sets_that_share_no_article_share_no_question(shared_data: Path) -> None:
    cases = read_cases(shared_data / "dev" / "xquad_en")
    training = list(read_training(shared_data / "dev" / "sft" / "valid.jsonl"))
    assert find_leaks(cases, training).leaks == ()
    again = find_leaks(cases[:9], list(read_training(shared_data / "dev" / "xquad_en" / "queries.jsonl")))
    assert [again.count(kind) for kind in LeakKind] == [9, 0, 9, 9]
