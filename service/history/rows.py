"""Answers, what was asked, and judgements as rows of the tables, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, get_type_hints

from pydantic import TypeAdapter

from ingest.filters.filters import Filter
from ingest.filters.forms import read_filter, write_filter
from service.answer import Answer
from service.history.feedback import Feedback
from service.history.tables import ANSWERS
from service.question import Inquiry, SamplingWish

Row = dict[str, Any]

_JSON_OF_ANSWER = ("passages", "citations", "timings_ms", "usage", "queries")
_JSON_OF_FEEDBACK = ("citations", "ranking")
_PLAIN = tuple(
    field.name for field in fields(Answer) if field.name in ANSWERS.c and field.name not in _JSON_OF_ANSWER
)
_DETAILS = tuple(field.name for field in fields(Answer) if field.name not in ANSWERS.c)
"""The fields of an answer that have no column of their own."""


@dataclass(frozen=True, slots=True)
class _Conditions:
    """Of an inquiry, what its answer does not say: how ``service.question.Inquiry`` is written down."""

    passages: int | None
    history: tuple[str, ...]
    filter: tuple[dict[str, Any], ...]
    groups: tuple[str, ...] | None
    sampling: SamplingWish | None


@cache
def row_forms() -> RowForms:
    """The forms that all histories of this process share: making their validators takes most of 40 ms."""
    return RowForms()


class RowForms:
    """Writes and reads rows; safe to share between threads."""

    def __init__(self) -> None:
        kinds = get_type_hints(Answer)
        self._answers = TypeAdapter(Answer)
        self._parts = {name: TypeAdapter[Any](kinds[name]) for name in _JSON_OF_ANSWER}
        self._details = {name: TypeAdapter[Any](kinds[name]) for name in _DETAILS}
        self._feedback = TypeAdapter(Feedback)
        self._conditions = TypeAdapter(_Conditions)

    def of_answer(self, answer: Answer, inquiry: Inquiry | None) -> Row:
        """The row of the table ``answers``."""
        row: Row = {name: storable(getattr(answer, name)) for name in _PLAIN}
        for name, part in self._parts.items():
            row[name] = part.dump_json(getattr(answer, name)).decode()
        row["details"] = _json(
            {
                name: detail.dump_python(getattr(answer, name), mode="json")
                for name, detail in self._details.items()
            }
        )
        row["inquiry"] = None if inquiry is None else self._write_inquiry(inquiry)
        return row

    def answer(self, row: Mapping[Any, Any]) -> Answer:
        """The answer that a row of ``answers`` holds."""
        values: Row = {**row, **json.loads(row["details"])}
        values |= {name: json.loads(row[name]) for name in _JSON_OF_ANSWER}
        return self._answers.validate_python(
            {field.name: values[field.name] for field in fields(Answer) if field.name in values}
        )

    def inquiry(self, row: Mapping[Any, Any]) -> Inquiry | None:
        """What was asked, as a row of ``answers`` tells it."""
        if row["inquiry"] is None:
            return None
        kept = self._conditions.validate_json(row["inquiry"])
        conditions = (condition for form in kept.filter for condition in read_filter(form).conditions)
        return Inquiry(
            question=row["question"],
            passages=kept.passages,
            history=kept.history,
            wanted=Filter(tuple(conditions)),
            groups=None if kept.groups is None else frozenset(kept.groups),
            asker=row["asker"],
            sampling=kept.sampling,
        )

    def of_feedback(self, feedback: Feedback) -> Row:
        """The row of the table ``feedback``."""
        row: Row = self._feedback.dump_python(feedback, mode="json")
        row |= {name: _json(row[name]) for name in _JSON_OF_FEEDBACK}
        return {name: storable(value) for name, value in row.items()}

    def feedback(self, row: Mapping[Any, Any]) -> Feedback:
        """The judgement that a row of ``feedback`` holds."""
        values = {field.name: row[field.name] for field in fields(Feedback)}
        return self._feedback.validate_python(
            values | {name: json.loads(row[name]) for name in _JSON_OF_FEEDBACK}
        )

    def _write_inquiry(self, inquiry: Inquiry) -> str:
        groups = None if inquiry.groups is None else tuple(sorted(inquiry.groups))
        conditions = _Conditions(
            passages=inquiry.passages,
            history=tuple(inquiry.history),
            filter=write_filter(inquiry.wanted),
            groups=groups,
            sampling=inquiry.sampling,
        )
        return self._conditions.dump_json(conditions).decode()


def storable(value: Any) -> Any:
    """``value``; of a text the form that every database takes: PostgreSQL keeps no U+0000."""
    return value.replace("\0", "\ufffd") if isinstance(value, str) else value


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
