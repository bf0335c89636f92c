"""The BEIR layout is read, and judgements that lead nowhere are refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eval.retrieval.datasets import corpus_id, corpus_uri, dataset_folders, read_dataset
from ingest.errors import CasesError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    corpus = [{"_id": "d1", "title": "One", "text": "first"}, {"_id": "d2", "title": "Two", "text": ""}]
    queries: list[dict[str, str]] = [
        {"_id": "q1", "text": "first?", "lang": "en"},
        {"_id": "q2", "text": "trained on", "fold": "train"},
        {"_id": "q3", "text": "never judged"},
    ]
    for name, rows in (("corpus", corpus), ("queries", queries)):
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    (tmp_path / "qrels.tsv").write_text(
        "query-id\tcorpus-id\tscore\nq1\td1\t2\nq1\td2\t0\nq2\td2\t1\n", "utf-8"
    )
    return tmp_path


def test_judged_queries_outside_the_training_fold_are_read(folder: Path) -> None:
    dataset = read_dataset(folder)
    assert [(query.id, dict(query.grades)) for query in dataset.queries] == [("q1", {"d1": 2, "d2": 0})]
    assert [document.id for document in dataset.documents()] == ["d1", "d2"]


def test_qrels_test_tsv_comes_before_qrels_tsv(folder: Path) -> None:
    (folder / "qrels").mkdir()
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq3\td2\t1\n", "utf-8")
    assert [query.id for query in read_dataset(folder).queries] == ["q3"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("q9\td1\t1", "no query 'q9'"),
        ("q1\td9\t1", "no document 'd9'"),
        ("q1\td1", "write query id"),
        ("q1\td1\thigh", "write query id"),
    ],
)
def test_a_wrong_judgement_is_named_with_its_line(folder: Path, line: str, reason: str) -> None:
    path = folder / "qrels.tsv"
    path.write_text(f"query-id\tcorpus-id\tscore\n{line}\n", "utf-8")
    with pytest.raises(CasesError, match=reason) as caught:
        read_dataset(folder)
    assert f"{path}, line 2:" in str(caught.value)


def test_missing_judgements_and_judgements_of_training_queries_only_are_refused(folder: Path) -> None:
    path = folder / "qrels.tsv"
    path.write_text("query-id\tcorpus-id\tscore\nq2\td2\t1\n", "utf-8")
    with pytest.raises(CasesError, match="nothing can be measured"):
        read_dataset(folder)
    path.unlink()
    with pytest.raises(CasesError, match=r"neither qrels/test\.tsv nor qrels\.tsv"):
        read_dataset(folder)


def test_a_document_id_used_twice_is_refused(folder: Path) -> None:
    (folder / "corpus.jsonl").write_text('{"_id": "d1", "text": "a"}\n{"_id": "d1", "text": "b"}\n', "utf-8")
    with pytest.raises(CasesError, match=r"corpus\.jsonl, line 2: the id 'd1' was used on line 1"):
        read_dataset(folder)


def test_the_turns_before_a_query_are_read_oldest_first(folder: Path) -> None:
    turns = ["which hotel?", {"role": "assistant", "text": "The Alma."}]
    query = {"_id": "q1", "text": "is it near?", "history": turns}
    (folder / "queries.jsonl").write_text(f"{json.dumps(query)}\n", "utf-8")
    (folder / "qrels.tsv").write_text("q1\td1\t1\n", "utf-8")
    assert read_dataset(folder).queries[0].history == ("which hotel?", "The Alma.")
    (folder / "queries.jsonl").write_text(f"{json.dumps(query | {'history': [1]})}\n", "utf-8")
    with pytest.raises(CasesError, match="line 1: a turn of the field 'history' is a number"):
        read_dataset(folder)


def test_a_folder_of_data_sets_gives_those_with_judgements(folder: Path, tmp_path: Path) -> None:
    assert dataset_folders(folder) == [folder]
    for name in ("b", "a", "unjudged"):
        (tmp_path / "sets" / name).mkdir(parents=True)
        (tmp_path / "sets" / name / "corpus.jsonl").touch()
        if name != "unjudged":
            (tmp_path / "sets" / name / "qrels.tsv").touch()
    assert [path.name for path in dataset_folders(tmp_path / "sets")] == ["a", "b"]
    (tmp_path / "none").mkdir()
    with pytest.raises(CasesError, match="give a data set"):
        dataset_folders(tmp_path / "none")


@pytest.mark.parametrize("name", ["d1", "xq:Warsaw:0", "a/b c", "文档%20"])
def test_a_corpus_id_comes_back_from_its_uri(name: str) -> None:
    assert corpus_id(corpus_uri("my set", name)) == name
