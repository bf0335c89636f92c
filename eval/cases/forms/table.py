"""Rows of a table: a column ``question`` or ``query``, and as many others as there are.

``answer`` holds one answer as it stands, ``answers`` and ``tags`` several, between ``|``; ``document`` and
``evidence`` say where the answer is. Without ``answerable`` (true, false, yes, no, 1 or 0), a row with an
answer is answerable; without ``id``, the line names the row; without ``language``, the question's words tell.
"""

from __future__ import annotations

from collections.abc import Iterable

from eval.cases.case import Case
from eval.cases.forms.own import own_cases
from eval.jsonl import Record
from ingest.words.language import detect_language

_AS_THEY_STAND = ("document", "evidence", "asked_at", "status")
_YES, _NO = frozenset({"true", "yes", "1"}), frozenset({"false", "no", "0"})


def table_cases(record: Record) -> Iterable[Case]:
    """The case of a row.

    Raises:
        CasesError: there is no question, or a cell is not as its column wants it.
    """
    question = record.optional_text("question") or record.optional_text("query")
    if question is None:
        raise record.fail("there is no question: name its column 'question', and fill it in each row.")
    answer = record.optional_text("answer")
    answers = [*((answer.strip(),) if answer else ()), *_several(record, "answers")]
    row: dict[str, object] = {key: record.optional_text(key) for key in _AS_THEY_STAND}
    row |= {
        "id": record.optional_text("id") or f"line-{record.line}",
        "question": question,
        "language": record.optional_text("language") or detect_language(question),
        "answers": answers,
        "answerable": _answerable(record, default=bool(answers)),
        "tags": _several(record, "tags"),
    }
    return own_cases(Record(record.path, record.line, row))


def _several(record: Record, key: str) -> list[str]:
    parts = (record.optional_text(key) or "").split("|")
    return [part.strip() for part in parts if part.strip()]


def _answerable(record: Record, *, default: bool) -> bool:
    text = record.optional_text("answerable")
    if text is None:
        return default
    word = text.strip().lower()
    if word not in _YES | _NO:
        raise record.fail(f"the column 'answerable' holds {text!r}: write true or false.")
    return word in _YES
