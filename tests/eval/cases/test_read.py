"""Each form of case file is read into the same value, and contradictions in it are refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eval.cases.case import Case, CasePassage, Relevant
from eval.cases.read import read_cases
from ingest.errors import CasesError

OWN = {
    "id": "q1",
    "question": "What is a chunk?",
    "language": "en",
    "answerable": True,
    "document": "retrieval.md",
    "evidence": "a chunk is a stretch",
    "answers": ["a stretch"],
}


def write(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return path


def test_the_own_form_is_read(tmp_path: Path) -> None:
    refused = OWN | {"id": "q2", "answerable": False, "document": None, "evidence": None, "answers": []}
    cases = read_cases(write(tmp_path / "q.jsonl", OWN, refused))
    assert cases[0] == Case(
        "q1",
        "What is a chunk?",
        "en",
        ("a stretch",),
        True,
        (Relevant("retrieval.md", "a chunk is a stretch"),),
    )
    assert cases[1] == Case("q2", "What is a chunk?", "en", (), False)


def test_the_limit_takes_the_first_cases(tmp_path: Path) -> None:
    path = write(tmp_path / "q.jsonl", OWN, OWN | {"id": "q2"}, OWN | {"id": "q3"})
    assert [case.id for case in read_cases(path, limit=2)] == ["q1", "q2"]


@pytest.mark.parametrize("field", ["id", "question", "language", "answerable"])
def test_a_missing_field_is_named_with_its_line(tmp_path: Path, field: str) -> None:
    second = {key: value for key, value in (OWN | {"id": "q2"}).items() if key != field}
    path = write(tmp_path / "q.jsonl", OWN, second)
    with pytest.raises(CasesError) as caught:
        read_cases(path)
    assert f"{path}, line 2: the field {field!r}" in str(caught.value)


def test_an_id_used_twice_names_both_lines(tmp_path: Path) -> None:
    with pytest.raises(CasesError, match=r"line 2: the id 'q1' was used on line 1"):
        read_cases(write(tmp_path / "q.jsonl", OWN, OWN))


@pytest.mark.parametrize("answers", [[], None, ["  "]])
def test_an_answerable_case_needs_an_answer(tmp_path: Path, answers: object) -> None:
    with pytest.raises(CasesError, match="line 1: case 'q1' is answerable but has no answer"):
        read_cases(write(tmp_path / "q.jsonl", OWN | {"answers": answers}))


def test_queries_take_their_passage_from_the_corpus_beside_them(tmp_path: Path) -> None:
    write(
        tmp_path / "corpus.jsonl", {"_id": "d1", "title": "T", "text": "Momus was a cabaret.", "lang": "en"}
    )
    query = {
        "_id": "q",
        "text": "What was Momus?",
        "answers": ["a cabaret"],
        "is_impossible": False,
        "lang": "en",
    }
    path = write(
        tmp_path / "queries.jsonl",
        query | {"context_id": "d1"},
        query | {"_id": "r", "is_impossible": True, "answers": [], "context_id": "d1"},
        query | {"_id": "s", "fold": "train"},
    )
    answerable, impossible = read_cases(path)
    assert answerable.relevant == (Relevant("d1"),)
    assert answerable.passages == (CasePassage("Momus was a cabaret.", relevant=True, title="T"),)
    assert not impossible.answerable
    assert impossible.relevant == ()
    assert not impossible.passages[0].relevant


def test_a_file_of_training_queries_only_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CasesError, match="fold 'train'"):
        read_cases(write(tmp_path / "queries.jsonl", {"_id": "q", "text": "?", "fold": "train"}))


def test_training_rows_bring_their_contexts(tmp_path: Path) -> None:
    row = {
        "question": "Who?",
        "contexts": ["no", "Ann did"],
        "gold": [1],
        "answer": "Ann",
        "answerable": True,
    }
    (case,) = read_cases(write(tmp_path / "sft.jsonl", row))
    assert (case.id, case.language, case.answers) == ("line-1", "und", ("Ann",))
    assert [passage.relevant for passage in case.passages] == [False, True]


def test_a_gold_index_beyond_the_contexts_is_refused(tmp_path: Path) -> None:
    row = {"question": "Who?", "contexts": ["no"], "gold": [1], "answer": "Ann", "answerable": True}
    with pytest.raises(CasesError, match="line 1: the field 'gold' names context 1, but there are 1"):
        read_cases(write(tmp_path / "sft.jsonl", row))
