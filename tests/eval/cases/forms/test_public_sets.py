"""Published data sets are read in the layouts that their authors gave them."""

from __future__ import annotations

from pathlib import Path

import pytest

from eval.cases.case import CasePassage, Relevant
from eval.cases.read import read_cases
from ingest.errors import CasesError
from tests.eval.cases.written import write_document, write_lines

CONTEXT = "The Normans gave their name to Normandy, a region in France."
SQUAD = {
    "version": "v2.0",
    "data": [
        {
            "title": "Normans",
            "paragraphs": [
                {
                    "context": CONTEXT,
                    "qas": [
                        {
                            "id": "a",
                            "question": "In what country is Normandy located?",
                            "answers": [
                                {"text": "France", "answer_start": 53},
                                {"text": "France", "answer_start": 53},
                                {"text": "in France", "answer_start": 50},
                            ],
                            "is_impossible": False,
                        },
                        {
                            "id": "b",
                            "question": "Who gave their name to Britain?",
                            "answers": [],
                            "plausible_answers": [{"text": "The Normans", "answer_start": 0}],
                            "is_impossible": True,
                        },
                    ],
                }
            ],
        }
    ],
}


def test_squad_names_the_paragraph_and_the_span(tmp_path: Path) -> None:
    answerable, impossible = read_cases(write_document(tmp_path / "dev.json", SQUAD))
    assert answerable.answers == ("France", "in France")
    assert answerable.relevant == (Relevant("Normans:0", "France", 53, 59),)
    assert CONTEXT[53:59] == "France"
    assert answerable.passages == (CasePassage(CONTEXT, relevant=True, title="Normans"),)
    assert (impossible.answerable, impossible.answers, impossible.relevant) == (False, (), ())


def test_questions_about_a_paragraph_share_it_with_those_it_does_not_answer(tmp_path: Path) -> None:
    answerable, impossible = read_cases(write_document(tmp_path / "dev.json", SQUAD))
    assert answerable.source == impossible.source == "Normans:0"
    assert answerable.origin is None  # what it names already says it


def test_squad_on_a_single_line_is_read_alike(tmp_path: Path) -> None:
    whole = read_cases(write_document(tmp_path / "dev.json", SQUAD))
    assert read_cases(write_lines(tmp_path / "line.json", SQUAD)) == whole


def test_cmrc_is_read_in_both_its_layouts(tmp_path: Path) -> None:
    context = "锣鼓经是大陆传统器乐及戏曲里面常用的打击乐记谱方法。"
    own = [
        {
            "context_id": "DEV_1",
            "context_text": context,
            "title": "锣鼓经",
            "qas": [
                {
                    "query_id": "DEV_1_Q0",
                    "query_text": "锣鼓经是什么？",
                    "answers": ["记谱方法", "打击乐记谱方法"],
                }
            ],
        }
    ]
    (case,) = read_cases(write_document(tmp_path / "own.json", own))
    assert (case.language, case.answers) == ("zh", ("记谱方法", "打击乐记谱方法"))
    start = context.index("记谱方法")
    assert case.relevant == (Relevant("DEV_1", "记谱方法", start, start + 4),)
    squad_like = {
        "data": [
            {
                "title": "锣鼓经",
                "id": "DEV_1",
                "paragraphs": [
                    {
                        "id": "DEV_1",
                        "context": context,
                        "qas": [
                            {
                                "id": "DEV_1_Q0",
                                "question": "锣鼓经是什么？",
                                # As in the published file, where some places are wrong.
                                "answers": [{"text": "记谱方法", "answer_start": 1}],
                            }
                        ],
                    }
                ],
            }
        ]
    }
    (alike,) = read_cases(write_document(tmp_path / "squad.json", squad_like))
    assert alike.relevant == case.relevant


def test_multihop_rag_needs_several_articles_and_null_queries_none(tmp_path: Path) -> None:
    rows = [
        {
            "query": "Who is the founder that both articles name?",
            "answer": "Sam Bankman-Fried",
            "question_type": "inference_query",
            "evidence_list": [
                {"title": "A", "url": "https://a.example/1", "fact": "He founded it."},
                {"title": "B", "url": "https://b.example/2", "fact": "Sam did."},
            ],
        },
        {
            "query": "What did nobody write?",
            "answer": "Insufficient information.",
            "question_type": "null_query",
            "evidence_list": [],
        },
    ]
    inference, null = read_cases(write_document(tmp_path / "MultiHopRAG.json", rows))
    assert [place.document for place in inference.relevant] == ["https://a.example/1", "https://b.example/2"]
    assert inference.evidence == "He founded it."
    assert inference.tags == ("type:inference_query",)
    assert (null.answerable, null.answers, null.tags) == (False, (), ("type:null_query",))
    assert inference.id != null.id


def test_a_document_that_is_cut_off_is_named_with_its_line(tmp_path: Path) -> None:
    path = write_document(tmp_path / "dev.json", SQUAD["data"])
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:-1]))
    with pytest.raises(CasesError, match=f"line {len(lines) - 1}: the array is not closed"):
        read_cases(path)
    path.write_text("\n".join(lines[:9]))
    with pytest.raises(CasesError, match=f"{path}, line 2: not JSON"):
        read_cases(path)


@pytest.mark.parametrize(
    ("qas", "reason"),
    [("none", "'qas' is a text"), ([3], "a question is a number"), ([{"question": "?"}], "'id' is missing")],
)
def test_a_broken_article_is_named_with_its_line(tmp_path: Path, qas: object, reason: str) -> None:
    path = write_document(tmp_path / "dev.json", [{"paragraphs": [{"context": "c", "qas": qas}]}])
    with pytest.raises(CasesError, match=reason) as caught:
        read_cases(path)
    assert f"{path}, line 2" in str(caught.value)
