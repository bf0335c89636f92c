"""Queries come with what stands beside them: judgements and the texts of the corpus."""

from __future__ import annotations

from pathlib import Path

import pytest

from eval.cases.case import CasePassage, Relevant
from eval.cases.read import iter_cases, read_cases
from eval.cases.select import Selection
from ingest.errors import CasesError
from tests.eval.cases.written import write_lines


def beir(folder: Path, queries: list[dict[str, object]], judgements: str) -> Path:
    """A folder of two documents."""
    write_lines(
        folder / "corpus.jsonl",
        {"_id": "d1", "title": "One", "text": "first"},
        {"_id": "d2", "title": "Two", "text": "second"},
    )
    write_lines(folder / "queries.jsonl", *queries)
    (folder / "qrels").mkdir()
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + judgements)
    return folder


def test_documents_graded_above_zero_are_relevant(tmp_path: Path) -> None:
    queries: list[dict[str, object]] = [
        {"_id": "q", "text": "one?"},
        {"_id": "r", "text": "two?", "answers": ["second"], "context_id": "d2", "answer_type": "long"},
    ]
    folder = beir(tmp_path / "set", queries, "q\td1\t2\nq\td2\t0\nr\td2\t1\n")
    searched, answered = read_cases(folder)
    assert (searched.relevant, searched.answers) == ((Relevant("d1"),), ())
    assert searched.passages == (CasePassage("first", relevant=True, title="One"),)
    assert answered.relevant == (Relevant("d2"),)
    assert answered.tags == ("answer:long",)
    assert read_cases(folder / "queries.jsonl") == (searched, answered)


def test_a_query_without_an_answer_shares_its_document_with_the_others(tmp_path: Path) -> None:
    queries: list[dict[str, object]] = [
        {"_id": "q", "text": "one?", "answers": ["first"], "context_id": "d1"},
        {"_id": "r", "text": "two?", "is_impossible": True, "context_id": "d1"},
        {"_id": "s", "text": "three?", "is_impossible": True},
    ]
    answered, refused, unknown = read_cases(beir(tmp_path / "set", queries, "q\td1\t1\ns\td2\t1\n"))
    assert (answered.origin, answered.source) == (None, "d1")
    assert (refused.relevant, refused.source) == ((), "d1")
    assert (unknown.relevant, unknown.source) == ((), "d2")
    alone = write_lines(tmp_path / "alone.jsonl", {"_id": "t", "text": "four?", "is_impossible": True})
    assert read_cases(alone)[0].source == "t"


def test_queries_that_nothing_can_be_measured_on_are_left_out(tmp_path: Path) -> None:
    queries: list[dict[str, object]] = [{"_id": "q", "text": "one?"}, {"_id": "other split", "text": "two?"}]
    folder = beir(tmp_path / "set", queries, "q\td1\t1\n")
    assert [case.id for case in read_cases(folder)] == ["q"]


def test_the_quick_ones_are_those_that_are_marked(tmp_path: Path) -> None:
    query = {"text": "one?", "answers": ["first"]}
    path = write_lines(tmp_path / "queries.jsonl", query | {"_id": "q"}, query | {"_id": "r", "quick": True})
    assert [case.id for case in iter_cases(path, Selection(quick=True))] == ["r"]
    unmarked = write_lines(tmp_path / "none.jsonl", query | {"_id": "q"})
    with pytest.raises(CasesError, match=r"marked .quick.: true"):
        list(iter_cases(unmarked, Selection(quick=True)))


def test_turns_before_a_query_are_its_history(tmp_path: Path) -> None:
    turns = [{"role": "user", "text": "Hello"}, "Hi"]
    path = write_lines(tmp_path / "q.jsonl", {"_id": "q", "text": "one?", "answers": ["1"], "history": turns})
    assert read_cases(path)[0].history == ("Hello", "Hi")


@pytest.mark.parametrize(
    ("judgements", "reason"),
    [
        ("q\td1\t1\nx\td1\t1\n", "qrels/test.tsv, line 3: there is no query 'x'"),
        ("q\td9\t1\n", "qrels/test.tsv, line 2: there is no document 'd9'"),
        ("q\td1\thigh\n", "qrels/test.tsv, line 2: found"),
    ],
)
def test_a_judgement_of_something_unknown_is_named(tmp_path: Path, judgements: str, reason: str) -> None:
    folder = beir(tmp_path / "set", [{"_id": "q", "text": "one?"}], judgements)
    with pytest.raises(CasesError, match=reason):
        read_cases(folder)


def test_a_query_of_an_unknown_document_is_named(tmp_path: Path) -> None:
    queries: list[dict[str, object]] = [{"_id": "q", "text": "?", "answers": ["1"], "context_id": "d9"}]
    folder = beir(tmp_path / "set", queries, "q\td1\t1\n")
    with pytest.raises(CasesError, match=r"queries\.jsonl, line 1: there is no document 'd9'"):
        read_cases(folder)


def test_a_document_that_stands_twice_is_named(tmp_path: Path) -> None:
    folder = beir(tmp_path / "set", [{"_id": "q", "text": "?"}], "q\td1\t1\n")
    write_lines(folder / "corpus.jsonl", {"_id": "d1"}, {"_id": "d1"})
    with pytest.raises(CasesError, match=r"corpus\.jsonl, line 2: the id 'd1' was used on line 1"):
        read_cases(folder)


def test_a_folder_without_queries_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CasesError, match=r"without queries\.jsonl"):
        read_cases(tmp_path)
