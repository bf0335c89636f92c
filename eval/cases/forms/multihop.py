"""MultiHop-RAG (Tang and Yang 2024, arXiv:2401.15391): questions with evidence in several articles."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from eval.cases.case import Case, CasePassage, Relevant
from eval.jsonl import Record
from ingest.words.language import detect_language

_UNANSWERABLE = "null_query"


def multihop_cases(record: Record) -> Iterable[Case]:
    """The case of ``query, answer, question_type, evidence_list``, with the facts as its passages.

    An article is named by its ``url``, or by its ``title``. A null query cannot be answered. The rows have
    no ids, so one is made from the question.

    Raises:
        CasesError: a field is missing or of another kind.
    """
    question, kind = record.text("query"), record.text("question_type")
    answerable = kind != _UNANSWERABLE
    evidence = [record.within(value, "a piece of evidence") for value in record.items("evidence_list")]
    yield Case(
        id=f"multihop-{hashlib.sha256(question.encode()).hexdigest()[:12]}",
        question=question,
        language=detect_language(question),
        answers=(record.text("answer"),) if answerable else (),
        answerable=answerable,
        relevant=tuple(
            Relevant(piece.optional_text("url") or piece.text("title"), piece.text("fact"))
            for piece in evidence
        ),
        tags=(f"type:{kind}",),
        passages=tuple(
            CasePassage(piece.text("fact"), answerable, piece.optional_text("title") or "")
            for piece in evidence
        ),
    )
