"""``cases.parquet``: a row per case, for whoever asks something that the report doesn't."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import msgspec
import pyarrow  # pyright: ignore[reportMissingTypeStubs]
import pyarrow.parquet  # pyright: ignore[reportMissingTypeStubs]

from eval.measures.measure import Measure
from eval.reports.diagnosis import diagnose, loss
from eval.runs.record import AnswerRecord, CaseRecord

_arrow = cast("Any", pyarrow)
_parquet = cast("Any", pyarrow.parquet)


def write_case_table(path: Path, records: Sequence[CaseRecord], measures: Sequence[Measure]) -> None:
    """Write what is known of each case: the case, its answer, and a figure for each of ``measures``.

    A figure is the case's own share of the measure, its numerator by its denominator, and null where the
    case doesn't count towards it. The columns are the same for every run.

    Args:
        measures: of ``records``, in their order.
    """
    figures = {measure.name: _shares(measure) for measure in measures}
    answers = [record.answer for record in records]
    columns = {**_case_columns(records), **_answer_columns(answers), **figures}
    schema = _arrow.schema([*_schema().items(), *((name, _arrow.float64()) for name in figures)])
    _parquet.write_table(_arrow.table(columns, schema=schema), path, compression="zstd")


def _case_columns(records: Sequence[CaseRecord]) -> Mapping[str, Sequence[object]]:
    cases = [record.case for record in records]
    failures = [record.failure for record in records]
    return {
        "id": [case.id for case in cases],
        "question": [case.question for case in cases],
        "language": [case.language for case in cases],
        "tags": [case.tags for case in cases],
        "answerable": [case.answerable for case in cases],
        "expected": [case.answers for case in cases],
        "source": [case.source for case in cases],
        "found_at": [record.found_at for record in records],
        "diagnosis": [diagnose(record) for record in records],
        "loss": [loss(record) for record in records],
        "failure": [failure and f"{failure.code}: {failure.message}" for failure in failures],
        "first_token_ms": [record.first_token_ms for record in records],
        "total_ms": [record.total_ms for record in records],
    }


def _answer_columns(answers: Sequence[AnswerRecord | None]) -> Mapping[str, Sequence[object]]:
    return {
        "answer": [answer and answer.text for answer in answers],
        "abstained": [answer and answer.abstained for answer in answers],
        "evidence": [answer and answer.evidence for answer in answers],
        "passages": [answer and msgspec.to_builtins(answer.passages) for answer in answers],
        "citations": [answer and msgspec.to_builtins(answer.citations) for answer in answers],
    }


def _schema() -> Mapping[str, Any]:
    """The types of the columns, which a column without any value wouldn't tell."""
    text, whole, number, truth = _arrow.string(), _arrow.int64(), _arrow.float64(), _arrow.bool_()
    passage = {"marker": whole, "uri": text, "title": text, "start": whole, "end": whole, "text": text}
    citation = {"marker": whole, "uri": text, "answer_start": whole, "answer_end": whole, "quote": text}
    citation |= {"quote_start": whole, "quote_end": whole, "page": whole}
    judged = {"supported": truth, "exact": truth, "right": truth}
    return {
        "id": text,
        "question": text,
        "language": text,
        "tags": _arrow.list_(text),
        "answerable": truth,
        "expected": _arrow.list_(text),
        "source": text,
        "found_at": whole,
        "diagnosis": text,
        "loss": number,
        "failure": text,
        "first_token_ms": number,
        "total_ms": number,
        "answer": text,
        "abstained": truth,
        "evidence": number,
        "passages": _list_of(passage | {"score": number, "relevant": truth}),
        "citations": _list_of(citation | judged),
    }


def _list_of(fields: Mapping[str, Any]) -> Any:
    return _arrow.list_(_arrow.struct(list(fields.items())))


def _shares(measure: Measure) -> Sequence[float | None]:
    pairs = zip(measure.numerators.tolist(), measure.denominators.tolist(), strict=True)
    return [above / below if below > 0 else None for above, below in pairs]
