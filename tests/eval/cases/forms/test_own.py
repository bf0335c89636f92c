"""What a case states survives being written; a draft is refused until it is confirmed."""

from __future__ import annotations

from pathlib import Path

import pytest

from eval.cases.case import Case, CasePassage, Relevant
from eval.cases.forms.own import write_cases
from eval.cases.read import read_cases
from ingest.errors import CasesError
from tests.eval.cases.written import write_lines

OWN = {"id": "q", "question": "Why?", "language": "en", "answerable": True, "answers": ["so"]}


def test_a_case_is_read_as_it_was_written(tmp_path: Path) -> None:
    whole = Case(
        id="q1",
        question="为什么？",
        language="zh",
        answers=("甲, 乙",),
        answerable=True,
        relevant=(Relevant("a.md", "因为", 3, 5), Relevant("b.md")),
        tags=("hard", "noise:0.4"),
        history=("你好", "您好"),
        asked_at="2026-11-21T09:30:00Z",
        passages=(CasePassage("因为甲和乙", relevant=True, title="甲"), CasePassage("无关", relevant=False)),
        parts=(("甲",), ("乙", "乙方")),
        false_answers=("丙",),
        origin="row-1",
    )
    bare = Case("q2", "Who?", "en", (), answerable=False)
    path = tmp_path / "cases.jsonl"
    write_cases(path, [whole, bare])
    assert read_cases(path) == (whole, bare)


def test_a_draft_is_refused_until_it_is_confirmed(tmp_path: Path) -> None:
    path = tmp_path / "cases.jsonl"
    write_cases(path, [Case("q", "Why?", "en", ("so",), answerable=True)], draft=True)
    with pytest.raises(CasesError, match=r"line 1: case 'q' is a draft .* set \"status\" to \"confirmed\""):
        read_cases(path)
    path.write_text(path.read_text().replace('"draft"', '"confirmed"'))
    assert len(read_cases(path)) == 1


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"status": "maybe"}, "the status is 'maybe'"),
        ({"asked_at": "yesterday"}, "'asked_at' is 'yesterday': write a time of ISO 8601"),
        ({"relevant": [{"document": "a", "start": 4}]}, "goes from 4 to None"),
        ({"relevant": [{"document": "a", "start": 4, "end": 2}]}, "goes from 4 to 2"),
        ({"relevant": [{"evidence": "a"}]}, "'document' is missing"),
        ({"relevant": [3]}, "a relevant place is a number"),
        ({"passages": [{"text": ""}]}, "'text' is missing or empty"),
        ({"history": "hello"}, "'history' is a text: it must be a list"),
    ],
)
def test_a_wrong_field_is_named_with_its_line(tmp_path: Path, fields: dict[str, object], reason: str) -> None:
    path = write_lines(tmp_path / "cases.jsonl", OWN, OWN | {"id": "r"} | fields)
    with pytest.raises(CasesError, match=reason) as caught:
        read_cases(path)
    assert f"{path}, line 2:" in str(caught.value)
