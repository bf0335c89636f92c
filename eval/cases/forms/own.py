"""Troika's own rows: ``id, question, language, answerable, answers`` and what else a case can state.

``relevant`` is a list of documents, or of objects ``document, evidence, start, end``; a single place may be
written as the fields ``document`` and ``evidence``. ``passages`` are texts that hold the answer, or objects
``text, relevant, title``. ``history`` holds turns as texts or as objects with a ``text``. A row that was
drafted and not confirmed has ``"status": "draft"`` and is refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

from eval.cases.case import Case, CasePassage, Relevant
from eval.jsonl import Record
from ingest.snapshots.durable import replace_text

DRAFT = "draft"
_CONFIRMED = "confirmed"


def own_cases(record: Record) -> Iterable[Case]:
    """The case that a row states.

    Raises:
        CasesError: a field is missing or of another kind, or the row is a draft.
    """
    _refuse_draft(record)
    passages = record.items("passages")
    yield Case(
        id=record.text("id"),
        question=record.text("question"),
        language=record.text("language"),
        answers=record.texts("answers"),
        answerable=record.flag("answerable"),
        relevant=_places(record),
        tags=record.texts("tags"),
        history=turns(record),
        asked_at=_time(record, "asked_at"),
        passages=tuple(_passage(record, passage) for passage in passages),
        parts=tuple(
            Record(record.path, record.line, {"parts": part}).texts("parts") for part in record.items("parts")
        ),
        false_answers=record.texts("false_answers"),
        origin=record.optional_text("origin"),
    )


def own_row(case: Case) -> dict[str, object]:
    """The row that ``own_cases`` reads as ``case``; what is empty is left out."""
    row: dict[str, object] = {
        "id": case.id,
        "question": case.question,
        "language": case.language,
        "answerable": case.answerable,
        "answers": case.answers,
    }
    stated: dict[str, object] = {
        "parts": case.parts,
        "false_answers": case.false_answers,
        "relevant": [_place_row(place) for place in case.relevant],
        "tags": case.tags,
        "history": case.history,
        "asked_at": case.asked_at,
        "origin": case.origin,
        "passages": [
            {"text": passage.text, "relevant": passage.relevant, "title": passage.title}
            for passage in case.passages
        ],
    }
    return row | {key: value for key, value in stated.items() if value}


def write_cases(path: Path, cases: Iterable[Case], *, draft: bool = False) -> None:
    """Write ``path`` as JSON Lines, whole or not at all; a ``draft`` is refused until it is confirmed."""
    status = {"status": DRAFT} if draft else {}
    rows = (json.dumps(status | own_row(case), ensure_ascii=False) + "\n" for case in cases)
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_text(path, "".join(rows))


def turns(record: Record) -> tuple[str, ...]:
    """The field ``history``: texts, or objects with a ``text``, oldest first.

    Raises:
        CasesError: it holds something else.
    """
    return tuple(
        text
        for turn in record.items("history")
        if (text := _fields(record, turn, "text", "a turn of the field 'history'").optional_text("text"))
    )


def _refuse_draft(record: Record) -> None:
    status = record.optional_text("status")
    if status == DRAFT:
        raise record.fail(
            f"case {record.values.get('id')!r} is a draft that nobody has confirmed: read it, correct it and "
            f'set "status" to "{_CONFIRMED}", or delete the line.'
        )
    if status not in (None, _CONFIRMED):
        raise record.fail(f'the status is {status!r}: it must be "{_CONFIRMED}", or left out.')


def _places(record: Record) -> tuple[Relevant, ...]:
    single = record.optional_text("document")
    if single is not None:
        return (Relevant(single, record.optional_text("evidence")),)
    return tuple(_place(record, place) for place in record.items("relevant"))


def _place(record: Record, value: object) -> Relevant:
    fields = _fields(record, value, "document", "a relevant place")
    place = Relevant(
        fields.text("document"),
        fields.optional_text("evidence"),
        fields.optional_index("start"),
        fields.optional_index("end"),
    )
    if (place.start is None) != (place.end is None) or (place.start or 0) > (place.end or 0):
        raise record.fail(
            f"the span of {place.document!r} goes from {place.start} to {place.end}: give both, in order."
        )
    return place


def _place_row(place: Relevant) -> Mapping[str, object] | str:
    stated = {"evidence": place.evidence, "start": place.start, "end": place.end}
    found = {key: value for key, value in stated.items() if value is not None}
    return {"document": place.document} | found if found else place.document


def _passage(record: Record, value: object) -> CasePassage:
    fields = _fields(record, value, "text", "a passage")
    relevant = fields.optional_flag("relevant")
    return CasePassage(fields.text("text"), relevant is None or relevant, fields.optional_text("title") or "")


def _fields(record: Record, value: object, key: str, what: str) -> Record:
    """``value``, of which a plain text stands for an object with this text under ``key``."""
    return record.within({key: value} if isinstance(value, str) else value, what)


def _time(record: Record, key: str) -> str | None:
    text = record.optional_text(key)
    if text is not None:
        try:
            datetime.fromisoformat(text)
        except ValueError:
            raise record.fail(
                f"the field {key!r} is {text!r}: write a time of ISO 8601, as 2026-11-21T09:30:00Z."
            ) from None
    return text
